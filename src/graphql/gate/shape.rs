//! The shape of a parsed document, before anything is compared with the schema: how large it
//! is once its fragments are spread, how deep, how often it uses what multiplies work. Each
//! fragment is weighed once, so that fragments which spread each other twice cost no more than
//! they are long; whatever comes later may walk spreads, since their sum is known to be small.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    Definition, DirectiveList, Document, FragmentDefinition, OperationType, Selection,
};
use apollo_compiler::parser::SourceMap;
use apollo_compiler::{Name, Node};
use async_graphql::{Pos, ServerError};

use crate::config::{Limits, MOST_NESTED};
use crate::graphql::error::{VALIDATION_FAILED, coded, limited};

/// Fields and fragments of a document, each spread counted again.
pub const MOST_NODES: usize = 5_000;

type Checked<T = ()> = Result<T, Box<ServerError>>;

pub fn check(document: &Document, limits: &Limits, introspection: bool) -> Checked {
    let mut counts = Counts::default();
    let mut scale = Scale::new(document)?;
    let mut nodes = 0_usize;
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                counts.directives(&operation.directives);
                for variable in &operation.variables {
                    counts.directives(&variable.directives);
                }
                counts.selections(&operation.selection_set);
                let weight = scale.set(&operation.selection_set, 0)?;
                nodes = nodes.saturating_add(weight.nodes);
                allow_nodes(nodes)?;
                weight.allow(limits)?;
                scale.roots(&operation.selection_set, operation.operation_type, limits)?;
            }
            Definition::FragmentDefinition(fragment) => {
                counts.directives(&fragment.directives);
                counts.selections(&fragment.selection_set);
                // Those that nothing uses are validated too.
                allow_nodes(scale.fragment(&fragment.name, 0)?.nodes)?;
            }
            // Not executable; validation says so.
            _ => {}
        }
    }
    if counts.introspects && !introspection {
        let message = "the server does not describe its schema (__schema, __type)";
        return Err(Box::new(coded(message, None, VALIDATION_FAILED)));
    }
    counts.allow(limits)
}

fn allow_nodes(nodes: usize) -> Checked {
    if nodes <= MOST_NODES {
        return Ok(());
    }
    let message = format!(
        "the document selects more than {MOST_NODES} fields, fragments counted at each use"
    );
    Err(refuse("nodes", MOST_NODES, message))
}

fn refuse(limit: &str, most: usize, message: String) -> Box<ServerError> {
    Box::new(limited(limit, most, message, None))
}

/// What is counted as it is written, without spreading fragments.
#[derive(Default)]
struct Counts {
    aliases: usize,
    directives: usize,
    introspects: bool,
}

impl Counts {
    fn directives(&mut self, list: &DirectiveList) {
        self.directives += list.len();
    }

    fn selections(&mut self, set: &[Selection]) {
        for selection in set {
            match selection {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.alias.is_some());
                    self.introspects |= is_introspection(&field.name);
                    self.directives(&field.directives);
                    self.selections(&field.selection_set);
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.directives);
                    self.selections(&fragment.selection_set);
                }
                Selection::FragmentSpread(spread) => self.directives(&spread.directives),
            }
        }
    }

    fn allow(&self, limits: &Limits) -> Checked {
        for (what, count, most) in [
            ("aliases", self.aliases, limits.aliases),
            ("directives", self.directives, limits.directives),
        ] {
            if count > most {
                let message =
                    format!("the document has {count} {what}; at most {most} are allowed");
                return Err(refuse(what, most, message));
            }
        }
        Ok(())
    }
}

/// What a selection amounts to.
#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    /// Selections within selections.
    height: usize,
    /// Fields within fields.
    depth: usize,
    /// The same within `__schema` and `__type`.
    introspection: usize,
}

impl Weight {
    fn allow(self, limits: &Limits) -> Checked {
        for (limit, place, depth, most) in [
            ("depth", "", self.depth, limits.depth),
            (
                "introspection_depth",
                " within __schema or __type",
                self.introspection,
                limits.introspection_depth,
            ),
        ] {
            if depth > most {
                let message = format!(
                    "the document is nested {depth} fields deep{place}; at most {most} are allowed"
                );
                return Err(refuse(limit, most, message));
            }
        }
        Ok(())
    }
}

struct Scale<'a> {
    sources: &'a SourceMap,
    fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    /// None while a fragment is being weighed.
    weighed: HashMap<&'a str, Option<Weight>>,
}

