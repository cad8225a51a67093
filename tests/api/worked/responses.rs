//! What contacts do upon sends.

use rapport::analytics::Metric;

use super::{Example, count, on_event, share};

pub const EXAMPLES: &[Example] = &[
    // 3: Ada answers within 72 hours, and what she says next is no more than that; Bob quotes
    // the first of his, days later, and answers the second by the way. Cy says nothing.
    count(
        Metric::Responses,
        3.0,
        &[
            "0 09:00 | mailing | whatsapp ada | sent 0 09:00",
            "3 09:00 | inbound | whatsapp ada |",
            "3 09:01 | inbound | whatsapp ada |",
            "0 09:00 | mailing | whatsapp bob | delivered 0 09:00",
            "0 10:00 | mailing | whatsapp bob | delivered 0 10:00",
            "0 11:00 | inbound | whatsapp bob |",
            "6 11:00 | inbound | whatsapp bob | quotes 3",
            "0 09:00 | mailing | whatsapp cy  | sent 0 09:00",
        ],
    ),
    // 2: under the first reply: that to the send of the day before, and the quoting one, though
    // the next came later. Dan's, of the day after, is of the day after.
    on_event(
        Metric::Responses,
        2.0,
        &[
            "-1 09:00 | mailing | whatsapp ada | sent -1 09:00",
            " 0 09:00 | inbound | whatsapp ada |",
            "-1 10:00 | mailing | whatsapp bob | sent -1 10:00",
            " 0 10:00 | inbound | whatsapp bob | quotes 2",
            " 1 10:00 | inbound | whatsapp bob |",
            " 0 23:00 | mailing | whatsapp dan | sent 0 23:00",
            " 1 00:00 | inbound | whatsapp dan |",
        ],
    ),
    // 2/3: Ada and Bob replied; Cy was delivered. Bob's is known to have arrived since he
    // replied. Dan's waits for a receipt, and he wrote a second more than 72 hours later.
    share(
        Metric::ResponseRate,
        (2.0 / 3.0, 2.0, 3.0),
        &[
            "0 09:00 | mailing | whatsapp ada | delivered 0 09:00",
            "0 09:30 | inbound | whatsapp ada |",
            "0 09:00 | mailing | whatsapp bob | sent 0 09:00",
            "0 09:30 | inbound | whatsapp bob |",
            "0 09:00 | mailing | whatsapp cy  | delivered 0 09:00",
            "0 09:00 | mailing | whatsapp dan | sent 0 09:00",
            "3 09:00:01 | inbound | whatsapp dan |",
        ],
    ),
    // 2: Ada, once, however often she says it, and Bob. Cy had said it before.
    count(
        Metric::OptOuts,
        2.0,
        &[
            " 0 09:00 | mailing | sms ada      | sent 0 09:00",
            " 0 09:30 | stop    | sms ada      |",
            " 0 09:31 | stop    | sms ada      |",
            " 0 09:10 | mailing | whatsapp bob | sent 0 09:10",
            " 0 10:00 | stop    | whatsapp bob |",
            "-1 10:00 | stop    | sms cy       |",
            " 0 09:00 | mailing | sms cy       | sent 0 09:00",
            " 0 10:00 | stop    | sms cy       |",
        ],
    ),
    // 1: Ada's of this day. Bob's is of the day after.
    on_event(
        Metric::OptOuts,
        1.0,
        &[
            "-1 09:00 | mailing | sms ada | sent -1 09:00",
            " 0 09:30 | stop    | sms ada |",
            " 0 09:00 | mailing | sms bob | sent 0 09:00",
            " 1 09:00 | stop    | sms bob |",
        ],
    ),
    // 1/2: Ada opted out, and so it is known that hers arrived; Bob's was delivered. Cy's is on
    // its way.
    share(
        Metric::OptOutRate,
        (0.5, 1.0, 2.0),
        &[
            "0 09:00 | mailing | sms ada | sent 0 09:00",
            "0 09:30 | stop    | sms ada |",
            "0 09:00 | mailing | sms bob | delivered 0 09:00",
            "0 09:00 | mailing | sms cy  | sent 0 09:00",
        ],
    ),
    // 1: Ada's began a session. Bob's came while he talked.
    count(
        Metric::AnsweredNotifications,
        1.0,
        &[
            "0 09:00 | mailing | whatsapp ada | sent 0 09:00",
            "0 10:00 | inbound | whatsapp ada |",
            "0 08:00 | inbound | whatsapp bob |",
            "0 09:00 | mailing | whatsapp bob | sent 0 09:00",
            "0 10:00 | inbound | whatsapp bob |",
        ],
    ),
    // 1/2: Ada's and Cy's began a session, and Ada answered. Bob's failed.
    share(
        Metric::AnswerRate,
        (0.5, 1.0, 2.0),
        &[
            "0 09:00 | mailing | whatsapp ada | sent 0 09:00",
            "0 10:00 | inbound | whatsapp ada |",
            "0 09:00 | mailing | whatsapp bob | failed 0 09:00",
            "0 09:00 | mailing | whatsapp cy  | sent 0 09:00",
        ],
    ),
    // 1/3: Bob's counts here, since it would have begun a session.
    share(
        Metric::AnswerRateOfAll,
        (1.0 / 3.0, 1.0, 3.0),
        &[
            "0 09:00 | mailing | whatsapp ada | sent 0 09:00",
            "0 10:00 | inbound | whatsapp ada |",
            "0 09:00 | mailing | whatsapp bob | failed 0 09:00",
            "0 09:00 | mailing | whatsapp cy  | sent 0 09:00",
        ],
    ),
];
