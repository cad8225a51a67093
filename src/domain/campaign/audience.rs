//! Whom a campaign is for, and how that becomes its recipients: by one statement, whatever their
//! number, which says of each at once whether and why it is skipped.

use entity::id::{CampaignId, ContactId, LabelId};
use entity::kinds::{MessageStatus, OptOutKind, Platform, RecipientState, SkipReason};
use entity::{Timestamp, campaign, campaign_step, contact, inbox, recipient};
use sea_orm::sea_query::{Alias, Expr, IntoIden, Query, SelectStatement};
use sea_orm::{
    ActiveEnum, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, QueryFilter,
    QuerySelect, QueryTrait, Select, StatementBuilder,
};
use serde::{Deserialize, Serialize};

use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::LONGEST_LIST;
use crate::domain::contact::{self as contacts, ContactFilter};
use crate::domain::search::LONGEST as LONGEST_SEARCH;
use crate::error::{Checks, Error, Result, ViolationCode};

/// Serialised as it is stored, until the campaign starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    Contacts(Vec<ContactId>),
    #[serde(rename_all = "camelCase")]
    Filter {
        label_ids: Option<Vec<LabelId>>,
        inbox_ids: Option<Vec<entity::id::InboxId>>,
        has_phone: Option<bool>,
        has_email: Option<bool>,
        search: Option<String>,
    },
    /// The recipients of another campaign of whom one of these is true; all of them where none
    /// is given.
    #[serde(rename_all = "camelCase")]
    Campaign {
        campaign_id: CampaignId,
        outcomes: Option<Vec<RecipientOutcome>>,
    },
}

entity::vocabulary! {
    /// What became of a campaign for a recipient. Several may be true.
    pub enum RecipientOutcome {
        /// A message was delivered.
        Delivered => "DELIVERED",
        /// A message was read.
        Read => "READ",
        /// The recipient answered a message.
        Replied => "REPLIED",
        /// A message was delivered, and none answered.
        NotReplied => "NOT_REPLIED",
        /// No message was delivered, and one failed.
        Failed => "FAILED",
        /// Nothing was sent, for a reason.
        Skipped => "SKIPPED",
    }
}

impl Audience {
    pub(super) fn check(&self, checks: &mut Checks) {
        match self {
            Self::Contacts(ids) if ids.is_empty() => {
                let message = "names nobody; give at least one contact";
                checks.fail("audience.contactIds", ViolationCode::Required, message);
            }
            Self::Contacts(ids) if ids.len() > LONGEST_LIST => {
                let message = format!("has {} ids; at most {LONGEST_LIST} are allowed", ids.len());
                checks.fail("audience.contactIds", ViolationCode::TooLong, message);
            }
            Self::Filter { search, .. } => {
                checks.optional_text("audience.filter.search", search.as_deref(), LONGEST_SEARCH);
            }
            _ => {}
        }
    }

    pub(super) fn select(&self, scope: &AccountScope) -> Result<Select<contact::Entity>> {
        use contact::Column as C;
        let everybody = |filter: &ContactFilter| contacts::select(scope, filter);
        match self {
            Self::Contacts(ids) => {
                let some = everybody(&ContactFilter::default())?;
                Ok(some.filter(C::Id.is_in(ids.iter().copied())))
            }
            Self::Filter { label_ids, inbox_ids, has_phone, has_email, search } => {
                everybody(&ContactFilter {
                    label_ids: label_ids.clone(),
                    inbox_ids: inbox_ids.clone(),
                    has_phone: *has_phone,
                    has_email: *has_email,
                    search: search.clone(),
                })
            }
            Self::Campaign { campaign_id, outcomes } => {
                let mut those = Sql::new(format!(
                    "{} IN (SELECT {} FROM recipient r WHERE r.account_id = ",
                    Whose::Contacts.column(),
                    Whose::Contacts.known_as("r.contact_id")
                ));
                those.bind(scope.account_id()).push(" AND r.campaign_id = ");
                those.bind(*campaign_id).push(")");
                let (text, values) = those.parts(scope.db().backend());
                let all = everybody(&ContactFilter::default())?;
                let all = all.filter(Expr::cust_with_values(text, values));
                // An empty list is none, as in every filter.
                let outcomes = outcomes.as_ref().filter(|outcomes| !outcomes.is_empty());
                let Some(outcomes) = outcomes else { return Ok(all) };
                let any = outcomes.iter().fold(Condition::any(), |any, outcome| {
                    any.add(outcome.condition(scope, *campaign_id, Whose::Contacts))
                });
                Ok(all.filter(any))
            }
        }
    }
}

/// Whose outcomes are asked for.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// Rows of `recipient`.
    Recipients,
    /// Rows of `contact`: those who are recipients, or into whom recipients were merged.
    Contacts,
}

