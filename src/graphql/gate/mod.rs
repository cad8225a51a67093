//! The gate in front of every way in. A document is looked at as text, as a tree, against the
//! schema, and only then reaches the library that runs it; what passed is kept by its hash, so
//! that all this is paid once. Variables and cost are looked at each time. What a request
//! means is not known here.

mod bucket;
mod cost;
mod persisted;
mod scan;
mod shape;
mod validate;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use apollo_compiler::ast::OperationType;
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use async_graphql::{ServerError, Variables};
use moka::sync::Cache;

use super::error::{OPERATION_RESOLUTION_FAILURE, PARSE_FAILED, coded, limited, refused};
use crate::config::{Limits, MOST_NESTED};
use crate::error::ViolationCode;
use values::{Checker, Given};

pub use bucket::{Buckets, Spender, Standing, Wait};
pub use cost::Cost;
pub use persisted::{Hash, Trusted, hash};

/// About as many bytes are kept of documents and of what was made of them.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// What the trees of a document take for each byte of its text, and what any takes.
const BYTES_A_BYTE: usize = 64;
const BYTES_AT_LEAST: usize = 4_096;

/// A document that may be run.
pub struct Document {
    typed: ExecutableDocument,
    parsed: async_graphql::parser::types::ExecutableDocument,
}

/// A request as a client writes it.
#[derive(Debug, Default)]
pub struct Asked {
    pub query: Option<String>,
    pub operation_name: Option<String>,
    pub variables: Variables,
    pub extensions: async_graphql::Extensions,
}

/// A request that passed.
pub struct Admitted {
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Variables,
    pub kind: OperationType,
    pub cost: Cost,
}

impl Admitted {
    /// Whether it is answered again and again.
    pub fn is_subscription(&self) -> bool {
        self.kind == OperationType::Subscription
    }

    pub(super) fn into_request(self) -> async_graphql::Request {
        let mut request = async_graphql::Request::new("").variables(self.variables);
        request.operation_name = self.operation_name;
        request.set_parsed_query(self.document.parsed.clone());
        request
    }
}

pub struct Gate {
    schema: Valid<Schema>,
    limits: Limits,
    introspection: bool,
    trusted: Trusted,
    passed: Cache<Hash, Arc<Document>>,
}

type Errors = Vec<ServerError>;

impl Gate {
    /// A gate for the schema in this SDL. The error says what is wrong with it.
    pub fn new(
        sdl: &str,
        limits: Limits,
        introspection: bool,
        trusted: Trusted,
    ) -> Result<Self, String> {
        let passed = Cache::builder()
            .max_capacity(KEPT_BYTES)
            .weigher(|_, document: &Arc<Document>| document.weight())
            .build();
        Ok(Self { schema: read_schema(sdl)?, limits, introspection, trusted, passed })
    }

    /// Checks a request whole. `most` is what it may cost.
    pub fn admit(&self, asked: Asked, most: u64) -> Result<Admitted, Errors> {
        scan::check_name(asked.operation_name.as_deref()).map_err(|error| vec![error.into()])?;
        scan::check_variables(&asked.variables).map_err(|error| vec![error.into()])?;
        let document = self.document(&asked)?;
        let name = asked.operation_name.as_deref();
        let operation = operation(&document.typed, name)?;
        self.check_variables(operation, &asked.variables)?;
        let cost = cost::cost(&document.typed, operation, &asked.variables);
        if cost.total() > most {
            let message = format!(
                "the document may cost {} values; at most {most} are allowed: ask for fewer \
                 rows or fields",
                cost.total()
            );
            return Err(vec![limited("document_cost", most, message, None)]);
        }
        let kind = operation.operation_type;
        let Asked { operation_name, variables, .. } = asked;
        Ok(Admitted { document, operation_name, variables, kind, cost })
    }

    /// The document that a request sends or names.
    fn document(&self, asked: &Asked) -> Result<Arc<Document>, Errors> {
        let named = persisted::named(&asked.extensions).map_err(|error| vec![error])?;
        let hash = match (&asked.query, named) {
            (Some(text), named) => {
                // Too long to be worth hashing.
                if text.len() > self.limits.document_bytes {
                    scan::check_document(text, &self.limits).map_err(|error| vec![error.into()])?;
                }
                let hash = hash(text);
                if named.is_some_and(|named| named != hash) {
                    return Err(vec![persisted::mismatch()]);
                }
                hash
            }
            (None, Some(hash)) => hash,
            (None, None) => {
                let message = "send `query`, or `extensions.persistedQuery`";
                return Err(vec![coded(message, None, super::error::BAD_USER_INPUT)]);
            }
        };
        self.trusted.allow(&hash).map_err(|error| vec![error])?;
        if let Some(document) = self.passed.get(&hash) {
            return Ok(document);
        }
        let document = match (&asked.query, self.trusted.find(&hash)) {
            (Some(text), _) => self.check(text)?,
            (None, Some(text)) => self.check(&text)?,
            (None, None) => return Err(vec![persisted::not_found()]),
        };
        let document = Arc::new(document);
        self.passed.insert(hash, document.clone());
        Ok(document)
    }

