//! What a Telegram user said, by the field that the message has for it: a text for people and
//! references to what is attached (core.telegram.org/bots/api#message).

use serde_json::Value;

use crate::domain::record::{Attachment, LONGEST_NAME};
use crate::ingest::content::{Content, file};
use crate::ingest::payload::{fit, list, text};
use crate::ingest::tally::Tally;

/// Fields of which a message has one. Before those that stand beside others for old programs: an
/// animation is a document too, and a venue a location.
const KINDS: [&str; 12] = [
    "text",
    "animation",
    "audio",
    "document",
    "photo",
    "sticker",
    "video",
    "video_note",
    "voice",
    "venue",
    "location",
    "contact",
];

/// What `message` says; none where nothing was said: types that we do not know, and notices of
/// what happened to the chat.
pub(super) fn content(message: &Value, tally: &mut Tally) -> Option<Content> {
    let kind = KINDS.into_iter().find(|kind| message.get(*kind).is_some())?;
    let content = match kind {
        "text" => Content::of(text(message, "/text")),
        "venue" => place(message, "/venue/location", tally),
        "location" => place(message, "/location", tally),
        "contact" => card(message, tally),
        "photo" => {
            // The sizes of one picture, the largest last.
            let largest = list(message, "photo").last().unwrap_or(&Value::Null);
            media(message, largest, "image", tally)
        }
        field => {
            let kind = match field {
                "animation" | "video_note" => "video",
                "voice" => "audio",
                same => same,
            };
            media(message, message.get(field).unwrap_or(&Value::Null), kind, tally)
        }
    };
    Some(content.complete(kind, tally))
}

fn media(message: &Value, part: &Value, kind: &str, tally: &mut Tally) -> Content {
    let (mime_type, name) = (text(part, "/mime_type"), text(part, "/file_name"));
    let attachment = file(kind, mime_type, name, text(part, "/file_id"), tally);
    Content::file(attachment, text(message, "/caption"))
}

fn place(message: &Value, location: &str, tally: &mut Tally) -> Content {
    let degrees = |name: &str| text(message, &format!("{location}/{name}"));
    let at = degrees("latitude").zip(degrees("longitude"));
    Content::place(at, text(message, "/venue/title"), text(message, "/venue/address"), tally)
}

fn card(message: &Value, tally: &mut Tally) -> Content {
    let part = |name: &str| text(message, &format!("/contact/{name}"));
    let names: Vec<String> = part("first_name").into_iter().chain(part("last_name")).collect();
    let name = (!names.is_empty()).then(|| names.join(" "));
    let line: Vec<String> = name.clone().into_iter().chain(part("phone_number")).collect();
    let attachment = Attachment {
        kind: "contacts".to_owned(),
        name: name.map(|name| fit(name, LONGEST_NAME, "message.attachments", tally)),
        ..Attachment::default()
    };
    Content { text: line.join(" "), attachments: vec![attachment] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(message: &Value) -> Option<Content> {
        content(message, &mut Tally::default())
    }

    #[test]
    fn each_type_has_its_text_and_files() {
        let sizes = json!([{ "file_id": "small" }, { "file_id": "large", "width": 1280 }]);
        let gif = json!({ "file_id": "gif", "file_name": "a.mp4", "mime_type": "video/mp4" });
        for (message, expected, kind, id) in [
            (json!({ "photo": sizes, "caption": "Broken" }), "Broken", "image", "large"),
            (json!({ "animation": gif, "document": gif }), "", "video", "gif"),
            (json!({ "document": { "file_id": "d" }, "caption": "Bill" }), "Bill", "document", "d"),
            (json!({ "voice": { "file_id": "v" } }), "", "audio", "v"),
            (json!({ "audio": { "file_id": "a" } }), "", "audio", "a"),
            (json!({ "video": { "file_id": "f" } }), "", "video", "f"),
            (json!({ "video_note": { "file_id": "n" } }), "", "video", "n"),
            (json!({ "sticker": { "file_id": "s", "emoji": "👍" } }), "", "sticker", "s"),
        ] {
            let content = said(&message).unwrap();
            let file = &content.attachments[0];
            assert_eq!((content.text.as_str(), file.kind.as_str()), (expected, kind), "{message}");
            assert_eq!(file.external_id.as_deref(), Some(id), "{message}");
        }
        assert_eq!(said(&json!({ "text": "Hello" })), Some(Content::of(Some("Hello".to_owned()))));
        assert_eq!(said(&json!({ "text": 5.5 })).unwrap().text, "5.5");
        assert_eq!(said(&json!({ "text": [] })).unwrap().text, "[text]");
    }

    #[test]
    fn places_and_cards_can_be_read() {
        let location = json!({ "latitude": 12.25, "longitude": -43.9 });
        let content = said(&json!({ "location": location })).unwrap();
        assert_eq!(content.text, "12.25,-43.9");
        assert_eq!(content.attachments[0].url.as_deref(), Some("geo:12.25,-43.9"));
        let venue = json!({ "location": location, "title": "Shop", "address": "1 Example Street" });
        let content = said(&json!({ "location": location, "venue": venue })).unwrap();
        assert_eq!(content.text, "Shop\n1 Example Street");
        assert_eq!(content.attachments[0].url.as_deref(), Some("geo:12.25,-43.9"));
        let card =
            json!({ "first_name": "Ada", "last_name": "Example", "phone_number": "+15550001111" });
        let content = said(&json!({ "contact": card })).unwrap();
        assert_eq!(content.text, "Ada Example +15550001111");
        assert_eq!(content.attachments[0].name.as_deref(), Some("Ada Example"));
    }

    #[test]
    fn what_says_nothing_is_left_raw() {
        for message in [
            json!({}),
            json!({ "group_chat_created": true }),
            json!({ "poll": { "question": "?" } }),
            json!({ "pinned_message": { "text": "Hello" } }),
        ] {
            assert_eq!(said(&message), None, "{message}");
        }
    }
}
