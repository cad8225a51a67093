//! The root of all subscriptions: what happens in an account, as it happens. What is heard of
//! is `live`'s business; here it is asked for, filtered and shown.

use async_graphql::{Context, ID, SimpleObject, Subscription as Root};
use entity::id::AccountId;
use entity::{conversation, message};
use futures_util::stream::{self, Stream};

use super::gate::Spender;
use super::id::{self, NodeKind};
use super::loader::{Caller, Reader};
use super::object::{Campaign, Conversation, Message};
use super::report::{self, Report, ReportInput};
use super::viewer;
use crate::config::Limits;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::live::{Change, Event, Feed, Live, LiveCampaign, LiveReport, Seat, Seats};

mod cursor;
mod filter;

use filter::{ConversationSubscriptionFilter, MessageSubscriptionFilter};

/// What all subscriptions share.
pub(super) struct Subscriptions {
    live: Live,
    /// For each caller, and for each account.
    seats: [Seats<Spender>; 2],
}

impl Subscriptions {
    pub fn new(engine: &Engine) -> Self {
        let Limits { caller_subscriptions, account_subscriptions, .. } = engine.config.limits;
        let seats = [caller_subscriptions, account_subscriptions].map(Seats::new);
        Self { live: Live::new(engine.clone()), seats }
    }

    fn sit(&self, caller: &Caller, account_id: AccountId) -> Result<[Seat<Spender>; 2]> {
        let [callers, accounts] = &self.seats;
        let full = |who: &str, seats: &Seats<Spender>, setting: &str| {
            let most = seats.most();
            Error::Limit(format!(
                "{who} has {most} open subscriptions, as many as it may have at a time \
                 ({setting}); end some"
            ))
        };
        let spender = Spender::caller(Some(caller.viewer()), None);
        let own = callers.take(spender);
        let own = own.ok_or_else(|| full("the caller", callers, "caller_subscriptions"))?;
        let account = accounts.take(Spender::Account(account_id));
        let account =
            account.ok_or_else(|| full("the account", accounts, "account_subscriptions"))?;
        Ok([own, account])
    }
}

/// An open subscription.
struct Subscriber {
    live: Live,
    caller: Caller,
    reader: Reader,
    /// Its seats are free when it ends.
    _seats: [Seat<Spender>; 2],
}

impl Subscriber {
    fn new(ctx: &Context<'_>, account_id: &ID) -> Result<Self> {
        let caller = viewer::caller(ctx)?.clone();
        let reader = caller.reader(id::parse_key("accountId", account_id, NodeKind::Account)?)?;
        let all = ctx.data_opt::<Subscriptions>();
        let all = all.ok_or_else(|| Error::bug("the schema was built without subscriptions"))?;
        let _seats = all.sit(&caller, reader.account_id())?;
        Ok(Self { live: all.live.clone(), caller, reader, _seats })
    }

    async fn feed(&self, after: Option<String>) -> Result<Feed> {
        let after = after.map(|text| cursor::read(&text, self.reader.account_id())).transpose()?;
        self.live.feed(self.reader.scope(), after).await
    }

    /// What `show` makes of the events of the feed, until one fails.
    fn shown<T>(
        self,
        feed: Feed,
        show: impl Fn(Event) -> Option<Show<T>> + Send + 'static,
    ) -> impl Stream<Item = Shown<T>> {
        stream::unfold(Some((self, feed, show)), async |state| {
            let (subscriber, mut feed, show) = state?;
            match subscriber.next(&mut feed, &show).await {
                Ok(shown) => Some((Ok(shown), Some((subscriber, feed, show)))),
                Err(error) => Some((Err(error.into()), None)),
            }
        })
    }

    async fn next<T>(
        &self,
        feed: &mut Feed,
        show: &impl Fn(Event) -> Option<Show<T>>,
    ) -> Result<T> {
        loop {
            let event = feed.next().await?;
            let position = event.position;
            if let Some(show) = show(event) {
                let reader = self.caller.again(self.reader.account_id()).await?;
                return Ok(show(reader, cursor::write(self.reader.account_id(), position)));
            }
        }
    }
}

/// What is sent.
type Shown<T> = async_graphql::Result<T>;

/// Makes what is sent, of a reader and a cursor.
type Show<T> = Box<dyn FnOnce(Reader, String) -> T + Send>;

/// A message that was added.
#[derive(SimpleObject)]
pub struct MessageAdded {
    /// Where it stands among all that happens in the account: give it as `after` to go on behind
    /// it.
    cursor: String,
    /// The message.
    message: Message,
}

/// A message whose status has changed.
#[derive(SimpleObject)]
pub struct MessageStatusChanged {
    /// Where it stands among all that happens in the account: give it as `after` to go on behind
    /// it.
    cursor: String,
    /// The message with the status that it has now.
    message: Message,
}

/// A conversation that was begun or changed.
#[derive(SimpleObject)]
pub struct ConversationChanged {
    /// Where it stands among all that happens in the account: give it as `after` to go on behind
    /// it.
    cursor: String,
    /// The conversation as it is now.
    conversation: Conversation,
}

/// A campaign that has got on.
#[derive(SimpleObject)]
pub struct CampaignGotOn {
    /// The campaign as it is now.
    campaign: Campaign,
}

/// A report whose numbers have changed.
#[derive(SimpleObject)]
pub struct ReportUpdated {
    /// The report as it is now.
    report: Report,
}

