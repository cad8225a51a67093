//! What an operation may cost at most, before it is run. The unit is a value of the answer: a
//! field costs one for each element of the lists that it stands in, and a list has as many
//! elements as were asked for. What reads a history costs more than what it answers.

use std::collections::HashMap;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::Value;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use async_graphql::{Value as Json, Variables};

use crate::domain::page::{DEFAULT_PAGE, LONGEST_PAGE};

/// Types whose making reads facts of whole periods, what each costs, and whether each parent in
/// a list costs it anew.
const WORK: [(&str, u64, bool); 3] =
    [("Report", 100, true), ("Engagement", 100, false), ("RecordConnection", 100, true)];

/// What is made of each row of a report beside its own values is paid for so many rows; how many
/// there will be is not known before.
const ROWS: u64 = 100;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Values that are answered, if every list is as long as it may be.
    pub values: u64,
    /// What is spent whatever the answer turns out to be, and only once for a list of parents.
    once: u64,
    /// The same, for each of them.
    each: u64,
}

impl Cost {
    pub fn total(self) -> u64 {
        self.values.saturating_add(self.work())
    }

    /// What an answer with so many values has cost.
    pub fn actual(self, values: u64) -> u64 {
        self.values.min(values).saturating_add(self.work())
    }

    fn work(self) -> u64 {
        self.once.saturating_add(self.each)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_add(other.values),
            once: self.once.saturating_add(other.once),
            each: self.each.saturating_add(other.each),
        }
    }
}

pub(super) fn cost(
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &Variables,
) -> Cost {
    let scale = &mut Scale { document, operation, variables, weighed: HashMap::new() };
    scale.set(&operation.selection_set)
}

struct Scale<'a> {
    document: &'a ExecutableDocument,
    operation: &'a Operation,
    variables: &'a Variables,
    /// Each fragment is weighed once.
    weighed: HashMap<&'a str, Cost>,
}

impl<'a> Scale<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Cost {
        set.selections.iter().fold(Cost::default(), |sum, selection| {
            sum.plus(match selection {
                Selection::Field(field) => self.field(field),
                Selection::InlineFragment(inline) => self.set(&inline.selection_set),
                Selection::FragmentSpread(spread) => self.fragment(&spread.fragment_name),
            })
        })
    }

    fn fragment(&mut self, name: &'a str) -> Cost {
        if let Some(cost) = self.weighed.get(name) {
            return *cost;
        }
        let document = self.document;
        let fragment = document.fragments.get(name);
        let cost = fragment.map_or_else(Cost::default, |found| self.set(&found.selection_set));
        self.weighed.insert(name, cost);
        cost
    }

    fn field(&mut self, field: &'a Field) -> Cost {
        let inner = self.set(&field.selection_set);
        let (kind, size) = (field.definition.ty.inner_named_type(), self.size(field));
        let work = WORK.iter().find(|(name, ..)| kind == name);
        let (once, each) = match work {
            Some((_, work, true)) => (0, *work),
            Some((_, work, false)) => (*work, 0),
            None => (0, 0),
        };
        Cost {
            values: inner.values.saturating_mul(size).saturating_add(1),
            once: inner.once.saturating_add(once),
            each: inner.each.saturating_mul(size).saturating_add(each),
        }
    }

    /// How many elements a field has at most. Lists that are no pages count as one: they are
    /// bounded by what stands around them.
    fn size(&self, field: &'a Field) -> u64 {
        let takes = |name: &str| field.definition.arguments.iter().any(|it| it.name == name);
        if is_rows(field) {
            return ROWS;
        }
        if field.definition.ty.is_list() && takes("ids") {
            return self.given(field, "ids").map_or(1, Size::length);
        }
        if !takes("first") {
            return 1;
        }
        let asked =
            ["first", "last"].into_iter().find_map(|name| self.given(field, name)?.number());
        asked.map_or(DEFAULT_PAGE, |size| size.clamp(1, LONGEST_PAGE))
    }

    fn given(&self, field: &'a Field, name: &str) -> Option<Size<'a>> {
        let value = &field.arguments.iter().find(|it| it.name == name)?.value;
        let Value::Variable(variable) = value.as_ref() else { return Some(Size::Literal(value)) };
        if let Some(value) = self.variables.get(variable.as_str()) {
            return Some(Size::Json(value));
        }
        let definition = self.operation.variables.iter().find(|it| it.name == *variable)?;
        definition.default_value.as_deref().map(Size::Literal)
    }
}

/// Rows lead back to the things that they are about, and so to pages of these.
fn is_rows(field: &Field) -> bool {
    field.definition.ty.is_list() && field.definition.ty.inner_named_type() == "ReportRow"
}

