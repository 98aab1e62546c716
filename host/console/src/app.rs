//! What all pages share.

use std::sync::{Arc, Mutex, PoisonError};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use colophon_core::activation::activate::Activating;
use colophon_core::activation::mail::Mailer;
use colophon_core::activation::ports::{Activations, Grants, Personas, Sessions, Settings as Kept};
use colophon_core::activation::settings::ActivationSettings;
use colophon_core::activation::text::Username;
use colophon_core::ports::FieldCipher;
use colophon_core::time::Timestamp;
use colophon_crypto::{Engine, Randomness};

use crate::oidc::Provider;
use crate::password::Hasher;
use crate::settings::Settings;
use crate::throttle::{Origin, Throttle};

const MINUTE_MS: i64 = 60_000;

pub(crate) struct App {
    pub(crate) personas: Arc<dyn Personas>,
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) grants: Arc<dyn Grants>,
    pub(crate) activations: Arc<dyn Activations>,
    pub(crate) kept: Arc<dyn Kept>,
    pub(crate) activating: Arc<Activating>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) cipher: Arc<dyn FieldCipher>,
    pub(crate) chance: Chance,
    pub(crate) hasher: Hasher,
    pub(crate) throttles: Throttles,
    pub(crate) provider: Option<Provider>,
    pub(crate) settings: Settings,
}

impl App {
    /// What an operator set for all personas; where the database does not answer, what holds
    /// without it.
    pub(crate) async fn kept(&self) -> ActivationSettings {
        self.kept.settings().await.unwrap_or_default()
    }
}

/// Where chance comes from.
pub(crate) struct Chance(pub(crate) Mutex<Box<dyn Randomness + Send>>);

impl Chance {
    /// Has something made of fresh randomness.
    pub(crate) fn make<T>(&self, make: impl FnOnce(&mut dyn Randomness) -> T) -> T {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make(random.as_mut())
    }

    /// 16 bytes for a password's hash or a record's name.
    pub(crate) fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.make(|random| random.fill(&mut salt));
        salt
    }

    /// 256 bits as text.
    pub(crate) fn secret(&self) -> String {
        let mut bytes = [0; 32];
        self.make(|random| random.fill(&mut bytes));
        Base64UrlUnpadded::encode_string(&bytes)
    }
}

/// How often what can be guessed, or fills the database, may be tried.
///
/// An account is throttled for each address, and more generously for all together, so that one
/// stranger cannot keep its owner out.
pub(crate) struct Throttles {
    /// Passwords for one account from one address.
    pub(crate) sign_in: Throttle<(Username, Origin)>,
    /// Passwords for one account from anywhere.
    pub(crate) account: Throttle<Username>,
    /// Passwords from one address.
    pub(crate) sign_in_origin: Throttle<Origin>,
    /// New accounts from one address.
    pub(crate) sign_up: Throttle<Origin>,
    /// Letters to one account.
    pub(crate) letters: Throttle<Username>,
    /// Letters from one address, and uses of their links.
    pub(crate) reset: Throttle<Origin>,
    /// Codes typed at one address.
    pub(crate) codes: Throttle<Origin>,
    /// Readers beginning at one address.
    pub(crate) readers: Throttle<Origin>,
    /// Sign-ins at the provider begun at one address.
    pub(crate) provider: Throttle<Origin>,
}

impl Throttles {
    /// Counts a password tried for an account; false if there were too many.
    pub(crate) fn admit_sign_in(&self, name: &Username, origin: Origin, now: Timestamp) -> bool {
        // Both count, so that a try refused by one is no free try for the other.
        let one = self.sign_in.admit((name.clone(), origin), now);
        let address = self.sign_in_origin.admit(origin, now);
        // What an address may not try any more is no try at the account: counted, it would let
        // one stranger use up what the owner needs.
        one && address && self.account.admit(name.clone(), now)
    }

    /// The right password was no try at guessing it.
    pub(crate) fn refund_sign_in(&self, name: &Username, origin: Origin) {
        self.sign_in.refund(&(name.clone(), origin));
        self.account.refund(name);
        self.sign_in_origin.refund(&origin);
    }
}

impl Default for Throttles {
    fn default() -> Self {
        Self {
            sign_in: Throttle::new(10, 15 * MINUTE_MS),
            account: Throttle::new(100, 15 * MINUTE_MS),
            sign_in_origin: Throttle::new(60, 15 * MINUTE_MS),
            sign_up: Throttle::new(20, 60 * MINUTE_MS),
            letters: Throttle::new(3, 60 * MINUTE_MS),
            reset: Throttle::new(20, 60 * MINUTE_MS),
            codes: Throttle::new(30, 10 * MINUTE_MS),
            readers: Throttle::new(60, 10 * MINUTE_MS),
            provider: Throttle::new(60, 10 * MINUTE_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    #[test]
    fn one_stranger_does_not_keep_an_account_s_owner_out() {
        let throttles = Throttles::default();
        let (ada, now) = ("ada".parse().unwrap(), Timestamp::from_unix_ms(0));
        let stranger = origin("192.0.2.66");
        let admitted = (0..1_000).filter(|_| throttles.admit_sign_in(&ada, stranger, now));
        assert_eq!(admitted.count(), 10);
        assert!(throttles.admit_sign_in(&ada, origin("192.0.2.1"), now));
    }

    #[test]
    fn many_strangers_together_are_stopped() {
        let throttles = Throttles::default();
        let (ada, now) = ("ada".parse().unwrap(), Timestamp::from_unix_ms(0));
        let tries = (0..200).map(|number| origin(&format!("192.0.2.{number}")));
        let admitted = tries.filter(|origin| throttles.admit_sign_in(&ada, *origin, now));
        assert_eq!(admitted.count(), 100);
    }

    #[test]
    fn the_right_password_uses_nothing_up() {
        let throttles = Throttles::default();
        let (ada, now) = ("ada".parse().unwrap(), Timestamp::from_unix_ms(0));
        let home = origin("192.0.2.1");
        for _ in 0..1_000 {
            assert!(throttles.admit_sign_in(&ada, home, now));
            throttles.refund_sign_in(&ada, home);
        }
    }
}
