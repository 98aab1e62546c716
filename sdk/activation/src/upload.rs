//! The form in which an activation certificate is uploaded to retailers and download servers.
//!
//! It is a compact JWE (`RSA-OAEP-256`, `A256GCM`) to one center's certificate. A retailer may
//! keep it, but cannot read it, and it is of use at no other center, for no other persona and not
//! after its end. Whether the certificate inside is signed, valid and not revoked is left to
//! those who know the trusted roots; private keys are left to the host.

mod claims;
mod compact;
mod header;
mod json;
mod open;
mod seal;

pub use claims::{
    CERTIFICATE_BYTES_MAX, CERTIFICATES_MAX, CertificateChain, Claims, InvalidChain, InvalidClaims,
    SKEW_S,
};
pub use compact::{FORM_BYTES_MAX, SealedForm};
pub(crate) use header::{ALGORITHM, ENCRYPTION};
pub use header::{CertificateHash, InvalidHeader};
pub use open::{FormKey, FormRefused};
pub use seal::UploadForm;
