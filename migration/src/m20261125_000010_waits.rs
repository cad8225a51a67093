//! How long people waited for answers and for ends: kept with the answer and the close, and on
//! the conversation what the next of them needs to know. And what belongs to a send: the first
//! reply and the first opt-out, of those that quote it and of those that come next.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind::*, add_columns, drop_columns, optional};

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: [(&str, &[Column]); 3] = [
    (
        "conversation",
        &[
            optional("opened_at", Big),
            optional("waiting_since", Big),
            optional("response_from", Big),
            optional("responded_at", Big),
        ],
    ),
    (
        "conversation_event",
        &[
            optional("conversation_assignee_id", Uuid),
            optional("conversation_bot_id", Uuid),
            optional("portfolio", Text),
            optional("resolution_micros", Big),
            optional("resolution_bin", Small),
            optional("resolution_open_micros", Big),
            optional("resolution_open_bin", Small),
        ],
    ),
    (
        "message",
        &[
            optional("reply_micros", Big),
            optional("reply_bin", Small),
            optional("reply_open_micros", Big),
            optional("reply_open_bin", Small),
            optional("first_response_micros", Big),
            optional("first_response_bin", Small),
            optional("first_response_open_micros", Big),
            optional("first_response_open_bin", Small),
            optional("is_reply", Bool),
            optional("quoted_reply_at", Big),
            optional("next_reply_at", Big),
            optional("quoted_opt_out_at", Big),
            optional("next_opt_out_at", Big),
        ],
    ),
];

/// Name, table, columns behind the account, and which rows. Medium 1 is a mailing, direction 2
/// goes out, session role 2 would have begun a session.
const INDEXES: [(&str, &str, &str, &str); 10] = [
    ("ix_message_reply", "message", "occurred_at", "reply_micros IS NOT NULL"),
    ("ix_message_would_be_starter", "message", "occurred_at", "session_role = 2"),
    ("ix_message_first_response", "message", "occurred_at", "first_response_micros IS NOT NULL"),
    (
        "ix_message_send",
        "message",
        "inbox_id, contact_id, occurred_at",
        "medium = 1 AND direction = 2",
    ),
    ("ix_message_quoted", "message", "quoted_message_id", "quoted_message_id IS NOT NULL"),
    ("ix_message_quoted_reply", "message", "quoted_reply_at", "quoted_reply_at IS NOT NULL"),
    ("ix_message_next_reply", "message", "next_reply_at", "next_reply_at IS NOT NULL"),
    ("ix_message_quoted_opt_out", "message", "quoted_opt_out_at", "quoted_opt_out_at IS NOT NULL"),
    ("ix_message_next_opt_out", "message", "next_opt_out_at", "next_opt_out_at IS NOT NULL"),
    (
        "ix_conversation_event_resolution",
        "conversation_event",
        "occurred_at",
        "resolution_micros IS NOT NULL",
    ),
];

/// What follows from no ledger. Direction 1 comes in, opt-out kind 1 opts out, and of the events
/// kind 3 closes and kind 4 reopens.
const FILLS: [&str; 3] = [
    "UPDATE conversation SET opened_at = COALESCE((SELECT MAX(e.occurred_at) \
     FROM conversation_event e WHERE e.account_id = conversation.account_id \
     AND e.conversation_id = conversation.id AND e.kind = 4), created_at)",
    "UPDATE message SET is_reply = direction = 1 AND NOT private \
     AND NOT EXISTS (SELECT 1 FROM opt_out o WHERE o.account_id = message.account_id \
     AND o.contact_id = message.contact_id AND o.message_id = message.id \
     AND (o.kind = 1 OR o.effective))",
    "UPDATE conversation_event SET portfolio = (SELECT i.portfolio FROM conversation c \
     JOIN inbox i ON i.account_id = c.account_id AND i.id = c.inbox_id \
     WHERE c.account_id = conversation_event.account_id \
     AND c.id = conversation_event.conversation_id) WHERE kind = 3",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in COLUMNS {
            add_columns(manager, table, columns).await?;
        }
        let connection = manager.get_connection();
        // Before there are indexes to keep up.
        for fill in FILLS {
            connection.execute_unprepared(fill).await?;
        }
        for (name, table, columns, rows) in INDEXES {
            let index =
                format!("CREATE INDEX {name} ON {table} (account_id, {columns}) WHERE {rows}");
            connection.execute_unprepared(&index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, ..) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        for (table, columns) in COLUMNS {
            drop_columns(manager, table, columns).await?;
        }
        Ok(())
    }
}
