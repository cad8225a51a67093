//! Meta's WhatsApp Business Cloud API
//! (developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages).
//! Our id goes along as `biz_opaque_callback_data`, which comes back with each status.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Parcel, Reason, Verdict, by_status, read, unanswered};
use crate::config::Config;
use crate::delivery::http::Http;
use crate::domain::attempt::TemplateCall;

pub(super) async fn send(http: &Http, config: &Config, token: &str, parcel: &Parcel) -> Verdict {
    let Some(line) = &parcel.inbox.provider_line_id else {
        let detail = "the inbox has no providerLineId, the phone_number_id at WhatsApp";
        return Verdict::Barred(Reason::new("LINE", detail));
    };
    let url = format!("{}/{line}/messages", config.delivery.whatsapp_url);
    let request = http.post(&url).map(|request| request.bearer_auth(token).json(&body(parcel)));
    match unanswered(http.call(request).await) {
        Ok((status, body, after)) => {
            verdict(status, &body, after).unwrap_or_else(|| by_status(status, after))
        }
        Err(verdict) => verdict,
    }
}

fn body(parcel: &Parcel) -> Value {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": parcel.address,
        "biz_opaque_callback_data": parcel.message_id.0,
    });
    let (kind, content) = match &parcel.payload.template {
        Some(call) => ("template", template(call)),
        None => ("text", json!({ "body": parcel.text, "preview_url": true })),
    };
    body["type"] = kind.into();
    body[kind] = content;
    body
}

/// Parameters go by their place where variables are numbers, else by their names.
fn template(call: &TemplateCall) -> Value {
    let mut values: Vec<&(String, String)> = call.values.iter().collect();
    let numbers: Option<Vec<u32>> = values.iter().map(|(name, _)| name.parse().ok()).collect();
    if numbers.is_some() {
        values.sort_by_key(|(name, _)| name.parse::<u32>().ok());
    }
    let parameter = |(name, value): &(String, String)| match numbers {
        Some(_) => json!({ "type": "text", "text": value }),
        None => json!({ "type": "text", "parameter_name": name, "text": value }),
    };
    let mut template = json!({ "name": call.name, "language": { "code": call.language } });
    if !values.is_empty() {
        let parameters: Vec<Value> = values.into_iter().map(parameter).collect();
        template["components"] = json!([{ "type": "body", "parameters": parameters }]);
    }
    template
}

#[derive(Deserialize)]
struct Sent {
    messages: Vec<SentMessage>,
}

#[derive(Deserialize)]
struct SentMessage {
    id: String,
}

#[derive(Deserialize)]
struct Failed {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_data: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    details: String,
}

/// What a documented answer says.
fn verdict(status: StatusCode, body: &[u8], after: Option<Duration>) -> Option<Verdict> {
    if status.is_success() {
        let sent: Sent = read(body)?;
        let id = sent.messages.into_iter().next()?.id;
        return Some(Verdict::Accepted { external_id: Some(id) });
    }
    let Failed { error } = read(body)?;
    let detail = match error.error_data.details.as_str() {
        "" => error.message,
        details => details.to_owned(),
    };
    let reason = Reason::new(error.code.to_string(), detail);
    // (developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes)
    Some(match error.code {
        // Token, permissions, the business account.
        0 | 3 | 10 | 190 | 200..=299 | 368 | 131_005 | 131_031 | 131_042 | 133_010 => {
            Verdict::Barred(reason)
        }
        // Too many requests of all kinds, and a service that says that it is not there.
        4 | 80_007 | 130_429 | 131_016 | 131_056 | 131_057 | 133_004 => {
            Verdict::Again { reason, after }
        }
        // It does not know itself.
        1 | 2 | 131_000 => Verdict::Unknown(reason),
        _ if status.is_server_error() => Verdict::Unknown(reason),
        _ => Verdict::Rejected(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &Value) -> Option<Verdict> {
        verdict(StatusCode::from_u16(status).unwrap(), body.to_string().as_bytes(), None)
    }

    #[test]
    fn answers_are_read() {
        let sent = json!({ "messages": [{ "id": "wamid.1", "message_status": "accepted" }] });
        let accepted = Verdict::Accepted { external_id: Some("wamid.1".to_owned()) };
        assert_eq!(answer(200, &sent), Some(accepted));
        let error = |code: i64| {
            json!({ "error": {
                "message": "(#1) words", "type": "OAuthException", "code": code,
                "error_data": { "messaging_product": "whatsapp", "details": "more words" },
            } })
        };
        let reason = |code: &str| Reason::new(code, "more words");
        assert_eq!(answer(400, &error(131_026)), Some(Verdict::Rejected(reason("131026"))));
        assert_eq!(answer(401, &error(190)), Some(Verdict::Barred(reason("190"))));
        let again = |code| Some(Verdict::Again { reason: reason(code), after: None });
        assert_eq!(answer(400, &error(131_056)), again("131056"));
        assert_eq!(answer(503, &error(131_016)), again("131016"));
        assert_eq!(answer(500, &error(131_000)), Some(Verdict::Unknown(reason("131000"))));
        assert_eq!(answer(502, &json!("gateway")), None);
    }

    #[test]
    fn parameters_go_by_number_or_by_name() {
        let call = |values: &[(&str, &str)]| TemplateCall {
            name: "order".to_owned(),
            language: "en_US".to_owned(),
            category: entity::kinds::TemplateCategory::Utility,
            values: values.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        };
        let parameters = |values| template(&call(values))["components"][0]["parameters"].clone();
        assert_eq!(
            parameters(&[("2", "b"), ("10", "c"), ("1", "a")]),
            json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" },
                { "type": "text", "text": "c" }])
        );
        assert_eq!(
            parameters(&[("name", "Ada")]),
            json!([{ "type": "text", "parameter_name": "name", "text": "Ada" }])
        );
        assert_eq!(template(&call(&[])).get("components"), None);
    }
}
