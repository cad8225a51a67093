//! Whether a call comes from Telegram: the secret that the bot's webhook was set with comes with
//! each (core.telegram.org/bots/api#setwebhook), and is compared in constant time.

use crate::ingest::token::same_token;

/// The header that carries the secret.
pub const HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// Whether `header` is the secret. An empty secret verifies nothing.
pub fn verifies(secret: &str, header: &str) -> bool {
    same_token(secret, header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_verifies() {
        assert!(verifies("a-secret_1", "a-secret_1"));
        for wrong in ["", "a-secret_", "a-secret_12", "A-secret_1", " a-secret_1"] {
            assert!(!verifies("a-secret_1", wrong), "{wrong}");
        }
        assert!(!verifies("", ""));
    }
}
