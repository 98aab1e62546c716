//! The reference reader: opens title files, shows who they belong to and what they say.
//!
//! A [`Document`] is one file, opened: a title file whose structure, seal and signatures were
//! checked, or an unprotected publication (level 1). [`Publication`] is the reading order and
//! table of contents of an EPUB, [`reading`] turns its chapters into text for a terminal,
//! [`Library`] is the folder files are kept in, and [`TrustStore`] holds the roots a person
//! trusts. [`Activating`] ties a [`Machine`] to a persona and keeps what comes of it in an
//! [`ActivationFolder`]; [`repository`] runs the secure repository that opens titles at level 5;
//! [`Desktop`] has files opened with this reader. The `colophon-reader`
//! command is a thin shell around these.
//!
//! What is left to others: pictures, sound and layout, which need more than a terminal. Only
//! what takes a [`Network`] uses the network.

mod activation;
mod center;
mod desktop;
mod document;
mod library;
mod machine;
mod network;
mod publication;
pub mod reading;
mod recipient;
pub mod repository;
mod shop;
mod system_random;
mod trust_store;

pub use activation::{
    ActivateError, Activating, ActivationFolder, ActivationService, ActivationUnusable, Approval,
    Attendant, Delivery, DeviceCode, Fetched, FolderError, Grant, Limit, PersonaUnknown,
    ServiceError, Step, Token,
};
pub use center::{Center, FormPeriod, SealedUpload};
pub use desktop::{Desktop, DesktopError};
pub use document::{About, ActivatedReader, Document, OpenError, Origin, UnlockError, WriteError};
pub use library::{AddError, Added, FindError, Library, LibraryError, Original, Volume};
pub use machine::{Machine, MachineUnsupported};
pub use network::{Address, AddressRefused, Network, NetworkError, NoCertificates, TlsRoots};
pub use publication::{Chapter, Publication, PublicationUnreadable};
pub use recipient::RecipientRefused;
pub use shop::{Shop, ToldPersona};
pub use system_random::SystemRandom;
pub use trust_store::{TrustStore, TrustStoreError, Trusted, TrustedKind};
