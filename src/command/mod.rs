//! What the command line does to accounts, tokens and what is made up, each as a struct of arguments and a
//! function. Which commands there are, and what they start with, is `main`'s business.

pub mod account;
pub mod rebuild;
pub mod seed;
pub mod token;

use std::io::Write as _;

use entity::id::{AccountId, Uuid};
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::{Error, Result};
use crate::graphql::id::{NodeId, NodeKind};

/// Reads an account's id as GraphQL shows it, or as a UUID.
pub fn account_id(text: &str) -> Result<AccountId, String> {
    if let Ok(NodeId { kind: NodeKind::Account, id, .. }) = text.parse::<NodeId>() {
        return Ok(AccountId(id));
    }
    let id = Uuid::parse_str(text);
    id.map(AccountId).map_err(|_| "is neither `account:` and its key nor a UUID".to_owned())
}

/// Shows on standard error how far something is, where that is a terminal.
fn bar(whole: u64, what: &str) -> Result<ProgressBar> {
    let template =
        format!("{{bar:40}} {{human_pos}} of {{human_len}} {what}, {{per_sec}}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    Ok(ProgressBar::new(whole).with_style(style.map_err(|error| Error::Internal(error.into()))?))
}

/// Writes results to standard output, one a line: `key: value`.
fn print(lines: &[(&str, String)]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for (key, value) in lines {
        writeln!(out, "{key}: {value}").map_err(|error| Error::Internal(error.into()))?;
    }
    out.flush().map_err(|error| Error::Internal(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_have_two_spellings() {
        let id = AccountId(Uuid::from_u128(7));
        assert_eq!(account_id(&NodeId::account(id).to_string()), Ok(id));
        assert_eq!(account_id(&id.0.to_string()), Ok(id));
        assert!(account_id("").is_err());
        assert!(account_id(&NodeId::global(NodeKind::User, id).to_string()).is_err());
    }
}
