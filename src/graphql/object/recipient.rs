//! Recipients of campaigns.

use std::collections::HashMap;

use async_graphql::{Enum, InputObject, Object, Result};
use entity::id::{CampaignId, ContactId};
use entity::kinds::{RecipientState, SkipReason};
use entity::message;
use entity::recipient::{Column, Model};

use super::{Campaign, Contact, Message};
use crate::auth::AccountScope;
use crate::domain::campaign::{self as rules, RecipientOutcome};
use crate::domain::page;
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::loader::{Key, Reader};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct CampaignRecipient {
    reader: Reader,
    model: Model,
}

impl CampaignRecipient {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A contact to whom a campaign is sent. What became of what was sent stands in its messages.
#[Object]
impl CampaignRecipient {
    /// The campaign.
    async fn campaign(&self) -> Result<Campaign> {
        self.reader.object(self.model.campaign_id, Campaign::new).await
    }

    /// The contact.
    async fn contact(&self) -> Result<Contact> {
        self.reader.object(self.model.contact_id, Contact::new).await
    }

    /// Where the first step sends, as it was when the campaign started; none where the contact had
    /// no address, or another recipient has the same, and for callers who may not see personal
    /// data.
    async fn address(&self) -> Option<&str> {
        self.model.address.as_deref().filter(|_| self.reader.scope().sees_personal_data())
    }

    /// What is left to do.
    async fn state(&self) -> Name<RecipientState> {
        Name(self.model.state)
    }

    /// Why nothing was sent.
    async fn skip_reason(&self) -> Option<Name<SkipReason>> {
        self.model.skip_reason.map(Name)
    }

    /// When the next step is due; none where nothing is left to do.
    async fn due_at(&self) -> Option<DateTime> {
        self.model.due_at.map(DateTime)
    }

    /// What was sent, in its order: one message for each step that was taken, and for each time that
    /// one was sent again.
    async fn messages(&self) -> Result<Vec<Message>> {
        let key = SentTo(self.model.campaign_id, self.model.contact_id);
        let sent = self.reader.find(key).await?.unwrap_or_default();
        Ok(sent.into_iter().map(|row| Message::new(self.reader.clone(), row)).collect())
    }
}

/// Which recipients of a campaign to list.
#[derive(Default, InputObject)]
#[graphql(name = "CampaignRecipientFilter")]
pub struct Filter {
    /// In one of these states.
    pub states: Option<Vec<Name<RecipientState>>>,
    /// Skipped for one of these reasons.
    pub skip_reasons: Option<Vec<Name<SkipReason>>>,
    /// One of these became of them.
    pub outcomes: Option<Vec<Name<RecipientOutcome>>>,
    /// A part of the contact's name, e-mail address or phone number.
    pub search: Option<String>,
}

impl Filter {
    fn read(self) -> error::Result<rules::RecipientFilter> {
        let mut reading = Reading::new();
        let filter = rules::RecipientFilter {
            states: reading.names("states", self.states),
            skip_reasons: reading.names("skipReasons", self.skip_reasons),
            outcomes: reading.names("outcomes", self.outcomes),
            search: self.search,
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what recipients are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "CampaignRecipientOrderField")]
pub enum OrderField {
    /// When the contact was made.
    Contact,
    /// The address.
    Address,
}

/// How recipients are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "CampaignRecipientOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::Contact, direction: OrderDirection::Asc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::Contact => rules::recipients_by_contact(),
            OrderField::Address => rules::by_address(),
        })
    }
}

/// The recipients of a campaign, by the age of their contacts if nothing else is said.
pub async fn list(
    reader: &Reader,
    campaign: CampaignId,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<CampaignRecipient>> {
    let filter = filter.unwrap_or_default().read()?;
    let order = order.unwrap_or(Order::USUAL);
    if order.field == OrderField::Address {
        reader.scope().require_personal_data("sorting by address")?;
    }
    let select = rules::select_recipients(reader.scope(), campaign, &filter)?;
    let bound = (campaign, &filter);
    connect(reader, select, order.columns(), &bound, args, CampaignRecipient::new).await
}

/// What a campaign sent to a contact.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct SentTo(CampaignId, ContactId);

impl Key for SentTo {
    type Row = Vec<message::Model>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Self::Row>> {
        let pairs: Vec<_> = keys.iter().map(|key| (key.0, key.1)).collect();
        let mut sent: HashMap<Self, Self::Row> = HashMap::new();
        for ((campaign, contact), message) in rules::sent(scope, &pairs).await? {
            sent.entry(Self(campaign, contact)).or_default().push(message);
        }
        Ok(sent)
    }
}
