//! The GraphQL API: its types, and how a request is run. Rules live in `domain`, numbers
//! are made in `analytics`; here they are shown and asked for. No SQL is written here.

pub mod connection;
mod document;
pub mod error;
mod filter;
pub mod gate;
pub mod id;
pub mod loader;
pub mod mutation;
pub mod node;
pub mod object;
mod query;
pub mod report;
pub mod scalar;
pub mod viewer;
pub mod vocabulary;

use async_graphql::{EmptySubscription, Request, Response, SDLExportOptions, SchemaBuilder};

use crate::auth::Viewer;
use crate::engine::Engine;
use connection::Lists;
use loader::Caller;
use mutation::Mutation;
use query::Query;

pub use error::{finish, refuse};

pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// What a document may cost: fields, times the elements of the lists that they stand in.
pub const MOST_COMPLEX: usize = 100_000;
/// Fields within fields. The usual introspection query needs 15.
pub const MOST_DEEP: usize = 20;

/// The id under which a request is answered and logged.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The address of whoever calls, as far as it is known.
#[derive(Clone, Debug)]
pub struct ClientAddress(pub Option<String>);

/// The schema that serves requests.
pub fn schema(engine: Engine) -> Schema {
    let mut builder = builder();
    if !engine.config.introspection {
        builder = builder.disable_introspection().disable_suggestions();
    }
    builder.data(engine).limit_complexity(MOST_COMPLEX).limit_depth(MOST_DEEP).finish()
}

/// The schema in GraphQL's own language.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by().use_space_ident();
    builder().finish().sdl_with_options(options)
}

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation::default(), EmptySubscription).register_output_type::<Lists>()
}

/// Runs one request; `viewer` is none for callers without a token. Every error of the answer
/// has a code and the request's id.
pub async fn execute(
    schema: &Schema,
    mut request: Request,
    viewer: Option<Viewer>,
    request_id: RequestId,
    address: ClientAddress,
) -> Response {
    let operation = request.operation_name.clone();
    // Large where messages are recorded: taken out while the document is looked at.
    let variables = std::mem::take(&mut request.variables);
    let checked = match request.parsed_query() {
        Ok(document) => document::check(document)
            .and_then(|()| document::check_variables(document, operation.as_deref(), &variables)),
        Err(unparsed) => Err(error::unparsed(unparsed)),
    };
    let response = match checked {
        Ok(()) => {
            let mut request = request.variables(variables).data(request_id.clone()).data(address);
            if let Some(viewer) = viewer {
                request = request.data(Caller::new(viewer));
            }
            schema.execute(request).await
        }
        Err(error) => Response::from_errors(vec![error]),
    };
    finish(response, &request_id)
}
