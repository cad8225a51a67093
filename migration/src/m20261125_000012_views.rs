//! Views for tools that read SQL: facts with names instead of numbers and times instead of
//! microseconds, without what contacts wrote. Those of `bi_contact` and `bi_user` alone name
//! people.
//!
//! The numbers are those of the vocabularies; a test compares them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

pub type Names = &'static [&'static str];

/// Names by number, from 1.
const PLATFORM: Names = &[
    "SMS",
    "EMAIL",
    "PUSH",
    "WEB",
    "TELEGRAM",
    "WHATSAPP",
    "VIBER",
    "FACEBOOK",
    "ALICE",
    "YANDEX",
    "VKONTAKTE",
    "ODNOKLASSNIKI",
    "SKYPE",
    "SLACK",
    "WECHAT",
    "SNAPCHAT",
    "LINE",
    "API",
];
const MEDIUM: Names = &["MAILING", "CHAT"];
const DIRECTION: Names = &["INBOUND", "OUTBOUND"];
const AUTHOR_KIND: Names = &["USER", "BOT", "AUTOMATION", "CAMPAIGN", "SYSTEM"];
const STATUS: Names = &[
    "CREATED",
    "CREATED_OPTIONAL",
    "DEFERRED",
    "SENDING",
    "UNKNOWN",
    "SKIPPED_OPTIONAL",
    "SKIPPED",
    "EXPIRED",
    "CANCELLED",
    "SENT",
    "UNDELIVERED",
    "FAILED",
    "DELIVERED",
    "READ",
];
const FAILURE_BUCKET: Names = &[
    "UNREACHABLE",
    "WINDOW_SHUT",
    "SPAM_LIMIT",
    "MARKETING_CAP",
    "OPTED_OUT",
    "EXPERIMENT",
    "RATE_LIMIT",
    "PAYMENT",
    "ACCOUNT",
    "COUNTRY",
    "TEMPLATE",
    "UNSUPPORTED",
    "MEDIA",
    "TEST_LIST",
    "SELF_SEND",
    "TRANSIENT",
    "OTHER",
];
const CONVERSATION_STATUS: Names = &["OPEN", "PENDING", "SNOOZED", "CLOSED"];
const OPENED_BY: Names = &["BUSINESS", "CLIENT"];
const ACTOR: Names = &["AGENT", "CLIENT", "INACTIVITY", "BOT", "SYSTEM"];
const SESSION_ORIGIN: Names = &[
    "CONTACT",
    "REFERRED_WEB_CHAT",
    "REFERRED_CAMPAIGN",
    "TEMPLATE",
    "BULK_NOTIFICATION",
    "AUTOMATION",
    "AGENT",
    "BOT",
];
const SESSION_ROLE: Names = &["STARTER", "WOULD_BE_STARTER"];
const USER_TYPE: Names = &["NEW", "RETURNING"];

/// What has which names, for those who compare.
pub const NAMES: [(&str, Names); 12] = [
    ("platform", PLATFORM),
    ("medium", MEDIUM),
    ("direction", DIRECTION),
    ("author_kind", AUTHOR_KIND),
    ("status of a message", STATUS),
    ("failure_bucket", FAILURE_BUCKET),
    ("status of a conversation", CONVERSATION_STATUS),
    ("opened_by", OPENED_BY),
    ("actor", ACTOR),
    ("origin", SESSION_ORIGIN),
    ("session_role", SESSION_ROLE),
    ("user_type", USER_TYPE),
];

fn named(column: &str, names: Names) -> String {
    let name = column.rsplit('.').next().unwrap_or(column);
    let arms: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("WHEN {} THEN '{name}'", index + 1))
        .collect();
    format!("CASE {column} {} END AS {name}", arms.join(" "))
}

/// What the two databases say differently.
struct Dialect(DbBackend);

impl Dialect {
    fn time(&self, column: &str, name: &str) -> String {
        match self.0 {
            DbBackend::Postgres => {
                format!("TIMESTAMPTZ 'epoch' + {column} * INTERVAL '1 microsecond' AS {name}")
            }
            // To the millisecond: SQLite's times have no more.
            _ => format!(
                "strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000000.0, 'unixepoch') AS {name}"
            ),
        }
    }

    /// A time, and the microseconds since 1970 by which the indexes find it.
    fn indexed(&self, column: &str, name: &str) -> String {
        format!("{}, {column} AS {name}_micros", self.time(column, name))
    }

    fn id(&self, column: &str, name: &str) -> String {
        match self.0 {
            DbBackend::Postgres => format!("{column} AS {name}"),
            _ => format!("lower(hex({column})) AS {name}"),
        }
    }

