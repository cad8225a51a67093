//! Inboxes, who answers on them, bots and templates.

use sea_orm_migration::prelude::*;

use crate::schema::{Index, Kind::*, Reference, Table, create, drop, optional, required};

pub const TABLES: &[Table] = &[
    Table {
        name: "inbox",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("name", Text),
            required("name_key", Text),
            required("platform", Small),
            required("official", Bool),
            optional("vendor", Text),
            optional("portfolio", Text),
            optional("line", Text),
            required("send_only", Bool),
            optional("label", Text),
            optional("idle_close_seconds", Big),
            optional("reopen_within_seconds", Big),
            optional("business_hours", Json),
            required("provider", Small),
            optional("provider_line_id", Text),
            optional("credentials", Bytes),
            required("key", Bytes),
            required("gives_receipts", Bool),
            required("gives_reads", Bool),
            optional("archived_at", Big),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "key"]),
            Index::unique(&["account_id", "provider", "provider_line_id"]),
            Index::on(&["account_id", "created_at"]),
        ],
        references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
    },
    Table {
        name: "inbox_member",
        columns: &[
            required("account_id", Uuid),
            required("inbox_id", Uuid),
            required("user_id", Uuid),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "inbox_id", "user_id"],
        indexes: &[Index::on(&["account_id", "user_id"])],
        references: &[
            Reference {
                columns: &["account_id", "inbox_id"],
                table: "inbox",
                to: &["account_id", "id"],
            },
            Reference { columns: &["user_id"], table: "user", to: &["id"] },
        ],
    },
    Table {
        name: "bot",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("name", Text),
            required("name_key", Text),
            optional("archived_at", Big),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "name"]),
            Index::on(&["account_id", "created_at"]),
        ],
        references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
    },
    Table {
        name: "template",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("name", Text),
            required("name_key", Text),
            required("language", Text),
            required("category", Small),
            required("body", Text),
            required("status", Small),
            optional("status_reason", Text),
            optional("external_id", Text),
            optional("archived_at", Big),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "name", "language"]),
            Index::on(&["account_id", "external_id"]),
            Index::on(&["account_id", "created_at"]),
        ],
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
