//! Sessions, messages and the ledger of their statuses.

use sea_orm_migration::prelude::*;

use crate::schema::{Index, Kind::*, Reference, Table, create, drop, optional, required};

pub const TABLES: &[Table] = &[
    Table {
        name: "session",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("contact_id", Uuid),
            required("inbox_id", Uuid),
            required("conversation_id", Uuid),
            required("first_message_id", Uuid),
            required("origin", Small),
            required("user_type", Small),
            required("started_at", Big),
            required("last_message_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::on(&["account_id", "started_at"]),
            Index::on(&["account_id", "inbox_id", "contact_id", "started_at"]),
            Index::on(&["account_id", "contact_id", "started_at"]),
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
            Reference {
                columns: &["account_id", "conversation_id"],
                table: "conversation",
                to: &["account_id", "id"],
            },
        ],
    },
    Table {
        name: "message",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("inbox_id", Uuid),
            required("contact_id", Uuid),
            required("conversation_id", Uuid),
            optional("session_id", Uuid),
            optional("session_role", Small),
            optional("external_id", Text),
            required("medium", Small),
            required("direction", Small),
            optional("author_kind", Small),
            optional("author_user_id", Uuid),
            optional("author_bot_id", Uuid),
            required("private", Bool),
            optional("template_id", Uuid),
            optional("campaign_id", Uuid),
            optional("automation_id", Uuid),
            required("origin", Small),
            optional("quoted_external_id", Text),
            optional("quoted_message_id", Uuid),
            required("content", Text),
            optional("attachments", Json),
            required("occurred_at", Big),
            optional("assignee_id", Uuid),
            optional("bot_id", Uuid),
            optional("portfolio", Text),
            required("gives_receipts", Bool),
            required("gives_reads", Bool),
            optional("status", Small),
            optional("sent_at", Big),
            optional("delivered_at", Big),
            optional("read_at", Big),
            optional("failed_at", Big),
            optional("failure_code", Text),
            optional("failure_bucket", Small),
            optional("failure_detail", Text),
            required("failed_after_delivery", Bool),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "inbox_id", "external_id"]),
            Index::on(&["account_id", "occurred_at"]),
            Index::on(&["account_id", "conversation_id", "occurred_at"]),
            Index::on(&["account_id", "inbox_id", "contact_id", "occurred_at"]),
            Index::on(&["account_id", "session_id"]),
            Index::present(&["account_id", "sent_at"]),
            Index::present(&["account_id", "delivered_at"]),
            Index::present(&["account_id", "read_at"]),
            Index::present(&["account_id", "failed_at"]),
            Index::present(&["account_id", "inbox_id", "quoted_external_id"]),
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
            Reference {
                columns: &["account_id", "conversation_id"],
                table: "conversation",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "session_id"],
                table: "session",
                to: &["account_id", "id"],
            },
            Reference { columns: &["author_user_id"], table: "user", to: &["id"] },
            Reference {
                columns: &["account_id", "author_bot_id"],
                table: "bot",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "template_id"],
                table: "template",
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
        name: "message_event",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("message_id", Uuid),
            required("identity", Text),
            required("kind", Small),
            optional("provider_time", Big),
            required("received_at", Big),
            optional("code", Text),
            optional("detail", Text),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[Index::unique(&["account_id", "message_id", "identity"])],
        references: &[Reference {
            columns: &["account_id", "message_id"],
            table: "message",
            to: &["account_id", "id"],
        }],
    },
    Table {
        name: "parked_event",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("inbox_id", Uuid),
            required("external_id", Text),
            required("identity", Text),
            required("kind", Small),
            optional("provider_time", Big),
            required("received_at", Big),
            optional("code", Text),
            optional("detail", Text),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[Index::unique(&["account_id", "inbox_id", "external_id", "identity"])],
        references: &[Reference {
            columns: &["account_id", "inbox_id"],
            table: "inbox",
            to: &["account_id", "id"],
        }],
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
