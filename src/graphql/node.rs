//! Everything that has an id, behind one interface.

use async_graphql::{Context, ID, Interface, Result};
use entity::id::{
    AccessTokenId, AccountId, BotId, CampaignId, ContactId, ConversationEventId, ConversationId,
    InboxId, LabelId, MessageEventId, MessageId, OptOutId, RawEventId, SessionId, TeamId,
    TemplateId, UserId, Uuid,
};

use super::id::{NodeId, NodeKind};
use super::loader::{Caller, Key, Reader};
use super::object::{
    AccessToken, Account, Bot, Campaign, Contact, Conversation, ConversationEvent, Inbox, Label,
    Message, MessageEvent, OptOut, Session, Team, Template, User, WebhookEvent,
};
use super::viewer;
use crate::auth::Permission;
use crate::domain::{token, user};
use crate::error::Error;

/// Something that can be asked for by its id alone.
#[derive(Interface)]
#[expect(clippy::large_enum_variant, reason = "most are messages, the largest, and few are held")]
#[graphql(field(name = "id", ty = "ID", desc = "The id, unique among all kinds of things."))]
pub enum Node {
    Account(Account),
    User(User),
    AccessToken(AccessToken),
    Team(Team),
    Inbox(Inbox),
    Bot(Bot),
    Contact(Contact),
    Label(Label),
    Conversation(Conversation),
    ConversationEvent(ConversationEvent),
    Message(Message),
    MessageEvent(MessageEvent),
    Session(Session),
    Template(Template),
    OptOut(OptOut),
    WebhookEvent(WebhookEvent),
    Campaign(Campaign),
}

/// The thing with this id. Malformed, missing and foreign ids look the same: there is none.
pub(super) async fn find(ctx: &Context<'_>, text: &ID) -> Result<Option<Node>> {
    let caller = viewer::caller(ctx)?;
    let Ok(id) = text.parse::<NodeId>() else { return Ok(None) };
    match id.account {
        None => global(caller, id.kind, id.id).await,
        Some(account_id) => match caller.reader(account_id) {
            Ok(reader) => tenant(&reader, id.kind, id.id).await,
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        },
    }
}

async fn tenant(reader: &Reader, kind: NodeKind, id: Uuid) -> Result<Option<Node>> {
    match kind {
        NodeKind::Team => of(reader, TeamId(id), Team::new).await,
        NodeKind::Inbox => of(reader, InboxId(id), Inbox::new).await,
        NodeKind::Bot => of(reader, BotId(id), Bot::new).await,
        NodeKind::Contact => of(reader, ContactId(id), Contact::new).await,
        NodeKind::Label => of(reader, LabelId(id), Label::new).await,
        NodeKind::Conversation => of(reader, ConversationId(id), Conversation::new).await,
        NodeKind::ConversationEvent => {
            of(reader, ConversationEventId(id), ConversationEvent::new).await
        }
        NodeKind::Message => of(reader, MessageId(id), Message::new).await,
        NodeKind::MessageEvent => of(reader, MessageEventId(id), MessageEvent::new).await,
        NodeKind::Session => of(reader, SessionId(id), Session::new).await,
        NodeKind::Template => of(reader, TemplateId(id), Template::new).await,
        NodeKind::OptOut => of(reader, OptOutId(id), OptOut::new).await,
        NodeKind::Campaign => of(reader, CampaignId(id), Campaign::new).await,
        NodeKind::RawEvent => of(reader, RawEventId(id), WebhookEvent::new).await,
        NodeKind::Account | NodeKind::User | NodeKind::AccessToken => Ok(None),
    }
}

async fn of<K, O>(reader: &Reader, key: K, new: fn(Reader, K::Row) -> O) -> Result<Option<Node>>
where
    K: Key,
    O: Into<Node>,
{
    Ok(reader.find(key).await?.map(|row| new(reader.clone(), row).into()))
}

async fn global(caller: &Caller, kind: NodeKind, id: Uuid) -> Result<Option<Node>> {
    match kind {
        NodeKind::Account => account(caller, AccountId(id)).await,
        NodeKind::User => person(caller, UserId(id)).await,
        NodeKind::AccessToken => access_token(caller, AccessTokenId(id)).await,
        _ => Ok(None),
    }
}

async fn account(caller: &Caller, id: AccountId) -> Result<Option<Node>> {
    let reader = match caller.reader(id) {
        Ok(reader) => reader,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    reader.scope().require(Permission::Read)?;
    of(&reader, id, Account::new).await
}

/// The viewer, and whoever is in one of the viewer's accounts.
async fn person(caller: &Caller, id: UserId) -> Result<Option<Node>> {
    if let Some(user) = caller.viewer().user().filter(|user| user.id == id) {
        return Ok(Some(User::new(caller.clone(), user.clone()).into()));
    }
    for reader in caller.readers()? {
        let scope = reader.scope();
        if let Some(user) = seen(user::member(scope, scope.db().read(), id).await)? {
            return Ok(Some(User::of(reader.clone(), user).into()));
        }
    }
    Ok(None)
}

/// The viewer's own token, and those of accounts that the viewer administers.
async fn access_token(caller: &Caller, id: AccessTokenId) -> Result<Option<Node>> {
    let own = caller.viewer().token();
    if own.id == id {
        return Ok(Some(AccessToken::new(caller.clone(), own.clone()).into()));
    }
    for reader in caller.readers()? {
        let scope = reader.scope();
        if let Some(token) = seen(token::get(scope, scope.db().read(), id).await)? {
            return Ok(Some(AccessToken::new(caller.clone(), token).into()));
        }
    }
    Ok(None)
}

/// What is not there, or not for the viewer's eyes in this account, may be seen in the next.
fn seen<T>(found: crate::error::Result<T>) -> crate::error::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound(_) | Error::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
