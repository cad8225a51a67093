//! `token create`: a token for a program, of an account or of the whole installation.

use entity::Timestamp;
use entity::id::AccountId;
use entity::kinds::{Role, TokenScope};
use entity::vocabulary::Vocabulary;

use super::{account_id, print};
use crate::auth::token::issue_installation;
use crate::auth::{IssuedToken, system_scope};
use crate::domain::LONGEST_NAME;
use crate::domain::token::{self, TokenCreate};
use crate::engine::Engine;
use crate::error::{Checks, Error, Result, ViolationCode};
use crate::graphql::id::{NodeId, NodeKind};

const DAY_SECONDS: i64 = 24 * 3600;

/// Arguments of `token create`.
#[derive(Clone, Debug, clap::Args)]
pub struct CreateArgs {
    /// The account, by its id in the API or by its UUID
    #[arg(
        long,
        value_parser = account_id,
        required_unless_present = "installation",
        conflicts_with = "installation"
    )]
    account: Option<AccountId>,
    /// What the token may do: READER, AGENT, MANAGER, ADMIN or OWNER
    #[arg(
        long,
        value_parser = named::<Role>,
        required_unless_present = "installation",
        conflicts_with = "installation"
    )]
    role: Option<Role>,
    /// What the token may be used for: READ, RECORD, WRITE, PERSONAL_DATA; the first three
    /// unless given
    #[arg(
        long = "scope",
        value_parser = named::<TokenScope>,
        value_delimiter = ',',
        conflicts_with = "installation"
    )]
    scopes: Vec<TokenScope>,
    /// Name under which the token is listed
    #[arg(long, default_value = "command line")]
    name: String,
    /// Days until it expires; never unless given
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=36_500))]
    days: Option<i64>,
    /// Make a token that belongs to no account and may create accounts
    #[arg(long)]
    installation: bool,
}

/// Makes a token and prints `token:`, which cannot be had again, and `id:`.
pub async fn create(engine: &Engine, args: CreateArgs) -> Result<()> {
    let now = engine.clock.now();
    let expires_at = args.days.map(|days| now.plus_seconds(days * DAY_SECONDS));
    let issued = if args.installation {
        let mut checks = Checks::new();
        let name = checks.text("name", &args.name, LONGEST_NAME);
        checks.finish()?;
        issue_installation(engine, name, expires_at).await?
    } else {
        of_account(engine, args, expires_at).await?
    };
    let id = NodeId::global(NodeKind::AccessToken, issued.model.id);
    print(&[("token", issued.text), ("id", id.to_string())])
}

async fn of_account(
    engine: &Engine,
    args: CreateArgs,
    expires_at: Option<Timestamp>,
) -> Result<IssuedToken> {
    let (Some(account_id), Some(role)) = (args.account, args.role) else {
        let message = "give --account and --role, or --installation";
        return Err(Error::invalid("account", ViolationCode::Required, message));
    };
    let scope = system_scope(engine, account_id);
    scope.account(scope.db().read()).await?;
    // Readers see no personal data unless somebody says so.
    let usual = vec![TokenScope::Read, TokenScope::Record, TokenScope::Write];
    let scopes = if args.scopes.is_empty() { usual } else { args.scopes };
    token::create(&scope, None, TokenCreate { name: args.name, role, scopes, expires_at }).await
}

/// Reads a member of a vocabulary, in any case.
fn named<T: Vocabulary>(text: &str) -> Result<T, String> {
    T::from_name(&text.to_uppercase()).ok_or_else(|| format!("allowed is one of {}", T::names()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: CreateArgs,
    }

    fn parse(line: &str) -> Option<CreateArgs> {
        Cli::try_parse_from(line.split(' ')).ok().map(|cli| cli.args)
    }

    #[test]
    fn a_token_has_an_account_and_role_or_is_the_installations() {
        let account = "00000000-0000-0000-0000-000000000007";
        let args = parse(&format!("token --account {account} --role admin --scope read,write"));
        let args = args.unwrap();
        assert_eq!(args.role, Some(Role::Admin));
        assert_eq!(args.scopes, [TokenScope::Read, TokenScope::Write]);
        assert!(parse("token --installation").unwrap().installation);
        assert!(parse("token").is_none());
        assert!(parse(&format!("token --account {account}")).is_none());
        assert!(parse("token --installation --role admin").is_none());
        assert!(parse(&format!("token --account {account} --role king")).is_none());
    }
}
