//! Campaigns.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::campaign::{Column, Model};
use entity::campaign_step;
use entity::id::{CampaignId, ContactId};
use entity::kinds::{CampaignStatus, SkipReason, UnknownPolicy};

use super::campaign_progress::{CampaignProgress, ProgressOf};
use super::credits::{self, CampaignEstimate};
use super::engagement::{Engagement, engagement};
use super::recipient::{self, CampaignRecipient};
use super::{Contact, Inbox, Template};
use crate::analytics::Subject;
use crate::auth::AccountScope;
use crate::domain::campaign::{self as rules, Audience, Preview, RecipientOutcome};
use crate::domain::filling::{ContactField, Variable};
use crate::domain::page;
use crate::error::{self, Error};
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::{Reading, instant};
use crate::graphql::id::{self, NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::report::PeriodInput;
use crate::graphql::scalar::{DateTime, TimeZone};
use crate::graphql::vocabulary::Name;

pub struct Campaign {
    reader: Reader,
    model: Model,
}

impl Campaign {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A mailing to an audience that is frozen when it starts.
#[Object]
impl Campaign {
    /// The campaign's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Campaign, self.model.account_id, self.model.id).into()
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// Where it stands.
    async fn status(&self) -> Name<CampaignStatus> {
        Name(self.model.status)
    }

    /// Why it was paused, where the provider did not let it go on.
    async fn status_reason(&self) -> Option<&str> {
        self.model.status_reason.as_deref()
    }

    /// What is said, by which inbox, in the order in which it is tried.
    async fn steps(&self) -> Result<Vec<CampaignStep>> {
        let steps = self.reader.get(StepsOf(self.model.id)).await?;
        let step = |step: campaign_step::Model| CampaignStep::new(self.reader.clone(), step);
        Ok(steps.into_iter().map(step).collect())
    }

    /// Whom it is for. Who of them became recipients was decided when it started.
    async fn audience(&self) -> Result<CampaignAudience> {
        let audience: Audience = serde_json::from_value(self.model.audience.clone())
            .map_err(|error| Error::Internal(error.into()))?;
        Ok(CampaignAudience { reader: self.reader.clone(), audience })
    }

    /// What stands for the variables of its texts.
    async fn variables(&self) -> Result<Vec<TextVariable>> {
        let variables: Vec<Variable> = serde_json::from_value(self.model.variables.clone())
            .map_err(|error| Error::Internal(error.into()))?;
        Ok(variables.into_iter().map(TextVariable::from).collect())
    }

    /// What becomes of messages of which it cannot be known whether the provider has them.
    async fn on_unknown(&self) -> Name<UnknownPolicy> {
        Name(self.model.on_unknown)
    }

    /// When nothing is sent, in the account's zone.
    async fn quiet_hours(&self) -> Option<QuietHours> {
        let (from, to) = (self.model.quiet_from.clone()?, self.model.quiet_to.clone()?);
        Some(QuietHours { from, to })
    }

    /// So many seconds after its start, what was not sent is given up; none means never.
    async fn live_seconds(&self) -> Option<i64> {
        self.model.live_seconds
    }

    /// When it is to start.
    async fn scheduled_at(&self) -> Option<DateTime> {
        self.model.scheduled_at.map(DateTime)
    }

    /// When it started, and its recipients were frozen.
    async fn started_at(&self) -> Option<DateTime> {
        self.model.started_at.map(DateTime)
    }

    /// When it was finished or cancelled.
    async fn ended_at(&self) -> Option<DateTime> {
        self.model.ended_at.map(DateTime)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }

    /// How many recipients it has, and what became of it for them. Of many campaigns, for one
    /// query.
    async fn progress(&self) -> Result<CampaignProgress> {
        Ok(self.reader.find(ProgressOf(self.model.id)).await?.unwrap_or_default())
    }

    /// What it is still to cost, by the texts of some of its recipients: before it starts, to all who
    /// could be sent it now.
    async fn estimate(&self) -> Option<Result<CampaignEstimate>> {
        if let Err(error) = self.reader.caller().count() {
            return Some(Err(error.into()));
        }
        Some(credits::of_campaign(self.reader.scope(), self.model.id).await.map_err(Into::into))
    }

    /// Its numbers: of its recipients under the time of its start, of what it sent under the time of
    /// each send.
    async fn engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From when to when.")] period: PeriodInput,
        #[graphql(desc = "The zone of presets.")] time_zone: Option<TimeZone>,
    ) -> Option<Result<Engagement>> {
        let subject = Subject::Campaign(self.model.id);
        Some(engagement(ctx, &self.reader, subject, period, time_zone).await)
    }

    /// The recipients, frozen when it started.
    async fn recipients(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<recipient::Filter>,
        order_by: Option<recipient::Order>,
    ) -> error::Result<Connection<CampaignRecipient>> {
        let args = PageArgs { first, after, last, before };
        recipient::list(&self.reader, self.model.id, filter, order_by, args).await
    }

    /// What each step would say to a contact now, and what would keep it from being sent.
    async fn preview(
        &self,
        _ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] contact_id: ID,
    ) -> Option<Result<Vec<CampaignPreview>>> {
        let preview = async {
            let account = self.reader.account_id();
            let contact: ContactId =
                id::parse_tenant("contactId", &contact_id, NodeKind::Contact, account)?;
            let previews = rules::preview(self.reader.scope(), self.model.id, contact).await?;
            Ok::<_, Error>(previews.into_iter().map(CampaignPreview::from).collect())
        };
        Some(preview.await.map_err(Into::into))
    }
}

