//! Whether a call comes from the account's own system: the signature of Standard Webhooks, with
//! the secret that signs what we send it, and not long ago.

use crate::domain::inbox::signing;

/// The header that carries the id of the call.
pub const ID: &str = "webhook-id";
/// The header that carries the time at which it was made, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header that carries the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// Whether one of the signatures is that of the call, and the call is of now.
pub fn verifies(
    secret: &str,
    [id, timestamp, signatures]: [&str; 3],
    body: &[u8],
    now_seconds: i64,
) -> bool {
    let Ok(seconds) = timestamp.parse::<i64>() else { return false };
    !id.is_empty() && signing::verifies(secret, id, seconds, body, signatures, now_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: &str = "1614265330";
    const NOW: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn only_a_signed_call_of_now_verifies() {
        assert!(verifies(SECRET, [ID, AT, SIGNATURE], BODY, NOW));
        assert!(verifies(SECRET, [ID, AT, SIGNATURE], BODY, NOW + 300));
        assert!(!verifies(SECRET, [ID, AT, SIGNATURE], BODY, NOW + 301));
        assert!(!verifies("another", [ID, AT, SIGNATURE], BODY, NOW));
        assert!(!verifies(SECRET, [ID, AT, SIGNATURE], b"{}", NOW));
        for wrong in
            [["", AT, SIGNATURE], [ID, "", SIGNATURE], [ID, "now", SIGNATURE], [ID, AT, ""]]
        {
            assert!(!verifies(SECRET, wrong, BODY, NOW), "{wrong:?}");
        }
    }
}
