//! Inputs of mutations that break rules.

use serde_json::{Value, json};

use super::Case;
use super::Expect::{Error, UserError};
use super::{INPUT, case, mutation};

const RECORD: &str = "mutation($input: MessagesRecordInput!) { messagesRecord(input: $input) {
    results { outcome userErrors { path code message } } userErrors { path code message }
} }";

/// Texts, ids and keys, by means of a mutation that takes few others.
pub fn texts() -> Vec<Case> {
    let label = |name, fields: Value, expect| {
        let mut input = json!({ "accountId": "$account", "name": "x" });
        input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        case(name, mutation("labelCreate", "LabelCreateInput"), json!({ "input": input }), expect)
    };
    let update = |name, id: &str, code| {
        let input = json!({ "input": { "id": id, "name": "New" } });
        case(name, mutation("labelUpdate", "LabelUpdateInput"), input, UserError("id", code))
    };
    vec![
        label("text: empty", json!({ "name": " \n" }), UserError("name", "REQUIRED")),
        label("text: too long", json!({ "name": "ä".repeat(256) }), UserError("name", "TOO_LONG")),
        label(
            "text: 10 MB",
            json!({ "name": "a".repeat(10 << 20) }),
            UserError("name", "TOO_LONG"),
        ),
        label("color: none", json!({ "color": "red" }), UserError("color", "MALFORMED")),
        label(
            "key: too long",
            json!({ "idempotencyKey": "k".repeat(256) }),
            UserError("idempotencyKey", "TOO_LONG"),
        ),
        label(
            "account: no id",
            json!({ "accountId": "acme" }),
            UserError("accountId", "MALFORMED"),
        ),
        label("account: null", json!({ "accountId": null }), Error(INPUT, "accountId")),
        label("field: unknown", json!({ "colour": "red" }), Error(INPUT, "colour")),
        update("id: no base64", "label:!!", "MALFORMED"),
        update("id: other kind", "$bot", "MALFORMED"),
        update("id: of nothing", "$nothing", "NOT_FOUND"),
    ]
}

/// Items of a recorded batch.
pub fn items() -> Vec<Case> {
    let record = |name, item: Value, expect| {
        let input = json!({ "input": { "accountId": "$account", "items": [item] } });
        case(name, RECORD, input, expect)
    };
    let message = |name, fields: Value, expect| {
        let mut message = json!({
            "inboxId": "$inbox", "contact": { "phone": "+15550001111" }, "direction": "INBOUND",
            "content": "Hello",
        });
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        record(name, json!({ "message": message }), expect)
    };
    let at = |at: &str| json!({ "occurredAt": at });
    let many: Vec<Value> = (0..251)
        .map(|_| json!({ "status": { "inboxId": "$inbox", "externalId": "x", "kind": "SENT" } }))
        .collect();
    vec![
        case(
            "items: 251",
            RECORD,
            json!({ "input": { "accountId": "$account", "items": many } }),
            Error(INPUT, "items"),
        ),
        record("item: of no kind", json!({}), Error(INPUT, "items[0]")),
        record(
            "item: of two kinds",
            json!({
                "status": { "inboxId": "$inbox", "externalId": "x", "kind": "SENT" },
                "conversationEvent": { "inboxId": "$inbox", "kind": "CLOSED" },
            }),
            Error(INPUT, "items[0]"),
        ),
        record(
            "item: status of a kind that is none",
            json!({ "status": { "inboxId": "$inbox", "externalId": "x", "kind": "LOST" } }),
            Error(INPUT, "items[0].status.kind"),
        ),
        message("time: day that is none", at("2026-02-30T00:00:00Z"), Error(INPUT, "occurredAt")),
        message("time: year beyond all", at("9999999-01-01T00:00:00Z"), Error(INPUT, "occurredAt")),
        message("time: year before all", at("-005000-01-01T00:00:00Z"), Error(INPUT, "occurredAt")),
        message("time: no zone", at("2026-03-01T00:00:00"), Error(INPUT, "occurredAt")),
        message(
            "time: before 1970",
            at("1969-12-31T23:59:59Z"),
            UserError("items.0.message.occurredAt", "OUT_OF_RANGE"),
        ),
        message(
            "time: too far ahead",
            at("2026-03-19T15:00:01Z"),
            UserError("items.0.message.occurredAt", "OUT_OF_RANGE"),
        ),
        message(
            "content: too long",
            json!({ "content": "ä".repeat(65_537) }),
            UserError("items.0.message.content", "TOO_LONG"),
        ),
        message(
            "content: nothing",
            json!({ "content": null }),
            UserError("items.0.message.content", "REQUIRED"),
        ),
        message(
            "phone: none",
            json!({ "contact": { "phone": "call me" } }),
            UserError("items.0.message.contact.phone", "MALFORMED"),
        ),
        message(
            "contact: nobody",
            json!({ "contact": {} }),
            UserError("items.0.message.contact", "REQUIRED"),
        ),
        message(
            "inbox: wrong kind",
            json!({ "inboxId": "$label" }),
            UserError("items.0.message.inboxId", "MALFORMED"),
        ),
        message(
            "author: of an inbound message",
            json!({ "author": { "kind": "USER" } }),
            UserError("items.0.message.author", "CONFLICT"),
        ),
        message(
            "attachments: too many",
            json!({ "attachments": (0..21).map(|_| json!({ "kind": "image" })).collect::<Vec<_>>() }),
            UserError("items.0.message.attachments", "TOO_LONG"),
        ),
    ]
}