pub struct CampaignStep {
    reader: Reader,
    model: campaign_step::Model,
}

impl CampaignStep {
    fn new(reader: Reader, model: campaign_step::Model) -> Self {
        Self { reader, model }
    }
}

/// One step of a campaign. Later steps are tried where the earlier ones did not deliver.
#[Object]
impl CampaignStep {
    /// Its place, from 0.
    async fn number(&self) -> i32 {
        self.model.number.into()
    }

    /// By which inbox it is sent.
    async fn inbox(&self) -> Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// The template that is sent; none where a text is.
    async fn template(&self) -> Option<Result<Template>> {
        self.reader.optional(self.model.template_id, Template::new).await
    }

    /// The text that is sent; none where a template is.
    async fn content(&self) -> Option<&str> {
        self.model.content.as_deref()
    }

    /// The subject of e-mails.
    async fn subject(&self) -> Option<&str> {
        self.model.subject.as_deref()
    }

    /// How many seconds the step before it has to deliver.
    async fn wait_seconds(&self) -> i64 {
        self.model.wait_seconds
    }

    /// Whether it is sent whatever became of the steps before it.
    async fn required(&self) -> bool {
        self.model.required
    }
}

/// Hours of the day, in the account's zone.
#[derive(SimpleObject)]
#[graphql(name = "CampaignQuietHours")]
pub struct QuietHours {
    /// From this time of day, as `HH:MM`.
    pub from: String,
    /// Until this one; before it on the next day where it is the earlier of the two.
    pub to: String,
}

/// What stands for a variable of a text: the contact's field, or the text where that is empty or
/// none is named.
#[derive(SimpleObject)]
pub struct TextVariable {
    /// The variable's name, as it stands between the braces.
    pub name: String,
    /// The contact's field that stands for it.
    pub contact_field: Option<Name<ContactField>>,
    /// The text that stands for it.
    pub text: Option<String>,
}

impl From<Variable> for TextVariable {
    fn from(variable: Variable) -> Self {
        let Variable { name, field, text } = variable;
        Self { name, contact_field: field.map(Name), text }
    }
}

pub struct CampaignAudience {
    reader: Reader,
    audience: Audience,
}

