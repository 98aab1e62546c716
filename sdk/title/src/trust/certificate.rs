//! What an end certificate says of itself: role, key and names.

use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::der::{Decode, Encode, Tag, Tagged};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::ChainRefused;
use crate::SignerRole;

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// What a certificate may be used for: one role each, as its only extended key usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateRole {
    /// Signs titles as the tool that sealed them.
    Tool,
    /// Signs titles as the owner of the rights.
    Owner,
    /// Signs titles as the channel they came through.
    Provider,
    /// Signs licenses.
    Licensor,
    /// Binds a persona to the key its licenses are made for.
    Activation,
    /// Opens the forms in which activation certificates are uploaded to a center.
    Center,
    /// Opens the forms in which a retailer is told who somebody is.
    Retailer,
}

impl CertificateRole {
    /// All roles.
    pub const ALL: [CertificateRole; 7] = [
        CertificateRole::Tool,
        CertificateRole::Owner,
        CertificateRole::Provider,
        CertificateRole::Licensor,
        CertificateRole::Activation,
        CertificateRole::Center,
        CertificateRole::Retailer,
    ];

    /// The word for this role.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CertificateRole::Tool => "tool",
            CertificateRole::Owner => "owner",
            CertificateRole::Provider => "provider",
            CertificateRole::Licensor => "licensor",
            CertificateRole::Activation => "activation",
            CertificateRole::Center => "center",
            CertificateRole::Retailer => "retailer",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<CertificateRole> {
        CertificateRole::ALL
            .into_iter()
            .find(|role| role.as_str() == word)
    }

    /// The arcs of the object identifier that stands for this role as an extended key usage:
    /// `2.25.5479312948871265301.n`, below a UUID, which needs no registry.
    #[must_use]
    pub fn extended_key_usage(self) -> [u64; 4] {
        [2, 25, 5_479_312_948_871_265_301, u64::from(self.last_arc())]
    }

    /// The content octets of that object identifier in DER.
    pub(super) fn extended_key_usage_der(self) -> [u8; 11] {
        [
            0x69,
            0xcc,
            0x85,
            0x9b,
            0xc3,
            0x8a,
            0xd5,
            0xad,
            0xf8,
            0x15,
            self.last_arc(),
        ]
    }

    fn last_arc(self) -> u8 {
        match self {
            CertificateRole::Tool => 1,
            CertificateRole::Owner => 2,
            CertificateRole::Provider => 3,
            CertificateRole::Licensor => 4,
            CertificateRole::Activation => 5,
            CertificateRole::Center => 6,
            CertificateRole::Retailer => 7,
        }
    }

    /// Whether the holder's key signs; that of an activation certificate, a center's or a
    /// retailer's only unwraps.
    #[must_use]
    pub fn signs(self) -> bool {
        match self {
            CertificateRole::Tool
            | CertificateRole::Owner
            | CertificateRole::Provider
            | CertificateRole::Licensor => true,
            CertificateRole::Activation | CertificateRole::Center | CertificateRole::Retailer => {
                false
            }
        }
    }
}

impl From<SignerRole> for CertificateRole {
    fn from(role: SignerRole) -> CertificateRole {
        match role {
            SignerRole::Tool => CertificateRole::Tool,
            SignerRole::Owner => CertificateRole::Owner,
            SignerRole::Provider => CertificateRole::Provider,
        }
    }
}

impl std::fmt::Display for CertificateRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an end certificate says of itself; nothing vouches for it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndCertificate {
    /// The subject, for people (RFC 4514, control characters escaped).
    pub subject: String,
    /// The issuer, for people (RFC 4514, control characters escaped).
    pub issuer: String,
    /// The public key: DER of its `SubjectPublicKeyInfo`.
    pub public_key_spki_der: Vec<u8>,
    /// The role its only extended key usage gives.
    pub role: CertificateRole,
    /// The one common name of its subject, as it is written; none if there is none, or several.
    /// Of an activation certificate, this is the persona's id.
    pub common_name: Option<String>,
}

