//! Tables of rows that are no cells of a report, by the same periods and filters.

use std::collections::HashMap;

use entity::id::ConversationId;
use entity::kinds::{Direction, Medium, OpenedBy, SessionRole};
use entity::{Timestamp, conversation, message};
use sea_orm::{ConnectionTrait, QueryFilter, Select};

use super::filter::ReportFilter;
use super::label;
use super::measure::Measure;
use super::metric::Metric;
use super::period::PeriodInput;
use super::predicate::Predicate;
use super::query::{ReportInput, ReportQuery};
use super::records::{Rows, among};
use super::source::{Source, Time};
use crate::auth::{AccountScope, Permission};
use crate::db::Sql;
use crate::error::{Checks, Error, Result};

/// Which rows of a table to list.
#[derive(Clone, Debug)]
pub struct TableInput {
    pub period: PeriodInput,
    pub filter: ReportFilter,
    /// IANA name; none means the account's.
    pub time_zone: Option<String>,
}

/// The messages with which sessions began, whoever wrote them, and the sends with which one
/// would have begun, had they not failed.
pub async fn conversation_starts(
    scope: &AccountScope,
    input: &TableInput,
) -> Result<Select<message::Entity>> {
    // Messages can be filtered by everything.
    let query = query(scope, input, Metric::Messages).await?;
    let begun = Predicate::Always.sql(query.reply_window);
    let begun =
        Rows { source: Source::Sessions, time: Time::StartedAt, condition: begun, column: "m.id" };
    let failed = Predicate::Plays(SessionRole::WouldBeStarter).sql(query.reply_window);
    let failed = Rows {
        source: Source::Messages,
        time: Time::OccurredAt,
        condition: failed,
        column: "m.id",
    };
    Ok(scope.find().filter(among(&[begun, failed], scope, &query, "message.id", &[])))
}

/// The conversations that the business began.
pub async fn engagements(
    scope: &AccountScope,
    input: &TableInput,
) -> Result<Select<conversation::Entity>> {
    let query = query(scope, input, Metric::ConversationsStarted).await?;
    let condition = BEGUN_BY_A_SEND.sql(query.reply_window);
    let (source, time) = (Source::Conversations, Time::CreatedAt);
    let rows = Rows { source, time, condition, column: "c.id" };
    Ok(scope.find().filter(among(&[rows], scope, &query, "conversation.id", &[])))
}

/// Notes and system entries engage nobody.
const BEGUN_BY_A_SEND: Predicate = Predicate::All(&[
    Predicate::OpenedBy(OpenedBy::Business),
    Predicate::Private(false),
    Predicate::NotSystem,
]);

/// The same rules as for a report about `metric`.
async fn query(scope: &AccountScope, input: &TableInput, metric: Metric) -> Result<ReportQuery> {
    scope.require(Permission::Read)?;
    let TableInput { period, filter, time_zone } = input.clone();
    let input = ReportInput {
        metrics: vec![metric],
        period,
        interval: None,
        breakdown: Vec::new(),
        filter,
        date_basis: None,
        time_zone,
        compare_to: None,
        order_by: None,
        reply_window: None,
        first: None,
    };
    let (connection, mut checks) = (scope.db().read(), Checks::new());
    let account = scope.account(connection).await?;
    let query = ReportQuery::new(&input, &account, scope.now(), &mut checks)?;
    label::check(scope, connection, &input.filter, &mut checks).await?;
    checks.finish()?;
    query.ok_or_else(|| Error::bug("a table was refused without a reason"))
}

/// How many messages each of these conversations has, by the definition of MESSAGES.
pub async fn messages_in(
    scope: &AccountScope,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, i64>> {
    scope.require(Permission::Read)?;
    if conversations.is_empty() {
        return Ok(HashMap::new());
    }
    let Measure::Count { of, .. } = Metric::Messages.definition().measure else {
        return Err(Error::bug("messages are counted"));
    };
    let mut sql =
        Sql::new("SELECT m.conversation_id, COUNT(*) FROM message m WHERE m.account_id = ");
    sql.bind(scope.account_id()).push(&format!(
        " AND {} AND {} AND m.conversation_id IN (",
        Source::Messages.sql(),
        of.sql(0)
    ));
    for (index, id) in conversations.iter().enumerate() {
        sql.push(if index == 0 { "" } else { ", " }).bind(*id);
    }
    sql.push(") GROUP BY 1");
    let found = scope.db().read().query_all_raw(sql.statement(scope.db().backend())).await?;
    let counts = found.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    counts.collect()
}

/// Whether a reply belongs to a message, where what comes next belongs to a send for so many
/// seconds; none where it is no send.
pub fn is_answered(message: &message::Model, reply_window: i64) -> Option<bool> {
    let send = message.medium == Medium::Mailing && message.direction == Direction::Outbound;
    send.then(|| first_reply_at(message, reply_window).is_some())
}

/// When a send was first replied to, likewise.
pub fn first_reply_at(send: &message::Model, reply_window: i64) -> Option<Timestamp> {
    first(send, (send.quoted_reply_at, send.next_reply_at), reply_window)
}

/// When the contact first opted out upon a send, likewise.
pub fn first_opt_out_at(send: &message::Model, reply_window: i64) -> Option<Timestamp> {
    first(send, (send.quoted_opt_out_at, send.next_opt_out_at), reply_window)
}

fn first(
    send: &message::Model,
    (quoted, next): (Option<Timestamp>, Option<Timestamp>),
    reply_window: i64,
) -> Option<Timestamp> {
    let within = |at: &Timestamp| at.seconds() - send.occurred_at.seconds() <= reply_window;
    quoted.into_iter().chain(next.filter(within)).min()
}
