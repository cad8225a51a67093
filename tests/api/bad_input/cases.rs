//! Documents, pages and reports that there are not.

use serde_json::{Value, json};

use super::Case;
use super::Expect::Error;
use super::{INPUT, LIMIT, case, mutation};

/// Declares the variables that the arguments use; others would be refused.
fn labels(arguments: &str) -> String {
    let known = [("$after", "String"), ("$first", "Int"), ("$filter", "LabelFilter")];
    let used = known.into_iter().filter(|(name, _)| arguments.contains(name));
    let declared: String = used.map(|(name, kind)| format!(", {name}: {kind}")).collect();
    format!(
        "query($id: ID!{declared}) {{ account(id: $id) {{ labels({arguments}) {{ nodes {{ id }} }} }} }}"
    )
}

const CONTACTS: &str = "query($id: ID!, $filter: ContactFilter) {
    account(id: $id) { contacts(filter: $filter) { nodes { id } } }
}";
const REPORT: &str =
    "query($id: ID!, $input: ReportInput!) { account(id: $id) { report(input: $input) {
    totals { value }
} } }";

fn nested(depth: usize) -> String {
    format!("{{ node(id: {}{}) {{ id }} }}", "[".repeat(depth), "]".repeat(depth))
}

/// Documents that are refused before anything is run.
pub fn documents() -> Vec<Case> {
    let none = || json!({});
    let costly =
        "{ viewer { accounts { inboxes(first: 100) { nodes { conversations(first: 100) { nodes {
        messages(first: 100) { nodes { id content } } } } } } } } }";
    let label = |name: &str| {
        format!(
            "mutation {{ labelCreate(input: {{ accountId: \"x\", name: \"{name}\" }}) {{ userErrors {{ path }} }} }}"
        )
    };
    vec![
        case("document: NUL", label("\\u0000"), none(), Error(INPUT, "labelCreate.input.name")),
        case(
            "document: lone surrogate",
            label("\\ud800"),
            none(),
            Error("BAD_USER_INPUT|GRAPHQL_PARSE_FAILED", ""),
        ),
        case(
            "document: pair of surrogates",
            label("\\ud83d\\ude00"),
            none(),
            Error("BAD_USER_INPUT|GRAPHQL_PARSE_FAILED", ""),
        ),
        case("document: depth 33", nested(31), none(), Error(LIMIT, "32")),
        case("document: depth 5000", nested(5_000), none(), Error(LIMIT, "32")),
        case(
            "document: too long",
            format!("{{ viewer {{ __typename }} }} # {}", "x".repeat(32_768)),
            none(),
            Error(LIMIT, "32768"),
        ),
        case("document: too costly", costly, none(), Error(LIMIT, "cost")),
        case(
            "document: open string",
            "{ node(id: \"x) { id } }",
            none(),
            Error("GRAPHQL_PARSE_FAILED", ""),
        ),
        case("document: empty", "", none(), Error("GRAPHQL_PARSE_FAILED", "")),
        case(
            "document: unknown field",
            "{ viewr }",
            none(),
            Error("GRAPHQL_VALIDATION_FAILED", "viewr"),
        ),
        case(
            "document: the same mutation twice",
            "mutation { signOut { signedOut } signOut { signedOut } }",
            none(),
            Error("GRAPHQL_VALIDATION_FAILED", "signOut"),
        ),
        case(
            "variables: missing",
            "query($id: ID!) { node(id: $id) { id } }",
            none(),
            Error("BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED", "id"),
        ),
        case(
            "variables: NUL",
            mutation("labelCreate", "LabelCreateInput"),
            json!({ "input": { "accountId": "$account", "name": "a\0" } }),
            Error(INPUT, "variables.input.name"),
        ),
        case(
            "variables: wrong type",
            "query($id: ID!) { node(id: $id) { id } }",
            json!({ "id": { "a": 1 } }),
            Error("BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED", "id"),
        ),
    ]
}

