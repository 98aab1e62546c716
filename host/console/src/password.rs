//! Passwords: how they are hashed, and how many at once.
//!
//! A hash takes 19 MiB and some tens of milliseconds on purpose. It is made on a thread that may
//! block, a few at a time; whoever would have to wait behind too many others is told to come back.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use colophon_core::activation::persona::PasswordHash;
use thiserror::Error;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Characters a new password has at least. Trials are bounded, so that this many suffice.
pub(crate) const CHARS_MIN: usize = 10;

/// Bytes a password has at most, so that hashing takes no longer for anybody.
pub(crate) const BYTES_MAX: usize = 256;

/// Who may wait for a hash while as many as may run are running, for each that runs.
const WAITING_PER_RUNNING: usize = 8;

/// Somebody's password. Not printable, wiped when it goes.
pub(crate) struct Password(Zeroizing<String>);

/// Why text is no new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WeakPassword {
    TooShort,
    TooLong,
    /// It is the name of the account, or one character over and over.
    Guessable,
}

/// What a password is to a hash.
pub(crate) enum Matched {
    /// Not its.
    No,
    /// Its.
    Yes {
        /// A hash with today's parameters, to be kept in the place of one made with others.
        renewed: Option<PasswordHash>,
    },
}

/// No hash was made.
#[derive(Debug, Error)]
pub(crate) enum HashFailed {
    #[error("too many passwords are being checked")]
    Busy,
    #[error("a password could not be hashed")]
    Broken(#[source] argon2::password_hash::Error),
    #[error("a password's hash is not one of argon2id")]
    Form,
    #[error("the thread that hashes ended early")]
    Lost,
}

impl Password {
    /// What somebody typed, to be compared with a hash.
    pub(crate) fn typed(text: &str) -> Option<Self> {
        let fits = (1..=BYTES_MAX).contains(&text.len());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// A password to be kept from now on, for the account of this name.
    pub(crate) fn new(text: &str, username: &str) -> Result<Self, WeakPassword> {
        if text.chars().count() < CHARS_MIN {
            return Err(WeakPassword::TooShort);
        }
        let password = Self::typed(text).ok_or(WeakPassword::TooLong)?;
        let first = text.chars().next();
        let is_one_character = text.chars().all(|character| Some(character) == first);
        let is_name =
            !username.is_empty() && text.to_lowercase().contains(&username.to_lowercase());
        match is_one_character || is_name {
            true => Err(WeakPassword::Guessable),
            false => Ok(password),
        }
    }
}

/// Makes and checks hashes.
pub(crate) struct Hasher {
    running: Arc<Semaphore>,
    /// One permit for each hash that runs or waits.
    places: Arc<Semaphore>,
    /// The hash of no password, with which one is compared where there is no account, so that both
    /// take the same time.
    nobody: PasswordHash,
}

impl Hasher {
    /// With `running_max` hashes at once. `salt` is for the hash of no password.
    pub(crate) fn new(running_max: usize, salt: [u8; 16]) -> Result<Self, HashFailed> {
        let running_max = running_max.max(1);
        let nobody = Password(Zeroizing::new(String::new()));
        Ok(Self {
            running: Arc::new(Semaphore::new(running_max)),
            places: Arc::new(Semaphore::new(
                running_max.saturating_mul(WAITING_PER_RUNNING + 1),
            )),
            nobody: make(&nobody, salt)?,
        })
    }

    /// Hashes a new password.
    pub(crate) async fn hash(
        &self,
        password: Password,
        salt: [u8; 16],
    ) -> Result<PasswordHash, HashFailed> {
        self.run(move || make(&password, salt)).await?
    }

