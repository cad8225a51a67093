//! What came in as it came in, stored answers, and the event log.

use sea_orm_migration::prelude::*;

use crate::schema::{Index, Kind::*, Reference, Table, create, drop, optional, required};

pub const TABLES: &[Table] = &[
    Table {
        name: "raw_event",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("inbox_id", Uuid),
            required("provider", Small),
            required("digest", Bytes),
            required("body", Bytes),
            required("received_at", Big),
            optional("applied_at", Big),
            required("applied", Int),
            required("unknown", Int),
            required("failed", Int),
            optional("remark", Text),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "inbox_id", "digest"]),
            Index::on(&["account_id", "received_at"]),
            Index::on(&["account_id", "applied_at", "received_at"]),
        ],
        references: &[Reference {
            columns: &["account_id", "inbox_id"],
            table: "inbox",
            to: &["account_id", "id"],
        }],
    },
    Table {
        name: "idempotency_key",
        columns: &[
            required("account_id", Uuid),
            required("key", Text),
            required("mutation", Text),
            required("fingerprint", Bytes),
            required("answer", Json),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "key"],
        indexes: &[Index::on(&["account_id", "created_at"])],
        references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
    },
    Table {
        name: "event",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("kind", Small),
            required("ids", Json),
            optional("seq", Big),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[Index::on(&["account_id", "created_at"]), Index::on(&["account_id", "seq"])],
        references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
    },
];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}
