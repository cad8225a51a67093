//! The rows behind a number, as a list.

use std::sync::Arc;

use async_graphql::{Result, Union};
use entity::{contact, conversation, conversation_event, message, recipient, session};
use sea_orm::{EntityTrait, ModelTrait, Select};

use crate::analytics::{self, Key, Metric, Part, Records, Report, ReportCell, Row};
use crate::domain::page::Order;
use crate::domain::{campaign, contact as contacts, read};
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::loader::Reader;
use crate::graphql::object::{
    CampaignRecipient, Contact, Conversation, ConversationEvent, Message, Session,
};

/// A row of fact that a metric counts: a message; a session; a conversation; a closing of one; a
/// contact, where different ones are counted; a recipient of a campaign.
#[derive(Union)]
#[expect(clippy::large_enum_variant, reason = "most are messages, the largest, and few are held")]
pub enum Record {
    Message(Message),
    Session(Session),
    Conversation(Conversation),
    ConversationEvent(ConversationEvent),
    Contact(Contact),
    CampaignRecipient(CampaignRecipient),
}

/// What the rows behind the cells of a report are found by.
struct Cells {
    reader: Reader,
    input: analytics::ReportInput,
    /// The groups that have rows of their own, where there is a row for the others.
    shown: Vec<Vec<Key>>,
}

/// A cell without its metric.
pub struct Cell {
    cells: Arc<Cells>,
    period: analytics::PeriodInput,
    /// The place of the bucket in the period.
    bucket: usize,
    keys: Vec<Key>,
}

/// A cell for each row of a report.
pub fn cells(reader: &Reader, input: analytics::ReportInput, report: &Report) -> Vec<Cell> {
    let rows = &report.rows;
    // Every bucket has the same groups, the others last.
    let bucket = rows.first().and_then(|row| row.bucket);
    let mut groups: Vec<Vec<Key>> =
        rows.iter().take_while(|row| row.bucket == bucket).map(keys).collect();
    let height = groups.len().max(1);
    let others = groups.pop_if(|keys| keys.contains(&Key::Other)).is_some();
    let shown = if others { groups } else { Vec::new() };
    let cells = Arc::new(Cells { reader: reader.clone(), input, shown });
    let whole = (report.period.from, report.period.to);
    let cell = |(index, row): (usize, &Row)| {
        let (from, to) = row.bucket.map_or(whole, |bucket| (bucket.start, bucket.end));
        let (cells, bucket) = (cells.clone(), index / height);
        Cell { cells, period: analytics::PeriodInput::Range { from, to }, bucket, keys: keys(row) }
    };
    rows.iter().enumerate().map(cell).collect()
}

fn keys(row: &Row) -> Vec<Key> {
    row.keys.iter().map(|key| key.key.clone()).collect()
}

impl Cell {
    /// The rows behind a part of the value of `metric`, the latest first.
    pub async fn records(
        &self,
        metric: Metric,
        part: Part,
        args: PageArgs,
    ) -> Result<Connection<Record>> {
        let Cells { reader, input, shown } = self.cells.as_ref();
        reader.caller().count()?;
        let cell = ReportCell {
            period: self.period.clone(),
            keys: self.keys.clone(),
            shown: shown.clone(),
        };
        let records = analytics::records(reader.scope(), input, &cell, metric, part).await?;
        // A period up to now is another one on the next page, and the list the same.
        let list = format!("{:?}", (input, self.bucket, &self.keys, shown, metric, part));
        let page = Page { reader, list, args };
        let made = match records {
            Records::Messages(select) => {
                let new = |reader, row: message::Model| Message::new(reader, row).into();
                page.of(select, read::message::by_time(), new).await
            }
            Records::Sessions(select) => {
                let new = |reader, row: session::Model| Session::new(reader, row).into();
                page.of(select, read::session::by_start(), new).await
            }
            Records::Conversations(select) => {
                let new = |reader, row: conversation::Model| Conversation::new(reader, row).into();
                page.of(select, read::conversation::by_creation(), new).await
            }
            Records::Events(select) => {
                let new = |reader, row: conversation_event::Model| {
                    ConversationEvent::new(reader, row).into()
                };
                page.of(select, read::conversation::events_by_time(), new).await
            }
            Records::Contacts(select) => {
                let new = |reader, row: contact::Model| Contact::new(reader, row).into();
                page.of(select, contacts::by_creation(), new).await
            }
            Records::Recipients(select) => {
                let new =
                    |reader, row: recipient::Model| CampaignRecipient::new(reader, row).into();
                page.of(select, campaign::recipients_by_contact(), new).await
            }
        };
        Ok(made?)
    }
}

struct Page<'a> {
    reader: &'a Reader,
    list: String,
    args: PageArgs,
}

impl Page<'_> {
    async fn of<E>(
        self,
        select: Select<E>,
        order: Order<E::Column>,
        new: impl Fn(Reader, E::Model) -> Record,
    ) -> crate::error::Result<Connection<Record>>
    where
        E: EntityTrait,
        E::Model: ModelTrait<Entity = E> + Send + Sync,
    {
        let order = OrderDirection::Desc.apply(order);
        connect(self.reader, select, order, &self.list, self.args, new).await
    }
}