    /// Whether the password is the one of this hash. Without a hash it takes as long and is not.
    /// `salt` is for a renewed hash.
    pub(crate) async fn matches(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
        salt: [u8; 16],
    ) -> Result<Matched, HashFailed> {
        let is_somebody = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let matched = self.run(move || compare(&password, &hash, salt)).await??;
        Ok(match is_somebody {
            true => matched,
            false => Matched::No,
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashFailed> {
        let _place = self.places.try_acquire().map_err(|_| HashFailed::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(|_| HashFailed::Lost)?;
        let work = move || {
            let done = work();
            // Kept until here, for a caller that goes away does not end the thread.
            drop(running);
            done
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|_| HashFailed::Lost)
    }
}

/// Argon2id with the parameters OWASP recommends: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn make(password: &Password, salt: [u8; 16]) -> Result<PasswordHash, HashFailed> {
    let hash = argon2().hash_password_with_salt(password.0.as_bytes(), &salt);
    let hash: Phc = hash.map_err(HashFailed::Broken)?;
    PasswordHash::parse(&hash.to_string()).ok_or(HashFailed::Form)
}

fn compare(
    password: &Password,
    hash: &PasswordHash,
    salt: [u8; 16],
) -> Result<Matched, HashFailed> {
    let hash = Phc::new(hash.expose()).map_err(|_| HashFailed::Form)?;
    match argon2().verify_password(password.0.as_bytes(), &hash) {
        Ok(()) if is_current(&hash) => Ok(Matched::Yes { renewed: None }),
        Ok(()) => Ok(Matched::Yes {
            renewed: Some(make(password, salt)?),
        }),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Matched::No),
        Err(error) => Err(HashFailed::Broken(error)),
    }
}

/// Whether a hash was made with the parameters that new ones are made with.
fn is_current(hash: &Phc) -> bool {
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    hash.version == Some(u32::from(Version::V0x13))
        && Params::try_from(hash).is_ok_and(|made| costs(&made) == costs(&Params::DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Password {
        Password::typed(text).unwrap()
    }

    #[tokio::test]
    async fn a_hash_knows_its_password() {
        let hasher = Hasher::new(2, [1; 16]).unwrap();
        let hash = hasher.hash(typed("correct horse"), [2; 16]).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let matches = |text: &'static str, hash| hasher.matches(typed(text), hash, [3; 16]);
        let right = matches("correct horse", Some(hash.clone())).await.unwrap();
        assert!(matches!(right, Matched::Yes { renewed: None }));
        let wrong = matches("correct hors", Some(hash)).await.unwrap();
        assert!(matches!(wrong, Matched::No));
        let nobody = matches("correct horse", None).await.unwrap();
        assert!(matches!(nobody, Matched::No));
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_is_renewed() {
        let hasher = Hasher::new(1, [1; 16]).unwrap();
        let weaker = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, weaker);
        let old = weaker.hash_password_with_salt(b"correct horse", &[2; 16]);
        let old: Phc = old.unwrap();
        let old = PasswordHash::parse(&old.to_string()).unwrap();
        let matches = |text: &'static str, hash| hasher.matches(typed(text), Some(hash), [3; 16]);
        let wrong = matches("correct hors", old.clone()).await.unwrap();
        assert!(matches!(wrong, Matched::No));
        let Matched::Yes { renewed } = matches("correct horse", old).await.unwrap() else {
            panic!("the password is the right one");
        };
        let renewed = renewed.unwrap();
        assert!(
            renewed
                .expose()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let again = matches("correct horse", renewed).await.unwrap();
        assert!(matches!(again, Matched::Yes { renewed: None }));
    }

    #[tokio::test]
    async fn the_hash_of_nobody_opens_to_nothing() {
        let hasher = Hasher::new(1, [1; 16]).unwrap();
        assert!(Password::typed("").is_none());
        let nobody = Password(Zeroizing::new(String::new()));
        let matched = hasher.matches(nobody, None, [3; 16]).await.unwrap();
        assert!(matches!(matched, Matched::No));
    }

    #[test]
    fn new_passwords_are_not_guessed_at_once() {
        let new = |text: &str| Password::new(text, "ada").map(|_| ());
        assert_eq!(new("correct horse"), Ok(()));
        assert_eq!(new("kurz"), Err(WeakPassword::TooShort));
        assert_eq!(new(&"ab".repeat(129)), Err(WeakPassword::TooLong));
        assert_eq!(new("aaaaaaaaaaaa"), Err(WeakPassword::Guessable));
        assert_eq!(new("1234567 Ada"), Err(WeakPassword::Guessable));
    }
}
