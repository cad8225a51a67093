//! Passwords: what one may look like, how it is kept (Argon2id), how many are worked on at
//! once and how often one may be tried.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Checks, Error, Result, ViolationCode};

/// Characters of a password.
pub const SHORTEST: usize = 12;
pub const LONGEST: usize = 256;

/// How many may wait for a processor to hash or verify a password.
const QUEUE: usize = 64;
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Verified where there is no user or no password, so that the answer takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Tries of one e-mail address: so many at once, then one every ten seconds.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(5);
/// After so many tries the addresses that were quiet are forgotten.
const SWEEP: u32 = 1024;

/// What is wrong with `password` as a new password: only its length can be. Rules of
/// composition make passwords worse (NIST SP 800-63B).
pub fn check(checks: &mut Checks, path: &str, password: &str) {
    let characters = password.chars().count();
    if characters < SHORTEST {
        let message = format!("must have at least {SHORTEST} characters");
        checks.fail(path, ViolationCode::OutOfRange, message);
    } else if characters > LONGEST {
        let message = format!("has {characters} characters; at most {LONGEST} are allowed");
        checks.fail(path, ViolationCode::TooLong, message);
    }
}

pub struct Passwords {
    workers: Arc<Semaphore>,
    /// Those at work and those that wait.
    queue: Arc<Semaphore>,
    tries: DefaultKeyedRateLimiter<[u8; 32]>,
    tried: AtomicU32,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    pub fn new() -> Self {
        let workers = available_parallelism().map_or(1, usize::from);
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            queue: Arc::new(Semaphore::new(workers + QUEUE)),
            tries: RateLimiter::keyed(Quota::per_minute(A_MINUTE).allow_burst(BURST)),
            tried: AtomicU32::new(0),
        }
    }

    /// The hash of a password with a salt of its own, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || {
            let hash: PasswordHash =
                hasher()?.hash_password(password.as_bytes()).map_err(internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one that `hash` was made of. Without a hash the same work
    /// is done for a no.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.run(move || {
            let known = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY)).map_err(internal)?;
            match hasher()?.verify_password(password.as_bytes(), &known) {
                Ok(()) => Ok(hash.is_some()),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(internal(error)),
            }
        })
        .await
    }

    /// Counts a try to sign in as `email`, or refuses it.
    pub fn attempt(&self, email: &str) -> Result<()> {
        if self.tried.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.tries.retain_recent();
        }
        // The digest keeps every key at one size, whatever is sent as an address.
        let key = <[u8; 32]>::from(Sha256::digest(email.as_bytes()));
        self.tries.check_key(&key).map_err(|_| {
            Error::Limit(format!(
                "too many tries for this e-mail address: {BURST} at once and {A_MINUTE} a minute \
                 are allowed; wait a little"
            ))
        })
    }

    /// Runs `work` beside the threads that serve requests. The places are held by the work
    /// itself: it goes on when its caller has left.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let full = |_| Error::Limit("too many sign-ins at once; try again".to_owned());
        let place = Arc::clone(&self.queue).try_acquire_owned().map_err(full)?;
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(internal)?;
        spawn_blocking(move || {
            let _held = (place, worker);
            work()
        })
        .await
        .map_err(internal)?
    }
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, None).map_err(internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn verifies_what_it_hashed() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse battery".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |password: &str, hash: Option<&String>| {
            passwords.verify(password.to_owned(), hash.cloned())
        };
        assert!(verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!verify("correct horse staple", Some(&hash)).await.unwrap());
        assert!(!verify("correct horse battery", None).await.unwrap());
    }

    #[test]
    fn limits_the_tries_of_each_address() {
        let passwords = Passwords::new();
        for _ in 0..BURST.get() {
            passwords.attempt("a@example.org").unwrap();
        }
        assert!(matches!(passwords.attempt("a@example.org"), Err(Error::Limit(_))));
        assert!(passwords.attempt("b@example.org").is_ok());
    }

    #[test]
    fn asks_for_length_alone() {
        let broken = |password: &str| {
            let mut checks = Checks::new();
            check(&mut checks, "password", password);
            !checks.is_clean()
        };
        assert!(broken("elevenchars"));
        assert!(!broken("twelve chars"));
        assert!(!broken(&"ü".repeat(LONGEST)));
        assert!(broken(&"ü".repeat(LONGEST + 1)));
    }
}