    /// Everything that a document can be refused for without its variables.
    fn check(&self, text: &str) -> Result<Document, Errors> {
        scan::check_document(text, &self.limits).map_err(|error| vec![error.into()])?;
        // Bounded above: the parser counts white space and comments as tokens too.
        let mut parser = Parser::new()
            .token_limit(self.limits.document_bytes.saturating_add(1))
            .recursion_limit(MOST_NESTED * 4);
        let tree = parser.parse_ast(text, "document").map_err(|failed| {
            let errors = failed.errors.iter().map(|error| {
                let told = error.unstable_to_json_compat();
                coded(told.message, position(&told.locations), PARSE_FAILED)
            });
            errors.collect::<Vec<_>>()
        })?;
        shape::check(&tree, &self.limits, self.introspection).map_err(|error| vec![*error])?;
        let typed = validate::validate(&tree, &self.schema, self.limits.list_items)?;
        let parsed = async_graphql::parser::parse_query(text)
            .map_err(|error| vec![super::error::unparsed(error.into())])?;
        Ok(Document { typed: typed.into_inner(), parsed })
    }

    fn check_variables(&self, operation: &Operation, given: &Variables) -> Result<(), Errors> {
        let mut checker = Checker {
            schema: &self.schema,
            list_items: self.limits.list_items,
            variables: HashMap::new(),
            violations: Vec::new(),
        };
        for variable in &operation.variables {
            let path = format!("variables.{}", variable.name);
            match given.get(variable.name.as_str()) {
                Some(value) => checker.check(&path, Given::Json(value), &variable.ty),
                None if variable.ty.is_non_null() && variable.default_value.is_none() => {
                    let message = format!("is required, of the type {}", variable.ty);
                    checker.fail(&path, ViolationCode::Required, message);
                }
                None => {}
            }
        }
        let violations = checker.violations;
        if violations.is_empty() { Ok(()) } else { Err(vec![refused(violations)]) }
    }
}

impl Document {
    fn weight(&self) -> u32 {
        let sources = self.typed.sources.values();
        let bytes: usize = sources.map(|source| source.source_text().len()).sum();
        u32::try_from(BYTES_AT_LEAST + BYTES_A_BYTE * bytes).unwrap_or(u32::MAX)
    }
}

fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Operation, Errors> {
    match document.operations.get(name) {
        Ok(operation) => Ok(operation),
        Err(_) => {
            let message = match name {
                Some(name) => format!("there is no operation named \"{name}\" in the document"),
                None => {
                    "the document has several operations; say which by `operationName`".to_owned()
                }
            };
            Err(vec![coded(message, None, OPERATION_RESOLUTION_FAILURE)])
        }
    }
}

fn position(locations: &[apollo_compiler::parser::LineColumn]) -> Option<async_graphql::Pos> {
    let at = locations.first()?;
    Some(async_graphql::Pos { line: at.line, column: at.column })
}

fn read_schema(sdl: &str) -> Result<Valid<Schema>, String> {
    let schema = Schema::parse_and_validate(sdl, "schema.graphql")
        .map_err(|failed| failed.errors.to_string())?;
    let mut schema = schema.into_inner();
    // The compiler knows the specification of 2021; this field came with input objects of
    // which one field is given.
    let is_one_of =
        Schema::parse_and_validate("type Query { isOneOf: Boolean }", "introspection.graphql")
            .map_err(|failed| failed.errors.to_string())?;
    let field = is_one_of
        .get_object("Query")
        .and_then(|query| query.fields.get("isOneOf").cloned())
        .ok_or("the field isOneOf is missing")?;
    if let Some(apollo_compiler::schema::ExtendedType::Object(kind)) =
        schema.types.get_mut("__Type")
    {
        kind.make_mut().fields.insert(field.name.clone(), field);
    }
    Ok(Valid::assume_valid(schema))
}
