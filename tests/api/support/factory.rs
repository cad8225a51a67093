//! Things with plain defaults, made through the same commands as everything else.

use entity::id::{ConversationId, InboxId, MessageId};
use entity::kinds::{
    ConversationEventKind, Direction, Platform, Provider, StatusKind, UnknownPolicy,
};
use entity::{Tenant, conversation, inbox, message};
use rapport::auth::AccountScope;
use rapport::domain::campaign::{Audience, CampaignDraft, NewStep};
use rapport::domain::inbox::InboxCreate;
use rapport::domain::record::{
    self, ContactRef, Item, NewConversationEvent, NewMessage, NewStatus, Outcome,
};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, FromQueryResult, QueryFilter, Select};

/// An inbound chat message that came now.
pub fn message(inbox_id: InboxId, phone: &str, content: &str) -> NewMessage {
    let contact = ContactRef { phone: Some(phone.to_owned()), ..ContactRef::default() };
    NewMessage::new(inbox_id, contact, content)
}

/// A chat message that the business sent now.
pub fn answer(inbox_id: InboxId, phone: &str, content: &str) -> NewMessage {
    NewMessage { direction: Direction::Outbound, ..message(inbox_id, phone, content) }
}

/// What was heard now about a message.
pub fn status(inbox_id: InboxId, external_id: &str, kind: StatusKind) -> NewStatus {
    NewStatus {
        inbox_id,
        external_id: Some(external_id.to_owned()),
        message_id: None,
        kind,
        occurred_at: None,
        received_at: None,
        code: None,
        detail: None,
        recipient: None,
    }
}

/// What happened now to a conversation.
pub fn event(
    inbox_id: InboxId,
    conversation_id: ConversationId,
    kind: ConversationEventKind,
) -> NewConversationEvent {
    NewConversationEvent {
        inbox_id,
        conversation_external_id: None,
        conversation_id: Some(conversation_id),
        kind,
        user_id: None,
        bot_id: None,
        label_id: None,
        by: None,
        by_user_id: None,
        occurred_at: None,
    }
}

/// Records items that need not all be right.
pub async fn record(scope: &AccountScope, items: Vec<Item>) -> Vec<Outcome> {
    record::record(scope, None, items).await.unwrap()
}

/// Records a message that must be right and new.
pub async fn say(scope: &AccountScope, message: NewMessage) -> (MessageId, ConversationId) {
    let outcomes = record(scope, vec![Item::Message(Box::new(message))]).await;
    match &outcomes[..] {
        [Outcome::Recorded { message_id: Some(message), conversation_id: Some(conversation) }] => {
            (*message, *conversation)
        }
        other => panic!("not recorded: {other:?}"),
    }
}

/// Records an event that must be right and new.
pub async fn happen(scope: &AccountScope, event: NewConversationEvent) {
    let outcomes = record(scope, vec![Item::ConversationEvent(event)]).await;
    assert!(matches!(outcomes[..], [Outcome::Recorded { .. }]), "{outcomes:?}");
}

pub async fn stored_message(scope: &AccountScope, id: MessageId) -> message::Model {
    let found = scope.find::<message::Entity>().filter(message::Column::Id.eq(id));
    found.one(scope.db().read()).await.unwrap().unwrap()
}

pub async fn stored_conversation(scope: &AccountScope, id: ConversationId) -> conversation::Model {
    let found = scope.find::<conversation::Entity>().filter(conversation::Column::Id.eq(id));
    found.one(scope.db().read()).await.unwrap().unwrap()
}

/// All rows of a table in the account.
pub async fn stored<E>(scope: &AccountScope) -> Vec<E::Model>
where
    E: Tenant,
    E::Model: FromQueryResult + Send + Sync,
{
    scope.find::<E>().all_rows(scope.db().read()).await
}

/// A campaign of one step, a text with the contact's name.
pub fn draft(inbox_id: InboxId, audience: Audience) -> CampaignDraft {
    CampaignDraft {
        name: "Spring".to_owned(),
        audience,
        steps: vec![step(inbox_id, "Good day, {{name}}")],
        variables: Vec::new(),
        on_unknown: UnknownPolicy::Hold,
        quiet_from: None,
        quiet_to: None,
        live_seconds: None,
    }
}

pub fn step(inbox_id: InboxId, content: &str) -> NewStep {
    NewStep {
        inbox_id,
        template_id: None,
        content: Some(content.to_owned()),
        subject: None,
        wait_seconds: 0,
        required: false,
    }
}

/// All contacts there are.
pub fn everybody() -> Audience {
    Audience::Filter {
        label_ids: None,
        inbox_ids: None,
        has_phone: None,
        has_email: None,
        search: None,
    }
}

/// An inbox on which the sandbox plays the contacts.
pub async fn sandbox(scope: &AccountScope, platform: Platform) -> inbox::Model {
    let input =
        InboxCreate { provider: Some(Provider::Sandbox), ..InboxCreate::new("Sandbox", platform) };
    rapport::domain::inbox::create(scope, None, input).await.unwrap()
}

/// An inbox that another system records.
pub async fn inbox(scope: &AccountScope, name: &str, platform: Platform) -> inbox::Model {
    let input =
        InboxCreate { provider: Some(Provider::External), ..InboxCreate::new(name, platform) };
    rapport::domain::inbox::create(scope, None, input).await.unwrap()
}

pub async fn two_inboxes(scope: &AccountScope) -> [inbox::Model; 2] {
    [inbox(scope, "WhatsApp", Platform::Whatsapp).await, inbox(scope, "SMS", Platform::Sms).await]
}

/// All rows of a table in the account, for tests that look behind the API.
pub trait AllRows<M> {
    fn all_rows(self, connection: &DatabaseConnection) -> impl Future<Output = Vec<M>>;
}

impl<E> AllRows<E::Model> for Select<E>
where
    E: EntityTrait + Tenant,
    E::Model: FromQueryResult + Send + Sync,
{
    async fn all_rows(self, connection: &DatabaseConnection) -> Vec<E::Model> {
        self.all(connection).await.unwrap()
    }
}
