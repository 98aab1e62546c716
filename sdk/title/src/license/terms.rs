//! The license of one copy, made out of a licensor's template.

use colophon_crypto::{Engine, PublicKey, frames};

use super::{
    Access, AccessPrincipal, Authenticator, Bundle, Creator, License, LicenseId, LicenseKind,
    LicenseSigner, Licensor, Line, Object, Owner, Principal, PrincipalKind, Reference, RightsGroup,
    Verification, Work,
};
use crate::{CopyKey, Metadata, PROFILE};

/// What the persona of a license is called within it.
pub const PERSONA: &str = "persona";

/// What a license of a copy is made with.
#[derive(Clone, Copy)]
pub struct LicenseTerms<'a> {
    /// The center's key that everything random in a license follows from.
    pub copy_key: &'a CopyKey,
    /// Who signs.
    pub signer: &'a dyn LicenseSigner,
    /// The licensor by id and name.
    pub licensor: &'a Object,
    /// What is granted. The persona is put into every condition of access.
    pub rights: &'a [RightsGroup],
    /// Principals besides the persona that the rights depend on.
    pub principals: &'a [Principal],
    /// Who may open the copy: at level 5, and only there.
    pub persona: Option<PersonaTerms<'a>>,
    /// The license by which the licensor may grant this.
    pub delegated_by: Option<&'a [u8]>,
}

/// For whom a copy at level 5 is made.
#[derive(Clone, Copy)]
pub struct PersonaTerms<'a> {
    /// The persona's id.
    pub id: &'a Line,
    /// The persona's activation certificate in DER.
    pub certificate_der: &'a [u8],
    /// The public key in it: DER of its `SubjectPublicKeyInfo`, RSA.
    pub public_key_spki_der: &'a [u8],
}

/// Why no license could be made for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LicenseTermsRefused {
    /// A text of the title's metadata cannot stand in a license.
    #[error("the {0} of the title cannot stand in a license")]
    Metadata(&'static str),
    /// The persona's key is none that a content key can be encrypted to.
    #[error("the persona's public key is not RSA of 2048 to 4096 bits")]
    PersonaKey,
}

/// The copy that a license is for.
pub(crate) struct LicensedCopy<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) copy_hash: &'a [u8; 32],
    /// Whom the copy names, if it names anybody.
    pub(crate) owner: Option<&'a str>,
    /// The content key, sealed.
    pub(crate) sealed_key: &'a [u8; 40],
    pub(crate) issued_at_unix_s: i64,
}

impl LicenseTerms<'_> {
    /// The license of a copy, not yet signed. Equal arguments give equal licenses.
    pub(crate) fn license(
        &self,
        engine: &dyn Engine,
        copy: &LicensedCopy<'_>,
    ) -> Result<License, LicenseTermsRefused> {
        let certificate = self
            .persona
            .map_or(&[][..], |persona| persona.certificate_der);
        let enabling_bits = match &self.persona {
            Some(persona) => Some(self.enabling_bits(engine, copy, persona)?),
            None => None,
        };
        let persona = self.persona.map(persona_principal);
        let rights = self.rights.iter().map(|group| match &enabling_bits {
            Some(bits) => with_persona(group, bits),
            None => group.clone(),
        });
        Ok(License {
            kind: LicenseKind::Consumer,
            id: self.id(engine, copy, certificate),
            issued_at_unix_s: copy.issued_at_unix_s,
            descriptor: None,
            work: work(copy, self.persona.as_ref())?,
            rights: rights.collect(),
            licensor: Licensor::of(engine, self.licensor.clone(), self.signer),
            principals: persona
                .into_iter()
                .chain(self.principals.iter().cloned())
                .collect(),
            delegated_by: self.delegated_by.map(<[u8]>::to_vec),
        })
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
            persona.certificate_der,
        ]);
        let seed = engine.hmac_sha256(self.copy_key.key(), &[&label]);
        PublicKey::parse(persona.public_key_spki_der)
            .and_then(|key| key.encrypt_oaep(&seed, copy.sealed_key))
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
        public_key_spki_der: persona.map(|persona| persona.public_key_spki_der.to_vec()),
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

fn persona_principal(persona: PersonaTerms<'_>) -> Principal {
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
            verification: Verification::PublicKey(persona.public_key_spki_der.to_vec()),
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
