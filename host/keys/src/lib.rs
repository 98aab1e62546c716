//! The keys of a host: the fast engine, what is encrypted at rest, and the certificate
//! authority.
//!
//! This crate is the only one that knows AWS-LC and the only one that makes private keys. It
//! keeps the promises of core's [`FieldCipher`](colophon_core::ports::FieldCipher) and of the
//! title format's [`Signer`](colophon_title::Signer). What it leaves to others: where the path
//! of the master key comes from, which certificates a center uses, and storing any of them.

mod activation_authority;
mod authority;
mod aws_lc;
mod ecdsa;
mod engine;
mod envelope;
mod master;
mod pem;
mod private_key;
mod revocation_list;
mod stored_signers;
mod system_random;
mod trust_folder;

pub use activation_authority::{ActivationIssuer, persona_key_pair};
pub use authority::{
    Authority, AuthorityError, CenterKey, Leaf, LeafError, LeafLicensor, LeafSigner, Revocation,
    ShopKey, ShopKeyError, Subject, Validity, serial_number,
};
pub use aws_lc::AwsLc;
pub use engine::{EngineName, UnknownEngine};
pub use envelope::Envelope;
pub use master::{
    InvalidMasterKey, KeyFileError, KeyWrapping, KeyWrappingFailed, MasterKey, MasterKeys,
    NoNumberLeft, WrappedKeysRefused, create_key_file, read_key_file, replace_key_file,
};
pub use pem::{InvalidPem, certificates_from_pem, certificates_to_pem};
pub use private_key::{KeyKind, PrivateKey, PrivateKeyError};
pub use revocation_list::RevocationListAge;
pub use stored_signers::StoredSigners;
pub use system_random::SystemRandom;
pub use trust_folder::{TrustFolder, TrustFolderError};
