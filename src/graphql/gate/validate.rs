//! A document against our schema: by `apollo-compiler`, and for values by our own rules, which
//! name the place of each wrong one.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{self, DirectiveList, OperationType};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Schema};
use async_graphql::ServerError;

use super::values::{Checker, Given};
use crate::graphql::error::{VALIDATION_FAILED, coded, refused};

/// What our own rules tell with its place.
const OF_VALUES: [&str; 5] = [
    "UndefinedEnumValue",
    "UndefinedInputValue",
    "RequiredField",
    "UnsupportedValueType",
    "IntCoercionError",
];

pub(super) fn validate(
    document: &ast::Document,
    schema: &Valid<Schema>,
    list_items: usize,
) -> Result<Valid<ExecutableDocument>, Vec<ServerError>> {
    let (document, mut told) = match document.to_executable_validate(schema) {
        Ok(document) => (document.into_inner(), Vec::new()),
        Err(failed) => (failed.partial, told(&failed.errors)),
    };
    let mut checker =
        Checker { schema, list_items, variables: HashMap::new(), violations: Vec::new() };
    for operation in document.operations.iter() {
        let variables = operation.variables.iter();
        checker.variables =
            variables.map(|variable| (variable.name.as_str(), variable.as_ref())).collect();
        defaults(operation, &mut checker);
        let mut walk = Walk { document: &document, checker: &mut checker, seen: HashSet::new() };
        walk.directives(&operation.directives);
        walk.set(&operation.selection_set);
        told.extend(hidden_root(operation));
    }
    let violations = std::mem::take(&mut checker.violations);
    let mut errors: Vec<_> = told
        .into_iter()
        // Each is among the violations, told better.
        .filter(|(name, _)| violations.is_empty() || !OF_VALUES.contains(name))
        .map(|(_, error)| error)
        .collect();
    if !violations.is_empty() {
        errors.insert(0, refused(violations));
    }
    if errors.is_empty() { Ok(Valid::assume_valid(document)) } else { Err(errors) }
}

/// A subscription that does not name its field itself: the library that runs it would not find
/// the field, and wait for ever.
fn hidden_root(operation: &Operation) -> Option<(&'static str, ServerError)> {
    let named = |selection: &Selection| match selection {
        Selection::Field(field) => field.directives.is_empty() && !field.name.starts_with("__"),
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => false,
    };
    let subscription = operation.operation_type == OperationType::Subscription;
    let hidden = subscription && !operation.selection_set.selections.iter().all(named);
    let message = "a subscription names its one field itself, without fragments and directives \
                   around it";
    hidden.then(|| ("HiddenRoot", coded(message, None, VALIDATION_FAILED)))
}

/// The errors of the library, each with its name there.
fn told(diagnostics: &DiagnosticList) -> Vec<(&'static str, ServerError)> {
    let errors = diagnostics.iter().map(|diagnostic| {
        let name = diagnostic.error.unstable_error_name().unwrap_or_default();
        let told = diagnostic.unstable_to_json_compat();
        (name, coded(told.message, super::position(&told.locations), VALIDATION_FAILED))
    });
    errors.collect()
}

fn defaults<'a>(operation: &'a Operation, checker: &mut Checker<'a>) {
    for variable in &operation.variables {
        if let Some(value) = &variable.default_value {
            let path = format!("${}", variable.name);
            checker.check(&path, Given::Literal(value), &variable.ty);
        }
    }
}

/// Goes through an operation, and once through each fragment that it spreads.
struct Walk<'a, 'c> {
    document: &'a ExecutableDocument,
    checker: &'c mut Checker<'a>,
    seen: HashSet<&'a str>,
}

impl<'a> Walk<'a, '_> {
    fn set(&mut self, set: &'a SelectionSet) {
        for selection in &set.selections {
            self.directives(selection.directives());
            match selection {
                Selection::Field(field) => {
                    self.checker.arguments(&field.arguments, &field.definition.arguments);
                    self.set(&field.selection_set);
                }
                Selection::InlineFragment(inline) => self.set(&inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    let document = self.document;
                    if let Some(fragment) = document.fragments.get(&spread.fragment_name)
                        && self.seen.insert(&spread.fragment_name)
                    {
                        self.directives(&fragment.directives);
                        self.set(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &'a DirectiveList) {
        let schema: &'a Schema = self.checker.schema;
        for directive in directives.iter() {
            if let Some(definition) = schema.directive_definitions.get(&directive.name) {
                self.checker.arguments(&directive.arguments, &definition.arguments);
            }
        }
    }
}