enum Size<'a> {
    Literal(&'a Value),
    Json(&'a Json),
}

impl Size<'_> {
    fn number(self) -> Option<u64> {
        let number = match self {
            Self::Literal(Value::Int(number)) => i64::from(number.try_to_i32().ok()?),
            Self::Json(Json::Number(number)) => number.as_i64()?,
            _ => return None,
        };
        Some(u64::try_from(number).unwrap_or(1))
    }

    /// A single value is a list of one.
    fn length(self) -> u64 {
        let length = match self {
            Self::Literal(Value::List(items)) => items.len(),
            Self::Json(Json::List(items)) => items.len(),
            _ => 1,
        };
        u64::try_from(length).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use apollo_compiler::validation::Valid;
    use apollo_compiler::{ExecutableDocument, Schema};
    use proptest::prelude::*;

    use super::*;

    const SDL: &str = "type Query { one: Query! list(first: Int, last: Int): Query!
        ids(ids: [ID!]!): [Query!]! report: Report! leaf: Int } type Report { query: Query! }";
    const FRAGMENTS: usize = 4;

    /// A selection, from which both the text and its cost are made.
    #[derive(Clone, Debug)]
    enum Part {
        Leaf,
        One(Vec<Part>),
        List(Option<i32>, Vec<Part>),
        Variable(Vec<Part>),
        Ids(usize, Vec<Part>),
        Report(Vec<Part>),
        Inline(Vec<Part>),
        Spread(usize),
    }

    const VARIABLE: i32 = 7;

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let leaf = prop_oneof![Just(Part::Leaf), (0..FRAGMENTS).prop_map(Part::Spread)];
        let part = leaf.prop_recursive(4, 24, 3, |inner| {
            let set = prop::collection::vec(inner, 1..4);
            let page = prop::option::of(prop_oneof![Just(i32::MAX), Just(i32::MIN), -1..120]);
            prop_oneof![
                set.clone().prop_map(Part::One),
                (page, set.clone()).prop_map(|(page, set)| Part::List(page, set)),
                set.clone().prop_map(Part::Variable),
                (0..5_usize, set.clone()).prop_map(|(ids, set)| Part::Ids(ids, set)),
                set.clone().prop_map(Part::Report),
                set.prop_map(Part::Inline),
            ]
        });
        prop::collection::vec(part, 1..4)
    }

    /// The text of a set. A fragment spreads later ones only, so that there is no cycle; the
    /// names are told apart, so that no two fields are one.
    fn write(set: &[Part], from: usize, names: &mut usize) -> String {
        let mut texts = Vec::new();
        for part in set {
            *names += 1;
            let name = *names;
            let mut inner = |set: &[Part]| write(set, from, names);
            texts.push(match part {
                Part::Leaf => format!("a{name}: leaf"),
                Part::One(set) => format!("a{name}: one {}", inner(set)),
                Part::List(None, set) => format!("a{name}: list {}", inner(set)),
                Part::List(Some(first), set) => {
                    format!("a{name}: list(first: {first}) {}", inner(set))
                }
                Part::Variable(set) => format!("a{name}: list(last: $size) {}", inner(set)),
                Part::Ids(ids, set) => {
                    format!("a{name}: ids(ids: [{}]) {}", "\"i\" ".repeat(*ids), inner(set))
                }
                Part::Report(set) => format!("a{name}: report {{ query {} }}", inner(set)),
                Part::Inline(set) => format!("... on Query {}", inner(set)),
                Part::Spread(index) if *index < from => format!("a{name}: leaf"),
                Part::Spread(index) => format!("...f{index}"),
            });
        }
        format!("{{ {} }}", texts.join(" "))
    }

    /// The same by the definition, with fragments spread again and again.
    fn naive(set: &[Part], from: usize, fragments: &[Vec<Part>]) -> (u64, u64) {
        set.iter().fold((0, 0), |(values, work), part| {
            let inner = |set: &[Part]| naive(set, from, fragments);
            let (more, extra) = match part {
                Part::Leaf => (1, 0),
                Part::One(set) => times(1, inner(set)),
                Part::List(first, set) => {
                    let size = first.map_or(50, |first| u64::try_from(first).unwrap_or(1));
                    times(size.clamp(1, 100), inner(set))
                }
                Part::Variable(set) => times(7, inner(set)),
                Part::Ids(ids, set) => times(u64::try_from(*ids).unwrap(), inner(set)),
                Part::Report(set) => {
                    let (values, work) = times(1, inner(set));
                    (values + 1, work + 100)
                }
                Part::Inline(set) => inner(set),
                Part::Spread(index) if *index < from => (1, 0),
                Part::Spread(index) => naive(&fragments[*index], index + 1, fragments),
            };
            (values + more, work + extra)
        })
    }

    fn times(size: u64, (values, work): (u64, u64)) -> (u64, u64) {
        (1 + size * values, size * work)
    }

    fn schema() -> Valid<Schema> {
        super::super::read_schema(SDL).unwrap()
    }

    fn cost_of(schema: &Valid<Schema>, text: &str) -> Cost {
        let document = ExecutableDocument::parse(schema, text, "document").unwrap();
        let variables = Variables::from_json(serde_json::json!({ "size": VARIABLE }));
        cost(&document, document.operations.get(None).unwrap(), &variables)
    }

    proptest! {
        #[test]
        fn is_what_a_naive_expansion_gives(
            set in parts(),
            fragments in prop::collection::vec(parts(), FRAGMENTS),
        ) {
            let mut names = 0;
            let mut text = format!("query($size: Int) {}", write(&set, 0, &mut names));
            for (index, fragment) in fragments.iter().enumerate() {
                let body = write(fragment, index + 1, &mut names);
                text.push_str(&format!(" fragment f{index} on Query {body}"));
            }
            let (values, work) = naive(&set, 0, &fragments);
            prop_assert_eq!(cost_of(&schema(), &text), Cost { values, once: 0, each: work });
        }
    }

    #[test]
    fn sums_do_not_wrap() {
        let nested = |depth: usize| {
            format!("{}leaf{}", "{ list(first: 100) ".repeat(depth), " }".repeat(depth))
                .replace("leaf", "{ leaf }")
        };
        let schema = schema();
        assert_eq!(cost_of(&schema, &nested(2)).values, 1 + 100 * (1 + 100));
        assert_eq!(cost_of(&schema, &nested(30)).values, u64::MAX);
    }
}
