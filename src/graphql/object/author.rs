//! Who wrote something in the name of the business.

use async_graphql::{Object, Result};
use entity::id::{BotId, UserId};
use entity::kinds::AuthorKind;

use super::{Bot, User};
use crate::graphql::loader::Reader;
use crate::graphql::vocabulary::Name;

pub struct Author {
    reader: Reader,
    kind: AuthorKind,
    user_id: Option<UserId>,
    bot_id: Option<BotId>,
}

impl Author {
    pub fn new(
        reader: &Reader,
        kind: AuthorKind,
        user_id: Option<UserId>,
        bot_id: Option<BotId>,
    ) -> Self {
        Self { reader: reader.clone(), kind, user_id, bot_id }
    }
}

/// Who wrote an outbound message.
#[Object(name = "MessageAuthor")]
impl Author {
    /// What kind of author it is.
    async fn kind(&self) -> Name<AuthorKind> {
        Name(self.kind)
    }

    /// The person, where one is known.
    async fn user(&self) -> Option<Result<User>> {
        self.reader.optional(self.user_id, User::of).await
    }

    /// The bot, where one is known.
    async fn bot(&self) -> Option<Result<Bot>> {
        self.reader.optional(self.bot_id, Bot::new).await
    }
}
