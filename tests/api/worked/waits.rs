//! How long clients waited, and how long conversations took. `office` is open from Monday to
//! Friday, 09:00 to 17:00, and the day 0 is a Monday.

use rapport::analytics::Metric;

use super::{Example, count, mean, percentile};

/// Three first responses, after 5 and 10 minutes and 2 hours: the second is measured from the
/// hand-off by the bot, the third within the hours alone takes 1. Not where the business wrote
/// first.
const FIRST_RESPONSES: &[&str] = &[
    "0 08:00 | inbound  | office ada   |",
    "0 10:00 | chat     | office ada   | failed 0 10:00",
    "0 09:00 | inbound  | whatsapp bob |",
    "0 09:05 | chat     | whatsapp bob |",
    "0 09:00 | inbound  | whatsapp cy  |",
    "0 09:20 | hand-off | whatsapp cy  |",
    "0 09:30 | chat     | whatsapp cy  |",
    "0 09:00 | chat     | whatsapp dan |",
];

/// Replies after 10 minutes and after 2 hours, of which the inbox is open for 1: a wait begins
/// with the first message that is not answered, a bot does not end it, and closing does.
const REPLIES: &[&str] = &[
    " 0 08:00 | inbound | office ada   |",
    " 0 09:30 | inbound | office ada   |",
    " 0 09:40 | bot     | office ada   |",
    " 0 10:00 | chat    | office ada   |",
    " 0 10:30 | inbound | office ada   |",
    " 0 10:40 | chat    | office ada   |",
    " 0 11:00 | inbound | whatsapp bob |",
    " 0 12:00 | close   | whatsapp bob |",
];

/// Ada's took 2 hours, 1 of them open, and half an hour after it was opened again; closing it
/// once more is nothing. Bob's took a day.
const RESOLUTIONS: &[&str] = &[
    " 0 08:00 | inbound | office ada   |",
    " 0 10:00 | close   | office ada   |",
    " 0 11:00 | reopen  | office ada   |",
    " 0 11:30 | close   | office ada   |",
    " 0 11:40 | close   | office ada   |",
    "-1 12:00 | inbound | whatsapp bob |",
    " 0 12:00 | close   | whatsapp bob |",
];

// A percentile is the geometric middle of a bin of 1 %: 5 minutes are 300.82 seconds.
pub const EXAMPLES: &[Example] = &[
    mean(Metric::FirstResponseSecondsMean, 2_700.0, 8_100.0, 3.0, FIRST_RESPONSES),
    percentile(Metric::FirstResponseSecondsMedian, 597.699_173_578_885_8, 3.0, FIRST_RESPONSES),
    percentile(Metric::FirstResponseSecondsP90, 7_191.609_559_083_819_5, 3.0, FIRST_RESPONSES),
    mean(Metric::FirstResponseBusinessSecondsMean, 1_500.0, 4_500.0, 3.0, FIRST_RESPONSES),
    percentile(
        Metric::FirstResponseBusinessSecondsMedian,
        597.699_173_578_885_8,
        3.0,
        FIRST_RESPONSES,
    ),
    percentile(
        Metric::FirstResponseBusinessSecondsP90,
        3_583.685_885_613_038_4,
        3.0,
        FIRST_RESPONSES,
    ),
    mean(Metric::ReplySecondsMean, 3_900.0, 7_800.0, 2.0, REPLIES),
    percentile(Metric::ReplySecondsMedian, 597.699_173_578_885_8, 2.0, REPLIES),
    percentile(Metric::ReplySecondsP90, 7_191.609_559_083_819_5, 2.0, REPLIES),
    mean(Metric::ReplyBusinessSecondsMean, 2_100.0, 4_200.0, 2.0, REPLIES),
    percentile(Metric::ReplyBusinessSecondsMedian, 597.699_173_578_885_8, 2.0, REPLIES),
    percentile(Metric::ReplyBusinessSecondsP90, 3_583.685_885_613_038_4, 2.0, REPLIES),
    // 3: Ada's twice, and Bob's.
    count(Metric::Resolutions, 3.0, RESOLUTIONS),
    // 2: Ada's once.
    count(Metric::ConversationsResolved, 2.0, RESOLUTIONS),
    // 1: both are Ada's.
    count(
        Metric::ContactsResolved,
        1.0,
        &[
            "0 08:00 | inbound | whatsapp ada |",
            "0 10:00 | close   | whatsapp ada |",
            "0 08:00 | inbound | sms ada      |",
            "0 10:00 | close   | sms ada      |",
        ],
    ),
    mean(Metric::ResolutionSecondsMean, 31_800.0, 95_400.0, 3.0, RESOLUTIONS),
    percentile(Metric::ResolutionSecondsMedian, 7_191.609_559_083_819_5, 3.0, RESOLUTIONS),
    percentile(Metric::ResolutionSecondsP90, 86_530.566_439_673_57, 3.0, RESOLUTIONS),
    mean(Metric::ResolutionBusinessSecondsMean, 30_600.0, 91_800.0, 3.0, RESOLUTIONS),
    percentile(Metric::ResolutionBusinessSecondsMedian, 3_583.685_885_613_038_4, 3.0, RESOLUTIONS),
    percentile(Metric::ResolutionBusinessSecondsP90, 86_530.566_439_673_57, 3.0, RESOLUTIONS),
];
