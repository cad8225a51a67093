//! Every mutation with an input that works in a [`World`](super::world::World), and who may
//! call it. The tests of tenancy and of roles refuse mutations that do not stand here.

use entity::kinds::{Role, TokenScope};
use serde_json::{Value, json};

use super::schema::Schema;

/// One way to call a mutation.
pub struct Call {
    pub name: &'static str,
    /// A text `$inbox` stands for the id of an inbox, and so on; `$contact#2` for another
    /// place where an id of a contact stands.
    pub input: Value,
    /// The least role that may.
    pub role: Role,
    /// The scopes of which one is needed.
    pub scopes: &'static [TokenScope],
    /// What to ask of the payload besides `userErrors`.
    select: &'static str,
}

/// Mutations without an account: they have tests of their own.
pub const WITHOUT_ACCOUNT: [&str; 3] = ["signIn", "signOut", "accountCreate"];

fn call(name: &'static str, role: Role, input: Value) -> Call {
    Call { name, input, role, scopes: &[TokenScope::Write], select: "" }
}

fn record(item: Value) -> Call {
    Call {
        scopes: &[TokenScope::Record, TokenScope::Write],
        select: "results { outcome userErrors { path code message } }",
        ..call("messagesRecord", Role::Agent, json!({ "accountId": "$account", "items": [item] }))
    }
}

pub fn calls() -> Vec<Call> {
    let mut calls = administration();
    calls.extend(management());
    calls.extend(campaigns());
    calls.extend(conversation());
    calls.extend(recording());
    // Last, since nothing can be done with the contact any more.
    calls.push(call("contactErase", Role::Admin, json!({ "id": "$contact" })));
    calls
}

fn administration() -> Vec<Call> {
    let call = |name, input| call(name, Role::Admin, input);
    vec![
        call("accountUpdate", json!({ "id": "$account", "weekStart": 1 })),
        call(
            "userInvite",
            json!({ "accountId": "$account", "email": "new@example.org", "name": "New", "role": "AGENT" }),
        ),
        call(
            "userUpdate",
            json!({ "accountId": "$account", "userId": "$user", "role": "MANAGER" }),
        ),
        call(
            "tokenCreate",
            json!({ "accountId": "$account", "name": "New", "role": "AGENT", "scopes": ["WRITE"] }),
        ),
        call("tokenRevoke", json!({ "accountId": "$account", "tokenId": "$access_token" })),
        call(
            "inboxCreate",
            json!({ "accountId": "$account", "name": "New", "platform": "SMS", "memberIds": ["$user"] }),
        ),
        call("inboxUpdate", json!({ "id": "$inbox", "vendor": "Vendor", "memberIds": ["$user"] })),
        call("inboxArchive", json!({ "id": "$inbox", "archived": false })),
    ]
}

fn management() -> Vec<Call> {
    let call = |name, input| call(name, Role::Manager, input);
    vec![
        call("botCreate", json!({ "accountId": "$account", "name": "New" })),
        call("botUpdate", json!({ "id": "$bot", "name": "Bot" })),
        call("botArchive", json!({ "id": "$bot", "archived": false })),
        call("labelCreate", json!({ "accountId": "$account", "name": "New" })),
        call("labelUpdate", json!({ "id": "$label", "color": "#aabbcc" })),
        call("teamCreate", json!({ "accountId": "$account", "name": "New", "userIds": ["$user"] })),
        call("teamUpdate", json!({ "id": "$team", "userIds": ["$user"] })),
        call(
            "templateCreate",
            json!({
                "accountId": "$account", "name": "new", "language": "en", "category": "UTILITY", "body": "New",
            }),
        ),
        call("templateUpdate", json!({ "id": "$template", "body": "Changed" })),
        call("templateArchive", json!({ "id": "$template", "archived": false })),
        call("contactMerge", json!({ "fromId": "$contact", "intoId": "$contact#2" })),
        call(
            "contactOptOut",
            json!({ "accountId": "$account", "contactId": "$contact", "inboxId": "$inbox" }),
        ),
        call(
            "contactOptIn",
            json!({ "accountId": "$account", "contactId": "$contact", "inboxId": "$inbox" }),
        ),
    ]
}

