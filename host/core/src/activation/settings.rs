//! What an operator sets for all personas.

use colophon_receipt::ErrorUrl;

use super::quota::QuotaTerms;
use super::text::SupportContact;

/// The settings of activation. They are records, not configuration: every host on the database
/// follows a change at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationSettings {
    /// How many machines a persona may activate.
    pub quota: QuotaTerms,
    /// Key pairs that should wait in the pool; fewer are made up for in the background.
    pub keys_min: u32,
    /// Whom somebody turns to who has reached the limit.
    pub support: Option<SupportContact>,
    /// Where the page of congratulations offers a gift: `https`, or `http` on this machine.
    pub gift_link: Option<ErrorUrl>,
}

impl Default for ActivationSettings {
    fn default() -> Self {
        Self {
            quota: QuotaTerms::default(),
            keys_min: 10,
            support: None,
            gift_link: None,
        }
    }
}
