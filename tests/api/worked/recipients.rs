//! What becomes of campaigns for their recipients.

use rapport::analytics::Metric;

use super::{Example, count, share};

pub const EXAMPLES: &[Example] = &[
    // 3: Ada, Bob and Cy, whatever became of it. The campaign of the day before had Ada as well.
    count(
        Metric::Targeted,
        3.0,
        &[
            "-2 09:00 | inbound   | whatsapp cy  |",
            "-1 09:00 | mailing   | whatsapp ada | delivered -1 09:00",
            "-1 09:00 | recipient | whatsapp ada | sent 1",
            " 0 09:00 | mailing   | whatsapp ada | delivered 0 09:01",
            " 0 09:00 | recipient | whatsapp ada | sent 3",
            " 0 09:00 | mailing   | whatsapp bob | failed 0 09:01",
            " 0 09:00 | recipient | whatsapp bob | sent 5",
            " 0 09:00 | recipient | whatsapp cy  | no_address",
        ],
    ),
    // 1: Cy, to whom nothing was sent. Bob's failed, which is something else.
    count(
        Metric::Skipped,
        1.0,
        &[
            "-2 09:00 | inbound   | whatsapp cy  |",
            " 0 09:00 | mailing   | whatsapp bob | failed 0 09:01",
            " 0 09:00 | recipient | whatsapp bob | sent 1",
            " 0 09:00 | recipient | whatsapp cy  | opted_out",
        ],
    ),
    // 1/3: Ada replied. Bob did not, and Cy, to whom nothing was sent, is a recipient as well.
    share(
        Metric::ResponseRateOfRecipients,
        (1.0 / 3.0, 1.0, 3.0),
        &[
            "-2 09:00 | inbound   | whatsapp cy  |",
            " 0 09:00 | mailing   | whatsapp ada | delivered 0 09:01",
            " 0 09:00 | recipient | whatsapp ada | sent 1",
            " 1 09:00 | inbound   | whatsapp ada |",
            " 0 09:00 | mailing   | whatsapp bob | delivered 0 09:01",
            " 0 09:00 | recipient | whatsapp bob | sent 4",
            " 0 09:00 | recipient | whatsapp cy  | no_address",
        ],
    ),
    // 1/2: Ada, after the day. What Bob writes is no opt-out.
    share(
        Metric::OptOutRateOfRecipients,
        (0.5, 1.0, 2.0),
        &[
            " 0 09:00 | mailing   | sms ada | sent 0 09:01",
            " 0 09:00 | recipient | sms ada | sent 0",
            " 1 09:00 | stop      | sms ada |",
            " 0 09:00 | mailing   | sms bob | sent 0 09:01",
            " 0 09:00 | recipient | sms bob | sent 3",
            " 0 10:00 | inbound   | sms bob |",
        ],
    ),
];
