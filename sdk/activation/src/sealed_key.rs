//! A persona's private key on its way to one secure repository on one machine.
//!
//! Two secrets open it: the private key of the repository, which only its code can compute, and
//! the secret of the machine, of which every fact holds a share. All shares but one are enough,
//! so that one changed fact is forgiven and two are not. No single share can be told right from
//! wrong, so that facts cannot be guessed one by one.

mod field;
mod shares;

use colophon_crypto::{
    AGREEMENT_PUBLIC_BYTES, AgreementKey, AgreementPublicKey, Engine, Key32, Randomness, frames,
};
use zeroize::Zeroizing;

pub(crate) use self::shares::{SHARE_BYTES, Shares};
use crate::machine::{FactKind, MachineFacts, MachineId};
use crate::{PROFILE, PersonaId};

/// The longest private key that is sealed, in bytes of PKCS#8: RSA of 4096 bits fits.
pub const PRIVATE_KEY_BYTES_MAX: usize = 4096;

/// The longest sealed key, in bytes.
pub const SEALED_KEY_BYTES_MAX: usize = HEADER_BYTES + PRIVATE_KEY_BYTES_MAX + TAG_BYTES;

const VERSION: u8 = 1;
const SHARES_BYTES: usize = SHARE_BYTES * FactKind::ALL.len();
const HEADER_BYTES: usize = 1 + AGREEMENT_PUBLIC_BYTES + SHARES_BYTES;
const TAG_BYTES: usize = 16;

/// The key that encrypts is never used a second time.
const NONCE: [u8; 12] = [0; 12];

/// Whom a key is sealed for.
#[derive(Clone, Copy, Debug)]
pub struct SealedFor<'s> {
    /// The persona whose key it is.
    pub persona: &'s PersonaId,
    /// The machine it is for.
    pub machine: &'s MachineId,
    /// What is known about that machine.
    pub facts: &'s MachineFacts,
}

/// A private key that is too long to be sealed, or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a private key has 1 to {PRIVATE_KEY_BYTES_MAX} bytes")]
pub struct PrivateKeyLength;

/// A sealed key did not open. Which of persona, machine, facts, repository and bytes is wrong
/// cannot be told, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is sealed to another machine, persona or repository, or it was changed")]
pub struct NotSealedForThis;

/// A private key that was opened.
pub struct OpenedKey {
    /// The private key in PKCS#8.
    pub private_key_pkcs8: Zeroizing<Vec<u8>>,
    /// The machine's secret, from which more can be derived that is bound to it.
    pub machine_secret: Key32,
    /// The one fact that is another than it was.
    pub changed: Option<FactKind>,
}

/// Seals a private key to a repository on a machine.
///
/// # Errors
///
/// [`PrivateKeyLength`] if there is no key, or none of a length that is sealed.
pub fn seal_key(
    engine: &dyn Engine,
    random: &mut dyn Randomness,
    repository: &AgreementPublicKey,
    to: SealedFor<'_>,
    private_key_pkcs8: &[u8],
) -> Result<Vec<u8>, PrivateKeyLength> {
    if !(1..=PRIVATE_KEY_BYTES_MAX).contains(&private_key_pkcs8.len()) {
        return Err(PrivateKeyLength);
    }
    let secret = Key32::generate(random);
    let once = AgreementKey::generate(random);
    let once_public = once.public_key().to_bytes();
    let repository_public = repository.to_bytes();
    let mut shares = Shares::split(&secret, random);
    shares.veil(engine, &repository_public, to.facts);
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(&once_public);
    shares.write(&mut sealed);
    let agreed = once.agree(repository);
    let key = sealing_key(
        engine,
        &agreed,
        &secret,
        &repository_public,
        &once_public,
        to,
    );
    let mut content = Zeroizing::new(private_key_pkcs8.to_vec());
    let tag = engine.aes256_gcm(&key).seal(&NONCE, &sealed, &mut content);
    sealed.extend_from_slice(&content);
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens a sealed key with the private key of its repository and the facts of its machine.
///
/// # Errors
///
/// [`NotSealedForThis`], whatever is wrong.
pub fn open_key(
    engine: &dyn Engine,
    repository: &AgreementKey,
    to: SealedFor<'_>,
    sealed: &[u8],
) -> Result<OpenedKey, NotSealedForThis> {
    let parts = Parts::of(sealed).ok_or(NotSealedForThis)?;
    let once = AgreementPublicKey::parse(parts.once_public).map_err(|_| NotSealedForThis)?;
    let agreed = repository.agree(&once);
    let repository_public = repository.public_key().to_bytes();
    let mut shares = Shares::read(parts.shares).ok_or(NotSealedForThis)?;
    // What veils a share takes the veil off again.
    shares.veil(engine, &repository_public, to.facts);
    for kind in FactKind::ALL {
        let secret = shares.join_without(kind);
        let key = sealing_key(
            engine,
            &agreed,
            &secret,
            &repository_public,
            parts.once_public,
            to,
        );
        let mut content = Zeroizing::new(parts.content.to_vec());
        let cipher = engine.aes256_gcm(&key);
        if cipher
            .open(&NONCE, parts.header, &mut content, parts.tag)
            .is_ok()
        {
            return Ok(OpenedKey {
                private_key_pkcs8: content,
                changed: (!shares.lies_on_the_others(kind)).then_some(kind),
                machine_secret: secret,
            });
        }
    }
    Err(NotSealedForThis)
}

/// A sealed key, taken apart.
struct Parts<'s> {
    header: &'s [u8],
    once_public: &'s [u8; AGREEMENT_PUBLIC_BYTES],
    shares: &'s [u8],
    content: &'s [u8],
    tag: &'s [u8; TAG_BYTES],
}

impl<'s> Parts<'s> {
    fn of(sealed: &'s [u8]) -> Option<Parts<'s>> {
        if sealed.len() > SEALED_KEY_BYTES_MAX {
            return None;
        }
        let (header, rest) = sealed.split_at_checked(HEADER_BYTES)?;
        let (version, fields) = header.split_first()?;
        let (once_public, shares) = fields.split_first_chunk()?;
        let (content, tag) = rest.split_last_chunk()?;
        let whole = *version == VERSION && !content.is_empty();
        whole.then_some(Parts {
            header,
            once_public,
            shares,
            content,
            tag,
        })
    }
}

fn sealing_key(
    engine: &dyn Engine,
    agreed: &Key32,
    secret: &Key32,
    repository_public: &[u8],
    once_public: &[u8],
    to: SealedFor<'_>,
) -> Key32 {
    let info = frames(&[
        PROFILE.as_bytes(),
        b"sealed-key",
        repository_public,
        once_public,
        to.persona.as_str().as_bytes(),
        to.machine.as_bytes(),
    ]);
    engine.hkdf_sha256(agreed, Some(secret.expose()), &info)
}