/// Everything else.
pub fn inputs() -> Vec<Case> {
    let inbox = |fields: Value| {
        let mut input = json!({ "accountId": "$account", "name": "New", "platform": "SMS" });
        input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ "input": input })
    };
    let inbox_create = || mutation("inboxCreate", "InboxCreateInput");
    let hours = json!({ "businessHours": {
        "zone": "Nowhere", "week": [{ "day": 8, "from": "25:00", "to": "09:00" }], "holidays": ["2026-02-30"],
    } });
    let members: Vec<&str> = (0..251).map(|_| "$user").collect();
    let account = |fields: Value| {
        json!({ "input": {
        "id": "$account", "timeZone": fields["timeZone"], "weekStart": fields["weekStart"],
    } })
    };
    let account_update = || mutation("accountUpdate", "AccountUpdateInput");
    vec![
        case(
            "enum: unknown",
            inbox_create(),
            inbox(json!({ "platform": "FAX" })),
            Error(INPUT, "platform"),
        ),
        case(
            "enum: lower case",
            inbox_create(),
            inbox(json!({ "platform": "sms" })),
            Error(INPUT, "platform"),
        ),
        case(
            "hours: all wrong",
            inbox_create(),
            inbox(hours.clone()),
            UserError("businessHours.zone", "MALFORMED"),
        ),
        case(
            "hours: the day",
            inbox_create(),
            inbox(hours.clone()),
            UserError("businessHours.week.0.day", "OUT_OF_RANGE"),
        ),
        case(
            "hours: the date",
            inbox_create(),
            inbox(hours),
            UserError("businessHours.holidays.0", "MALFORMED"),
        ),
        case(
            "members: too many",
            inbox_create(),
            inbox(json!({ "memberIds": members })),
            Error(INPUT, "memberIds"),
        ),
        case(
            "credentials: of another provider",
            inbox_create(),
            inbox(
                json!({ "credentials": { "telegram": { "botToken": "a", "secretToken": "b" } } }),
            ),
            UserError("credentials", "CONFLICT"),
        ),
        case(
            "credentials: of two",
            inbox_create(),
            inbox(json!({ "credentials": {
            "telegram": { "botToken": "a", "secretToken": "b" }, "twilio": { "accountSid": "a", "authToken": "b" },
        } })),
            Error(INPUT, "credentials"),
        ),
        case(
            "zone: unknown",
            account_update(),
            account(json!({ "timeZone": "Mars/Olympus" })),
            UserError("timeZone", "MALFORMED"),
        ),
        case(
            "zone: empty",
            account_update(),
            account(json!({ "timeZone": "" })),
            UserError("timeZone", "MALFORMED"),
        ),
        case(
            "number: 8",
            account_update(),
            account(json!({ "weekStart": 8 })),
            UserError("weekStart", "OUT_OF_RANGE"),
        ),
        case(
            "number: 2^62",
            account_update(),
            account(json!({ "weekStart": 1_i64 << 62 })),
            Error(INPUT, "weekStart"),
        ),
        case(
            "number: 2^64",
            account_update(),
            account(json!({ "weekStart": u64::MAX })),
            Error(INPUT, "weekStart"),
        ),
        case(
            "number: fraction",
            account_update(),
            account(json!({ "weekStart": 1.5 })),
            Error(INPUT, "weekStart"),
        ),
        case(
            "e-mail: none",
            mutation("userInvite", "UserInviteInput"),
            json!({ "input": { "accountId": "$account", "email": "ada@", "name": "Ada", "role": "AGENT" } }),
            UserError("email", "MALFORMED"),
        ),
        case(
            "token: in the past",
            mutation("tokenCreate", "TokenCreateInput"),
            json!({ "input": {
                "accountId": "$account", "name": "x", "role": "AGENT", "scopes": ["READ"],
                "expiresAt": "2026-03-18T15:00:00Z",
            } }),
            UserError("expiresAt", "OUT_OF_RANGE"),
        ),
        case(
            "token: without scopes",
            mutation("tokenCreate", "TokenCreateInput"),
            json!({ "input": { "accountId": "$account", "name": "x", "role": "AGENT", "scopes": [] } }),
            UserError("scopes", "REQUIRED"),
        ),
    ]
}