/// The first and the last second in which a certificate in DER is valid, since 1970.
///
/// # Errors
///
/// [`ChainRefused::Malformed`] if it cannot be read.
pub fn validity(der: &[u8]) -> Result<(i64, i64), ChainRefused> {
    let certificate = Certificate::from_der(der).map_err(|_| ChainRefused::Malformed)?;
    let validity = certificate.tbs_certificate.validity;
    let second = |time: Time| {
        i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| ChainRefused::Malformed)
    };
    Ok((second(validity.not_before)?, second(validity.not_after)?))
}

impl EndCertificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    ///
    /// [`ChainRefused::Malformed`] if it cannot be read, [`ChainRefused::Role`] if it is not
    /// an end certificate with exactly one of the roles.
    pub fn parse(der: &[u8]) -> Result<EndCertificate, ChainRefused> {
        let certificate = Certificate::from_der(der).map_err(|_| ChainRefused::Malformed)?;
        let body = &certificate.tbs_certificate;
        let spki = &body.subject_public_key_info;
        let role = only_role(&certificate)?;
        if is_authority(&certificate)? || (role.signs() && !may_sign(&certificate)?) {
            return Err(ChainRefused::Role);
        }
        Ok(EndCertificate {
            subject: body.subject.to_string(),
            issuer: body.issuer.to_string(),
            public_key_spki_der: spki.to_der().map_err(|_| ChainRefused::Malformed)?,
            role,
            common_name: common_name(&body.subject),
        })
    }

    /// Who holds a center's or a retailer's certificate, by the name they have in addresses: the
    /// first word of its common name. What follows is for people.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.common_name.as_deref()?.split(' ').next()
    }
}

fn common_name(subject: &Name) -> Option<String> {
    let mut names = subject
        .0
        .iter()
        .flat_map(|part| part.0.iter())
        .filter(|attribute| attribute.oid == COMMON_NAME);
    let (name, None) = (&names.next()?.value, names.next()) else {
        return None;
    };
    let text = name.decode_as::<Utf8StringRef<'_>>();
    let text = text.map(|text| text.as_str().to_owned());
    text.or_else(|_| {
        let text = name.decode_as::<PrintableStringRef<'_>>();
        text.map(|text| text.as_str().to_owned())
    })
    .ok()
}

/// Whether a certificate may issue others.
pub(super) fn is_authority(certificate: &Certificate) -> Result<bool, ChainRefused> {
    let Some(extension) = extension(certificate, BASIC_CONSTRAINTS)? else {
        return Ok(false);
    };
    let constraints = BasicConstraints::from_der(extension.extn_value.as_bytes())
        .map_err(|_| ChainRefused::Malformed)?;
    Ok(constraints.ca)
}

fn may_sign(certificate: &Certificate) -> Result<bool, ChainRefused> {
    let Some(extension) = extension(certificate, KEY_USAGE)? else {
        return Ok(true);
    };
    let usage =
        KeyUsage::from_der(extension.extn_value.as_bytes()).map_err(|_| ChainRefused::Malformed)?;
    Ok(
        usage.0.contains(KeyUsages::DigitalSignature)
            || usage.0.contains(KeyUsages::NonRepudiation),
    )
}

/// The arcs below a UUID exceed what `x509-cert` decodes, so identifiers are compared as bytes.
fn only_role(certificate: &Certificate) -> Result<CertificateRole, ChainRefused> {
    let extension = extension(certificate, EXTENDED_KEY_USAGE)?.ok_or(ChainRefused::Role)?;
    let usages = Vec::<AnyRef<'_>>::from_der(extension.extn_value.as_bytes())
        .map_err(|_| ChainRefused::Malformed)?;
    let [usage] = usages.as_slice() else {
        return Err(ChainRefused::Role);
    };
    CertificateRole::ALL
        .into_iter()
        .find(|role| {
            usage.tag() == Tag::ObjectIdentifier && usage.value() == role.extended_key_usage_der()
        })
        .ok_or(ChainRefused::Role)
}

fn extension(
    certificate: &Certificate,
    id: ObjectIdentifier,
) -> Result<Option<&Extension>, ChainRefused> {
    let extensions = certificate
        .tbs_certificate
        .extensions
        .as_deref()
        .unwrap_or_default();
    let mut matching = extensions
        .iter()
        .filter(|extension| extension.extn_id == id);
    let first = matching.next();
    // Two extensions of one kind could be read differently by two verifiers.
    if matching.next().is_some() {
        Err(ChainRefused::Malformed)
    } else {
        Ok(first)
    }
}
