//! What somebody said, as people read it: a text, and references to what is attached.

use super::payload::fit;
use super::tally::Tally;
use crate::domain::record::{Attachment, LONGEST_CONTENT, LONGEST_EXTERNAL_ID, LONGEST_NAME};

/// Recording takes no more attachments with one message.
pub(super) const MOST_ATTACHMENTS: usize = 20;
const ATTACHMENTS: &str = "message.attachments";

#[derive(Debug, Default, PartialEq)]
pub(super) struct Content {
    pub text: String,
    pub attachments: Vec<Attachment>,
}

impl Content {
    pub fn of(text: Option<String>) -> Self {
        Self { text: text.unwrap_or_default(), attachments: Vec::new() }
    }

    /// A file, with what was said beside it.
    pub fn file(attachment: Attachment, caption: Option<String>) -> Self {
        Self { text: caption.unwrap_or_default(), attachments: vec![attachment] }
    }

    /// A place by degrees north and east, its name and its address.
    pub fn place(
        at: Option<(String, String)>,
        name: Option<String>,
        address: Option<String>,
        tally: &mut Tally,
    ) -> Self {
        let place = at.map(|(north, east)| format!("{north},{east}"));
        let said: Vec<String> = name.clone().into_iter().chain(address).collect();
        let said =
            if said.is_empty() { place.clone().unwrap_or_default() } else { said.join("\n") };
        let attachment = Attachment {
            kind: "location".to_owned(),
            // RFC 5870.
            url: place.map(|place| format!("geo:{place}")),
            name: name.map(|name| fit(name, LONGEST_NAME, ATTACHMENTS, tally)),
            ..Attachment::default()
        };
        Self { text: said, attachments: vec![attachment] }
    }

    /// The content of a message of the type `kind`, no longer than recording takes it.
    pub fn complete(mut self, kind: &str, tally: &mut Tally) -> Self {
        if self.text.is_empty() && self.attachments.is_empty() {
            // Something was said that we cannot show, and it counts all the same.
            self.text = format!("[{kind}]");
        }
        self.text = fit(self.text, LONGEST_CONTENT, "message.content", tally);
        self
    }
}

/// A reference to a file of the kind, no longer than recording takes it.
pub(super) fn file(
    kind: &str,
    mime_type: Option<String>,
    name: Option<String>,
    external_id: Option<String>,
    tally: &mut Tally,
) -> Attachment {
    let mut cut =
        |value: Option<String>, longest| value.map(|value| fit(value, longest, ATTACHMENTS, tally));
    Attachment {
        kind: kind.to_owned(),
        url: None,
        mime_type: cut(mime_type, LONGEST_NAME),
        name: cut(name, LONGEST_NAME),
        external_id: cut(external_id, LONGEST_EXTERNAL_ID),
    }
}
