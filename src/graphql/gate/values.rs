//! Values that clients give, in a document or as variables, against the schema: everything
//! that is wrong is told at once, with its place. What a type of ours demands beyond its form
//! (a known time zone, a date in range) is told by the field that reads it.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{self, InputValueDefinition, Type, VariableDefinition};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Node, Schema};
use async_graphql::Value as Json;

use crate::error::{Violation, ViolationCode};
use crate::graphql::scalar::DateTime;

/// Names that are listed where another one is not allowed.
const LISTED: usize = 40;
/// Wrong values that are told of at once; the last says that there are more.
const MOST_VIOLATIONS: usize = 100;
const LAST: usize = MOST_VIOLATIONS - 1;

/// A value where it stands.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    Json(&'a Json),
    Literal(&'a ast::Value),
}

/// What a value looks like.
enum Form<'a> {
    Null,
    Boolean,
    Int,
    Float,
    Text(&'a str),
    Name(&'a str),
    /// With its length; see [`Given::items`].
    List(usize),
    Object,
    Variable(&'a str),
    Other,
}

impl<'a> Given<'a> {
    fn form(self) -> Form<'a> {
        match self {
            Self::Json(value) => match value {
                Json::Null => Form::Null,
                Json::Boolean(_) => Form::Boolean,
                Json::Number(number) => match number.as_i64() {
                    Some(number) if i32::try_from(number).is_ok() => Form::Int,
                    _ => Form::Float,
                },
                Json::String(text) => Form::Text(text),
                Json::Enum(name) => Form::Name(name),
                Json::List(items) => Form::List(items.len()),
                Json::Object(_) => Form::Object,
                Json::Binary(_) => Form::Other,
            },
            Self::Literal(value) => match value {
                ast::Value::Null => Form::Null,
                ast::Value::Boolean(_) => Form::Boolean,
                ast::Value::Int(number) if number.try_to_i32().is_ok() => Form::Int,
                ast::Value::Int(_) | ast::Value::Float(_) => Form::Float,
                ast::Value::String(text) => Form::Text(text),
                ast::Value::Enum(name) => Form::Name(name),
                ast::Value::Variable(name) => Form::Variable(name),
                ast::Value::List(items) => Form::List(items.len()),
                ast::Value::Object(_) => Form::Object,
            },
        }
    }

    fn items(self) -> Vec<Self> {
        match self {
            Self::Json(Json::List(items)) => items.iter().map(Given::Json).collect(),
            Self::Literal(ast::Value::List(items)) => {
                items.iter().map(|item| Given::Literal(item)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn fields(self) -> Vec<(&'a str, Self)> {
        match self {
            Self::Json(Json::Object(fields)) => {
                let fields = fields.iter();
                fields.map(|(name, value)| (name.as_str(), Given::Json(value))).collect()
            }
            Self::Literal(ast::Value::Object(fields)) => {
                let fields = fields.iter();
                fields.map(|(name, value)| (name.as_str(), Given::Literal(value))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_json(self) -> bool {
        matches!(self, Self::Json(_))
    }
}

/// Compares values with types and collects what is wrong.
pub(super) struct Checker<'a> {
    pub schema: &'a Valid<Schema>,
    /// The longest list.
    pub list_items: usize,
    /// The variables of the operation, for values within a document.
    pub variables: HashMap<&'a str, &'a VariableDefinition>,
    pub violations: Vec<Violation>,
}

impl<'a> Checker<'a> {
    pub(super) fn fail(&mut self, path: &str, code: ViolationCode, message: String) {
        match self.violations.len() {
            MOST_VIOLATIONS.. => {}
            LAST => {
                let message = "there are more wrong values".to_owned();
                self.violations.push(Violation { path: path.to_owned(), code, message });
            }
            _ => self.violations.push(Violation { path: path.to_owned(), code, message }),
        }
    }

    fn is_full(&self) -> bool {
        self.violations.len() >= MOST_VIOLATIONS
    }

    fn expected(&mut self, path: &str, ty: &Type, form: &str) {
        let form = if form.is_empty() { String::new() } else { format!(", {form}") };
        let message = format!("expected type \"{ty}\"{form}");
        self.fail(path, ViolationCode::Malformed, message);
    }

    /// Compares a value with a type. Recursion is bounded: documents and bodies are parsed to
    /// a fixed depth.
    pub(super) fn check(&mut self, path: &str, value: Given<'a>, ty: &'a Type) {
        match value.form() {
            _ if self.is_full() => {}
            Form::Variable(name) => self.variable(path, name, ty),
            Form::Null if ty.is_non_null() => {
                let message = format!("is required, of the type {ty}");
                self.fail(path, ViolationCode::Required, message);
            }
            Form::Null => {}
            Form::List(count) if ty.is_list() => {
                if count > self.list_items {
                    let most = self.list_items;
                    let message = format!("has {count} elements; at most {most} are allowed");
                    self.fail(path, ViolationCode::TooLong, message);
                    return;
                }
                for (index, item) in value.items().into_iter().enumerate() {
                    self.check(&format!("{path}[{index}]"), item, ty.item_type());
                }
            }
            // One value stands for a list of it.
            _ if ty.is_list() => self.check(path, value, ty.item_type()),
            form => self.named(path, value, form, ty),
        }
    }

    /// A variable within a value. What it holds is looked at when it comes; here, whether its
    /// type allows what the place does not. `apollo-compiler` compares the innermost types only.
    /// <https://spec.graphql.org/September2025/#sec-All-Variable-Usages-Are-Allowed>
    fn variable(&mut self, path: &str, name: &str, ty: &Type) {
        // An argument itself is validation's, and so is a variable that is not there.
        if !path.contains(['.', '[']) {
            return;
        }
        let Some(definition) = self.variables.get(name) else { return };
        let default = definition.default_value.as_deref();
        let given = default.is_some_and(|value| !matches!(value, ast::Value::Null));
        let fits = match ty {
            Type::NonNullNamed(inner) if given => {
                definition.ty.is_assignable_to(&Type::Named(inner.clone()))
            }
            Type::NonNullList(inner) if given => {
                definition.ty.is_assignable_to(&Type::List(inner.clone()))
            }
            ty => definition.ty.is_assignable_to(ty),
        };
        if !fits {
            let message = format!("${name} of the type {} does not fit {ty}", definition.ty);
            self.fail(path, ViolationCode::Conflict, message);
        }
    }

    fn named(&mut self, path: &str, value: Given<'a>, form: Form<'a>, ty: &'a Type) {
        let schema: &'a Schema = self.schema;
        match (schema.types.get(ty.inner_named_type()), form) {
            (Some(ExtendedType::InputObject(object)), Form::Object) => {
                self.object(path, object, &value.fields());
            }
            (Some(ExtendedType::Enum(kind)), form) => {
                let name = match form {
                    Form::Name(name) => Some(name),
                    Form::Text(name) if value.is_json() => Some(name),
                    _ => None,
                };
                if !name.is_some_and(|name| kind.values.contains_key(name)) {
                    self.expected(path, ty, &listed("one of", kind.values.keys()));
                }
            }
            (Some(ExtendedType::Scalar(scalar)), form) => match misfit(&scalar.name, &form) {
                None => {}
                Some("") => self.expected(path, ty, ""),
                Some(form) => {
                    self.fail(path, ViolationCode::Malformed, format!("expected {form}"));
                }
            },
            _ => self.expected(path, ty, ""),
        }
    }

    fn object(&mut self, path: &str, object: &'a InputObjectType, fields: &[(&'a str, Given<'a>)]) {
        let mut seen = HashSet::new();
        for (name, value) in fields {
            if self.is_full() {
                return;
            }
            let inner = format!("{path}.{name}");
            let Some(definition) = object.fields.get(*name) else {
                let there = listed("there are", object.fields.keys());
                let message = format!("there is no such field in \"{}\"; {there}", object.name);
                self.fail(&inner, ViolationCode::Unsupported, message);
                continue;
            };
            if !seen.insert(*name) {
                self.fail(&inner, ViolationCode::Conflict, "stands twice".to_owned());
            }
            self.check(&inner, *value, &definition.node.ty);
        }
        let missing = object.fields.iter().filter(|(name, definition)| {
            definition.node.is_required() && !seen.contains(name.as_str())
        });
        for (name, definition) in missing {
            let message = format!("is required, of the type {}", definition.node.ty);
            self.fail(&format!("{path}.{name}"), ViolationCode::Required, message);
        }
        if object.directives.has("oneOf") {
            self.one_of(path, object, fields);
        }
    }

    /// <https://spec.graphql.org/September2025/#sec-OneOf-Input-Objects>
    fn one_of(&mut self, path: &str, object: &InputObjectType, fields: &[(&'a str, Given<'a>)]) {
        let fits = match fields {
            [(_, value)] => match value.form() {
                Form::Null => false,
                Form::Variable(name) => {
                    self.variables.get(name).is_none_or(|variable| variable.ty.is_non_null())
                }
                _ => true,
            },
            _ => false,
        };
        if !fits {
            let names = listed("of", object.fields.keys());
            let message = format!("exactly one {names} must be given, and not null");
            self.fail(path, ViolationCode::Conflict, message);
        }
    }

    /// Arguments of a field or a directive with their definitions.
    pub(super) fn arguments(
        &mut self,
        arguments: &'a [Node<ast::Argument>],
        definitions: &'a [Node<InputValueDefinition>],
    ) {
        for argument in arguments {
            // That there is no such argument is told by validation.
            let definition = definitions.iter().find(|it| it.name == argument.name);
            if let Some(definition) = definition {
                self.check(&argument.name, Given::Literal(&argument.value), &definition.ty);
            }
        }
    }
}

/// What was expected of a value for a scalar, beyond its type.
fn misfit(scalar: &str, form: &Form<'_>) -> Option<&'static str> {
    let (fits, expected) = match scalar {
        "Int" => (matches!(form, Form::Int), "a whole number from -2147483648 to 2147483647"),
        "Float" => (matches!(form, Form::Int | Form::Float), "a number"),
        "Boolean" => (matches!(form, Form::Boolean), "true or false"),
        "ID" => (matches!(form, Form::Text(_) | Form::Int), "a text"),
        "DateTime" => (matches!(form, Form::Text(text) if DateTime::reads(text)), DateTime::FORM),
        _ => (matches!(form, Form::Text(_)), "a text"),
    };
    if fits { None } else { Some(expected) }
}

fn listed<'n>(what: &str, names: impl ExactSizeIterator<Item = &'n Name>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let names: Vec<_> = names.take(LISTED).map(Name::as_str).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{what} {}{more}", names.join(", "))
}
