//! Signatures of the calls between an inbox and a system of the account's own, by the scheme of
//! Standard Webhooks: `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`
//! (github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How far the clocks of the two sides may be apart.
pub const TOLERANCE_SECONDS: i64 = 300;

/// The signature of a call; none where the secret is none.
pub fn sign(secret: &str, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let tag = mac(secret, id, seconds, body)?.finalize().into_bytes();
    Some(format!("v1,{}", STANDARD.encode(tag)))
}

/// Whether one of the signatures in `header`, which stand apart by spaces, is that of the call,
/// and the call is of now.
pub fn verifies(
    secret: &str,
    id: &str,
    seconds: i64,
    body: &[u8],
    header: &str,
    now_seconds: i64,
) -> bool {
    if seconds.abs_diff(now_seconds) > TOLERANCE_SECONDS.unsigned_abs() {
        return false;
    }
    let Some(mac) = mac(secret, id, seconds, body) else { return false };
    let tags = header.split(' ').filter_map(|part| STANDARD.decode(part.strip_prefix("v1,")?).ok());
    let mut tags = tags.take(10);
    tags.any(|tag| mac.clone().verify_slice(&tag).is_ok())
}

fn mac(secret: &str, id: &str, seconds: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    if key.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn signatures_are_those_of_the_specification() {
        assert_eq!(sign(SECRET, ID, AT, BODY).as_deref(), Some(SIGNATURE));
        assert_eq!(sign("", ID, AT, BODY), None);
        assert_eq!(sign("whsec_", ID, AT, BODY), None);
        assert_eq!(sign("whsec_!", ID, AT, BODY), None);
    }

    #[test]
    fn only_the_right_signature_of_now_verifies() {
        let verifies = |header: &str, now| verifies(SECRET, ID, AT, BODY, header, now);
        assert!(verifies(SIGNATURE, AT));
        assert!(verifies(&format!("v1a,zzz v1,AAAA {SIGNATURE}"), AT + 300));
        for wrong in ["", "v1,", "v1,AAAA", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="] {
            assert!(!verifies(wrong, AT), "{wrong}");
        }
        assert!(!verifies(SIGNATURE, AT + 301) && !verifies(SIGNATURE, AT - 301));
        assert!(!super::verifies(SECRET, ID, AT, b"{}", SIGNATURE, AT));
    }
}
