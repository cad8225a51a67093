//! The tables of the database and how they came to be, one concern a file. Independent of
//! the `entity` crate: a migration must go on meaning what it meant.

pub use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait};

mod m20261120_000001_accounts;
mod m20261120_000002_inboxes;
mod m20261120_000003_contacts;
mod m20261120_000004_conversations;
mod m20261120_000005_messages;
mod m20261120_000006_journal;
mod m20261120_000007_foreign_keys;
mod m20261125_000008_first_messages;
mod m20261125_000009_effective_opt_outs;
mod m20261125_000010_waits;
mod m20261125_000011_message_log;
mod m20261125_000012_views;
mod m20261130_000013_event_log;
mod m20261201_000014_campaigns;
mod m20261202_000015_erasure;
mod m20261205_000015_signed_queries;
mod m20261206_000016_credits;
mod schema;

/// The tables that the first migrations make, in the order of their making.
const TABLES: &[&[schema::Table]] = &[
    m20261120_000001_accounts::TABLES,
    m20261120_000002_inboxes::TABLES,
    m20261120_000003_contacts::TABLES,
    m20261120_000004_conversations::TABLES,
    m20261120_000005_messages::TABLES,
    m20261120_000006_journal::TABLES,
];

pub use m20261125_000012_views::NAMES as VIEW_NAMES;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_accounts::Migration),
            Box::new(m20261120_000002_inboxes::Migration),
            Box::new(m20261120_000003_contacts::Migration),
            Box::new(m20261120_000004_conversations::Migration),
            Box::new(m20261120_000005_messages::Migration),
            Box::new(m20261120_000006_journal::Migration),
            Box::new(m20261120_000007_foreign_keys::Migration),
            Box::new(m20261125_000008_first_messages::Migration),
            Box::new(m20261125_000009_effective_opt_outs::Migration),
            Box::new(m20261125_000010_waits::Migration),
            Box::new(m20261125_000011_message_log::Migration),
            Box::new(m20261125_000012_views::Migration),
            Box::new(m20261130_000013_event_log::Migration),
            Box::new(m20261201_000014_campaigns::Migration),
            Box::new(m20261202_000015_erasure::Migration),
            Box::new(m20261205_000015_signed_queries::Migration),
            Box::new(m20261206_000016_credits::Migration),
        ]
    }
}
