//! The Telegram Bot API (core.telegram.org/bots/api#sendmessage). It takes no id of ours and
//! gives no receipts: what got no answer stays unknown.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{Parcel, Reason, Verdict, by_status, read, unanswered};
use crate::config::Config;
use crate::delivery::http::Http;

pub(super) async fn send(http: &Http, config: &Config, token: &str, parcel: &Parcel) -> Verdict {
    let url = format!("{}/bot{token}/sendMessage", config.delivery.telegram_url);
    let body = json!({ "chat_id": parcel.address, "text": parcel.text });
    let request = http.post(&url).map(|request| request.json(&body));
    match unanswered(http.call(request).await) {
        Ok((status, body, after)) => {
            verdict(status, &body, &parcel.address).unwrap_or_else(|| by_status(status, after))
        }
        Err(verdict) => verdict,
    }
}

#[derive(Deserialize)]
struct Response {
    ok: bool,
    result: Option<Sent>,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Sent {
    message_id: i64,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

/// Ids of messages are numbers within a chat.
fn verdict(status: StatusCode, body: &[u8], chat: &str) -> Option<Verdict> {
    let response: Response = read(body)?;
    if response.ok {
        let id = response.result?.message_id;
        return Some(Verdict::Accepted { external_id: Some(format!("{chat}:{id}")) });
    }
    let code = response.error_code.unwrap_or(status.as_u16());
    let reason = Reason::new(code.to_string(), response.description);
    Some(match code {
        401 | 404 => Verdict::Barred(reason),
        429 => {
            let wait = response.parameters.and_then(|parameters| parameters.retry_after);
            Verdict::Again {
                reason,
                after: wait.map(|seconds| Duration::from_secs(seconds.min(3_600))),
            }
        }
        // A group's own slow mode and the like are refusals too; only a broken server may have
        // taken it.
        400..=499 => Verdict::Rejected(reason),
        _ => Verdict::Unknown(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn answer(status: u16, body: &Value) -> Option<Verdict> {
        verdict(StatusCode::from_u16(status).unwrap(), body.to_string().as_bytes(), "77")
    }

    #[test]
    fn answers_are_read() {
        let accepted = Verdict::Accepted { external_id: Some("77:5".to_owned()) };
        let sent = json!({ "ok": true, "result": { "message_id": 5, "chat": { "id": 77 } } });
        assert_eq!(answer(200, &sent), Some(accepted));
        let error = |code: u16| json!({ "ok": false, "error_code": code, "description": "words" });
        let reason = |code: &str| Reason::new(code, "words");
        assert_eq!(answer(403, &error(403)), Some(Verdict::Rejected(reason("403"))));
        assert_eq!(answer(401, &error(401)), Some(Verdict::Barred(reason("401"))));
        let mut busy = error(429);
        busy["parameters"] = json!({ "retry_after": 7 });
        let again = Verdict::Again { reason: reason("429"), after: Some(Duration::from_secs(7)) };
        assert_eq!(answer(429, &busy), Some(again));
        assert_eq!(answer(500, &error(500)), Some(Verdict::Unknown(reason("500"))));
        assert_eq!(answer(502, &json!("gateway")), None);
    }
}
