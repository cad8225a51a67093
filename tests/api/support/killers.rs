//! Documents that would exhaust a server which runs whatever it can parse, by what they try.

/// A name, the document, and the code it must be refused with.
pub type Killer = (String, String, &'static str);

const LIMIT: &str = "LIMIT_EXCEEDED";
const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";

/// All of them. Those longer than a body may be are refused before they are looked at.
pub fn killers() -> Vec<Killer> {
    let mut all = Vec::new();
    for depth in [33, 100, 1_000, 3_000, 14_000] {
        all.extend(nested(depth));
    }
    all.extend([
        ("fragments that double, 30 levels".to_owned(), doubled("{ ...f0 }"), LIMIT),
        ("the same, unused".to_owned(), doubled("{ metrics { key } }"), LIMIT),
        ("a cycle of two".to_owned(), cycle(2), INVALID),
        ("a cycle of 20".to_owned(), cycle(20), INVALID),
        ("a cycle of 100".to_owned(), cycle(100), LIMIT),
        ("a chain of 500".to_owned(), chain(500), LIMIT),
        ("a fragment and its double".to_owned(), twice(), INVALID),
        ("10,000 aliases".to_owned(), many(10_000, |n| format!("a{n}:metrics{{key}}")), LIMIT),
        ("31 aliases".to_owned(), many(31, |n| format!("a{n}: metrics {{ key }}")), LIMIT),
        ("3,000 directives".to_owned(), directives(3_000), LIMIT),
        ("21 directives".to_owned(), directives(21), LIMIT),
        ("20,000 unknown fields".to_owned(), many(20_000, |n| format!("x{n}")), LIMIT),
        ("1,900 unknown fields".to_owned(), many(1_900, |n| format!("x{n}")), LIMIT),
        ("19 unknown fields".to_owned(), many(19, |n| format!("x{n}")), INVALID),
        ("13 fields deep".to_owned(), deep(13), LIMIT),
        ("a costly page of pages".to_owned(), costly(), LIMIT),
    ]);
    for bytes in [64 << 10, 1 << 20, 50 << 20] {
        let long = format!("{{ metrics {{ key }} }}{}", " ".repeat(bytes));
        all.push((format!("a document of {bytes} bytes"), long, LIMIT));
    }
    all
}

/// A literal or a type nested so deep, wherever one may stand.
fn nested(depth: usize) -> Vec<Killer> {
    let list = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let object = format!("{}1{}", "{a:".repeat(depth), "}".repeat(depth));
    let places = [
        ("list in an argument", format!("{{ nodes(ids: {list}) {{ id }} }}")),
        ("object in an argument", format!("{{ nodes(ids: {object}) {{ id }} }}")),
        ("list in a default", format!("query($a: Int = {list}) {{ metrics {{ key }} }}")),
        ("object in a default", format!("query($a: Int = {object}) {{ metrics {{ key }} }}")),
        ("list in a directive", format!("{{ metrics @skip(if: {list}) {{ key }} }}")),
        ("object in a directive", format!("{{ metrics @skip(if: {object}) {{ key }} }}")),
        (
            "type of a variable",
            format!(
                "query($a: {}Int{}) {{ metrics {{ key }} }}",
                "[".repeat(depth),
                "]".repeat(depth)
            ),
        ),
        ("selections", format!("{}key{}", "{ metrics ".repeat(depth), " }".repeat(depth))),
        ("open brackets", "{ a(b: [".repeat(depth)),
    ];
    let named = places.into_iter();
    named.map(|(name, document)| (format!("{name}, {depth} deep"), document, LIMIT)).collect()
}

fn doubled(operation: &str) -> String {
    let levels = (0..30).map(|level| {
        let next = level + 1;
        format!(" fragment f{level} on Query {{ ...f{next} ...f{next} }}")
    });
    let levels: String = levels.collect();
    format!("{operation}{levels} fragment f30 on Query {{ metrics {{ key }} }}")
}

fn cycle(length: usize) -> String {
    let fragments = (0..length)
        .map(|index| format!(" fragment f{index} on Query {{ ...f{} }}", (index + 1) % length));
    format!("{{ ...f0 }}{}", fragments.collect::<String>())
}

fn chain(length: usize) -> String {
    let fragments =
        (0..length).map(|index| format!("fragment f{index} on Query{{...f{}}}", index + 1));
    format!("{{...f0}}{}", fragments.collect::<String>())
}

/// A deep fragment that hides behind a flat one of its name.
fn twice() -> String {
    let deep: String = (0..20)
        .map(|level| {
            let next = level + 1;
            format!(
                " fragment f{level} on Query {{ {}...f{next}{} }} fragment f{level} on Query {{ x }}",
                "... { ".repeat(20),
                " }".repeat(20)
            )
        })
        .collect();
    format!("{{ ...f0 }}{deep} fragment f20 on Query {{ metrics {{ key }} }}")
}

fn many(count: usize, field: impl Fn(usize) -> String) -> String {
    let fields: Vec<_> = (0..count).map(field).collect();
    format!("{{ {} }}", fields.join(" "))
}

fn directives(count: usize) -> String {
    format!("{{ metrics {} {{ key }} }}", "@skip(if:false)".repeat(count))
}

fn deep(levels: usize) -> String {
    let inner = "contact { conversations(first: 1) { nodes ";
    let whole = format!(
        "{{ account(id: \"a\") {{ conversations(first: 1) {{ nodes {{ {}{{ id }}",
        inner.repeat(levels / 3),
    );
    let open = whole.matches('{').count() - whole.matches('}').count();
    format!("{whole}{}", " }".repeat(open))
}

fn costly() -> String {
    "{ account(id: \"a\") { conversations(first: 100) { nodes { messages(first: 100) { nodes {
        id content occurredAt direction status contact { id name } inbox { id name }
    } } } } } }"
        .to_owned()
}