fn campaigns() -> Vec<Call> {
    let call = |name, input| call(name, Role::Manager, input);
    let steps = json!([{ "inboxId": "$inbox", "templateId": "$template" }]);
    let create = |audience: Value| {
        let input = json!({
            "accountId": "$account", "name": "New", "audience": audience, "steps": steps,
        });
        call("campaignCreate", input)
    };
    vec![
        create(json!({ "contactIds": ["$contact"] })),
        create(json!({ "filter": { "labelIds": ["$label"], "inboxIds": ["$inbox#2"] } })),
        create(json!({ "campaign": { "campaignId": "$campaign" } })),
        call("campaignUpdate", json!({ "id": "$campaign", "name": "Summer" })),
        call("campaignDuplicate", json!({ "id": "$campaign" })),
        call("campaignRecipientRetry", json!({ "id": "$campaign", "contactId": "$contact" })),
        call(
            "campaignSchedule",
            json!({ "id": "$campaign", "start": { "localTime": "2026-04-01T09:00" } }),
        ),
        call("campaignPause", json!({ "id": "$campaign" })),
        call("campaignResume", json!({ "id": "$campaign" })),
        call("campaignCancel", json!({ "id": "$campaign" })),
    ]
}

fn conversation() -> Vec<Call> {
    let call = |name, input| call(name, Role::Agent, input);
    vec![
        call(
            "contactUpsert",
            json!({
                "accountId": "$account", "id": "$contact", "labelIds": ["$label"],
                "identities": [{ "inboxId": "$inbox", "sourceId": "known" }],
            }),
        ),
        call(
            "messageSend",
            json!({
                "accountId": "$account", "said": { "text": "Good day" },
                "to": { "conversationId": "$conversation" },
            }),
        ),
        call(
            "messageSend",
            json!({
                "accountId": "$account",
                "said": { "template": { "templateId": "$template" } },
                "to": { "contact": { "contactId": "$contact", "inboxId": "$inbox" } },
            }),
        ),
        call("conversationAssign", json!({ "id": "$conversation", "userId": "$user" })),
        call("conversationHandOff", json!({ "id": "$conversation" })),
        call("conversationLabel", json!({ "id": "$conversation", "labelIds": ["$label"] })),
        call("conversationClose", json!({ "id": "$conversation" })),
        call("conversationReopen", json!({ "id": "$conversation" })),
        // Last of those that need the user.
        Call {
            role: Role::Admin,
            ..call("userRemove", json!({ "accountId": "$account", "userId": "$user" }))
        },
    ]
}

/// Each item in a batch of its own, so that nothing takes effect beside one that is refused.
fn recording() -> Vec<Call> {
    let outbound = |author: Value| {
        record(json!({ "message": {
            "inboxId": "$inbox", "contact": { "phone": "+15550009999" }, "direction": "OUTBOUND",
            "conversationId": "$conversation", "templateId": "$template", "author": author,
            "content": "Good day",
        } }))
    };
    let event = |kind: &str, field: &str, value: &str| {
        let mut event =
            json!({ "inboxId": "$inbox", "conversationId": "$conversation", "kind": kind });
        event[field] = value.into();
        record(json!({ "conversationEvent": event }))
    };
    vec![
        outbound(json!({ "kind": "USER", "userId": "$user" })),
        outbound(json!({ "kind": "BOT", "botId": "$bot" })),
        record(
            json!({ "status": { "inboxId": "$inbox", "externalId": "unheard-of", "kind": "SENT" } }),
        ),
        event("ASSIGNED", "userId", "$user"),
        event("CLOSED", "byUserId", "$user"),
        event("REOPENED", "botId", "$bot"),
        event("LABELLED", "label", "$label"),
        Call {
            scopes: &[TokenScope::Record],
            ..call(
                "visitorSeen",
                Role::Agent,
                json!({ "inboxId": "$inbox", "contactExternalId": "nobody" }),
            )
        },
    ]
}

impl Call {
    /// The document, which takes the variable `input`.
    pub fn document(&self, schema: &Schema) -> String {
        let mutations = schema.mutations();
        let field = mutations.iter().find(|field| field.name() == self.name);
        let field = field.unwrap_or_else(|| panic!("there is no mutation {}", self.name));
        let input = field.argument("input").unwrap_or_else(|| panic!("{} has no input", self.name));
        format!(
            "mutation($input: {}!) {{ {}(input: $input) {{ userErrors {{ path code message }} {} }} }}",
            input.type_name(),
            self.name,
            self.select
        )
    }
}

/// Fails when a mutation of the schema stands neither in the table nor apart.
pub fn assert_complete(schema: &Schema) {
    let calls = calls();
    for field in schema.mutations() {
        let known = calls.iter().any(|call| call.name == field.name());
        let apart = WITHOUT_ACCOUNT.contains(&field.name());
        assert!(known || apart, "{} is not covered; add it to support/mutations.rs", field.name());
    }
}