/// Pages that there are not.
pub fn pages() -> Vec<Case> {
    let of = |first: Value| json!({ "id": "$account", "first": first });
    let after = |after: &str| json!({ "id": "$account", "after": after });
    let filter = |filter: Value| json!({ "id": "$account", "filter": filter });
    let first = || labels("first: $first");
    let many: Vec<String> = (0..251).map(|_| "$label".to_owned()).collect();
    vec![
        case("first: -1", first(), of(json!(-1)), Error(INPUT, "first")),
        case("first: 0", first(), of(json!(0)), Error(INPUT, "first")),
        case("first: 101", first(), of(json!(101)), Error(INPUT, "first")),
        case("first: 2^31", first(), of(json!(2_147_483_648_i64)), Error(INPUT, "")),
        case(
            "first: 2^31 in the document",
            labels("first: 2147483648"),
            of(json!(1)),
            Error(INPUT, ""),
        ),
        case(
            "first: text",
            first(),
            of(json!("1")),
            Error("BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED", "first"),
        ),
        case("first and last", labels("first: 1, last: 1"), of(json!(1)), Error(INPUT, "last")),
        case("last: 0", labels("last: 0"), of(json!(1)), Error(INPUT, "last")),
        case(
            "after and before",
            labels("after: \"x\", before: \"x\""),
            of(json!(1)),
            Error(INPUT, "before"),
        ),
        case(
            "first with before",
            labels("first: 1, before: \"x\""),
            of(json!(1)),
            Error(INPUT, "before"),
        ),
        case("cursor: none", labels("after: $after"), after("x"), Error(INPUT, "after")),
        case("cursor: empty", labels("after: $after"), after(""), Error(INPUT, "after")),
        case("cursor: other JSON", labels("after: $after"), after("e30"), Error(INPUT, "after")),
        case(
            "search: too long",
            labels("filter: $filter"),
            filter(json!({ "search": "a".repeat(256) })),
            Error(INPUT, "filter.search"),
        ),
        case(
            "filter: too many ids",
            CONTACTS,
            filter(json!({ "labelIds": many })),
            Error(INPUT, "filter.labelIds"),
        ),
        case(
            "filter: wrong kind of id",
            CONTACTS,
            filter(json!({ "labelIds": ["$label", "$inbox"] })),
            Error(INPUT, "filter.labelIds[1]"),
        ),
        case(
            "filter: the end before the beginning",
            "query($id: ID!) { account(id: $id) { messages(filter: {
                from: \"2026-02-01T00:00:00Z\", to: \"2026-01-01T00:00:00Z\"
            }) { nodes { id } } } }",
            of(json!(1)),
            Error(INPUT, "filter.to"),
        ),
        case(
            "nodes: too many",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({ "ids": (0..101).map(|_| "$label").collect::<Vec<_>>() }),
            Error(INPUT, "ids"),
        ),
        case(
            "account: an id of something else",
            "query($id: ID!) { account(id: $id) { name } }",
            json!({ "id": "$inbox" }),
            Error(INPUT, "id"),
        ),
    ]
}

/// Reports that there are not.
pub fn reports() -> Vec<Case> {
    let report = |name, fields: Value, names| {
        let mut input = json!({ "metrics": ["MESSAGES"], "period": { "last": "P30D" } });
        input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        case(name, REPORT, json!({ "id": "$account", "input": input }), Error(INPUT, names))
    };
    let range = |from: &str, to: &str| json!({ "period": { "range": { "from": from, "to": to } } });
    vec![
        report("report: unknown zone", json!({ "timeZone": "Mars/Olympus" }), "timeZone"),
        report("report: no metric", json!({ "metrics": [] }), "metrics"),
        report("report: unknown metric", json!({ "metrics": ["HAPPINESS"] }), "metrics"),
        report(
            "report: day that is none",
            range("2026-02-30T00:00:00Z", "2026-03-01T00:00:00Z"),
            "from",
        ),
        report(
            "report: year beyond all",
            range("9999999-01-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            "from",
        ),
        report(
            "report: year before all",
            range("-005000-01-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            "from",
        ),
        report("report: date without time", range("2026-01-01", "2026-03-01T00:00:00Z"), "from"),
        report(
            "report: backwards",
            range("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"),
            "period.range.to",
        ),
        report("report: no duration", json!({ "period": { "last": "a month" } }), "period.last"),
        report(
            "report: endless duration",
            json!({ "period": { "last": "P19000Y" } }),
            "period.last",
        ),
        report(
            "report: two periods",
            json!({ "period": { "last": "P1D", "preset": "TODAY" } }),
            "period",
        ),
        report("report: no period", json!({ "period": {} }), "period"),
        report(
            "report: too many buckets",
            json!({ "interval": "HOUR", "period": { "range": {
                "from": "0001-01-01T00:00:00Z", "to": "9999-01-01T00:00:00Z",
            } } }),
            "interval",
        ),
        report("report: no group", json!({ "breakdown": ["INBOX"], "first": 0 }), "first"),
        report(
            "report: four dimensions",
            json!({ "breakdown": ["INBOX", "BOT", "STATUS", "TEMPLATE"] }),
            "breakdown",
        ),
        report(
            "report: not an author",
            json!({ "filter": { "authors": ["$inbox"] } }),
            "filter.authors[0]",
        ),
        report("report: not an hour", json!({ "filter": { "hoursOfDay": [24] } }), "hoursOfDay"),
    ]
}
