//! Accounts, the people in them, their tokens and teams.

use sea_orm_migration::prelude::*;

use crate::schema::{Index, Kind::*, Reference, Table, create, drop, optional, required};

pub const TABLES: &[Table] = &[
    Table {
        name: "account",
        columns: &[
            required("id", Uuid),
            required("name", Text),
            required("time_zone", Text),
            optional("plan_credits", Big),
            required("chat_module", Bool),
            required("reply_window_seconds", Big),
            required("session_idle_seconds", Big),
            required("week_start", Small),
            required("opt_out_words", Json),
            required("opt_in_words", Json),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["id"],
        indexes: &[],
        references: &[],
    },
    Table {
        name: "user",
        columns: &[
            required("id", Uuid),
            required("email", Text),
            required("name", Text),
            required("name_key", Text),
            optional("password_hash", Text),
            optional("last_sign_in_at", Big),
            optional("last_sign_in_ip", Text),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["id"],
        indexes: &[Index::unique(&["email"])],
        references: &[],
    },
    Table {
        name: "membership",
        columns: &[
            required("account_id", Uuid),
            required("user_id", Uuid),
            required("role", Small),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["account_id", "user_id"],
        indexes: &[Index::on(&["user_id"])],
        references: &[
            Reference { columns: &["account_id"], table: "account", to: &["id"] },
            Reference { columns: &["user_id"], table: "user", to: &["id"] },
        ],
    },
    Table {
        name: "access_token",
        columns: &[
            required("id", Uuid),
            optional("account_id", Uuid),
            optional("user_id", Uuid),
            required("name", Text),
            optional("role", Small),
            required("scopes", Json),
            required("hash", Bytes),
            required("created_at", Big),
            optional("expires_at", Big),
            optional("revoked_at", Big),
        ],
        primary_key: &["id"],
        indexes: &[
            Index::unique(&["hash"]),
            Index::on(&["account_id", "created_at"]),
            Index::on(&["user_id"]),
        ],
        references: &[
            Reference { columns: &["account_id"], table: "account", to: &["id"] },
            Reference { columns: &["user_id"], table: "user", to: &["id"] },
        ],
    },
    Table {
        name: "account_counter",
        columns: &[
            required("account_id", Uuid),
            required("contacts", Big),
            required("conversations", Big),
            required("display_ids", Big),
        ],
        primary_key: &["account_id"],
        indexes: &[],
        references: &[Reference { columns: &["account_id"], table: "account", to: &["id"] }],
    },
    Table {
        name: "team",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("name", Text),
            required("name_key", Text),
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
        name: "team_member",
        columns: &[
            required("account_id", Uuid),
            required("team_id", Uuid),
            required("user_id", Uuid),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "team_id", "user_id"],
        indexes: &[Index::on(&["account_id", "user_id"])],
        references: &[
            Reference {
                columns: &["account_id", "team_id"],
                table: "team",
                to: &["account_id", "id"],
            },
            Reference { columns: &["user_id"], table: "user", to: &["id"] },
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
