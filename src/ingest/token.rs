//! Comparing a secret with what a caller shows, in constant time.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Whether two tokens are the same. Compares digests, so that not even the length shows.
pub(super) fn same_token(ours: &str, theirs: &str) -> bool {
    let (ours_digest, theirs_digest) = (Sha256::digest(ours), Sha256::digest(theirs));
    let same = ours_digest.as_slice().ct_eq(theirs_digest.as_slice());
    !ours.is_empty() && bool::from(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same_token("verify-me", "verify-me"));
        assert!(!same_token("verify-me", "verify-m"));
        assert!(!same_token("verify-me", ""));
        assert!(!same_token("", ""));
    }
}
