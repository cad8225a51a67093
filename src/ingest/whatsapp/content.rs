//! What a WhatsApp user said, by the type of the message: a text for people and references
//! to what is attached. Field names as in Meta's reference of the messages webhook
//! (developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages).

use serde_json::Value;

use crate::domain::record::{Attachment, LONGEST_NAME};
use crate::ingest::content::{Content, MOST_ATTACHMENTS, file};
use crate::ingest::payload::{fit, list, text};
use crate::ingest::tally::Tally;

/// What `message` of the type `kind` says; none where nothing was said: types that we do not
/// know, notices of the system, a reaction taken back, a message edited or revoked.
pub(super) fn content(message: &Value, kind: &str, tally: &mut Tally) -> Option<Content> {
    let content = match kind {
        "text" => Content::of(text(message, "/text/body")),
        "image" | "audio" | "video" | "document" | "sticker" => media(message, kind, tally),
        "location" => location(message, tally),
        "contacts" => contacts(message, tally),
        "button" => {
            Content::of(text(message, "/button/text").or_else(|| text(message, "/button/payload")))
        }
        "interactive" => Content::of(Some(interactive(message)?)),
        // Which message it is about stays in the raw event: a reaction is no quoting reply.
        "reaction" => Content::of(Some(text(message, "/reaction/emoji")?)),
        "order" => order(message),
        "unsupported" => Content::default(),
        _ => return None,
    };
    Some(content.complete(kind, tally))
}

fn media(message: &Value, kind: &str, tally: &mut Tally) -> Content {
    let part = |name: &str| text(message, &format!("/{kind}/{name}"));
    // The media's `url` is left out: it dies within minutes and needs the provider's token.
    let attachment = file(kind, part("mime_type"), part("filename"), part("id"), tally);
    Content::file(attachment, part("caption"))
}

fn location(message: &Value, tally: &mut Tally) -> Content {
    let part = |name: &str| text(message, &format!("/location/{name}"));
    let at = part("latitude").zip(part("longitude"));
    Content::place(at, part("name"), part("address"), tally)
}

fn contacts(message: &Value, tally: &mut Tally) -> Content {
    let mut content = Content::default();
    let mut lines = Vec::new();
    for contact in list(message, "contacts") {
        let name = text(contact, "/name/formatted_name");
        let phones = list(contact, "phones").iter().filter_map(|phone| text(phone, "/phone"));
        let line: Vec<String> = name.clone().into_iter().chain(phones).collect();
        lines.push(line.join(" "));
        if content.attachments.len() == MOST_ATTACHMENTS {
            tally.changed("message.attachments");
            continue;
        }
        content.attachments.push(Attachment {
            kind: "contacts".to_owned(),
            name: name.map(|name| fit(name, LONGEST_NAME, "message.attachments", tally)),
            ..Attachment::default()
        });
    }
    content.text = lines.join("\n");
    content
}

/// The title of the button or row that was chosen, or what was filled into a flow.
fn interactive(message: &Value) -> Option<String> {
    match text(message, "/interactive/type")?.as_str() {
        "button_reply" => text(message, "/interactive/button_reply/title")
            .or_else(|| text(message, "/interactive/button_reply/id")),
        "list_reply" => text(message, "/interactive/list_reply/title")
            .or_else(|| text(message, "/interactive/list_reply/id")),
        "nfm_reply" => text(message, "/interactive/nfm_reply/response_json")
            .or_else(|| text(message, "/interactive/nfm_reply/body")),
        _ => None,
    }
}

