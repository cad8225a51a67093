//! Twilio's Programmable Messaging, for SMS and WhatsApp
//! (twilio.com/docs/messaging/api/message-resource). Our id goes along in the address that
//! Twilio reports to, which needs the server's public URL.

use entity::kinds::Platform;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{Parcel, Reason, Verdict, by_status, read, report_url, unanswered};
use crate::config::Config;
use crate::delivery::http::Http;

pub(super) async fn send(
    http: &Http,
    config: &Config,
    account: &str,
    token: &str,
    parcel: &Parcel,
) -> Verdict {
    let Some(form) = form(config, parcel) else {
        let detail = "the inbox has no line: a sending number or the id of a messaging service";
        return Verdict::Barred(Reason::new("LINE", detail));
    };
    let base = &config.delivery.twilio_url;
    let url = format!("{base}/2010-04-01/Accounts/{account}/Messages.json");
    let request = http.post(&url).map(|request| {
        request
            .basic_auth(account, Some(token))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
    });
    match unanswered(http.call(request).await) {
        Ok((status, body, after)) => {
            verdict(status, &body, after).unwrap_or_else(|| by_status(status, after))
        }
        Err(verdict) => verdict,
    }
}

fn form(config: &Config, parcel: &Parcel) -> Option<String> {
    let line = parcel.inbox.line.as_deref()?;
    let whatsapp = parcel.inbox.platform == Platform::Whatsapp;
    let number = |number: &str| {
        if whatsapp { format!("whatsapp:{number}") } else { number.to_owned() }
    };
    let mut form = Serializer::new(String::new());
    form.append_pair("To", &number(&parcel.address));
    if line.starts_with("MG") {
        form.append_pair("MessagingServiceSid", line);
    } else {
        form.append_pair("From", &number(line));
    }
    form.append_pair("Body", &parcel.text);
    if let Some(url) = report_url(config, &parcel.inbox) {
        form.append_pair("StatusCallback", &format!("{url}?message={}", parcel.message_id.0));
    }
    Some(form.finish())
}

#[derive(Deserialize)]
struct Sent {
    sid: String,
}

#[derive(Deserialize)]
struct Failed {
    code: i64,
    #[serde(default)]
    message: String,
}

fn verdict(status: StatusCode, body: &[u8], after: Option<std::time::Duration>) -> Option<Verdict> {
    if status.is_success() {
        let Sent { sid } = read(body)?;
        return Some(Verdict::Accepted { external_id: Some(sid) });
    }
    let Failed { code, message } = read(body)?;
    let reason = Reason::new(code.to_string(), message);
    // (twilio.com/docs/api/errors)
    Some(match code {
        20_003 | 20_004 | 20_005 | 20_006 | 20_008 => Verdict::Barred(reason),
        // Too many requests, and queues that are full.
        20_429 | 14_107 | 30_022 | 63_018 => Verdict::Again { reason, after },
        _ if status == StatusCode::TOO_MANY_REQUESTS => Verdict::Again { reason, after },
        _ if status.is_server_error() => Verdict::Unknown(reason),
        _ => Verdict::Rejected(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn answer(status: u16, body: &Value) -> Option<Verdict> {
        verdict(StatusCode::from_u16(status).unwrap(), body.to_string().as_bytes(), None)
    }

    #[test]
    fn answers_are_read() {
        let accepted = Verdict::Accepted { external_id: Some("SM1".to_owned()) };
        let sent = json!({ "sid": "SM1", "status": "queued", "error_code": null });
        assert_eq!(answer(201, &sent), Some(accepted));
        let error = |code: i64| json!({ "code": code, "message": "words", "status": 400 });
        let reason = |code: &str| Reason::new(code, "words");
        assert_eq!(answer(400, &error(21_610)), Some(Verdict::Rejected(reason("21610"))));
        assert_eq!(answer(401, &error(20_003)), Some(Verdict::Barred(reason("20003"))));
        let again = Verdict::Again { reason: reason("20429"), after: None };
        assert_eq!(answer(429, &error(20_429)), Some(again));
        assert_eq!(answer(500, &error(20_500)), Some(Verdict::Unknown(reason("20500"))));
        assert_eq!(answer(503, &json!([])), None);
    }
}
