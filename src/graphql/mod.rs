//! The GraphQL API: its types, and how a request is run. Rules live in `domain`, numbers
//! are made in `analytics`; here they are shown and asked for. No SQL is written here.

mod api;
pub mod connection;
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
mod subscription;
pub mod viewer;
pub mod vocabulary;

use async_graphql::{SDLExportOptions, SchemaBuilder, ValidationMode};

use crate::config::MOST_NESTED;
use crate::engine::Engine;
use connection::Lists;
use mutation::Mutation;
use query::Query;
use subscription::{Subscription, Subscriptions};

pub use api::{Api, Way, Who, trusted};
pub use error::{finish, refuse};

pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The id under which a request is answered and logged.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The address of whoever calls, as far as it is known.
#[derive(Clone, Debug)]
pub struct ClientAddress(pub Option<String>);

/// The schema that serves requests. The gate has checked them: the library only runs them.
fn schema(engine: Engine) -> Schema {
    builder()
        .data(Subscriptions::new(&engine))
        .data(engine)
        .validation_mode(ValidationMode::Fast)
        .limit_recursive_depth(MOST_NESTED * 2)
        .finish()
}

/// The schema in GraphQL's own language.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by().use_space_ident();
    builder().finish().sdl_with_options(options)
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation::default(), Subscription).register_output_type::<Lists>()
}