/// Whom a campaign is for: named contacts, those that a filter lets through, or recipients of
/// another campaign.
#[Object]
impl CampaignAudience {
    /// The named contacts.
    async fn contacts(&self) -> Option<Result<Vec<Contact>>> {
        let Audience::Contacts(ids) = &self.audience else { return None };
        let mut contacts = Vec::with_capacity(ids.len());
        for id in ids {
            match self.reader.find(*id).await {
                Ok(found) => {
                    contacts.extend(found.map(|row| Contact::new(self.reader.clone(), row)));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(contacts))
    }

    /// The filter.
    async fn filter(&self) -> Option<AudienceFilter> {
        let Audience::Filter { label_ids, inbox_ids, has_phone, has_email, search } =
            &self.audience
        else {
            return None;
        };
        let account = self.reader.account_id();
        let seen = self.reader.scope().sees_personal_data();
        Some(AudienceFilter {
            label_ids: label_ids.as_ref().map(|ids| {
                ids.iter().map(|id| NodeId::tenant(NodeKind::Label, account, *id).into()).collect()
            }),
            inbox_ids: inbox_ids.as_ref().map(|ids| {
                ids.iter().map(|id| NodeId::tenant(NodeKind::Inbox, account, *id).into()).collect()
            }),
            has_phone: *has_phone,
            has_email: *has_email,
            search: search.clone().filter(|_| seen),
        })
    }

    /// The other campaign.
    async fn campaign(&self) -> Option<Result<Campaign>> {
        let Audience::Campaign { campaign_id, .. } = &self.audience else { return None };
        self.reader.optional(Some(*campaign_id), Campaign::new).await
    }

    /// Which recipients of the other campaign; none means all of them.
    async fn outcomes(&self) -> Option<Vec<Name<RecipientOutcome>>> {
        let Audience::Campaign { outcomes, .. } = &self.audience else { return None };
        outcomes.as_ref().map(|outcomes| outcomes.iter().copied().map(Name).collect())
    }
}

/// Which contacts are meant. All that is given must hold.
#[derive(SimpleObject)]
#[graphql(name = "CampaignAudienceFilter")]
pub struct AudienceFilter {
    /// With one of these labels.
    pub label_ids: Option<Vec<ID>>,
    /// Known on one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// Whether they have a phone number.
    pub has_phone: Option<bool>,
    /// Whether they have an e-mail address.
    pub has_email: Option<bool>,
    /// A part of the name, the e-mail address or the phone number.
    pub search: Option<String>,
}

/// What a step would say to a contact.
#[derive(SimpleObject)]
pub struct CampaignPreview {
    /// The step's place, from 0.
    pub step: i32,
    /// Where it would be sent; none where the contact has no address.
    pub address: Option<String>,
    /// The text as the contact would get it; none where a variable has no value.
    pub text: Option<String>,
    /// The variable that has none.
    pub missing_variable: Option<String>,
    /// Why it would not be sent.
    pub skip_reason: Option<Name<SkipReason>>,
}

impl From<Preview> for CampaignPreview {
    fn from(preview: Preview) -> Self {
        Self {
            step: preview.step.into(),
            address: preview.address,
            text: preview.text,
            missing_variable: preview.missing_variable,
            skip_reason: preview.refusal.map(Name),
        }
    }
}

/// Which campaigns to list.
#[derive(Default, InputObject)]
#[graphql(name = "CampaignFilter")]
pub struct Filter {
    /// With one of these statuses.
    pub statuses: Option<Vec<Name<CampaignStatus>>>,
    /// With a step on one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// With a step of one of these templates.
    pub template_ids: Option<Vec<ID>>,
    /// A part of the name.
    pub search: Option<String>,
    /// Started, or to start, from this instant on.
    pub from: Option<DateTime>,
    /// Before this instant.
    pub to: Option<DateTime>,
}

impl Filter {
    fn read(self) -> error::Result<rules::CampaignFilter> {
        let mut reading = Reading::new();
        let filter = rules::CampaignFilter {
            statuses: reading.names("statuses", self.statuses),
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            template_ids: reading.ids("templateIds", self.template_ids, NodeKind::Template),
            search: self.search,
            from: instant(self.from),
            to: instant(self.to),
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what campaigns are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "CampaignOrderField")]
pub enum OrderField {
    /// The name.
    Name,
    /// When the campaign was made.
    CreatedAt,
    /// When it is to start.
    ScheduledAt,
    /// When it started.
    StartedAt,
}

/// How campaigns are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "CampaignOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::CreatedAt, direction: OrderDirection::Desc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::Name => rules::by_name(),
            OrderField::CreatedAt => rules::by_creation(),
            OrderField::ScheduledAt => rules::by_schedule(),
            OrderField::StartedAt => rules::by_start(),
        })
    }
}

/// The campaigns of an account, the newest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<Campaign>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = rules::select(reader.scope(), &filter)?;
    let order = order.unwrap_or(Order::USUAL).columns();
    connect(reader, select, order, &filter, args, Campaign::new).await
}

impl Key for CampaignId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}

/// The steps of a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StepsOf(CampaignId);

impl Key for StepsOf {
    type Row = Vec<campaign_step::Model>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Self::Row>> {
        let ids: Vec<CampaignId> = keys.iter().map(|key| key.0).collect();
        let steps = rules::steps_of_many(scope, &ids).await?;
        Ok(steps.into_iter().map(|(id, steps)| (Self(id), steps)).collect())
    }
}
