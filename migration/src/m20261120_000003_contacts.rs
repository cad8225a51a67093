//! Contacts, how they are known, labels and the opt-out history.

use sea_orm_migration::prelude::*;

use crate::schema::{Index, Kind::*, Reference, Table, create, drop, optional, required};

pub const TABLES: &[Table] = &[
    Table {
        name: "contact",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("ordinal", Big),
            optional("name", Text),
            optional("name_key", Text),
            optional("nickname", Text),
            optional("email", Text),
            optional("phone", Text),
            optional("merged_into_id", Uuid),
            required("created_at", Big),
            required("updated_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "ordinal"]),
            Index::unique(&["account_id", "email"]),
            Index::unique(&["account_id", "phone"]),
            Index::on(&["account_id", "created_at"]),
            Index::on(&["account_id", "name_key"]),
            Index::on(&["account_id", "merged_into_id"]),
        ],
        references: &[
            Reference { columns: &["account_id"], table: "account", to: &["id"] },
            Reference {
                columns: &["account_id", "merged_into_id"],
                table: "contact",
                to: &["account_id", "id"],
            },
        ],
    },
    Table {
        name: "contact_identity",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("inbox_id", Uuid),
            required("contact_id", Uuid),
            required("source_id", Text),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::unique(&["account_id", "inbox_id", "source_id"]),
            Index::on(&["account_id", "contact_id"]),
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
        ],
    },
    Table {
        name: "label",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("name", Text),
            required("name_key", Text),
            optional("color", Text),
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
        name: "contact_label",
        columns: &[
            required("account_id", Uuid),
            required("contact_id", Uuid),
            required("label_id", Uuid),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "contact_id", "label_id"],
        indexes: &[Index::on(&["account_id", "label_id"])],
        references: &[
            Reference {
                columns: &["account_id", "contact_id"],
                table: "contact",
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
        name: "opt_out",
        columns: &[
            required("account_id", Uuid),
            required("id", Uuid),
            required("platform", Small),
            required("address", Text),
            required("kind", Small),
            required("source", Small),
            optional("contact_id", Uuid),
            optional("inbox_id", Uuid),
            optional("message_id", Uuid),
            optional("user_id", Uuid),
            optional("reason", Text),
            required("occurred_at", Big),
            required("created_at", Big),
        ],
        primary_key: &["account_id", "id"],
        indexes: &[
            Index::on(&["account_id", "platform", "address", "occurred_at"]),
            Index::on(&["account_id", "occurred_at"]),
            Index::on(&["account_id", "contact_id"]),
        ],
        references: &[
            Reference { columns: &["account_id"], table: "account", to: &["id"] },
            Reference {
                columns: &["account_id", "contact_id"],
                table: "contact",
                to: &["account_id", "id"],
            },
            Reference {
                columns: &["account_id", "inbox_id"],
                table: "inbox",
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
