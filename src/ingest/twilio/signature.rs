//! Whether a call comes from Twilio: its signature, compared in constant time
//! (twilio.com/docs/usage/security).

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::ingest::token::same_token;

/// The header that carries the signature.
pub const HEADER: &str = "X-Twilio-Signature";
/// The parameter of the address that carries the digest of a body that is no form.
const DIGEST: &str = "bodySHA256";

/// Whether `header` is the base64 HMAC-SHA1, under the account's token, of the address that
/// Twilio was given, its query, and all that the form says. A body that is no form is signed by
/// its digest in the query. An empty token verifies nothing.
pub fn verifies(token: &str, url: &str, query: &str, body: &[u8], header: &str) -> bool {
    let Ok(tag) = STANDARD.decode(header) else { return false };
    let said = match digest_of_body(query) {
        Some(digest) if same_token(&hex(body), &digest.to_ascii_lowercase()) => String::new(),
        Some(_) => return false,
        None => parameters(body),
    };
    let mark = if query.is_empty() { "" } else { "?" };
    let signs = |url: &String| {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.as_bytes()) else { return false };
        for part in [url.as_str(), mark, query, said.as_str()] {
            mac.update(part.as_bytes());
        }
        mac.verify_slice(&tag).is_ok()
    };
    !token.is_empty() && spellings(url).iter().any(signs)
}

/// The SHA-256 of the body that stands in the address, in hex.
pub fn digest_of_body(query: &str) -> Option<Cow<'_, str>> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    parameters.find(|(name, _)| name == DIGEST).map(|(_, digest)| digest)
}

fn hex(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each different parameter by name and value, without anything between them.
fn parameters(body: &[u8]) -> String {
    let different: BTreeSet<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(body).collect();
    different.into_iter().flat_map(|(name, value)| [name, value]).collect()
}

/// Twilio signs some addresses with their port and some without, so that its own libraries try
/// both.
fn spellings(url: &str) -> [String; 2] {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let usual = if scheme == "http" { "80" } else { "443" };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => (host, port),
        _ => (authority, usual),
    };
    [format!("{scheme}://{host}{path}"), format!("{scheme}://{host}:{port}{path}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Twilio's documentation and of its libraries.
    const TOKEN: &str = "12345";
    const URL: &str = "https://mycompany.com/myapp.php";
    const QUERY: &str = "foo=1&bar=2";
    const BODY: &[u8] = b"To=%2B18005551212&Digits=1234&CallSid=CA1234567890ABCDE\
        &Caller=%2B14158675309&From=%2B14158675309";
    const SIGNATURE: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    const JSON: &[u8] = br#"{"property": "value", "boolean": true}"#;
    const JSON_QUERY: &str =
        "foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    const JSON_SIGNATURE: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";

    #[test]
    fn signatures_are_those_of_the_documentation() {
        assert!(verifies(TOKEN, URL, QUERY, BODY, SIGNATURE));
        assert!(verifies(TOKEN, URL, JSON_QUERY, JSON, JSON_SIGNATURE));
        let repeated = [BODY, b"&Digits=1234"].concat();
        assert!(verifies(TOKEN, URL, QUERY, &repeated, SIGNATURE));
    }

    #[test]
    fn nothing_else_verifies() {
        let other = [BODY, b"&Digits=1235"].concat();
        assert!(!verifies(TOKEN, URL, QUERY, &other, SIGNATURE));
        assert!(!verifies("12346", URL, QUERY, BODY, SIGNATURE));
        assert!(!verifies("", URL, QUERY, BODY, SIGNATURE));
        assert!(!verifies(TOKEN, "http://mycompany.com/myapp.php", QUERY, BODY, SIGNATURE));
        assert!(!verifies(TOKEN, URL, "foo=1&bar=3", BODY, SIGNATURE));
        assert!(!verifies(TOKEN, URL, "", BODY, SIGNATURE));
        for header in ["", "=", "RSOYDt4T", &format!("{SIGNATURE} "), JSON_SIGNATURE] {
            assert!(!verifies(TOKEN, URL, QUERY, BODY, header), "{header}");
        }
        // The address is signed, the body is another.
        assert!(!verifies(TOKEN, URL, JSON_QUERY, b"{}", JSON_SIGNATURE));
        assert!(!verifies(TOKEN, URL, QUERY, JSON, JSON_SIGNATURE));
    }

    #[test]
    fn ports_may_be_signed_or_not() {
        for (url, without, with) in [
            ("https://a.example/x", "https://a.example/x", "https://a.example:443/x"),
            ("http://a.example", "http://a.example", "http://a.example:80"),
            ("https://a.example:8443/x:1", "https://a.example/x:1", "https://a.example:8443/x:1"),
            ("http://[::1]/x", "http://[::1]/x", "http://[::1]:80/x"),
        ] {
            assert_eq!(spellings(url), [without, with]);
        }
        // As they are signed with the port of the address.
        let mut mac = Hmac::<Sha1>::new_from_slice(b"12345").unwrap();
        mac.update(b"https://a.example:8443/x");
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        assert!(verifies(TOKEN, "https://a.example:8443/x", "", b"", &signature));
        assert!(!verifies(TOKEN, "https://a.example/x", "", b"", &signature));
    }
}