impl<'a> Scale<'a> {
    fn new(document: &'a Document) -> Checked<Self> {
        let mut fragments = HashMap::new();
        for definition in &document.definitions {
            let Definition::FragmentDefinition(fragment) = definition else { continue };
            // Of two only one would be weighed.
            if fragments.insert(fragment.name.as_str(), fragment).is_some() {
                let name = &fragment.name;
                let message = format!("there are two fragments named \"{name}\"");
                let pos = position(name, &document.sources);
                return Err(Box::new(coded(message, pos, VALIDATION_FAILED)));
            }
        }
        Ok(Self { sources: &document.sources, fragments, weighed: HashMap::new() })
    }

    fn set(&mut self, set: &'a [Selection], nested: usize) -> Checked<Weight> {
        let mut whole = Weight::default();
        for selection in set {
            // Going deeper than what is refused anyway could exhaust the stack.
            if nested >= MOST_NESTED {
                return Err(too_nested());
            }
            let mut part = match selection {
                Selection::Field(field) => {
                    let inner = self.set(&field.selection_set, nested + 1)?;
                    let depth = inner.depth + 1;
                    if is_introspection(&field.name) {
                        let introspection = depth.max(inner.introspection + 1);
                        Weight { depth: 1, introspection, ..inner }
                    } else {
                        Weight { depth, ..inner }
                    }
                }
                Selection::InlineFragment(inline) => self.set(&inline.selection_set, nested + 1)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.fragment_name, nested + 1)?
                }
            };
            part.nodes = part.nodes.saturating_add(1);
            part.height += 1;
            whole = Weight {
                nodes: whole.nodes.saturating_add(part.nodes),
                height: whole.height.max(part.height),
                depth: whole.depth.max(part.depth),
                introspection: whole.introspection.max(part.introspection),
            };
        }
        // A fragment that was weighed before brings its height along.
        if whole.height > MOST_NESTED { Err(too_nested()) } else { Ok(whole) }
    }

    fn fragment(&mut self, name: &'a Name, nested: usize) -> Checked<Weight> {
        match self.weighed.get(name.as_str()) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = format!("the fragment \"{name}\" contains itself");
                let pos = position(name, self.sources);
                return Err(Box::new(coded(message, pos, VALIDATION_FAILED)));
            }
            None => {}
        }
        // That there is no such fragment is told by validation.
        let Some(fragment) = self.fragments.get(name.as_str()).copied() else {
            return Ok(Weight::default());
        };
        self.weighed.insert(name.as_str(), None);
        let weight = self.set(&fragment.selection_set, nested)?;
        self.weighed.insert(name.as_str(), Some(weight));
        Ok(weight)
    }

    /// How many fields an operation has itself, and that no response key stands twice among
    /// those of a mutation: the library would run it twice.
    fn roots(&self, set: &'a [Selection], kind: OperationType, limits: &Limits) -> Checked {
        let mut roots = Roots { seen: HashSet::new(), fields: 0, twice: None };
        self.walk(set, &mut roots);
        if roots.fields > limits.root_fields {
            let (fields, most) = (roots.fields, limits.root_fields);
            let message = format!("the operation has {fields} fields; at most {most} are allowed");
            return Err(refuse("root_fields", most, message));
        }
        match roots.twice {
            Some(key) if kind == OperationType::Mutation => {
                let message =
                    format!("\"{key}\" stands twice in the mutation; give each its own alias");
                let pos = position(key, self.sources);
                Err(Box::new(coded(message, pos, VALIDATION_FAILED)))
            }
            _ => Ok(()),
        }
    }

    /// To be asked when cycles and large sums are ruled out.
    fn walk(&self, set: &'a [Selection], roots: &mut Roots<'a>) {
        for selection in set {
            match selection {
                Selection::Field(field) => {
                    roots.fields += 1;
                    let key = field.response_name();
                    if !roots.seen.insert(key.as_str()) {
                        roots.twice.get_or_insert(key);
                    }
                }
                Selection::InlineFragment(inline) => self.walk(&inline.selection_set, roots),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(spread.fragment_name.as_str()) {
                        self.walk(&fragment.selection_set, roots);
                    }
                }
            }
        }
    }
}

struct Roots<'a> {
    seen: HashSet<&'a str>,
    fields: usize,
    twice: Option<&'a Name>,
}

fn is_introspection(field: &str) -> bool {
    matches!(field, "__schema" | "__type")
}

fn too_nested() -> Box<ServerError> {
    let message = format!("the document is nested deeper than {MOST_NESTED} selections");
    refuse("nested", MOST_NESTED, message)
}

fn position(name: &Name, sources: &SourceMap) -> Option<Pos> {
    let start = name.line_column_range(sources)?.start;
    Some(Pos { line: start.line, column: start.column })
}
