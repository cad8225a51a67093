//! What a contact wrote by Twilio. Names of the parameters as in Twilio's guide to webhooks of
//! incoming messages (twilio.com/docs/messaging/guides/webhook-request).

use super::Form;
use crate::domain::record::{Attachment, LONGEST_NAME, Traffic};
use crate::ingest::content::{Content, MOST_ATTACHMENTS, file};
use crate::ingest::parsed::{LONGEST_CLICK_ID, LONGEST_URL};
use crate::ingest::payload::fit;
use crate::ingest::tally::{Tally, label};

/// What a message says.
pub(super) fn content(form: &Form, tally: &mut Tally) -> Content {
    let said = form.text("Body");
    // An answer by a button, whose title is the body too.
    let said = said.or_else(|| form.text("ButtonText")).or_else(|| form.text("ButtonPayload"));
    let mut content = match form.text("Latitude").zip(form.text("Longitude")) {
        Some(at) => Content::place(Some(at), form.text("Label"), form.text("Address"), tally),
        None => Content::default(),
    };
    content.text = said.unwrap_or(content.text);
    content.attachments.extend(media(form, tally));
    let kind = form.text("MessageType").unwrap_or_else(|| "message".to_owned());
    content.complete(&label(&kind), tally)
}

fn media(form: &Form, tally: &mut Tally) -> Vec<Attachment> {
    let count: usize = form.text("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0);
    if count > MOST_ATTACHMENTS {
        tally.changed("message.attachments");
    }
    let mut media = Vec::new();
    for number in 0..count.min(MOST_ATTACHMENTS) {
        let Some(url) = form.text(&format!("MediaUrl{number}")) else { continue };
        let mime_type = form.text(&format!("MediaContentType{number}"));
        // The address ends in Twilio's id of the file.
        let id = url.rsplit('/').next().map(str::to_owned);
        let attachment = file(kind(mime_type.as_deref()), mime_type, None, id, tally);
        // A part of an address leads nowhere.
        let url = Some(url).filter(|url| url.len() <= LONGEST_URL);
        media.push(Attachment { url, ..attachment });
    }
    media
}

fn kind(mime_type: Option<&str>) -> &'static str {
    let Some((family, name)) = mime_type.and_then(|mime_type| mime_type.split_once('/')) else {
        return "file";
    };
    match (family, name) {
        ("image", _) => "image",
        ("audio", _) => "audio",
        ("video", _) => "video",
        ("text", "vcard" | "x-vcard") => "contacts",
        _ => "document",
    }
}

/// The advertisement that led to the message, where one did.
pub(super) fn traffic(form: &Form, tally: &mut Tally) -> Option<Traffic> {
    let mut part =
        |name: &str, longest, what| form.text(name).map(|value| fit(value, longest, what, tally));
    let traffic = Traffic {
        referrer: part("ReferralSourceUrl", LONGEST_URL, "message.trafficSource.referrer"),
        ad_id: part("ReferralSourceId", LONGEST_NAME, "message.trafficSource.adId"),
        click_id: part("ReferralCtwaClid", LONGEST_CLICK_ID, "message.trafficSource.clickId"),
        ..Traffic::default()
    };
    (traffic != Traffic::default()).then_some(traffic)
}
