//! Mutations, a file for each subject. Each reads its one input, hands it to a command of
//! `domain` and answers with a payload: broken rules of the input stand in the payload as
//! `userErrors`, every other failure is an error of the field. What may be done, and by
//! whom, is decided in `domain`.

pub mod account;
pub mod auth;
pub mod bot;
pub mod campaign;
pub mod campaign_input;
pub mod contact;
pub mod conversation;
pub mod inbox;
pub mod inbox_settings;
pub mod label;
pub mod message;
pub mod opt_out;
pub mod record;
pub mod record_item;
pub mod team;
pub mod template;
pub mod token;
pub mod user;

// `ContainerType` is what the derived code of merged objects calls.
use async_graphql::{Context, ID, MergedObject, SimpleObject};
use entity::id::{AccountId, Uuid};

use super::id::{self, NodeId, NodeKind};
use super::loader::Reader;
use super::viewer;
use super::vocabulary::Name;
use crate::domain::LONGEST_LIST;
use crate::error::{Error, Result, Violation, ViolationCode};

/// Everything that can be changed. Each mutation answers with a payload, or with null and an
/// error where it was not allowed or could not be done.
#[derive(Default, MergedObject)]
pub struct Mutation(
    auth::AuthMutation,
    account::AccountMutation,
    user::UserMutation,
    token::TokenMutation,
    team::TeamMutation,
    inbox::InboxMutation,
    bot::BotMutation,
    label::LabelMutation,
    template::TemplateMutation,
    contact::ContactMutation,
    opt_out::OptOutMutation,
    record::RecordMutation,
    conversation::ConversationMutation,
    message::MessageMutation,
    campaign::CampaignMutation,
);

/// What a mutation answers. Nullable, so that one that fails leaves the answers of those
/// before it standing.
type Answer<P> = Option<async_graphql::Result<P>>;

/// A rule that the input of a mutation breaks. Inputs with broken rules have no effect.
#[derive(SimpleObject)]
pub struct UserError {
    /// Where in the input, from the outside in; elements of lists by their index from 0.
    pub path: Vec<String>,
    /// What kind of rule it is.
    pub code: Name<ViolationCode>,
    /// What was wrong and what is allowed.
    pub message: String,
}

impl From<Violation> for UserError {
    fn from(violation: Violation) -> Self {
        Self {
            path: segments(&violation.path).map(str::to_owned).collect(),
            code: Name(violation.code),
            message: violation.message,
        }
    }
}

/// `items[3].message` in its parts.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[', ']']).filter(|segment| !segment.is_empty())
}

/// The answer of a mutation: `build` makes the payload of what came out or of the broken
/// rules of the input.
fn payload<T, P>(
    result: Result<T>,
    build: impl FnOnce(Option<T>, Vec<UserError>) -> P,
) -> Answer<P> {
    Some(match result {
        Ok(value) => Ok(build(Some(value), Vec::new())),
        Err(Error::Invalid(violations)) => {
            Ok(build(None, violations.into_iter().map(UserError::from).collect()))
        }
        Err(error) => Err(error.into()),
    })
}

/// The caller within the account that the id at `path` names, and the key of the row.
fn owner<T: From<Uuid>>(
    ctx: &Context<'_>,
    path: &str,
    text: &ID,
    kind: NodeKind,
) -> Result<(Reader, T)> {
    let caller = viewer::caller(ctx)?;
    let key = id::parse_key(path, text, kind)?;
    let account = text.parse::<NodeId>().ok().and_then(|id| id.account);
    let account = account.ok_or_else(|| id::not_found(path, kind))?;
    Ok((caller.reader(account)?, key))
}

/// Makes what a command did not find a broken rule of the input, which named it at `path`.
fn named<T>(path: &str, kind: NodeKind, result: Result<T>) -> Result<T> {
    match result {
        Err(Error::NotFound(_)) => Err(id::not_found(path, kind)),
        result => result,
    }
}

