//! Activation: tying a reader on a machine to a persona.
//!
//! `SPEC.md` beside this crate is normative; the files in `vectors/` show it at work. This crate
//! says how a machine is told from others without anybody learning what it is made of, what a
//! persona is called, in which form an activation certificate travels to retailers and download
//! servers, and in which other form a shop is told a persona's id. It leaves to others how facts are read off a machine, how many activations a
//! persona has, who signs certificates and whether they are valid. It has no clock, no
//! randomness, no files and no network: time and chance are arguments.
//!
//! ```
//! use colophon_activation::{
//!     CertificateChain, CertificateHash, Claims, FactKind, FactSalt, FormKey, MachineFacts,
//!     MachineId, SKEW_S, SealedForm, UnixSeconds, UploadForm,
//! };
//! use colophon_crypto::{Key32, Mismatch, Portable, Randomness};
//! # use base64ct::{Base64, Encoding};
//! # use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
//!
//! # struct Zeros;
//! # impl Randomness for Zeros { fn fill(&mut self, out: &mut [u8]) { out.fill(0) } }
//! # fn der(pem: &str) -> Vec<u8> {
//! #     let lines = pem.lines().skip_while(|line| !line.starts_with("-----")).skip(1);
//! #     let text: String = lines.take_while(|line| !line.starts_with("-----")).collect();
//! #     Base64::decode_vec(&text).expect("base64")
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut random = Zeros;
//! // The server gives each persona a salt; the reader sends digests of what it sees with it.
//! let salt = FactSalt::generate(&mut random);
//! let facts = MachineFacts::read(&Portable, &salt, [
//!     (FactKind::System, "8a7d3c"),
//!     (FactKind::NetworkCard, "52:54:00:a1:b2:c3"),
//!     (FactKind::HostName, "desk"),
//! ])?;
//! let received = MachineFacts::parse(facts.to_json().as_bytes())?;
//! let registered = [(MachineId::of(&Portable, &salt, &facts), facts)];
//! let known = registered.iter().map(|(id, facts)| (*id, facts));
//! assert_eq!(received.closest(known), Some(registered[0].0));
//!
//! // The reader uploads its activation certificate, sealed to the center's certificate.
//! # let (center_certificate_der, activation_certificate_der) = (
//! #     der(include_str!("../vectors/keys/center.crt")),
//! #     der(include_str!("../vectors/keys/persona.crt")),
//! # );
//! # let private_key = rsa::RsaPrivateKey::from_pkcs8_der(&der(include_str!("../vectors/keys/center.key"))).expect("a key");
//! # let center_public_key_spki_der = private_key.to_public_key().to_public_key_der().expect("a key").into_vec();
//! let now = UnixSeconds::new(1_800_000_000);
//! let claims = Claims {
//!     certificates: CertificateChain::new(vec![activation_certificate_der])?,
//!     persona: "ada@people.example".parse()?,
//!     center: "main".parse()?,
//!     issued_at: now,
//!     expires_at: UnixSeconds::new(now.get() + 90 * 86_400),
//! };
//! let upload = UploadForm {
//!     engine: &Portable,
//!     center_certificate_der: &center_certificate_der,
//!     center_public_key_spki_der: &center_public_key_spki_der,
//! };
//! let value = upload.seal(&claims, &mut random)?;
//!
//! // The center opens it with a private key that stays in an engine of its own.
//! struct CenterKey { certificate: CertificateHash, private_key: rsa::RsaPrivateKey }
//! impl FormKey for CenterKey {
//!     fn certificate(&self) -> CertificateHash { self.certificate }
//!     fn decrypt(&self, encrypted: &[u8]) -> Result<Key32, Mismatch> {
//!         let key = self.private_key.decrypt(rsa::Oaep::new::<rsa::sha2::Sha256>(), encrypted);
//!         key.ok().and_then(|key| Key32::from_slice(&key)).ok_or(Mismatch)
//!     }
//! }
//! let sealed = SealedForm::parse(&value)?;
//! # let certificate = *sealed.kid();
//! let key = CenterKey { certificate, private_key }; // found by `sealed.kid()`
//! let opened = sealed.open(&Portable, &key, &"main".parse()?)?;
//! opened.check_time(UnixSeconds::new(now.get() + 5), SKEW_S)?;
//! opened.check_persona(&"ada@people.example".parse()?)?; // the receipt's
//! assert_eq!(opened, claims);
//! # Ok(())
//! # }
//! ```

mod machine;
mod package;
mod persona;
mod persona_at_rest;
mod persona_form;
mod pinned_roots;
mod sealed;
mod sealed_key;
mod statement;
mod upload;

/// The profile of these formats; the first frame of every digest.
const PROFILE: &str = "colophon/activation/1";

pub use colophon_claims::{CenterId, InvalidId, Part, UnixSeconds};
pub use machine::{
    FACTS_BYTES_MAX, FACTS_KNOWN_MIN, FactDigest, FactKind, FactSalt, InvalidFacts, MachineFacts,
    MachineId,
};
pub use package::{
    ActivationPackage, MODULE_BYTES_MAX, PACKAGE_BYTES_MAX, PACKAGE_MEDIA_TYPE, PackageRefused,
};
pub use persona::PersonaId;
pub use persona_at_rest::{PERSONA_AT_REST_BYTES, PersonaAtRest};
pub use persona_form::{
    PERSONA_FORM_BYTES_MAX, PERSONA_FORM_LIFETIME_S_MAX, PersonaClaims, PersonaForm, PersonaFormId,
    PersonaFormRefused, SealedPersona, ShopId,
};
pub use pinned_roots::{InvalidPinnedRoots, PINNED_ROOTS_MAX, PinnedRoots, SEALED_ROOTS_BYTES};
pub use sealed::{Malformed, SealError};
pub use sealed_key::{
    NotSealedForThis, OpenedKey, PRIVATE_KEY_BYTES_MAX, PrivateKeyLength, SEALED_KEY_BYTES_MAX,
    SealedFor, open_key, seal_key,
};
pub use statement::{
    ContentHash, STATEMENT_BYTES_MAX, SignedStatement, Statement, StatementError, StatementRefused,
    StatementSigner,
};
pub use upload::{
    CERTIFICATE_BYTES_MAX, CERTIFICATES_MAX, CertificateChain, CertificateHash, Claims,
    FORM_BYTES_MAX, FormKey, FormRefused, InvalidChain, InvalidClaims, InvalidHeader, SKEW_S,
    SealedForm, UploadForm,
};
