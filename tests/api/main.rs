//! The tests of the whole application: one binary, one file for each subject. Every test
//! that touches the database runs on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod auth;
mod bad_input;
mod clients;
mod conventions;
mod conversations;
mod health;
mod layers;
mod record;
mod record_order;
mod record_rules;
mod record_sessions;
mod roles;
mod support;
mod tenancy;
mod webhooks;
mod webhooks_again;
