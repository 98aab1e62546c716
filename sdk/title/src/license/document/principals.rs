//! Who grants a license, and who must be authenticated.

use std::fmt;

use base64ct::{Base64, Encoding};

use super::pieces::{child, digest, object, parse, public_key, read_object};
use super::writer::{Value, Writer, shown};
use crate::license::{
    Authenticator, Licensor, Principal, PrincipalKind, Reference, SecurityClass, Verification,
};
use crate::validation::decode as decode_array;
use crate::xml::Element;

pub(super) fn licensor(writer: &mut Writer, licensor: &Licensor) {
    let issuers = licensor.issuers_sha256.as_ref();
    let attributes = [
        ("certificate", Value::Bytes(&licensor.certificate_sha256)),
        (
            "issuers",
            issuers.map_or(Value::Absent, |issuers| Value::Bytes(issuers)),
        ),
    ];
    writer.element("licensor", attributes, |writer| {
        object(writer, &licensor.object)
    });
}

pub(super) fn read_licensor(element: &Element) -> Option<Licensor> {
    let issuers_sha256 = match element.attribute("issuers") {
        Some(issuers) => Some(decode_array(issuers)?),
        None => None,
    };
    Some(Licensor {
        object: read_object(child(element, "object")?)?,
        certificate_sha256: decode_array(element.attribute("certificate")?)?,
        issuers_sha256,
    })
}

pub(in crate::license) fn principal(writer: &mut Writer, principal: &Principal) {
    let attributes = [
        ("ref", (&principal.reference).into()),
        ("kind", Value::Word(principal.kind.as_str())),
    ];
    writer.element("principal", attributes, |writer| {
        object(writer, &principal.object);
        authenticator(writer, &principal.authenticator);
    });
}

fn authenticator(writer: &mut Writer, authenticator: &Authenticator) {
    let method = [("method", (&authenticator.method).into())];
    writer.element("authenticator", method, |writer| {
        if let Some(wanted) = &authenticator.class {
            class(writer, wanted);
        }
        match &authenticator.verification {
            Verification::PublicKey(key) => public_key(writer, key),
            Verification::Sha256(sha256) => digest(writer, sha256),
        }
    });
}

pub(in crate::license) fn read_principal(element: &Element) -> Option<Principal> {
    let authenticator = child(element, "authenticator")?;
    let class = match child(authenticator, "class") {
        Some(class) => Some(read_class(class)?),
        None => None,
    };
    let verification = match child(authenticator, "public-key") {
        Some(key) => Verification::PublicKey(Base64::decode_vec(key.text()?).ok()?),
        None => Verification::Sha256(decode_array(child(authenticator, "digest")?.text()?)?),
    };
    Some(Principal {
        reference: Reference::parse(element.attribute("ref")?).ok()?,
        kind: PrincipalKind::from_word(element.attribute("kind")?)?,
        object: read_object(child(element, "object")?)?,
        authenticator: Authenticator {
            method: parse(authenticator.attribute("method")?)?,
            class,
            verification,
        },
    })
}

fn class(writer: &mut Writer, class: &SecurityClass) {
    let version_min = Version(class.version_min);
    let version_max = class.version_max.map(Version);
    let attributes = [
        ("version-min", Value::Shown(&version_min)),
        ("version-max", shown(version_max.as_ref())),
        (
            "security-level-min",
            Value::Shown(&class.security_level_min),
        ),
    ];
    writer.element("class", attributes, |_| {});
}

/// A version as it is written.
struct Version((u32, u32));

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version((major, minor)) = self;
        write!(f, "{major}.{minor}")
    }
}

fn read_class(element: &Element) -> Option<SecurityClass> {
    let version = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let version_max = match element.attribute("version-max") {
        Some(max) => Some(version(max)?),
        None => None,
    };
    Some(SecurityClass {
        version_min: version(element.attribute("version-min")?)?,
        version_max,
        security_level_min: element.attribute("security-level-min")?.parse().ok()?,
    })
}
