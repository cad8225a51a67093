//! A signed call to a system of the account's own, which carries the message on. Signed by the
//! scheme of Standard Webhooks (github.com/standard-webhooks/standard-webhooks), whose
//! `webhook-id` is our id of the message: whoever gets it twice knows it again. Any 2xx takes
//! the message; the answer may name it: `{ "id": "…" }`.

use entity::vocabulary::Vocabulary;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::{Parcel, Reason, Verdict, by_status, read, unanswered};
use crate::delivery::http::Http;
use crate::domain::inbox::signing;
use crate::engine::Engine;

pub(super) async fn send(
    http: &Http,
    engine: &Engine,
    url: &str,
    secret: &str,
    parcel: &Parcel,
) -> Verdict {
    let id = parcel.message_id.0.to_string();
    let seconds = engine.clock.now().seconds();
    let body = body(parcel, seconds);
    let Some(signature) = signing::sign(secret, &id, seconds, body.as_bytes()) else {
        let detail = "the secret is empty, or begins with whsec_ and is no base64";
        return Verdict::Barred(Reason::new("CREDENTIALS", detail));
    };
    let request = http.post(url).map(|request| {
        request
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(body)
    });
    match unanswered(http.call(request).await) {
        Ok((status, body, _)) if status.is_success() => {
            let named: Option<Named> = read(&body);
            let id = named.and_then(|named| named.id).filter(|id| (1..=255).contains(&id.len()));
            Verdict::Accepted { external_id: id }
        }
        Ok((status, _, after)) => by_status(status, after),
        Err(verdict) => verdict,
    }
}

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

fn body(parcel: &Parcel, seconds: i64) -> String {
    let template = parcel.payload.template.as_ref().map(|call| {
        let values = call.values.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        json!({
            "name": call.name,
            "language": call.language,
            "category": call.category.name(),
            "values": values.collect::<serde_json::Map<_, _>>(),
        })
    });
    let message = json!({
        "type": "message.send",
        "timestamp": instant(seconds),
        "data": {
            "messageId": parcel.message_id.0,
            "inboxId": parcel.inbox.id.0,
            "platform": parcel.inbox.platform.name(),
            "from": parcel.inbox.line,
            "to": parcel.address,
            "subject": parcel.payload.subject,
            "text": parcel.text,
            "template": template,
        },
    });
    message.to_string()
}

/// RFC 3339, in UTC.
fn instant(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|instant| instant.to_string())
}
