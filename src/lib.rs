//! Rapport: a GraphQL API for messaging, campaigns and conversations and for the numbers
//! made of them. `docs/ARCHITECTURE.md` is the map; each module says at its top what it
//! owns and what not.

/// How numbers are made: metrics, periods, queries.
pub mod analytics;
/// Who is calling, and what they may touch.
pub mod auth;
/// The only source of time and of new ids.
pub mod clock;
/// What the command line does to accounts and tokens.
pub mod command;
/// The settings, checked.
pub mod config;
/// Connections, and the differences between the databases.
pub mod db;
/// Hands messages over to providers.
pub mod delivery;
/// An account with a year of traffic to look at.
pub mod demo;
/// What may be done, and its rules.
pub mod domain;
/// What every part needs, in one handle.
pub mod engine;
/// What can go wrong.
pub mod error;
/// The schema, and the gate in front of it.
pub mod graphql;
/// Text within HTML.
mod html;
/// The way in by HTTP.
pub mod http;
/// What providers tell by webhook.
pub mod ingest;
/// What subscribers hear of, as it happens.
pub mod live;
/// Percentiles that can be added up.
mod percentile;
/// Puts the parts together and takes them apart.
pub mod startup;
/// Where log lines go.
pub mod telemetry;
/// Time zones and lengths of time as callers write them.
mod zone;
