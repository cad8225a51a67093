//! A document against our schema: by `apollo-compiler`, and for values by our own rules, which
//! name the place of each wrong one.

use std::collections::HashMap;

use apollo_compiler::ast::{self, Type};
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
    let (document, told) = match document.to_executable_validate(schema) {
        Ok(document) => (document.into_inner(), Vec::new()),
        Err(failed) => (failed.partial, told(&failed.errors)),
    };
    let mut checker =
        Checker { schema, list_items, variables: variables(&document), violations: Vec::new() };
    for operation in document.operations.iter() {
        defaults(operation, &mut checker);
        walk(&operation.selection_set, &mut checker);
    }
    for fragment in document.fragments.values() {
        walk(&fragment.selection_set, &mut checker);
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

/// The errors of the library, each with its name there.
fn told(diagnostics: &DiagnosticList) -> Vec<(&'static str, ServerError)> {
    let errors = diagnostics.iter().map(|diagnostic| {
        let name = diagnostic.error.unstable_error_name().unwrap_or_default();
        let told = diagnostic.unstable_to_json_compat();
        (name, coded(told.message, super::position(&told.locations), VALIDATION_FAILED))
    });
    errors.collect()
}

/// The types of variables. Where operations differ, the one that allows null counts.
fn variables(document: &ExecutableDocument) -> HashMap<&str, &Type> {
    let mut types: HashMap<&str, &Type> = HashMap::new();
    for operation in document.operations.iter() {
        for variable in &operation.variables {
            let known = types.entry(&variable.name).or_insert(&variable.ty);
            if !variable.ty.is_non_null() {
                *known = &variable.ty;
            }
        }
    }
    types
}

fn defaults<'a>(operation: &'a Operation, checker: &mut Checker<'a>) {
    for variable in &operation.variables {
        if let Some(value) = &variable.default_value {
            let path = format!("${}", variable.name);
            checker.check(&path, Given::Literal(value), &variable.ty);
        }
    }
}

/// Fields as they are written; fragments are walked on their own.
fn walk<'a>(set: &'a SelectionSet, checker: &mut Checker<'a>) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                checker.arguments(&field.arguments, &field.definition.arguments);
                walk(&field.selection_set, checker);
            }
            Selection::InlineFragment(inline) => walk(&inline.selection_set, checker),
            Selection::FragmentSpread(_) => {}
        }
    }
}
