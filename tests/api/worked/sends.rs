//! Sends, and what became of them.

use rapport::analytics::Metric;

use super::{Example, count, on_event, share};

pub const EXAMPLES: &[Example] = &[
    // 5: two that were accepted, whatever became of one. The third never was, and the fourth is of
    // the day before.
    count(
        Metric::CreditsUsed,
        5.0,
        &[
            " 0 09:00 | mailing for 2 | sms ada | delivered 0 09:01",
            " 0 09:00 | mailing for 3 | sms bob | sent 0 09:00, undelivered 0 09:05",
            " 0 09:00 | mailing for 4 | sms cy  | failed 0 09:00",
            "-1 09:00 | mailing for 1 | sms ada | delivered -1 09:01",
        ],
    ),
    // 3: accepted; accepted and then given up; read, which implies that it was accepted, and
    // counts on the day of the send. Not what failed without being accepted, what nothing was
    // heard of, the send of the day before, and the chat message.
    count(
        Metric::Sent,
        3.0,
        &[
            " 0 09:00 | mailing | whatsapp | accepted 0 09:00",
            " 0 09:10 | mailing | whatsapp | sent 0 09:11, undelivered 0 09:20",
            " 0 23:59 | mailing | whatsapp | read 1 08:00",
            " 0 09:20 | mailing | whatsapp | failed 0 09:21",
            " 0 09:30 | mailing | whatsapp |",
            "-1 23:59 | mailing | whatsapp | sent 0 00:01",
            " 0 10:00 | chat    | whatsapp | sent 0 10:01",
        ],
    ),
    // 2: under the first evidence of acceptance, 09:11 and 00:01; the third is of the day after.
    on_event(
        Metric::Sent,
        2.0,
        &[
            " 0 09:10 | mailing | whatsapp | delivered 0 09:20, sent 0 09:11",
            "-1 23:59 | mailing | whatsapp | sent 0 00:01",
            " 0 23:59 | mailing | whatsapp | read 1 08:00",
        ],
    ),
    // 4: delivered; read; accepted where nothing more can be heard; delivered, whatever is
    // said later. Not what waits for its receipt, and what bounced.
    count(
        Metric::Delivered,
        4.0,
        &[
            "0 09:00 | mailing | sms      | sent 0 09:00, delivered 1 09:00",
            "0 09:10 | mailing | whatsapp | read 0 10:00",
            "0 09:20 | mailing | mail     | accepted 0 09:20",
            "0 09:30 | mailing | whatsapp | delivered 0 09:31, failed 0 09:40",
            "0 09:40 | mailing | whatsapp | sent 0 09:41",
            "0 09:50 | mailing | mail     | accepted 0 09:50, undelivered 0 09:55",
        ],
    ),
    // 3: at 00:30; at 07:00 by being read; at 10:00 by being accepted. The last is too late.
    on_event(
        Metric::Delivered,
        3.0,
        &[
            "-1 20:00 | mailing | sms      | sent -1 20:00, delivered 0 00:30",
            "-1 20:10 | mailing | whatsapp | read 0 07:00",
            " 0 09:59 | mailing | mail     | accepted 0 10:00",
            " 0 23:00 | mailing | sms      | sent 0 23:00, delivered 1 00:00",
        ],
    ),
    // 2: read, though it was said to have failed; read on the day after.
    count(
        Metric::Read,
        2.0,
        &[
            "0 09:00 | mailing | whatsapp | read 0 09:30, failed 0 09:10",
            "0 10:00 | mailing | whatsapp | delivered 0 10:01, read 1 10:00",
            "0 11:00 | mailing | whatsapp | delivered 0 11:01",
            "0 12:00 | chat    | whatsapp | read 0 12:01",
        ],
    ),
    // 1: once, when it was read first.
    on_event(
        Metric::Read,
        1.0,
        &[
            "-1 09:00 | mailing | whatsapp | delivered -1 09:01, read 0 08:00, read 0 09:00",
            "-1 10:00 | mailing | whatsapp | read -1 23:00, read 0 07:00",
            " 0 10:00 | mailing | whatsapp | read 1 00:00",
        ],
    ),
    // 2: refused; accepted and given up. Not what was delivered before, what will be tried
    // again, and what is on its way.
    count(
        Metric::Failed,
        2.0,
        &[
            "0 09:00 | mailing | whatsapp | failed 0 09:01",
            "0 09:10 | mailing | sms      | accepted 0 09:10, undelivered 0 12:00",
            "0 09:20 | mailing | whatsapp | delivered 0 09:21, failed 0 09:22",
            "0 09:30 | mailing | whatsapp | try_failed 0 09:31",
            "0 09:40 | mailing | whatsapp | sent 0 09:41",
        ],
    ),
    // 2: under the first failure, so that the first two are of this day and the third is not.
    on_event(
        Metric::Failed,
        2.0,
        &[
            " 0 23:49 | mailing | whatsapp | failed 1 00:10, failed 0 23:50",
            "-1 23:59 | mailing | sms      | sent -1 23:59, undelivered 0 03:00",
            " 0 23:59 | mailing | whatsapp | failed 1 00:00",
        ],
    ),
    // 5: the first five; accepted is final where nothing more can be heard.
    count(
        Metric::Pending,
        5.0,
        &[
            "0 09:00 | mailing | whatsapp |",
            "0 09:10 | mailing | whatsapp | created 0 09:10, deferred 0 09:11",
            "0 09:20 | mailing | whatsapp | sending 0 09:20",
            "0 09:30 | mailing | whatsapp | sending 0 09:30, unknown 0 09:31",
            "0 09:40 | mailing | sms      | sent 0 09:41",
            "0 09:50 | mailing | mail     | sent 0 09:51",
            "0 10:00 | mailing | whatsapp | cancelled 0 10:00",
            "0 10:10 | mailing | whatsapp | failed 0 10:11",
        ],
    ),
    // 2: cancelled while it waited, or at once. The third left all the same.
    count(
        Metric::Cancelled,
        2.0,
        &[
            "0 09:00 | mailing | whatsapp | deferred 0 08:00, cancelled 0 08:30",
            "0 09:10 | mailing | whatsapp | cancelled 0 09:10",
            "0 09:20 | mailing | whatsapp | cancelled 0 09:20, sent 0 09:21",
        ],
    ),
    // 1: the first. Cancelled goes further than expired, and the third arrived.
    count(
        Metric::Expired,
        1.0,
        &[
            "0 09:00 | mailing | whatsapp | sending 0 09:00, expired 0 12:00",
            "0 09:10 | mailing | whatsapp | expired 0 12:00, cancelled 0 11:00",
            "0 09:20 | mailing | whatsapp | expired 0 12:00, delivered 0 11:59",
        ],
    ),
    // 1: the first. The others have begun to leave, or have left.
    count(
        Metric::Deferred,
        1.0,
        &[
            "0 09:00 | mailing | whatsapp | deferred 0 08:00",
            "0 09:10 | mailing | whatsapp | deferred 0 08:00, sending 0 09:10",
            "0 09:20 | mailing | whatsapp | deferred 0 08:00, sent 0 09:20",
        ],
    ),
    // 3/5: the first three of the first five; the others were never accepted.
    share(
        Metric::DeliveryRate,
        (0.6, 3.0, 5.0),
        &[
            "0 09:00 | mailing | whatsapp | sent 0 09:00, delivered 0 09:01",
            "0 09:10 | mailing | whatsapp | read 0 09:30",
            "0 09:20 | mailing | mail     | accepted 0 09:20",
            "0 09:30 | mailing | sms      | sent 0 09:31",
            "0 09:40 | mailing | sms      | sent 0 09:41, undelivered 0 09:42",
            "0 09:50 | mailing | sms      | failed 0 09:51",
            "0 10:00 | mailing | sms      |",
        ],
    ),
    // 1/4: the first of the first four. The fifth is not delivered yet; on the others nobody
    // could have told that they were read.
    share(
        Metric::ReadRate,
        (0.25, 1.0, 4.0),
        &[
            "0 09:00 | mailing | whatsapp | delivered 0 09:00, read 0 09:01",
            "0 09:10 | mailing | whatsapp | delivered 0 09:10",
            "0 09:20 | mailing | whatsapp | delivered 0 09:20",
            "0 09:30 | mailing | whatsapp | delivered 0 09:30, failed 0 09:31",
            "0 09:40 | mailing | whatsapp | sent 0 09:40",
            "0 09:50 | mailing | sms      | delivered 0 09:50",
            "0 10:00 | mailing | mail     | sent 0 10:00",
        ],
    ),
    // 2/4: the first two of the first four. Of the fifth nothing was heard yet.
    share(
        Metric::FailureRate,
        (0.5, 2.0, 4.0),
        &[
            "0 09:00 | mailing | whatsapp | failed 0 09:00",
            "0 09:10 | mailing | whatsapp | sent 0 09:10, failed 0 09:11",
            "0 09:20 | mailing | whatsapp | delivered 0 09:20",
            "0 09:30 | mailing | whatsapp | sent 0 09:30",
            "0 09:40 | mailing | whatsapp |",
        ],
    ),
];