/// The note that came with the order, then a line for each product.
fn order(message: &Value) -> Content {
    let mut lines: Vec<String> = text(message, "/order/text").into_iter().collect();
    let order = message.get("order").unwrap_or(&Value::Null);
    for product in list(order, "product_items") {
        let quantity = text(product, "/quantity").unwrap_or_else(|| "1".to_owned());
        lines.extend(text(product, "/product_retailer_id").map(|id| format!("{quantity} × {id}")));
    }
    Content::of(Some(lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(message: &Value) -> Option<Content> {
        let kind = text(message, "/type").unwrap();
        content(message, &kind, &mut Tally::default())
    }

    #[test]
    fn each_type_has_its_text() {
        let flow = json!({ "type": "nfm_reply", "nfm_reply": { "name": "flow", "body": "Sent", "response_json": "{\"guests\":\"2\"}" } });
        for (message, expected) in [
            (json!({ "type": "text", "text": { "body": "Hello" } }), "Hello"),
            (json!({ "type": "button", "button": { "text": "Yes", "payload": "yes-1" } }), "Yes"),
            (
                json!({ "type": "interactive", "interactive": { "type": "button_reply", "button_reply": { "id": "b", "title": "Cancel" } } }),
                "Cancel",
            ),
            (
                json!({ "type": "interactive", "interactive": { "type": "list_reply", "list_reply": { "id": "r", "title": "Express", "description": "Next day" } } }),
                "Express",
            ),
            (json!({ "type": "interactive", "interactive": flow }), "{\"guests\":\"2\"}"),
            (
                json!({ "type": "reaction", "reaction": { "message_id": "wamid.1", "emoji": "👍" } }),
                "👍",
            ),
            (
                json!({ "type": "order", "order": { "text": "Please", "product_items": [ { "product_retailer_id": "p1", "quantity": 2 }, 7 ] } }),
                "Please\n2 × p1",
            ),
            (json!({ "type": "unsupported", "errors": [ { "code": 131_051 } ] }), "[unsupported]"),
            (json!({ "type": "text", "text": 5 }), "[text]"),
        ] {
            let content = said(&message).unwrap();
            assert_eq!(
                (content.text.as_str(), content.attachments.len()),
                (expected, 0),
                "{message}"
            );
        }
    }

    #[test]
    fn what_says_nothing_is_left_raw() {
        for message in [
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.1" } }),
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.1", "emoji": "" } }),
            json!({ "type": "system", "system": { "body": "User changed", "type": "user_changed_number" } }),
            json!({ "type": "edit", "edit": { "original_message_id": "wamid.1" } }),
            json!({ "type": "interactive", "interactive": { "type": "new_kind" } }),
            json!({ "type": "hologram" }),
        ] {
            assert_eq!(said(&message), None, "{message}");
        }
    }

    #[test]
    fn media_are_references() {
        let message = json!({ "type": "document", "document": {
            "id": "900", "mime_type": "application/pdf", "filename": "bill.pdf", "caption": "Here",
            "sha256": "x", "url": "https://lookaside.example/1",
        } });
        let content = said(&message).unwrap();
        assert_eq!(content.text, "Here");
        let expected = Attachment {
            kind: "document".to_owned(),
            url: None,
            mime_type: Some("application/pdf".to_owned()),
            name: Some("bill.pdf".to_owned()),
            external_id: Some("900".to_owned()),
        };
        assert_eq!(content.attachments, [expected]);
        let voice = json!({ "type": "audio", "audio": { "id": "901", "voice": true } });
        assert_eq!(said(&voice).unwrap().text, "");
    }

    #[test]
    fn places_and_cards_can_be_read() {
        let place =
            json!({ "type": "location", "location": { "latitude": 12.25, "longitude": -43.9 } });
        let content = said(&place).unwrap();
        assert_eq!(content.text, "12.25,-43.9");
        assert_eq!(content.attachments[0].url.as_deref(), Some("geo:12.25,-43.9"));
        let cards = json!({ "type": "contacts", "contacts": [
            { "name": { "formatted_name": "Ada Example" }, "phones": [ { "phone": "+1 555 000 1111" } ] },
            { "name": {} },
        ] });
        let content = said(&cards).unwrap();
        assert_eq!(content.text, "Ada Example +1 555 000 1111\n");
        assert_eq!(content.attachments.len(), 2);
    }
}