/// Reads the ids of an input, so that all wrong ones are said at once. In place of a wrong
/// one stands the nil key, with which nothing may be done: [`Ids::finish`] comes first.
struct Ids {
    account_id: AccountId,
    violations: Vec<Violation>,
    failure: Option<Error>,
}

impl Ids {
    fn new(account_id: AccountId) -> Self {
        Self { account_id, violations: Vec::new(), failure: None }
    }

    /// A row of the account; or a user or token, whose ids name no account.
    fn key<T: From<Uuid>>(&mut self, path: &str, text: &ID, kind: NodeKind) -> T {
        let key = if kind.is_global() {
            id::parse_key(path, text, kind)
        } else {
            id::parse_tenant(path, text, kind, self.account_id)
        };
        key.unwrap_or_else(|error| {
            self.fail(error);
            T::from(Uuid::nil())
        })
    }

    fn optional<T: From<Uuid>>(
        &mut self,
        path: &str,
        text: Option<&ID>,
        kind: NodeKind,
    ) -> Option<T> {
        text.map(|text| self.key(path, text, kind))
    }

    fn list<T: From<Uuid>>(&mut self, path: &str, texts: &[ID], kind: NodeKind) -> Vec<T> {
        if texts.len() > LONGEST_LIST {
            let message = format!("has {} ids; at most {LONGEST_LIST} are allowed", texts.len());
            self.fail(Error::invalid(path, ViolationCode::TooLong, message));
            return Vec::new();
        }
        let texts = texts.iter().enumerate();
        texts.map(|(index, text)| self.key(&format!("{path}[{index}]"), text, kind)).collect()
    }

    fn fail(&mut self, error: Error) {
        match error {
            Error::Invalid(violations) => self.violations.extend(violations),
            error => self.failure = Some(error),
        }
    }

    fn finish(self) -> Result<()> {
        match self.failure {
            Some(error) => Err(error),
            None if self.violations.is_empty() => Ok(()),
            None => Err(Error::Invalid(self.violations)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_lists_of_segments() {
        for (path, parts) in [
            ("name", vec!["name"]),
            ("items[3].message.content", vec!["items", "3", "message", "content"]),
            ("week[0][1]", vec!["week", "0", "1"]),
            ("", vec![]),
        ] {
            assert_eq!(segments(path).collect::<Vec<_>>(), parts);
        }
    }

    #[test]
    fn broken_rules_stand_in_the_payload_and_the_rest_is_an_error() {
        let build = |value: Option<u8>, errors: Vec<UserError>| (value, errors.len());
        assert_eq!(payload(Ok(7), build), Some(Ok((Some(7), 0))));
        let broken = Error::invalid("name", ViolationCode::Required, "must not be empty");
        assert_eq!(payload(Err(broken), build), Some(Ok((None, 1))));
        let error = payload(Err(Error::NotFound("account")), build).unwrap().unwrap_err();
        assert!(error.source.is_some_and(|source| source.is::<Error>()));
    }

    #[test]
    fn all_wrong_ids_are_said_at_once() {
        let mut ids = Ids::new(AccountId(Uuid::from_u128(1)));
        let foreign = NodeId::tenant(NodeKind::Bot, AccountId(Uuid::from_u128(2)), Uuid::max());
        let _: Uuid = ids.key("botId", &ID::from(foreign), NodeKind::Bot);
        let _: Vec<Uuid> = ids.list("labelIds", &[ID::from("red")], NodeKind::Label);
        let Err(Error::Invalid(violations)) = ids.finish() else { panic!("no violations") };
        let found: Vec<_> = violations.iter().map(|each| (each.path.as_str(), each.code)).collect();
        let wanted =
            [("botId", ViolationCode::NotFound), ("labelIds[0]", ViolationCode::Malformed)];
        assert_eq!(found, wanted);
    }
}
