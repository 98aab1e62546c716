//! Why a request is refused, and what each party may know of it.

use colophon_receipt::{ErrorUrl, OpenError, TimeRefusal};
use colophon_title::trust::ChainRefused;
use thiserror::Error;

use crate::code::Code;
use crate::plugin::PluginFailure;
use crate::ports::{OriginError, Unavailable};
use crate::principal::{CertificateRefused, RegistrationFailed};

/// Why a request was refused, by cause.
///
/// The variants are for the operator's log; [`Refusal::code`] is what a retailer learns.
#[derive(Debug, Error)]
pub enum Refusal {
    /// No such center on this host.
    #[error("this host serves no such center")]
    UnknownCenter,
    /// The text handed in is not a receipt at all.
    #[error("the request carries no well-formed receipt")]
    NotAReceipt,
    /// The key id names no key of this center, or a revoked one.
    #[error("no live key has the receipt's key id: it is unknown here or was revoked")]
    UnknownKey,
    /// The receipt does not open under the key it names.
    #[error("the receipt does not open")]
    NotOpened(#[source] OpenError),
    /// `RetailerID` in the form is not the receipt's issuer.
    #[error("the form names another retailer than the receipt's issuer")]
    OtherRetailer,
    /// The receipt's time has passed, or has not come.
    #[error("the receipt is outside its time")]
    OutsideTime(#[source] TimeRefusal),
    /// The entity tag of a resumed download is not that of this purchase's copy.
    #[error("the receipt has expired and the entity tag to resume with is not this copy's")]
    NotResumable,
    /// The purchase has been downloaded as often as it may be.
    #[error("the purchase has been downloaded as often as its receipt allows")]
    UsedUp,
    /// Neither plug-in nor catalog knows the Book ID.
    #[error("no title has this Book ID")]
    UnknownTitle,
    /// A plug-in named a place where the center has no title.
    #[error("{plugin} says that the title lies at {place}, and the center has none there")]
    NoTitleThere {
        /// The plug-in, by its name and version.
        plugin: String,
        /// Content-store root and path.
        place: String,
    },
    /// The title was withdrawn.
    #[error("the title has been withdrawn")]
    Withdrawn,
    /// The receipt asks for less protection than the title demands.
    #[error("the receipt asks for less protection than the title demands")]
    LevelTooLow,
    /// The level exists but the title is not kept in the form for it.
    #[error("the title is not available at the level asked for")]
    LevelUnavailable,
    /// Level 3 binds a name and the receipt carries none.
    #[error("the level binds the buyer's name and the receipt carries none")]
    NameMissing,
    /// Level 5 binds a persona, and the receipt carries none, or a text that is no persona's id.
    #[error("the level binds the copy to a persona and the receipt names none")]
    PersonaMissing,
    /// Level 5 needs the persona's activation certificate; it came with no request and is nowhere
    /// to be found.
    #[error("there is no activation certificate of the receipt's persona")]
    CertificateMissing,
    /// The persona's activation certificate is not believed.
    #[error("the activation certificate is refused")]
    Certificate(#[source] CertificateRefused),
    /// The registration server, which may know the certificate, gave no answer.
    #[error("the persona's activation certificate could not be fetched")]
    Registration(#[source] RegistrationFailed),
    /// The center's licensor would not be believed by any reader.
    #[error("the center's licensor is not believed")]
    Licensor(#[source] ChainRefused),
    /// A licensor that the center's holds the title's rights from would not be believed.
    #[error("a licensor who delegated the title's rights is not believed")]
    Grantor(#[source] ChainRefused),
    /// The center's policy said no.
    #[error("the center's policy denies the sale: {reason}")]
    Denied {
        /// The policy's own code for its reason.
        reason: String,
    },
    /// A plug-in failed where its answer is needed.
    #[error("the center's plug-in failed")]
    Plugin(#[source] PluginFailure),
    /// A plug-in answered with something that cannot be used.
    #[error("the plug-in's answer cannot be used: {problem}")]
    PluginAnswer {
        /// What is wrong with the answer.
        problem: &'static str,
    },
    /// The content store has no such object, or cannot be reached, or holds a damaged one.
    #[error("the title's file cannot be read")]
    Origin(#[source] OriginError),
    /// The copy could not be made.
    #[error("the copy's bookplate could not be made")]
    Bookplate(#[source] colophon_title::PersonalizeError),
    /// The host has no room to promise a durable log row.
    #[error("the host is busy")]
    Busy,
    /// Something the host depends on did not answer.
    #[error("a service the host depends on did not answer")]
    Unavailable(#[source] Unavailable),
}

impl Refusal {
    /// The stable code that a retailer and its support staff see.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownCenter => Code::CenterUnknown,
            Self::NotAReceipt | Self::UnknownKey | Self::NotOpened(_) | Self::OtherRetailer => {
                Code::ReceiptInvalid
            }
            Self::OutsideTime(TimeRefusal::NotYetValid) => Code::ReceiptNotYetValid,
            Self::OutsideTime(TimeRefusal::Expired) | Self::NotResumable => Code::ReceiptExpired,
            Self::UsedUp => Code::ReceiptUsedUp,
            Self::UnknownTitle => Code::TitleUnknown,
            Self::Withdrawn => Code::TitleWithdrawn,
            Self::LevelTooLow => Code::LevelTooLow,
            Self::LevelUnavailable => Code::LevelUnavailable,
            Self::NameMissing => Code::NameMissing,
            Self::PersonaMissing => Code::PersonaMissing,
            Self::CertificateMissing => Code::CertificateMissing,
            Self::Certificate(refused) => refused.code(),
            Self::Registration(_) => Code::Unavailable,
            Self::Denied { .. } => Code::PolicyDenied,
            Self::Plugin(_) | Self::PluginAnswer { .. } | Self::NoTitleThere { .. } => {
                Code::PluginFailed
            }
            Self::Origin(OriginError::NotFound | OriginError::Damaged { .. }) => {
                Code::TitleNotReady
            }
            Self::Origin(OriginError::Unreachable(_)) => Code::ContentUnavailable,
            Self::Bookplate(_) | Self::Licensor(_) | Self::Grantor(_) => Code::CopyFailed,
            Self::Busy => Code::Busy,
            Self::Unavailable(_) => Code::Unavailable,
        }
    }

    /// The plug-in whose doing it is, where one is known.
    pub fn plugin(&self) -> Option<&str> {
        if let Self::NoTitleThere { plugin, .. } = self {
            Some(plugin)
        } else {
            None
        }
    }
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

/// A refusal with the place the buyer is sent to, if the retailer registered one.
#[derive(Debug, Error)]
#[error("request refused")]
pub struct Refused {
    /// Why.
    #[source]
    pub refusal: Refusal,
    /// Where the buyer's browser is redirected, with the code in the query.
    pub redirect: Option<ErrorUrl>,
}
