//! Who grants a license, and who must be authenticated.

use base64ct::{Base64, Encoding};

use super::pieces::{child, digest, el, object, parse, public_key, read_object};
use crate::license::{
    Authenticator, Licensor, Principal, PrincipalKind, Reference, SecurityClass, Verification,
};
use crate::validation::decode as decode_array;
use crate::xml::Element;

pub(super) fn licensor(licensor: &Licensor) -> Element {
    let certificate = Base64::encode_string(&licensor.certificate_sha256);
    let element = el("licensor").with_attribute("certificate", certificate);
    let element = match &licensor.issuers_sha256 {
        Some(issuers) => element.with_attribute("issuers", Base64::encode_string(issuers)),
        None => element,
    };
    element.with_child(object(&licensor.object))
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

pub(in crate::license) fn principal(principal: &Principal) -> Element {
    let Authenticator {
        method,
        class,
        verification,
    } = &principal.authenticator;
    let authenticator = el("authenticator").with_attribute("method", method.as_str());
    let authenticator = match class {
        Some(class) => authenticator.with_child(class_element(class)),
        None => authenticator,
    };
    let verification = match verification {
        Verification::PublicKey(key) => public_key(key),
        Verification::Sha256(sha256) => digest(sha256),
    };
    el("principal")
        .with_attribute("ref", principal.reference.as_str())
        .with_attribute("kind", principal.kind.as_str())
        .with_child(object(&principal.object))
        .with_child(authenticator.with_child(verification))
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

fn class_element(class: &SecurityClass) -> Element {
    let version = |(major, minor): (u32, u32)| format!("{major}.{minor}");
    let element = el("class")
        .with_attribute("version-min", version(class.version_min))
        .with_attribute("security-level-min", class.security_level_min.to_string());
    match class.version_max {
        Some(max) => element.with_attribute("version-max", version(max)),
        None => element,
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
