//! Encryption of provider secrets at rest. Where the key comes from is the start-up's
//! business.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::error::{Error, Result};

const NONCE: usize = 24;

/// Seals and opens secrets with XChaCha20-Poly1305. Has no `Debug`, so that no key reaches
/// a log.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl Vault {
    pub fn new(key: [u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&Key::from(key)) }
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