    fn ids(&self, columns: &[(&str, &str)]) -> String {
        let ids: Vec<String> = columns.iter().map(|(column, name)| self.id(column, name)).collect();
        ids.join(", ")
    }

    fn least(&self) -> &'static str {
        match self.0 {
            DbBackend::Postgres => "LEAST",
            _ => "MIN",
        }
    }
}

fn inbox() -> String {
    let platform = named("i.platform", PLATFORM);
    format!("i.name AS inbox_name, {platform}, i.official, i.vendor, i.line")
}

const INBOX: &str = "JOIN inbox i ON i.account_id = {0}.account_id AND i.id = {0}.inbox_id";

fn with_inbox(alias: &str) -> String {
    INBOX.replace("{0}", alias)
}

/// When a reply, or an opt-out, first came that belongs to the send `m`: what quotes it, and what
/// came next within the account's reply window, by whole seconds.
fn first(dialect: &Dialect, what: &str) -> String {
    let next = format!(
        "CASE WHEN m.next_{what}_at < (m.occurred_at / 1000000 + a.reply_window_seconds + 1) * 1000000 \
         THEN m.next_{what}_at END"
    );
    let quoted = format!("m.quoted_{what}_at");
    // SQLite's least of something and nothing is nothing.
    format!("{}(COALESCE({quoted}, {next}), COALESCE({next}, {quoted}))", dialect.least())
}

const SECONDS: f64 = 1_000_000.0;

fn seconds(column: &str, name: &str) -> String {
    format!("{column} / {SECONDS:.1} AS {name}")
}

fn views(dialect: &Dialect) -> Vec<(&'static str, String)> {
    vec![
        ("bi_account", account(dialect)),
        ("bi_contact", contact(dialect)),
        ("bi_user", user(dialect)),
        ("bi_message", message(dialect)),
        ("bi_conversation", conversation(dialect)),
        ("bi_resolution", resolution(dialect)),
        ("bi_session", session(dialect)),
    ]
}

fn account(dialect: &Dialect) -> String {
    format!(
        "SELECT {}, a.name, a.time_zone, a.reply_window_seconds, a.session_idle_seconds, {} \
         FROM account a",
        dialect.id("a.id", "account_id"),
        dialect.time("a.created_at", "created_at")
    )
}

fn contact(dialect: &Dialect) -> String {
    let ids = dialect.ids(&[
        ("c.account_id", "account_id"),
        ("c.id", "contact_id"),
        ("c.merged_into_id", "merged_into_id"),
    ]);
    let created = dialect.time("c.created_at", "created_at");
    format!("SELECT {ids}, c.name, c.nickname, c.email, c.phone, {created} FROM contact c")
}

fn user(dialect: &Dialect) -> String {
    format!("SELECT {}, u.name FROM \"user\" u", dialect.id("u.id", "user_id"))
}

fn message(dialect: &Dialect) -> String {
    let ids = dialect.ids(&[
        ("m.account_id", "account_id"),
        ("m.id", "message_id"),
        ("m.inbox_id", "inbox_id"),
        ("m.contact_id", "contact_id"),
        ("m.conversation_id", "conversation_id"),
        ("m.session_id", "session_id"),
        ("m.template_id", "template_id"),
        ("m.author_user_id", "author_user_id"),
        ("m.author_bot_id", "author_bot_id"),
        ("m.assignee_id", "assignee_id"),
        ("m.bot_id", "bot_id"),
    ]);
    let (reply, opt_out) = (first(dialect, "reply"), first(dialect, "opt_out"));
    let send = "m.medium = 1 AND m.direction = 2 AND NOT m.private \
                AND m.author_kind IS DISTINCT FROM 5";
    let columns = [
        ids,
        inbox(),
        "m.portfolio".to_owned(),
        named("m.medium", MEDIUM),
        named("m.direction", DIRECTION),
        named("m.author_kind", AUTHOR_KIND),
        "b.name AS bot_name, t.name AS template_name, t.language AS template_language".to_owned(),
        "m.private".to_owned(),
        "NOT m.private AND m.author_kind IS DISTINCT FROM 5 AS is_message".to_owned(),
        format!("{send} AS is_send"),
        named("m.status", STATUS),
        dialect.indexed("m.occurred_at", "occurred_at"),
        dialect.indexed("m.sent_at", "sent_at"),
        dialect.indexed("m.delivered_at", "delivered_at"),
        dialect.indexed("m.read_at", "read_at"),
        dialect.indexed("m.failed_at", "failed_at"),
        "m.failure_code".to_owned(),
        named("m.failure_bucket", FAILURE_BUCKET),
        "m.status IN (13, 14) OR (m.status = 10 AND NOT m.gives_receipts) AS is_delivered"
            .to_owned(),
        "m.status = 14 AS is_read, m.status IN (11, 12) AS is_failed".to_owned(),
        format!(
            "({send}) AND (m.status IN (13, 14) OR (m.status = 10 AND NOT m.gives_receipts) \
             OR {reply} IS NOT NULL OR {opt_out} IS NOT NULL) AS is_reached"
        ),
        dialect.time(&reply, "first_reply_at"),
        dialect.time(&opt_out, "first_opt_out_at"),
        named("m.session_role", SESSION_ROLE),
        seconds("m.reply_micros", "reply_seconds"),
        seconds("m.reply_open_micros", "reply_business_seconds"),
        seconds("m.first_response_micros", "first_response_seconds"),
        seconds("m.first_response_open_micros", "first_response_business_seconds"),
    ];
    format!(
        "SELECT {} FROM message m JOIN account a ON a.id = m.account_id {} \
         LEFT JOIN bot b ON b.account_id = m.account_id AND b.id = m.bot_id \
         LEFT JOIN template t ON t.account_id = m.account_id AND t.id = m.template_id",
        columns.join(", "),
        with_inbox("m")
    )
}