impl Whose {
    fn column(self) -> &'static str {
        match self {
            Self::Recipients => "recipient.contact_id",
            Self::Contacts => "contact.id",
        }
    }

    /// Of a recipient, in the same terms.
    fn known_as(self, contact_id: &str) -> String {
        match self {
            Self::Recipients => contact_id.to_owned(),
            Self::Contacts => format!(
                "(SELECT COALESCE(k.merged_into_id, k.id) FROM contact k \
                 WHERE k.account_id = r.account_id AND k.id = {contact_id})"
            ),
        }
    }
}

impl RecipientOutcome {
    /// Whether it is true of recipients of the campaign.
    pub(super) fn condition(
        self,
        scope: &AccountScope,
        campaign: CampaignId,
        whose: Whose,
    ) -> Condition {
        let delivered = delivered();
        let replied = replied();
        let failed = format!(
            "m.status IN ({}, {})",
            MessageStatus::Failed.to_value(),
            MessageStatus::Undelivered.to_value()
        );
        let some = |condition: &str| attempted(condition, true);
        let none = |condition: &str| attempted(condition, false);
        let wanted = match self {
            Self::Delivered => some(&delivered),
            Self::Read => some("m.read_at IS NOT NULL"),
            Self::Replied => some(&replied),
            Self::NotReplied => format!("{} AND {}", some(&delivered), none(&replied)),
            Self::Failed => format!("{} AND {}", some(&failed), none(&delivered)),
            Self::Skipped => format!("r.state = {}", RecipientState::Skipped.to_value()),
        };
        let mut sql = Sql::new(format!(
            "{} IN (SELECT {} FROM recipient r WHERE r.account_id = ",
            whose.column(),
            whose.known_as("r.contact_id")
        ));
        sql.bind(scope.account_id()).push(" AND r.campaign_id = ").bind(campaign);
        sql.push(&format!(" AND {wanted})"));
        let (text, values) = sql.parts(scope.db().backend());
        Condition::all().add(Expr::cust_with_values(text, values))
    }
}

/// Whether one of the messages to a recipient passes. They are found by the attempts, which stay
/// the recipient's when the contact is merged into another.
fn attempted(condition: &str, wanted: bool) -> String {
    let not = if wanted { "" } else { "NOT " };
    format!(
        "{not}EXISTS (SELECT 1 FROM attempt t \
         JOIN message m ON m.account_id = t.account_id AND m.id = t.message_id \
         JOIN account a ON a.id = t.account_id \
         WHERE t.account_id = r.account_id AND t.campaign_id = r.campaign_id \
         AND t.contact_id = r.contact_id AND ({condition}))"
    )
}

/// Where the inbox gives no receipts, acceptance counts as delivery.
fn delivered() -> String {
    format!(
        "m.status IN ({}, {}) OR m.status = {} AND NOT m.gives_receipts",
        MessageStatus::Delivered.to_value(),
        MessageStatus::Read.to_value(),
        MessageStatus::Sent.to_value()
    )
}

/// What comes next is a reply within the account's window, by whole seconds.
fn replied() -> String {
    let second = Timestamp::SECOND;
    format!(
        "m.quoted_reply_at IS NOT NULL OR m.next_reply_at < \
         (m.occurred_at / {second} + a.reply_window_seconds + 1) * {second}"
    )
}

/// Makes the recipients of a campaign that starts, and says how many there are.
pub(super) async fn freeze(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    campaign: &campaign::Model,
    steps: &[campaign_step::Model],
    inbox: &inbox::Model,
) -> Result<u64> {
    use recipient::Column as C;
    let rows = rows(scope, campaign, steps, inbox, of(campaign)?.select(scope)?);
    let mut insert = Query::insert();
    insert.into_table(recipient::Entity).columns([
        C::AccountId,
        C::CampaignId,
        C::ContactId,
        C::Address,
        C::State,
        C::SkipReason,
        C::Step,
        C::DueAt,
        C::CreatedAt,
    ]);
    insert.select_from(rows).map_err(|error| Error::bug(error.to_string()))?;
    let made = tx.execute_raw(StatementBuilder::build(&insert, &tx.get_database_backend())).await?;
    Ok(made.rows_affected())
}

/// Whom a campaign is for.
pub(super) fn of(campaign: &campaign::Model) -> Result<Audience> {
    Ok(serde_json::from_value(campaign.audience.clone())?)
}

