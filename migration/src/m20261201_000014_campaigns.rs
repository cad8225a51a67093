//! Campaigns, their steps and recipients, and the attempts to hand messages over.

use sea_orm_migration::prelude::*;

use crate::schema::{
    Index, Kind::*, Reference, Table, add_columns, add_foreign_keys, create, drop, drop_columns,
    drop_foreign_keys, optional, required,
};

const TABLES: &[Table] = &[
    Table {
        name: "campaign",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("name", Text),
            required("name_key", Text),
            required("status", Small),
            optional("status_reason", Text),
            required("audience", Json),
            required("variables", Json),
            required("on_unknown", Small),
            optional("quiet_from", Text),
            optional("quiet_to", Text),
            optional("live_seconds", Big),
            optional("scheduled_at", Big),
            optional("started_at", Big),
            optional("ended_at", Big),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::on(&["account_id", "status", "scheduled_at"]),
            Index::on(&["account_id", "created_at"]),
            Index::present(&["account_id", "started_at"]),
        ],
        references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
    },
    Table {
        name: "campaign_step",
        columns: &[
            required("account_id", Uuid),
            required("campaign_id", Uuid),
            required("number", Small),
            required("inbox_id", Uuid),
            optional("template_id", Uuid),
            optional("content", Text),
            optional("subject", Text),
            required("wait_seconds", Big),
            required("required", Bool),
        ],
        primary_key: &["account_id", "campaign_id", "number"],
        indexes: &[],
        references: &[
            Reference {
                columns: &["account_id", "campaign_id"],
                table: "campaign",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "inbox_id"],
                table: "inbox",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "template_id"],
                table: "template",
                to: &["account_id", "id"],
            },
        ],
    },
    Table {
        name: "recipient",
        columns: &[
            required("account_id", Uuid),
            required("campaign_id", Uuid),
            required("contact_id", Uuid),
            optional("address", Text),
            required("state", Small),
            optional("skip_reason", Small),
            required("step", Small),
            optional("due_at", Big),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "campaign_id", "contact_id"],
        indexes: &[
            Index::unique(&["account_id", "campaign_id", "address"]),
            Index::present(&["account_id", "campaign_id", "step", "due_at"]),
            Index::on(&["account_id", "contact_id"]),
        ],
        references: &[
            Reference {
                columns: &["account_id", "campaign_id"],
                table: "campaign",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "contact_id"],
                table: "contact",
                to: &["account_id", "id"],
            },
        ],
    },
    Table {
        name: "attempt",
        columns: &[
            required("account_id", Uuid),
            required("message_id", Uuid),
            required("inbox_id", Uuid),
            required("contact_id", Uuid),
            optional("campaign_id", Uuid),
            required("step", Small),
            required("try_number", Small),
            required("address", Text),
            required("payload", Json),
            required("state", Small),
            optional("due_at", Big),
            optional("expires_at", Big),
            required("tries", Int),
            required("fence", Big),
        ],
        primary_key: &["account_id", "message_id"],
        indexes: &[
            Index::unique(&["account_id", "campaign_id", "contact_id", "step", "try_number"]),
            Index::present(&["account_id", "due_at"]),
        ],
        references: &[
            Reference {
                columns: &["account_id", "message_id"],
                table: "message",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "campaign_id"],
                table: "campaign",
                to: &["account_id", "id"],
            },
        ],
    },
    Table {
        name: "line",
        columns: &[
            required("account_id", Uuid),
            required("inbox_id", Uuid),
            required("free_at", Big),
            required("failures", Int),
            optional("held_until", Big),
        ],
        primary_key: &["account_id", "inbox_id"],
        indexes: &[],
        references: &[Reference {
            columns: &["account_id", "inbox_id"],
            table: "inbox",
            to: &["account_id", "id"],
        }],
    },
];

const INBOX: &[crate::schema::Column] = &[optional("sends_per_second", Int)];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await?;
        add_foreign_keys(manager, TABLES).await?;
        add_columns(manager, "inbox", INBOX).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "inbox", INBOX).await?;
        drop_foreign_keys(manager, TABLES).await?;
        drop(manager, TABLES).await
    }
}
