//! `account create`: an account with its first owner.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::print;
use crate::domain::account::{self, AccountCreate};
use crate::engine::Engine;
use crate::error::Result;
use crate::graphql::id::NodeId;

/// Bytes of a generated password; four characters for every three.
const PASSWORD_BYTES: usize = 18;

/// Arguments of `account create`.
#[derive(Clone, Debug, clap::Args)]
pub struct CreateArgs {
    /// Name of the account
    #[arg(long)]
    name: String,
    /// Time zone of its reports, by IANA name, for example Europe/Berlin
    #[arg(long)]
    zone: String,
    /// E-mail address of its first owner
    #[arg(long)]
    owner_email: String,
    /// Name of the owner; the e-mail address unless given
    #[arg(long)]
    owner_name: Option<String>,
    /// Password of the owner; made up and printed unless given
    #[arg(long)]
    owner_password: Option<String>,
}

/// Makes an account and prints `account:`, `name:`, `zone:`, `owner:` and, where one was
/// made up, `password:`. An owner who is a user already keeps the password.
pub async fn create(engine: &Engine, args: CreateArgs) -> Result<()> {
    let made_up = args.owner_password.is_none().then(make_up);
    let input = AccountCreate {
        name: args.name,
        time_zone: args.zone,
        owner_email: Some(args.owner_email),
        owner_name: args.owner_name,
        owner_password: args.owner_password.or_else(|| made_up.clone()),
        ..Default::default()
    };
    let created = account::create(engine, None, input).await?;
    let account = created.account;
    let mut lines = vec![
        ("account", NodeId::account(account.id).to_string()),
        ("name", account.name),
        ("zone", account.time_zone),
    ];
    lines.extend(created.owner.map(|owner| ("owner", owner.email)));
    lines.extend(made_up.filter(|_| created.owner_is_new).map(|password| ("password", password)));
    print(&lines)
}

fn make_up() -> String {
    let mut bytes = [0u8; PASSWORD_BYTES];
    rand::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