/// How many of the audience could be sent something on an inbox now.
pub(super) async fn reachable(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    campaign: &campaign::Model,
    inbox: &inbox::Model,
) -> Result<i64> {
    let judged = judged(scope, inbox, of(campaign)?.select(scope)?);
    let mut select = Query::select();
    select
        .expr(Expr::cust("COUNT(*)"))
        .from_subquery(judged, Alias::new("j").into_iden())
        .and_where(Expr::cust("j.address IS NOT NULL AND j.place = 1 AND NOT j.opt_out"));
    let backend = scope.db().backend();
    let row = connection.query_one_raw(StatementBuilder::build(&select, &backend)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
}

/// One row for each contact of the audience.
fn rows(
    scope: &AccountScope,
    campaign: &campaign::Model,
    steps: &[campaign_step::Model],
    inbox: &inbox::Model,
    audience: Select<contact::Entity>,
) -> SelectStatement {
    let judged = judged(scope, inbox, audience);
    let later = steps.get(1).map(|step| step.number);
    let first = steps.first().map_or(0, |step| step.number);
    // A shut first channel leaves the others open; an address that is written to already does not.
    let shut = if later.is_some() { RecipientState::Waiting } else { RecipientState::Skipped };
    let case = |absent: Expr, double: Expr, out: Expr, fine: Expr| {
        Expr::case(Expr::cust("j.address IS NULL"), absent)
            .case(Expr::cust("j.place > 1"), double)
            .case(Expr::cust("j.opt_out"), out)
            .finally(fine)
    };
    let reason = |reason: SkipReason| {
        let shown = later.is_none() || reason == SkipReason::Duplicate;
        Expr::value(shown.then_some(reason))
    };
    let due = |state: RecipientState| {
        Expr::value((state == RecipientState::Waiting).then_some(scope.now()))
    };
    let (skipped, waiting) = (RecipientState::Skipped, RecipientState::Waiting);
    let value = |state: RecipientState| Expr::value(state);
    let second = || Expr::value(later.unwrap_or(first));
    let mut select = Query::select();
    select
        .expr(Expr::value(scope.account_id()))
        .expr(Expr::value(campaign.id))
        .expr(Expr::cust("j.id"))
        .expr(Expr::cust("CASE WHEN j.place > 1 THEN NULL ELSE j.address END"))
        .expr(case(value(shut), value(skipped), value(shut), value(waiting)))
        .expr(case(
            reason(SkipReason::NoAddress),
            reason(SkipReason::Duplicate),
            reason(SkipReason::OptedOut),
            Expr::value(None::<SkipReason>),
        ))
        .expr(case(second(), Expr::value(first), second(), Expr::value(first)))
        .expr(case(due(shut), due(skipped), due(shut), due(waiting)))
        .expr(Expr::value(scope.now()))
        .from_subquery(judged, Alias::new("j").into_iden());
    select
}

/// The contacts with their addresses, which place each has among those with the same one, and
/// whether it is opted out.
fn judged(
    scope: &AccountScope,
    inbox: &inbox::Model,
    audience: Select<contact::Entity>,
) -> SelectStatement {
    let backend = scope.db().backend();
    let mut identity = Sql::new(
        "(SELECT i.source_id FROM contact_identity i WHERE i.account_id = contact.account_id \
         AND i.contact_id = contact.id AND i.inbox_id = ",
    );
    identity.bind(inbox.id).push(" ORDER BY i.created_at, i.id LIMIT 1)");
    let mut address = match inbox.platform {
        Platform::Sms | Platform::Whatsapp | Platform::Viber => {
            Sql::new("COALESCE(contact.phone, ")
        }
        Platform::Email => Sql::new("COALESCE(contact.email, "),
        _ => Sql::new("COALESCE("),
    };
    // Both take two at least.
    address.append(identity).push(", NULL)");
    let (text, values) = address.parts(backend);
    let mut addressed = audience.select_only().column(contact::Column::Id).into_query();
    addressed.expr_as(Expr::cust_with_values(text, values), Alias::new("address"));

    // An opt-out from before the contact was erased stands under a hash, which no SQL can make:
    // such a recipient waits, and is skipped for it when its turn comes.
    let mut out = Sql::new(
        "COALESCE((SELECT o.kind FROM opt_out o WHERE o.address = a.address AND o.account_id = ",
    );
    out.bind(scope.account_id()).push(" AND o.platform = ").bind(inbox.platform);
    out.push(" ORDER BY o.occurred_at DESC, o.id DESC LIMIT 1), 0) = ").bind(OptOutKind::OptOut);
    let (text, values) = out.parts(backend);
    let mut select = Query::select();
    select
        .expr_as(Expr::cust("a.id"), Alias::new("id"))
        .expr_as(Expr::cust("a.address"), Alias::new("address"))
        .expr_as(
            Expr::cust("ROW_NUMBER() OVER (PARTITION BY a.address ORDER BY a.id)"),
            Alias::new("place"),
        )
        .expr_as(Expr::cust_with_values(text, values), Alias::new("opt_out"))
        .from_subquery(addressed, Alias::new("a").into_iden());
    select
}
