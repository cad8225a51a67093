//! Conversations and their ledger.

use sea_orm_migration::prelude::*;

use crate::schema::{Index, Kind::*, Reference, Table, create, drop, optional, required};

pub const TABLES: &[Table] = &[
    Table {
        name: "conversation",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("ordinal", Big),
            required("display_id", Big),
            required("inbox_id", Uuid),
            required("contact_id", Uuid),
            optional("external_id", Text),
            required("status", Small),
            required("opened_by", Small),
            optional("assignee_id", Uuid),
            optional("bot_id", Uuid),
            required("has_client_messages", Bool),
            optional("traffic_source", Text),
            optional("traffic", Json),
            required("last_message_at", Big),
            optional("last_direction", Small),
            optional("last_author_kind", Small),
            optional("last_author_user_id", Uuid),
            optional("last_author_bot_id", Uuid),
            required("last_activity_at", Big),
            optional("visitor_last_seen_at", Big),
            optional("closed_at", Big),
            optional("closed_by", Small),
            optional("closed_by_user_id", Uuid),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "ordinal"]),
            Index::unique(&["account_id", "display_id"]),
            Index::unique(&["account_id", "inbox_id", "external_id"]),
            Index::on(&["account_id", "inbox_id", "contact_id", "created_at"]),
            Index::on(&["account_id", "contact_id"]),
            Index::on(&["account_id", "created_at"]),
            Index::on(&["account_id", "status", "created_at"]),
            Index::on(&["account_id", "assignee_id", "created_at"]),
        ],
        references: &[
            Reference {
                columns: &["account_id", "inbox_id"],
                table: "inbox",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "contact_id"],
                table: "contact",
                to: &["account_id", "id"],
            },
            Reference { columns: &["assignee_id"], table: "user", to: &["id"] },
            Reference {
                columns: &["account_id", "bot_id"],
                table: "bot",
                to: &["account_id", "id"],
            },
        ],
    },
    Table {
        name: "conversation_event",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("conversation_id", Uuid),
            required("identity", Text),
            required("kind", Small),
            required("actor", Small),
            optional("actor_user_id", Uuid),
            optional("user_id", Uuid),
            optional("bot_id", Uuid),
            optional("label_id", Uuid),
            required("occurred_at", Big),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "conversation_id", "identity"]),
            Index::on(&["account_id", "conversation_id", "occurred_at"]),
            Index::on(&["account_id", "occurred_at"]),
        ],
        references: &[
            Reference {
                columns: &["account_id", "conversation_id"],
                table: "conversation",
                to: &["account_id", "id"],
            },
            Reference { columns: &["actor_user_id"], table: "user", to: &["id"] },
            Reference { columns: &["user_id"], table: "user", to: &["id"] },
            Reference {
                columns: &["account_id", "bot_id"],
                table: "bot",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "label_id"],
                table: "label",
                to: &["account_id", "id"],
            },
        ],
    },
    Table {
        name: "conversation_label",
        columns: &[
            required("account_id", Uuid),
            required("conversation_id", Uuid),
            required("label_id", Uuid),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "conversation_id", "label_id"],
        indexes: &[Index::on(&["account_id", "label_id"])],
        references: &[
            Reference {
                columns: &["account_id", "conversation_id"],
                table: "conversation",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "label_id"],
                table: "label",
                to: &["account_id", "id"],
            },
        ],
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
