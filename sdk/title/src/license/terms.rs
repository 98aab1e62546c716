//! The license of one copy, made out of a licensor's template.

use colophon_crypto::{Engine, frames};

use super::{
    Access, AccessPrincipal, ActivationCertificate, Authenticator, Bundle, Creator, Delegation,
    License, LicenseId, LicenseKind, LicenseSigningFailed, Line, Object, Owner, Principal,
    PrincipalKind, ReadyLicensor, Reference, RightsGroup, SignedLicense, Verification, Work,
};
use crate::{CopyKey, MediaType, Metadata, PROFILE, SignerRoles};

/// What the persona of a license is called within it.
pub const PERSONA: &str = "persona";

/// What a license of a copy is made with.
#[derive(Clone, Copy)]
pub struct LicenseTerms<'a> {
    /// The center's key that everything random in a license follows from.
    pub copy_key: &'a CopyKey,
    /// Who grants and signs.
    pub licensor: &'a ReadyLicensor<'a>,
    /// When it is granted, in seconds since 1970. The licensor's certificate is valid then, and what
    /// it holds from another has not ended; a signature of the same copy may be dated later.
    pub granted_at_unix_s: i64,
    /// What is granted. The persona is put into every bundle's conditions of access but those
    /// that are the licensor's own.
    pub rights: &'a [RightsGroup],
    /// Principals besides the persona that the rights depend on.
    pub principals: &'a [Principal],
    /// Who may open the copy: at level 5, and only there.
    pub persona: Option<PersonaTerms<'a>>,
    /// What lets the licensor grant this, where it does not stand on its own.
    pub delegated_by: Option<&'a Delegation>,
}

/// For whom a copy at level 5 is made.
#[derive(Clone, Copy)]
pub struct PersonaTerms<'a> {
    /// The persona's id.
    pub id: &'a Line,
    /// The persona's activation certificate, whose key the content key is encrypted to. That it
    /// is believed has been checked before.
    pub certificate: &'a ActivationCertificate,
}

/// Why no license could be made for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LicenseTermsRefused {
    /// A text of the title's metadata cannot stand in a license.
    #[error("the {0} of the title cannot stand in a license")]
    Metadata(&'static str),
    /// What is granted leaves no way for the persona to open the copy.
    #[error("the rights leave the persona no way to open the copy")]
    NoWayIn,
    /// The content key cannot be encrypted to the persona's key.
    #[error("the content key cannot be encrypted to the persona's key")]
    PersonaKey,
}

/// Why no license could be made on trial.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalFailed {
    /// The terms make no license.
    #[error("no license can be made of the terms")]
    Terms(#[from] LicenseTermsRefused),
    /// The license cannot be signed.
    #[error("a license of the terms cannot be signed")]
    Signing(#[from] LicenseSigningFailed),
}

/// The copy that a license is for.
pub(crate) struct LicensedCopy<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) copy_hash: &'a [u8; 32],
    /// Whom the copy names, if it names anybody.
    pub(crate) owner: Option<&'a str>,
    /// The content key, sealed.
    pub(crate) sealed_key: &'a [u8; 40],
}

