//! The pages as a whole: what they are made of.

use std::sync::{Arc, Mutex};

use axum::Router;
use colophon_core::activation::activate::Activating;
use colophon_core::activation::mail::Mailer;
use colophon_core::activation::ports::{Activations, Grants, Personas, Sessions, Settings as Kept};
use colophon_core::ports::FieldCipher;
use colophon_crypto::{Engine, Randomness};
use thiserror::Error;

use crate::app::{App, Chance, Throttles};
use crate::oidc::Provider;
use crate::password::{HashFailed, Hasher};
use crate::routes;
use crate::settings::{Settings, SettingsRefused};

/// What the pages work with.
pub struct Console {
    /// Accounts and personas.
    pub personas: Arc<dyn Personas>,
    /// Browsers' sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Readers' requests.
    pub grants: Arc<dyn Grants>,
    /// Personas' devices.
    pub activations: Arc<dyn Activations>,
    /// What an operator set for all personas.
    pub kept: Arc<dyn Kept>,
    /// Activates readers.
    pub activating: Arc<Activating>,
    /// Sends letters.
    pub mailer: Arc<dyn Mailer>,
    /// Digests tokens.
    pub engine: Arc<dyn Engine>,
    /// Makes the tokens of forms.
    pub cipher: Arc<dyn FieldCipher>,
    /// Where tokens and salts come from.
    pub random: Box<dyn Randomness + Send>,
    /// What an operator decided about the pages.
    pub settings: Settings,
}

/// Why there are no pages.
#[derive(Debug, Error)]
pub enum ConsoleRefused {
    /// The settings do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsRefused),
    /// Passwords cannot be hashed.
    #[error("passwords cannot be hashed")]
    Hash(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<HashFailed> for ConsoleRefused {
    fn from(error: HashFailed) -> Self {
        Self::Hash(Box::new(error))
    }
}

impl Console {
    /// The routes. They expect requests with an
    /// [`Arrival`](colophon_core::arrival::Arrival) among their extensions and with a body that
    /// was read within limits.
    ///
    /// # Errors
    ///
    /// [`ConsoleRefused`] if the settings do not fit together.
    pub fn router(self) -> Result<Router, ConsoleRefused> {
        Ok(routes::served(&Arc::new(self.into_app()?)))
    }

    fn into_app(self) -> Result<App, ConsoleRefused> {
        self.settings.check()?;
        let chance = Chance(Mutex::new(self.random));
        let hasher = Hasher::new(self.settings.hashes_max, chance.salt())?;
        let redirect = self.settings.public_url.redirect();
        let provider = self.settings.oidc.clone();
        Ok(App {
            personas: self.personas,
            sessions: self.sessions,
            grants: self.grants,
            activations: self.activations,
            kept: self.kept,
            activating: self.activating,
            mailer: self.mailer,
            engine: self.engine,
            cipher: self.cipher,
            chance,
            hasher,
            throttles: Throttles::default(),
            provider: provider.map(|settings| Provider::new(settings, redirect)),
            settings: self.settings,
        })
    }
}
