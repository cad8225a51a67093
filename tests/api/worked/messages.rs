//! Volumes of messages.

use rapport::analytics::Metric;

use super::{Example, count};

pub const EXAMPLES: &[Example] = &[
    // 3: the client's of the first instant, the chat message though it failed, the mailing.
    // Not the note, the system entry, and those of the days before and after.
    count(
        Metric::Messages,
        3.0,
        &[
            "-1 23:59 | inbound | whatsapp |",
            " 0 00:00 | inbound | whatsapp |",
            " 0 09:00 | chat    | whatsapp | failed 0 09:01",
            " 0 10:00 | mailing | sms      |",
            " 0 11:00 | note    | whatsapp |",
            " 0 12:00 | system  | whatsapp |",
            " 1 00:00 | inbound | whatsapp |",
        ],
    ),
    // 2: whether the client answers a mailing or chats.
    count(
        Metric::MessagesReceived,
        2.0,
        &[
            "0 09:00 | inbound         | whatsapp |",
            "0 09:30 | inbound mailing | sms      |",
            "0 10:00 | chat            | whatsapp | sent 0 10:00",
            "0 11:00 | note            | whatsapp |",
        ],
    ),
    // 3: chat and mailings, sent or not.
    count(
        Metric::MessagesSent,
        3.0,
        &[
            "0 09:00 | chat    | whatsapp | read 0 09:05",
            "0 10:00 | mailing | sms      | failed 0 10:01",
            "0 11:00 | mailing | sms      | cancelled 0 10:59",
            "0 12:00 | inbound | whatsapp |",
            "0 13:00 | note    | whatsapp |",
            "0 14:00 | system  | whatsapp |",
        ],
    ),
    // 2: the notes of that day.
    count(
        Metric::PrivateNotes,
        2.0,
        &[
            "0 09:00 | note    | whatsapp |",
            "0 23:59 | note    | mail     |",
            "1 00:00 | note    | whatsapp |",
            "0 10:00 | system  | whatsapp |",
            "0 11:00 | chat    | whatsapp | sent 0 11:00",
        ],
    ),
];