impl LicenseTerms<'_> {
    /// Makes and signs the license of a copy that does not exist, so that terms which make none
    /// are found before a buyer finds them. No copy opens with it: the key in it is none.
    ///
    /// # Errors
    ///
    /// [`RehearsalFailed`], see its variants.
    pub fn rehearse(&self, engine: &dyn Engine) -> Result<SignedLicense, RehearsalFailed> {
        let delegated = self.delegated_by.map(|by| &by.license().work.object);
        let (book_id_type, book_id) = match delegated {
            Some(work) => (work.id_type.as_str(), work.id.as_str()),
            None => ("PATH", "rehearsal"),
        };
        let metadata = Metadata {
            book_id: book_id.to_owned(),
            book_id_type: book_id_type.to_owned(),
            title: "A rehearsal".to_owned(),
            authors: vec!["An author".to_owned()],
            publisher: None,
            language: None,
            copyright: None,
            media_type: MediaType::container(),
            cover: None,
            required_signatures: SignerRoles::default(),
        };
        let copy = LicensedCopy {
            metadata: &metadata,
            copy_hash: &[0; 32],
            owner: Some("A buyer"),
            sealed_key: &[0; 40],
        };
        let license = self.license(engine, &copy)?;
        Ok(self.sign(engine, &license)?)
    }

    /// Signs a license of these terms.
    pub(crate) fn sign(
        &self,
        engine: &dyn Engine,
        license: &License,
    ) -> Result<SignedLicense, LicenseSigningFailed> {
        self.licensor.sign_under(engine, license, self.delegated_by)
    }

    /// The license of a copy, not yet signed. Equal arguments give equal licenses.
    pub(crate) fn license(
        &self,
        engine: &dyn Engine,
        copy: &LicensedCopy<'_>,
    ) -> Result<License, LicenseTermsRefused> {
        let persona = self.persona.as_ref();
        let certificate = persona.map_or(&[][..], |persona| persona.certificate.der());
        let enabling_bits = match persona {
            Some(persona) => Some(self.enabling_bits(engine, copy, persona)?),
            None => None,
        };
        let rights = self.rights.iter().map(|group| match &enabling_bits {
            Some(bits) => with_persona(group, bits),
            None => group.clone(),
        });
        // A delegation of a work's parts is a delegation of these parts.
        let parts = self.delegated_by.map(|by| by.license().work.parts.clone());
        let license = License {
            kind: LicenseKind::Consumer,
            id: self.id(engine, copy, certificate),
            issued_at_unix_s: self.granted_at_unix_s,
            descriptor: None,
            work: Work {
                parts: parts.unwrap_or_default(),
                ..work(copy, persona)?
            },
            rights: rights.collect(),
            licensor: self.licensor.named().clone(),
            principals: persona
                .map(persona_principal)
                .into_iter()
                .chain(self.principals.iter().cloned())
                .collect(),
            delegated_by: self.delegated_by.map(|by| by.document().to_vec()),
            grants_until_unix_s: None,
        };
        let way_in = persona.is_none_or(|persona| {
            let key = persona.certificate.public_key_spki_der();
            license.enabling_bits(key).is_some()
        });
        if way_in {
            Ok(license)
        } else {
            Err(LicenseTermsRefused::NoWayIn)
        }
    }

    fn id(&self, engine: &dyn Engine, copy: &LicensedCopy<'_>, certificate: &[u8]) -> LicenseId {
        let label = frames(&[PROFILE.as_bytes(), b"license", copy.copy_hash, certificate]);
        let [id, _] = halves(engine.hmac_sha256(self.copy_key.key(), &[&label]));
        LicenseId::from_bytes(id)
    }

    fn enabling_bits(
        &self,
        engine: &dyn Engine,
        copy: &LicensedCopy<'_>,
        persona: &PersonaTerms<'_>,
    ) -> Result<Vec<u8>, LicenseTermsRefused> {
        let label = frames(&[
            PROFILE.as_bytes(),
            b"oaep",
            copy.copy_hash,
            copy.sealed_key,
            persona.certificate.der(),
        ]);
        let seed = engine.hmac_sha256(self.copy_key.key(), &[&label]);
        persona
            .certificate
            .key()
            .encrypt(&seed, copy.sealed_key)
            .map_err(|_| LicenseTermsRefused::PersonaKey)
    }
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (half, part) in halves.iter_mut().zip(bytes.chunks_exact(16)) {
        half.copy_from_slice(part);
    }
    halves
}

fn work(
    copy: &LicensedCopy<'_>,
    persona: Option<&PersonaTerms<'_>>,
) -> Result<Work, LicenseTermsRefused> {
    let metadata = copy.metadata;
    let exact =
        |field, text: &str| Line::parse(text).map_err(|_| LicenseTermsRefused::Metadata(field));
    let author = Line::fixed("author");
    let creators = metadata.authors.iter().filter_map(|name| {
        Some(Creator {
            role: author.clone(),
            name: shown(name)?,
        })
    });
    Ok(Work {
        object: Object {
            id_type: exact("Book ID type", &metadata.book_id_type)?,
            id: exact("Book ID", &metadata.book_id)?,
            name: shown(&metadata.title),
        },
        creators: creators.collect(),
        owner: copy.owner.and_then(shown).map(|name| owner(name, persona)),
        copy_hash: Some(*copy.copy_hash),
        parts: Vec::new(),
    })
}

/// The owner by the persona's id where there is one, else by the name that the copy bears.
fn owner(name: Line, persona: Option<&PersonaTerms<'_>>) -> Owner {
    let id_type = if persona.is_some() { "persona" } else { "name" };
    Owner {
        object: Object {
            id_type: Line::fixed(id_type),
            id: persona.map_or_else(|| name.clone(), |persona| persona.id.clone()),
            name: Some(name),
        },
        address: None,
        public_key_spki_der: persona
            .map(|persona| persona.certificate.public_key_spki_der().to_vec()),
    }
}

/// A text as people see it, cut and cleaned to one line; nothing if nothing is left.
fn shown(text: &str) -> Option<Line> {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut end = clean.len().min(1024);
    while !clean.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    Line::parse(clean.get(..end)?).ok()
}

fn persona_principal(persona: &PersonaTerms<'_>) -> Principal {
    Principal {
        reference: Reference::fixed(PERSONA),
        kind: PrincipalKind::Person,
        object: Object {
            id_type: Line::fixed("persona"),
            id: persona.id.clone(),
            name: None,
        },
        authenticator: Authenticator {
            method: Line::fixed("activation-certificate"),
            class: None,
            verification: Verification::PublicKey(
                persona.certificate.public_key_spki_der().to_vec(),
            ),
        },
    }
}

/// The group with the persona in every condition of its own. A group that anybody might use can
/// be used by the persona alone.
fn with_persona(group: &RightsGroup, enabling_bits: &[u8]) -> RightsGroup {
    let persona = AccessPrincipal {
        reference: Reference::fixed(PERSONA),
        enabling_bits: Some(enabling_bits.to_vec()),
    };
    let mut access: Vec<Access> = group.bundle.access.clone();
    for alternative in &mut access {
        if let Access::Principals(needed) = alternative {
            needed.retain(|needed| needed.reference != persona.reference);
            needed.insert(0, persona.clone());
        }
    }
    if access.is_empty() {
        access.push(Access::Principals(vec![persona]));
    }
    RightsGroup {
        bundle: Bundle {
            access,
            ..group.bundle.clone()
        },
        ..group.clone()
    }
}