pub struct Subscription;

/// What happens, as it happens. A cursor can be given as `after` for three days; where it cannot
/// be gone on from, the error has the code `RESYNC`.
#[Root]
impl Subscription {
    /// Each message, note and system entry that is recorded.
    async fn message_added(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] account_id: ID,
        #[graphql(desc = "Leaves messages out.")] filter: Option<MessageSubscriptionFilter>,
        #[graphql(desc = "Goes on behind this cursor; from now on if not given.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Shown<MessageAdded>>> {
        let subscriber = Subscriber::new(ctx, &account_id)?;
        let filter = filter.unwrap_or_default().read()?;
        let feed = subscriber.feed(after).await?;
        Ok(subscriber.shown(feed, move |event| match event.change {
            Change::MessageAdded(row) if filter.lets_through(&row) => {
                Some(Box::new(move |reader, cursor| MessageAdded {
                    cursor,
                    message: message(reader, &row),
                }))
            }
            _ => None,
        }))
    }

    /// Each change of an outbound message's status.
    async fn message_status_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] account_id: ID,
        #[graphql(desc = "Leaves messages out.")] filter: Option<MessageSubscriptionFilter>,
        #[graphql(desc = "Goes on behind this cursor; from now on if not given.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Shown<MessageStatusChanged>>> {
        let subscriber = Subscriber::new(ctx, &account_id)?;
        let filter = filter.unwrap_or_default().read()?;
        let feed = subscriber.feed(after).await?;
        Ok(subscriber.shown(feed, move |event| match event.change {
            Change::MessageStatusChanged(row) if filter.lets_through(&row) => {
                Some(Box::new(move |reader, cursor| MessageStatusChanged {
                    cursor,
                    message: message(reader, &row),
                }))
            }
            _ => None,
        }))
    }

    /// Each conversation that is begun, and each change of one: of its status, its assignee, and
    /// of what was said last.
    async fn conversation_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] account_id: ID,
        #[graphql(desc = "Leaves conversations out.")] filter: Option<
            ConversationSubscriptionFilter,
        >,
        #[graphql(desc = "Goes on behind this cursor; from now on if not given.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Shown<ConversationChanged>>> {
        let subscriber = Subscriber::new(ctx, &account_id)?;
        let filter = filter.unwrap_or_default().read()?;
        let feed = subscriber.feed(after).await?;
        Ok(subscriber.shown(feed, move |event| match event.change {
            Change::ConversationChanged(row) if filter.lets_through(&row) => {
                Some(Box::new(move |reader, cursor| ConversationChanged {
                    cursor,
                    conversation: conversation(reader, &row),
                }))
            }
            _ => None,
        }))
    }

    /// A campaign: first as it is, then each time that it or its progress has changed, at most once
    /// a second.
    async fn campaign_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] account_id: ID,
        #[graphql(desc = "The campaign's id.")] campaign_id: ID,
    ) -> Result<impl Stream<Item = Shown<CampaignGotOn>>> {
        let subscriber = Subscriber::new(ctx, &account_id)?;
        let (kind, account) = (NodeKind::Campaign, subscriber.reader.account_id());
        let id = id::parse_tenant("campaignId", &campaign_id, kind, account)?;
        let watched = subscriber.live.campaign(subscriber.reader.scope(), id).await?;
        Ok(stream::unfold(Some((subscriber, watched)), async |state| {
            let (subscriber, mut watched) = state?;
            match got_on(&subscriber, &mut watched).await {
                Ok(got_on) => Some((Ok(got_on), Some((subscriber, watched)))),
                Err(error) => Some((Err(error.into()), None)),
            }
        }))
    }

    /// A report: first as it is, then each time that its numbers have changed, at most once a
    /// second.
    async fn report_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] account_id: ID,
        #[graphql(desc = "What the report is to say.")] input: ReportInput,
    ) -> Result<impl Stream<Item = Shown<ReportUpdated>>> {
        let subscriber = Subscriber::new(ctx, &account_id)?;
        let asked = report::Asked::read(&subscriber.reader, input)?;
        let made = subscriber.live.report(subscriber.reader.scope(), asked.input.clone()).await?;
        Ok(stream::unfold(Some((subscriber, asked, made)), async |state| {
            let (subscriber, asked, mut made) = state?;
            match updated(&subscriber, &asked, &mut made).await {
                Ok(updated) => Some((Ok(updated), Some((subscriber, asked, made)))),
                Err(error) => Some((Err(error.into()), None)),
            }
        }))
    }
}

async fn got_on(subscriber: &Subscriber, watched: &mut LiveCampaign) -> Result<CampaignGotOn> {
    let row = watched.next().await?;
    let reader = subscriber.caller.again(subscriber.reader.account_id()).await?;
    Ok(CampaignGotOn { campaign: Campaign::new(reader, row) })
}

async fn updated(
    subscriber: &Subscriber,
    asked: &report::Asked,
    made: &mut LiveReport,
) -> Result<ReportUpdated> {
    let made = made.next().await?;
    let reader = subscriber.caller.again(subscriber.reader.account_id()).await?;
    Ok(ReportUpdated { report: asked.show(&reader, (*made).clone()) })
}

fn message(reader: Reader, row: &message::Model) -> Message {
    Message::new(reader, row.clone())
}

fn conversation(reader: Reader, row: &conversation::Model) -> Conversation {
    Conversation::new(reader, row.clone())
}
