//! Encryption of provider secrets at rest, keys for what the server signs, and keyed hashes of what
//! must be known again without being kept. Where the vault's own key comes from is the start-up's
//! business.

use std::fmt::Write as _;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::error::{Error, Result};

const NONCE: usize = 24;

/// Bytes that SHA-256 takes at once.
const BLOCK: usize = 64;

/// Seals and opens secrets with XChaCha20-Poly1305. Has no `Debug`, so that no key reaches
/// a log.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    key: [u8; 32],
}

impl Vault {
    pub fn new(key: [u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&Key::from(key)), key }
    }

    /// What signs for one purpose and no other, under a key that follows from the vault's own
    /// and tells nothing of it.
    pub fn signer(&self, purpose: &str) -> Hmac<Sha256> {
        let mut derived = mac(self.key);
        derived.update(purpose.as_bytes());
        mac(derived.finalize().into_bytes().into())
    }

    /// A random nonce of 24 bytes, then the sealed secret.
    pub fn seal(&self, secret: &[u8]) -> Vec<u8> {
        let mut nonce = [0u8; NONCE];
        rand::fill(&mut nonce);
        // Only a secret of 256 GiB fails; what is stored then cannot be opened.
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), secret).unwrap_or_default();
        [nonce.as_slice(), sealed.as_slice()].concat()
    }

    /// The secret in what [`Vault::seal`] gave. Fails if it was changed, or sealed with
    /// another key.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || Error::bug("a stored secret does not open with this key");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(broken)?;
        self.cipher.decrypt(&XNonce::from(*nonce), sealed).map_err(|_| broken())
    }

    /// The hash of a text under a key that is derived for the purpose, in hex. Whoever has the
    /// database without the key cannot try out which text it was, though there be few.
    pub fn fingerprint(&self, purpose: &str, text: &str) -> String {
        let mut signer = self.signer(purpose);
        signer.update(text.as_bytes());
        let bytes = signer.finalize().into_bytes();
        bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing into a text never fails.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// HMAC-SHA256 under the key, which is filled up to a block as HMAC itself does it.
fn mac(key: [u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; BLOCK];
    block[..key.len()].copy_from_slice(&key);
    // Not the `KeyInit` of the cipher, which is of another version.
    <Hmac<Sha256> as hmac::KeyInit>::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(mut signer: Hmac<Sha256>, text: &[u8]) -> [u8; 32] {
        signer.update(text);
        signer.finalize().into_bytes().into()
    }

    #[test]
    fn signs_for_each_purpose_with_another_key() {
        let vault = Vault::new([7; 32]);
        let signed = tag(vault.signer("a"), b"text");
        assert_eq!(signed, tag(Vault::new([7; 32]).signer("a"), b"text"));
        assert_ne!(signed, tag(vault.signer("b"), b"text"));
        assert_ne!(signed, tag(Vault::new([8; 32]).signer("a"), b"text"));
    }

    #[test]
    fn a_key_that_is_filled_up_is_the_same_key() {
        let whole = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&[7; 32]).unwrap();
        assert_eq!(tag(mac([7; 32]), b"text"), tag(whole, b"text"));
    }

    #[test]
    fn opens_what_it_sealed() {
        let vault = Vault::new([7; 32]);
        let sealed = vault.seal(b"secret");
        assert_eq!(vault.open(&sealed).unwrap(), b"secret");
        assert_ne!(sealed, vault.seal(b"secret"), "every nonce is new");
    }

    #[test]
    fn refuses_other_keys_and_changed_bytes() {
        let sealed = Vault::new([7; 32]).seal(b"secret");
        assert!(Vault::new([8; 32]).open(&sealed).is_err());
        let mut changed = sealed.clone();
        changed[NONCE] ^= 1;
        assert!(Vault::new([7; 32]).open(&changed).is_err());
        assert!(Vault::new([7; 32]).open(&sealed[..NONCE - 1]).is_err());
    }

    #[test]
    fn hashes_depend_on_key_purpose_and_text() {
        let hash = Vault::new([7; 32]).fingerprint("address", "+15550001111");
        assert_eq!(hash.len(), 64);
        assert_eq!(Vault::new([7; 32]).fingerprint("address", "+15550001111"), hash);
        for other in [
            Vault::new([8; 32]).fingerprint("address", "+15550001111"),
            Vault::new([7; 32]).fingerprint("id", "+15550001111"),
            Vault::new([7; 32]).fingerprint("address", "+15550001112"),
        ] {
            assert_ne!(other, hash);
        }
    }

    /// RFC 4231, test case 1, whose key is shorter.
    #[test]
    fn the_hash_is_hmac_sha256() {
        let mut key = [0u8; 32];
        key[..20].copy_from_slice(&[0x0b; 20]);
        let hash = tag(mac(key), b"Hi There");
        assert_eq!(hash[..4], [0xb0, 0x34, 0x4c, 0x61]);
        assert_eq!(hash[28..], [0x2e, 0x32, 0xcf, 0xf7]);
    }
}
