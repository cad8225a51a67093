//! The tests of the whole application: one binary, one file for each subject. Every test
//! that touches the database runs on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod answers;
mod asking;
mod auth;
mod bad_input;
mod campaigns;
mod campaigns_again;
mod chaos;
mod clients;
mod contact_merge;
mod conventions;
mod conversations;
mod credits;
mod cut;
mod engagement;
mod erasure;
mod examples;
mod gate;
mod grafana;
mod health;
mod laws;
mod layers;
mod live;
mod mail;
mod message_log;
mod nested;
mod opt_out_page;
mod record;
mod record_late;
mod record_order;
mod record_plans;
mod record_rules;
mod record_sent;
mod record_sessions;
mod report_errors;
mod report_plans;
mod report_rows;
mod roles;
mod seed;
mod sending;
mod sockets;
mod support;
mod tenancy;
mod views;
mod webhooks;
mod webhooks_again;
mod webhooks_providers;
mod worked;