fn conversation(dialect: &Dialect) -> String {
    let ids = dialect.ids(&[
        ("c.account_id", "account_id"),
        ("c.id", "conversation_id"),
        ("c.inbox_id", "inbox_id"),
        ("c.contact_id", "contact_id"),
        ("c.assignee_id", "assignee_id"),
        ("c.bot_id", "bot_id"),
    ]);
    let columns = [
        ids,
        "c.display_id".to_owned(),
        inbox(),
        named("c.status", CONVERSATION_STATUS),
        named("c.opened_by", OPENED_BY),
        "b.name AS bot_name".to_owned(),
        "c.has_client_messages, c.traffic_source".to_owned(),
        dialect.indexed("c.created_at", "created_at"),
        dialect.time("c.last_message_at", "last_message_at"),
        dialect.time("c.opened_at", "opened_at"),
        dialect.time("c.waiting_since", "waiting_since"),
        dialect.time("c.responded_at", "responded_at"),
        dialect.indexed("c.closed_at", "closed_at"),
        named("c.closed_by", ACTOR),
    ];
    format!(
        "SELECT {} FROM conversation c {} \
         LEFT JOIN bot b ON b.account_id = c.account_id AND b.id = c.bot_id",
        columns.join(", "),
        with_inbox("c")
    )
}

fn resolution(dialect: &Dialect) -> String {
    let ids = dialect.ids(&[
        ("e.account_id", "account_id"),
        ("e.id", "resolution_id"),
        ("e.conversation_id", "conversation_id"),
        ("c.inbox_id", "inbox_id"),
        ("c.contact_id", "contact_id"),
        ("e.conversation_assignee_id", "assignee_id"),
        ("e.conversation_bot_id", "bot_id"),
    ]);
    let columns = [
        ids,
        inbox(),
        "e.portfolio".to_owned(),
        named("e.actor", ACTOR),
        "b.name AS bot_name".to_owned(),
        dialect.indexed("e.occurred_at", "occurred_at"),
        seconds("e.resolution_micros", "resolution_seconds"),
        seconds("e.resolution_open_micros", "resolution_business_seconds"),
    ];
    format!(
        "SELECT {} FROM conversation_event e \
         JOIN conversation c ON c.account_id = e.account_id AND c.id = e.conversation_id {} \
         LEFT JOIN bot b ON b.account_id = e.account_id AND b.id = e.conversation_bot_id \
         WHERE e.resolution_micros IS NOT NULL",
        columns.join(", "),
        with_inbox("c")
    )
}

fn session(dialect: &Dialect) -> String {
    let ids = dialect.ids(&[
        ("s.account_id", "account_id"),
        ("s.id", "session_id"),
        ("s.inbox_id", "inbox_id"),
        ("s.contact_id", "contact_id"),
        ("s.conversation_id", "conversation_id"),
        ("s.first_message_id", "first_message_id"),
    ]);
    let columns = [
        ids,
        inbox(),
        named("s.origin", SESSION_ORIGIN),
        named("s.user_type", USER_TYPE),
        dialect.indexed("s.started_at", "started_at"),
        dialect.time("s.last_message_at", "last_message_at"),
    ];
    format!("SELECT {} FROM session s {}", columns.join(", "), with_inbox("s"))
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, select) in views(&Dialect(manager.get_database_backend())) {
            let view = format!("CREATE VIEW {name} AS {select}");
            manager.get_connection().execute_unprepared(&view).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in views(&Dialect(manager.get_database_backend())) {
            manager.get_connection().execute_unprepared(&format!("DROP VIEW {name}")).await?;
        }
        Ok(())
    }
}
