//! Letters to people.

use async_trait::async_trait;
use thiserror::Error;
use zeroize::Zeroizing;

use super::text::EmailAddress;
use crate::id::EventId;

/// A letter. Its text may hold a secret, such as the link that resets a password.
pub struct Letter {
    /// The request that it is an answer to.
    pub id: EventId,
    /// To whom.
    pub to: EmailAddress,
    /// What about, in one line.
    pub subject: &'static str,
    /// What it says, in lines.
    pub text: Zeroizing<String>,
}

/// A letter was not sent.
#[derive(Debug, Error)]
#[error("the letter was not sent")]
pub struct MailFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Sends letters.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a letter to whatever delivers it.
    async fn send(&self, letter: &Letter) -> Result<(), MailFailed>;
}
