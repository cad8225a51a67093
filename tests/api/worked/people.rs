//! Conversations, sessions and the people in them.

use rapport::analytics::Metric;

use super::{Example, count};

pub const EXAMPLES: &[Example] = &[
    // 3: two that Ada began, since they are on two inboxes, and one that was begun with Bob. Not
    // the answer to it, and what Cy began the day before.
    count(
        Metric::ConversationsStarted,
        3.0,
        &[
            "-1 23:00 | inbound | whatsapp cy  |",
            " 0 08:00 | inbound | whatsapp cy  |",
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 09:30 | chat    | whatsapp ada |",
            " 0 10:00 | inbound | sms ada      |",
            " 0 11:00 | mailing | whatsapp bob |",
            " 0 12:00 | inbound | whatsapp bob |",
        ],
    ),
    // 2: Ada's, once, and Bob's, though the message failed. A note is no message.
    count(
        Metric::ConversationsActive,
        2.0,
        &[
            "-1 09:00 | inbound | whatsapp ada |",
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 23:59 | chat    | whatsapp ada |",
            " 0 10:00 | mailing | sms bob      | failed 0 10:01",
            " 0 11:00 | note    | whatsapp cy  |",
        ],
    ),
    // 2: Ada on two inboxes, and Bob.
    count(
        Metric::ContactsActive,
        2.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 10:00 | inbound | sms ada      |",
            " 0 11:00 | mailing | sms bob      |",
            " 1 00:00 | inbound | sms cy       |",
        ],
    ),
    // 3: Ada's after more than 24 hours, Bob's, who answers in it, and Ada's on another inbox. Not
    // what failed, and what goes on within 24 hours.
    count(
        Metric::SessionsStarted,
        3.0,
        &[
            "-2 08:00 | inbound | whatsapp ada |",
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 09:00 | mailing | sms bob      | sent 0 09:00",
            " 0 10:00 | inbound | sms bob      |",
            " 0 11:00 | mailing | sms cy       | failed 0 11:01",
            "-1 12:00 | inbound | sms cy       |",
            " 0 12:00 | inbound | sms cy       |",
            " 0 13:00 | inbound | sms ada      |",
        ],
    ),
    // 2: Ada, with two sessions, and Bob.
    count(
        Metric::SessionUsers,
        2.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 13:00 | inbound | sms ada      |",
            " 0 14:00 | mailing | sms bob      | delivered 0 14:01",
            " 1 09:00 | inbound | sms cy       |",
        ],
    ),
    // 1: Ada. Bob wrote a week before, Cy was never reached.
    count(
        Metric::NewUsers,
        1.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 13:00 | inbound | sms ada      |",
            "-3 09:00 | inbound | sms bob      |",
            " 0 10:00 | inbound | sms bob      |",
            " 0 11:00 | mailing | sms cy       | failed 0 11:01",
        ],
    ),
    // 2: Bob, who wrote before, and Ada, whose second session this is, though her first is of the
    // same day. Cy's goes on from the day before.
    count(
        Metric::ReturningUsers,
        2.0,
        &[
            " 0 09:00 | inbound | whatsapp ada |",
            " 0 13:00 | inbound | sms ada      |",
            "-3 09:00 | inbound | sms bob      |",
            " 0 10:00 | inbound | sms bob      |",
            "-1 20:00 | inbound | sms cy       |",
            " 0 11:00 | inbound | sms cy       |",
        ],
    ),
];
