//! How much one request, one caller and one account may ask for. Each limit names itself and
//! its value where it refuses.

use super::Reader;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest request body of callers without a token.
    pub anonymous_body_bytes: usize,
    /// The longest request body of everybody else.
    pub body_bytes: usize,
    /// Bytes of a document.
    pub document_bytes: usize,
    /// Names, numbers, strings and marks of a document.
    pub document_tokens: usize,
    /// Fields within fields, those of the schema's own description apart.
    pub depth: usize,
    /// Fields within `__schema` and `__type`. The usual introspection query needs 15.
    pub introspection_depth: usize,
    pub aliases: usize,
    /// Fields of an operation itself.
    pub root_fields: usize,
    pub directives: usize,
    /// Elements of a list in an argument or a variable.
    pub list_items: usize,
    /// What one document may cost; the unit is a value of the answer.
    pub document_cost: u64,
    /// What one caller may spend at once.
    pub caller_cost: u64,
    /// What a caller gets back each second.
    pub caller_cost_per_second: u64,
    /// What all callers of an account may spend at once.
    pub account_cost: u64,
    /// What an account gets back each second.
    pub account_cost_per_second: u64,
    /// Sockets that a caller may have open.
    pub caller_sockets: usize,
    /// Operations under way on one socket.
    pub socket_operations: usize,
    /// Subscriptions that a caller may have open.
    pub caller_subscriptions: usize,
    /// Subscriptions that an account may have open.
    pub account_subscriptions: usize,
    /// Seconds that an operation may take.
    pub deadline_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            anonymous_body_bytes: 256 * 1024,
            body_bytes: 16 * 1024 * 1024,
            document_bytes: 32 * 1024,
            document_tokens: 2_000,
            depth: 12,
            introspection_depth: 20,
            aliases: 30,
            root_fields: 20,
            directives: 20,
            list_items: 250,
            document_cost: 100_000,
            caller_cost: 200_000,
            caller_cost_per_second: 10_000,
            account_cost: 1_000_000,
            account_cost_per_second: 50_000,
            caller_sockets: 200,
            socket_operations: 20,
            caller_subscriptions: 500,
            account_subscriptions: 5_000,
            deadline_seconds: 10,
        }
    }
}

/// Selections within selections, fragments counted too. No setting raises it: it keeps what
/// walks a document from exhausting the stack.
pub const MOST_NESTED: usize = 32;
const MOST_BYTES: usize = 1 << 30;
const MOST: usize = 1_000_000;
const MOST_COST: u64 = 1 << 40;

impl Limits {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let mut bytes = |name, default| reader.number(name, 1_024..=MOST_BYTES, default);
        let anonymous_body_bytes = bytes("anonymous_body_bytes", default.anonymous_body_bytes);
        let body_bytes = bytes("body_bytes", default.body_bytes);
        let document_bytes = bytes("document_bytes", default.document_bytes);
        let mut count = |name, default| reader.number(name, 1..=MOST, default);
        let document_tokens = count("document_tokens", default.document_tokens);
        let aliases = count("aliases", default.aliases);
        let root_fields = count("root_fields", default.root_fields);
        let directives = count("directives", default.directives);
        let list_items = count("list_items", default.list_items);
        let caller_sockets = count("caller_sockets", default.caller_sockets);
        let socket_operations = count("socket_operations", default.socket_operations);
        let caller_subscriptions = count("caller_subscriptions", default.caller_subscriptions);
        let account_subscriptions = count("account_subscriptions", default.account_subscriptions);
        let mut depth = |name, default| reader.number(name, 1..=MOST_NESTED, default);
        let (depth, introspection_depth) = (
            depth("depth", default.depth),
            depth("introspection_depth", default.introspection_depth),
        );
        let mut cost = |name, default| reader.number(name, 1..=MOST_COST, default);
        Self {
            anonymous_body_bytes,
            body_bytes,
            document_bytes,
            document_tokens,
            depth,
            introspection_depth,
            aliases,
            root_fields,
            directives,
            list_items,
            caller_sockets,
            socket_operations,
            caller_subscriptions,
            account_subscriptions,
            document_cost: cost("document_cost", default.document_cost),
            caller_cost: cost("caller_cost", default.caller_cost),
            caller_cost_per_second: cost("caller_cost_per_second", default.caller_cost_per_second),
            account_cost: cost("account_cost", default.account_cost),
            account_cost_per_second: cost(
                "account_cost_per_second",
                default.account_cost_per_second,
            ),
            deadline_seconds: reader.number(
                "deadline_seconds",
                1..=3_600,
                default.deadline_seconds,
            ),
        }
    }
}
