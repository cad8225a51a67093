//! What is refused between parsing and the library's own rules. Those rules walk a fragment
//! anew at every spread, so that fragments which spread each other twice would take them
//! exponential time; here each is weighed once. And the library would run a mutation once
//! for each repetition of its response key.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Value, Variables};

use super::error::{LIMIT_EXCEEDED, VALIDATION_FAILED, coded, refused};
use crate::error::{Violation, ViolationCode};

/// Fields and fragments of a document, each spread counted again.
pub const MOST_NODES: usize = 5_000;
/// Selections within selections.
pub const MOST_NESTED: usize = 32;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

pub fn check(document: &ExecutableDocument) -> Result<(), ServerError> {
    let mut scale = Scale { fragments: &document.fragments, weighed: HashMap::new() };
    let mut nodes = 0_usize;
    // Fragments that nothing uses are walked by the rules too.
    for name in document.fragments.keys() {
        nodes = nodes.max(scale.fragment(name, Pos::default(), 0)?.nodes);
    }
    let mut selected = 0_usize;
    for (_, operation) in document.operations.iter() {
        selected = selected.saturating_add(scale.set(&operation.node.selection_set, 0)?.nodes);
    }
    if nodes.max(selected) > MOST_NODES {
        let message = format!(
            "the document selects more than {MOST_NODES} fields, fragments counted at each use"
        );
        return Err(coded(message, None, LIMIT_EXCEEDED));
    }
    for (_, operation) in document.operations.iter() {
        if operation.node.ty == OperationType::Mutation {
            let mut keys = HashSet::new();
            distinct(&document.fragments, &operation.node.selection_set, &mut keys)?;
        }
    }
    Ok(())
}

/// Variables that the operation needs and does not get. The library would only find out at
/// the field that uses one, after others have run.
pub fn check_variables(
    document: &ExecutableDocument,
    operation: Option<&str>,
    variables: &Variables,
) -> Result<(), ServerError> {
    let wanted = |name: Option<&Name>| operation.is_none() || name.map(Name::as_str) == operation;
    let mut operations = document.operations.iter();
    let Some((_, operation)) = operations.find(|(name, _)| wanted(*name)) else {
        return Ok(());
    };
    let definitions = operation.node.variable_definitions.iter().map(|definition| &definition.node);
    let missing = definitions.filter(|definition| {
        let given = variables.get(&definition.name.node);
        let none = given.is_none_or(|value| *value == Value::Null);
        none && !definition.var_type.node.nullable
            && (definition.default_value.is_none() || given.is_some())
    });
    let violations: Vec<Violation> = missing
        .map(|definition| Violation {
            path: format!("variables.{}", definition.name.node),
            code: ViolationCode::Required,
            message: format!("is required, of the type {}", definition.var_type.node),
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(refused(violations)) }
}

/// What a selection amounts to.
#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    height: usize,
}

struct Scale<'a> {
    fragments: &'a Fragments,
    /// None while a fragment is being weighed.
    weighed: HashMap<&'a str, Option<Weight>>,
}

impl<'a> Scale<'a> {
    fn set(
        &mut self,
        set: &'a Positioned<SelectionSet>,
        depth: usize,
    ) -> Result<Weight, ServerError> {
        let mut whole = Weight::default();
        for item in &set.node.items {
            // Going deeper than what is refused anyway could exhaust the stack.
            if depth >= MOST_NESTED {
                return Err(too_deep(set.pos));
            }
            let part = match &item.node {
                Selection::Field(field) => self.set(&field.node.selection_set, depth + 1)?,
                Selection::InlineFragment(inline) => {
                    self.set(&inline.node.selection_set, depth + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, item.pos, depth + 1)?
                }
            };
            whole.nodes = whole.nodes.saturating_add(part.nodes).saturating_add(1);
            whole.height = whole.height.max(part.height + 1);
        }
        // A fragment that was weighed before brings its height along.
        if whole.height > MOST_NESTED { Err(too_deep(set.pos)) } else { Ok(whole) }
    }

    fn fragment(&mut self, name: &'a Name, pos: Pos, depth: usize) -> Result<Weight, ServerError> {
        match self.weighed.get(name.as_str()) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = format!("the fragment \"{name}\" contains itself");
                return Err(coded(message, Some(pos), VALIDATION_FAILED));
            }
            None => {}
        }
        let fragments = self.fragments;
        // That there is no such fragment is told by the rules.
        let Some(fragment) = fragments.get(name) else { return Ok(Weight::default()) };
        self.weighed.insert(name.as_str(), None);
        let weight = self.set(&fragment.node.selection_set, depth)?;
        self.weighed.insert(name.as_str(), Some(weight));
        Ok(weight)
    }
}

fn too_deep(pos: Pos) -> ServerError {
    let message = format!("the document is nested deeper than {MOST_NESTED} selections");
    coded(message, Some(pos), LIMIT_EXCEEDED)
}

/// No response key may stand twice at the root of a mutation.
fn distinct<'a>(
    fragments: &'a Fragments,
    set: &'a Positioned<SelectionSet>,
    keys: &mut HashSet<&'a str>,
) -> Result<(), ServerError> {
    for item in &set.node.items {
        match &item.node {
            Selection::Field(field) => {
                let key = field.node.response_key().node.as_str();
                if !keys.insert(key) {
                    let message =
                        format!("\"{key}\" stands twice in the mutation; give each its own alias");
                    return Err(coded(message, Some(item.pos), VALIDATION_FAILED));
                }
            }
            Selection::InlineFragment(fragment) => {
                distinct(fragments, &fragment.node.selection_set, keys)?;
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = fragments.get(&spread.node.fragment_name.node) {
                    distinct(fragments, &fragment.node.selection_set, keys)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn refusal(document: &str) -> Option<String> {
        check(&parse_query(document).unwrap()).err().map(|error| error.message)
    }

    #[test]
    fn fragments_that_double_each_other_are_refused_at_once() {
        let mut document = "{ ...f0 }".to_owned();
        for index in 0..28 {
            let next = index + 1;
            document.push_str(&format!(" fragment f{index} on Query {{ ...f{next} ...f{next} }}"));
        }
        document.push_str(" fragment f28 on Query { metrics { key } }");
        assert!(refusal(&document).unwrap().contains("5000"));
        let unused = document.replacen("{ ...f0 }", "{ metrics { key } }", 1);
        assert!(refusal(&unused).unwrap().contains("5000"));
    }

    #[test]
    fn cycles_and_chains_are_refused() {
        let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a ...a }";
        assert!(refusal(cycle).unwrap().contains("contains itself"));
        let mut chain = "{ ...f0 }".to_owned();
        for index in 0..500 {
            chain.push_str(&format!(" fragment f{index} on Query {{ ...f{} }}", index + 1));
        }
        assert!(refusal(&chain).unwrap().contains("nested deeper"));
    }

    #[test]
    fn mutations_name_each_result_once() {
        assert!(refusal("mutation { a: signOut { ok } a: signOut { ok } }").is_some());
        assert!(
            refusal("mutation { signOut { ok } ...f } fragment f on Mutation { signOut { ok } }")
                .is_some()
        );
        assert_eq!(refusal("mutation { a: signOut { ok } b: signOut { ok } }"), None);
        assert_eq!(refusal("{ a: metrics { key } a: metrics { key } }"), None);
    }
}
