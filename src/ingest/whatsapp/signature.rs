//! Whether a delivery comes from Meta: its signature, compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The header that carries the signature.
pub const HEADER: &str = "X-Hub-Signature-256";
/// Hex digits of a SHA-256.
const DIGITS: usize = 64;

/// Whether `header` is `sha256=` and the hex HMAC-SHA256 of `body`, the raw bytes, under the
/// app's secret. An empty secret verifies nothing.
pub fn verifies(secret: &[u8], body: &[u8], header: &str) -> bool {
    let Some(tag) = header.strip_prefix("sha256=").and_then(bytes) else { return false };
    if secret.is_empty() {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(body);
    mac.verify_slice(&tag).is_ok()
}

fn bytes(hex: &str) -> Option<[u8; DIGITS / 2]> {
    if hex.len() != DIGITS {
        return None;
    }
    let mut bytes = [0; DIGITS / 2];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4231, test case 2.
    const KEY: &[u8] = b"Jefe";
    const BODY: &[u8] = b"what do ya want for nothing?";
    const TAG: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn a_right_signature_verifies() {
        assert!(verifies(KEY, BODY, &format!("sha256={TAG}")));
        assert!(verifies(KEY, BODY, &format!("sha256={}", TAG.to_uppercase())));
    }

    #[test]
    fn anything_else_does_not() {
        let right = format!("sha256={TAG}");
        assert!(!verifies(b"", BODY, &right));
        assert!(!verifies(b"jefe", BODY, &right));
        assert!(!verifies(KEY, b"what do ya want for nothing!", &right));
        for header in [
            String::new(),
            "sha256=".to_owned(),
            TAG.to_owned(),
            format!("sha1={TAG}"),
            format!("sha256= {TAG}"),
            format!("{right}00"),
            format!("sha256={}", TAG.trim_end_matches("43")),
            format!("sha256={}", TAG.replace('5', "6")),
            format!("sha256={}", TAG.replace('5', "g")),
            format!("sha256={}", "é".repeat(32)),
        ] {
            assert!(!verifies(KEY, BODY, &header), "{header}");
        }
    }
}
