//! Cursors of the event log, opaque to clients: the account and the place in its log.
//! Format: base64url without padding of the account's key, the number and the index.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::AccountId;

use crate::error::{Error, Result, ViolationCode};
use crate::live::Position;

pub(super) fn write(account_id: AccountId, position: Position) -> String {
    let mut bytes = Vec::with_capacity(28);
    bytes.extend_from_slice(account_id.0.as_bytes());
    bytes.extend_from_slice(&position.seq.to_be_bytes());
    bytes.extend_from_slice(&position.index.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position of a cursor that [`write`] made for the same account.
pub(super) fn read(text: &str, account_id: AccountId) -> Result<Position> {
    let malformed = || {
        let message = "is no cursor of this account's events; give one that a subscription showed";
        Error::invalid("after", ViolationCode::Malformed, message)
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
    let (account, rest) = bytes.split_at_checked(16).ok_or_else(malformed)?;
    let (seq, index) = rest.split_at_checked(8).ok_or_else(malformed)?;
    if account != account_id.0.as_bytes() {
        return Err(malformed());
    }
    let seq = i64::from_be_bytes(seq.try_into().map_err(|_| malformed())?);
    let index = u32::from_be_bytes(index.try_into().map_err(|_| malformed())?);
    Ok(Position { seq, index })
}

#[cfg(test)]
mod tests {
    use entity::id::Uuid;

    use super::*;

    #[test]
    fn cursors_are_read_again_in_their_account_alone() {
        let (account, other) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let position = Position { seq: 7, index: 249 };
        let text = write(account, position);
        assert_eq!(read(&text, account).unwrap(), position);
        assert!(read(&text, other).is_err());
        for text in ["", "x", "AAAA", text.strip_suffix('A').unwrap_or("y"), &format!("{text}AA")] {
            assert!(matches!(read(text, account), Err(Error::Invalid(_))), "{text}");
        }
    }
}
