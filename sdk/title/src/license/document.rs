//! The form of a license: one element for everything said, always in the same order.

use base64ct::{Base64, Encoding};

use super::{
    Access, AccessPrincipal, Account, Address, Authenticator, Bundle, Creator, Currency, Fee,
    FeePer, License, LicenseId, LicenseKind, Licensor, Line, Location, Object, Owner, Part, Period,
    Principal, PrincipalKind, Reference, Right, RightKind, RightsGroup, SecurityClass, Tracking,
    Verification, Work,
};
use crate::validation::decode as decode_array;
use crate::xml::{Element, Namespace};

const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

impl License {
    /// The document without its signature.
    pub(super) fn to_element(&self) -> Element {
        let root = el("license")
            .with_attribute("profile", "1")
            .with_attribute("kind", self.kind.as_str())
            .with_attribute("id", self.id.to_string())
            .with_attribute("issued", self.issued_at_unix_s.to_string());
        let root = with_line(root, "descriptor", self.descriptor.as_ref());
        let root = root.with_child(work(&self.work));
        let root = with_all(root, &self.rights, rights_group);
        let root = root.with_child(licensor(&self.licensor));
        let root = with_all(root, &self.principals, principal);
        match &self.delegated_by {
            Some(document) => {
                root.with_child(el("delegated-by").with_text(Base64::encode_string(document)))
            }
            None => root,
        }
    }

    /// Reads what varies; whether the rest is as it must be shows when it is written again.
    pub(super) fn from_element(root: &Element) -> Option<License> {
        let delegated_by = match child(root, "delegated-by") {
            Some(document) => Some(Base64::decode_vec(document.text()?).ok()?),
            None => None,
        };
        Some(License {
            kind: LicenseKind::from_word(root.attribute("kind")?)?,
            id: LicenseId::parse(root.attribute("id")?)?,
            issued_at_unix_s: root.attribute("issued")?.parse().ok()?,
            descriptor: optional_line(root, "descriptor")?,
            work: read_work(child(root, "work")?)?,
            rights: read_all(root, "rights-group", read_rights_group)?,
            licensor: read_licensor(child(root, "licensor")?)?,
            principals: read_all(root, "principal", read_principal)?,
            delegated_by,
        })
    }
}

// Work.

fn work(work: &Work) -> Element {
    let element = el("work").with_child(object(&work.object));
    let element = with_all(element, &work.creators, |creator| {
        line("creator", &creator.name).with_attribute("role", creator.role.as_str())
    });
    let element = match &work.owner {
        Some(owner) => element.with_child(owner_element(owner)),
        None => element,
    };
    let element = match &work.copy_hash {
        Some(hash) => element.with_child(digest(hash)),
        None => element,
    };
    with_all(element, &work.parts, |part| {
        el("part")
            .with_child(object(&part.object))
            .with_child(digest(&part.sha256))
    })
}

fn read_work(element: &Element) -> Option<Work> {
    let owner = match child(element, "owner") {
        Some(owner) => Some(read_owner(owner)?),
        None => None,
    };
    let copy_hash = match child(element, "digest") {
        Some(digest) => Some(decode_array(digest.text()?)?),
        None => None,
    };
    Some(Work {
        object: read_object(child(element, "object")?)?,
        creators: read_all(element, "creator", |creator| {
            Some(Creator {
                role: parse(creator.attribute("role")?)?,
                name: parse(creator.text()?)?,
            })
        })?,
        owner,
        copy_hash,
        parts: read_all(element, "part", |part| {
            Some(Part {
                object: read_object(child(part, "object")?)?,
                sha256: decode_array(child(part, "digest")?.text()?)?,
            })
        })?,
    })
}

fn owner_element(owner: &Owner) -> Element {
    let element = el("owner").with_child(object(&owner.object));
    let element = match &owner.address {
        Some(address) => element.with_child(
            line("address", &address.value).with_attribute("type", address.kind.as_str()),
        ),
        None => element,
    };
    match &owner.public_key_spki_der {
        Some(key) => element.with_child(public_key(key)),
        None => element,
    }
}

fn read_owner(element: &Element) -> Option<Owner> {
    let address = match child(element, "address") {
        Some(address) => Some(Address {
            kind: parse(address.attribute("type")?)?,
            value: parse(address.text()?)?,
        }),
        None => None,
    };
    let public_key_spki_der = match child(element, "public-key") {
        Some(key) => Some(Base64::decode_vec(key.text()?).ok()?),
        None => None,
    };
    Some(Owner {
        object: read_object(child(element, "object")?)?,
        address,
        public_key_spki_der,
    })
}

// Rights.

pub(super) fn rights_group(group: &RightsGroup) -> Element {
    let element = el("rights-group").with_attribute("name", group.name.as_str());
    let element = with_line(element, "description", group.description.as_ref());
    let element = element.with_child(bundle(&group.bundle));
    with_all(element, &group.rights, right)
}

pub(super) fn read_rights_group(element: &Element) -> Option<RightsGroup> {
    let rights: Option<Vec<Right>> = element
        .elements()
        .filter_map(|right| {
            let kind = RightKind::ALL
                .into_iter()
                .find(|kind| right.is(Namespace::LICENSE, kind.as_str()))?;
            Some(read_right(kind, right))
        })
        .collect();
    Some(RightsGroup {
        name: parse(element.attribute("name")?)?,
        description: optional_line(element, "description")?,
        bundle: read_bundle(child(element, "bundle")?)?,
        rights: rights?,
    })
}

fn bundle(bundle: &Bundle) -> Element {
    let Period {
        from_unix_s,
        until_unix_s,
    } = bundle.period;
    let element = el("bundle");
    let element = if bundle.period == Period::default() {
        element
    } else {
        let time = with_number(el("time"), "from", from_unix_s);
        element.with_child(with_number(time, "until", until_unix_s))
    };
    let element = with_all(element, &bundle.access, access);
    with_all(element, &bundle.territory, location)
}

fn read_bundle(element: &Element) -> Option<Bundle> {
    let period = match child(element, "time") {
        Some(time) => Period {
            from_unix_s: optional_number(time, "from")?,
            until_unix_s: optional_number(time, "until")?,
        },
        None => Period::default(),
    };
    Some(Bundle {
        period,
        access: read_all(element, "access", read_access)?,
        territory: read_all(element, "location", read_location)?,
    })
}

fn right(right: &Right) -> Element {
    let element = with_number(el(right.kind.as_str()), "max-count", right.max_count);
    let element = with_all(element, &right.access, access);
    let element = with_all(element, &right.fees, fee);
    let element = with_all(element, &right.tracking, tracking);
    with_all(element, &right.territory, location)
}

fn read_right(kind: RightKind, element: &Element) -> Option<Right> {
    Some(Right {
        kind,
        max_count: optional_number(element, "max-count")?,
        access: read_all(element, "access", read_access)?,
        fees: read_all(element, "fee", read_fee)?,
        tracking: read_all(element, "track", read_tracking)?,
        territory: read_all(element, "location", read_location)?,
    })
}

fn access(access: &Access) -> Element {
    match access {
        Access::Licensor => el("access").with_attribute("licensor", "true"),
        Access::Principals(needed) => with_all(el("access"), needed, |principal| {
            let element = el("needs").with_attribute("principal", principal.reference.as_str());
            match &principal.enabling_bits {
                Some(bits) => element.with_child(
                    el("enabling-bits")
                        .with_attribute("type", "rsa-oaep-sha256")
                        .with_text(Base64::encode_string(bits)),
                ),
                None => element,
            }
        }),
    }
}

fn read_access(element: &Element) -> Option<Access> {
    if element.attribute("licensor").is_some() {
        return Some(Access::Licensor);
    }
    let needed = read_all(element, "needs", |needs| {
        let enabling_bits = match child(needs, "enabling-bits") {
            Some(bits) => Some(Base64::decode_vec(bits.text()?).ok()?),
            None => None,
        };
        Some(AccessPrincipal {
            reference: Reference::parse(needs.attribute("principal")?).ok()?,
            enabling_bits,
        })
    });
    Some(Access::Principals(needed?))
}

fn fee(fee: &Fee) -> Element {
    let per = match fee.per {
        FeePer::Use => "use",
        FeePer::License => "license",
    };
    let to = el("to")
        .with_attribute("account", fee.to.id.as_str())
        .with_attribute("url", fee.to.url.as_str());
    let element = el("fee")
        .with_attribute("per", per)
        .with_attribute("amount", fee.amount.to_string())
        .with_attribute("currency", fee.currency.to_string());
    let element = match &fee.from {
        Some(account) => element.with_attribute("from", account.as_str()),
        None => element,
    };
    element.with_child(to)
}

fn read_fee(element: &Element) -> Option<Fee> {
    let to = child(element, "to")?;
    Some(Fee {
        per: match element.attribute("per")? {
            "use" => FeePer::Use,
            "license" => FeePer::License,
            _ => return None,
        },
        amount: element.attribute("amount")?.parse().ok()?,
        currency: Currency::parse(element.attribute("currency")?)?,
        from: optional_attribute(element, "from")?,
        to: Account {
            id: parse(to.attribute("account")?)?,
            url: parse(to.attribute("url")?)?,
        },
    })
}

fn tracking(tracking: &Tracking) -> Element {
    let element = el("track").with_attribute("url", tracking.url.as_str());
    let element = match &tracking.support_url {
        Some(url) => element.with_attribute("support-url", url.as_str()),
        None => element,
    };
    element.with_child(object(&tracking.provider))
}

fn read_tracking(element: &Element) -> Option<Tracking> {
    Some(Tracking {
        provider: read_object(child(element, "object")?)?,
        url: parse(element.attribute("url")?)?,
        support_url: optional_attribute(element, "support-url")?,
    })
}

fn location(location: &Location) -> Element {
    let parts = [
        ("region", &location.region),
        ("city", &location.city),
        ("postal-code", &location.postal_code),
    ];
    let country: String = location.country.iter().copied().map(char::from).collect();
    let element = el("location").with_attribute("country", country);
    parts
        .into_iter()
        .fold(element, |element, (name, part)| match part {
            Some(part) => element.with_attribute(name, part.as_str()),
            None => element,
        })
}

fn read_location(element: &Element) -> Option<Location> {
    let country = Location::country(element.attribute("country")?)?;
    Some(Location {
        region: optional_attribute(element, "region")?,
        city: optional_attribute(element, "city")?,
        postal_code: optional_attribute(element, "postal-code")?,
        ..country
    })
}

// Principals.

fn licensor(licensor: &Licensor) -> Element {
    let certificate = Base64::encode_string(&licensor.certificate_sha256);
    let element = el("licensor").with_attribute("certificate", certificate);
    let element = match &licensor.issuers_sha256 {
        Some(issuers) => element.with_attribute("issuers", Base64::encode_string(issuers)),
        None => element,
    };
    element.with_child(object(&licensor.object))
}

fn read_licensor(element: &Element) -> Option<Licensor> {
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

pub(super) fn principal(principal: &Principal) -> Element {
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

pub(super) fn read_principal(element: &Element) -> Option<Principal> {
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

// Pieces.

fn object(object: &Object) -> Element {
    let element = el("object")
        .with_attribute("type", object.id_type.as_str())
        .with_attribute("id", object.id.as_str());
    match &object.name {
        Some(name) => element.with_text(name.as_str()),
        None => element,
    }
}

fn read_object(element: &Element) -> Option<Object> {
    let name = match element.text()? {
        "" => None,
        name => Some(parse(name)?),
    };
    Some(Object {
        id_type: parse(element.attribute("type")?)?,
        id: parse(element.attribute("id")?)?,
        name,
    })
}

fn digest(sha256: &[u8; 32]) -> Element {
    el("digest")
        .with_attribute("algorithm", SHA256)
        .with_text(Base64::encode_string(sha256))
}

fn public_key(spki_der: &[u8]) -> Element {
    el("public-key").with_text(Base64::encode_string(spki_der))
}

pub(super) fn el(local: &'static str) -> Element {
    Element::new(Namespace::LICENSE, local)
}

fn line(local: &'static str, text: &Line) -> Element {
    el(local).with_text(text.as_str())
}

fn with_line(element: Element, local: &'static str, text: Option<&Line>) -> Element {
    match text {
        Some(text) => element.with_child(line(local, text)),
        None => element,
    }
}

pub(super) fn with_all<T>(element: Element, items: &[T], write: impl Fn(&T) -> Element) -> Element {
    items.iter().map(write).fold(element, Element::with_child)
}

fn with_number<N: ToString>(element: Element, local: &'static str, number: Option<N>) -> Element {
    match number {
        Some(number) => element.with_attribute(local, number.to_string()),
        None => element,
    }
}

fn child<'e>(element: &'e Element, local: &str) -> Option<&'e Element> {
    element.element(Namespace::LICENSE, local)
}

pub(super) fn read_all<T>(
    element: &Element,
    local: &str,
    read: impl Fn(&Element) -> Option<T>,
) -> Option<Vec<T>> {
    element
        .elements()
        .filter(|child| child.is(Namespace::LICENSE, local))
        .map(read)
        .collect()
}

fn parse(text: &str) -> Option<Line> {
    Line::parse(text).ok()
}

/// The text of an element that may be absent: nothing if it is there and cannot be read.
fn optional_line(element: &Element, local: &str) -> Option<Option<Line>> {
    match child(element, local) {
        Some(found) => parse(found.text()?).map(Some),
        None => Some(None),
    }
}

fn optional_attribute(element: &Element, local: &str) -> Option<Option<Line>> {
    match element.attribute(local) {
        Some(text) => parse(text).map(Some),
        None => Some(None),
    }
}

fn optional_number<N: std::str::FromStr>(element: &Element, local: &str) -> Option<Option<N>> {
    match element.attribute(local) {
        Some(text) => text.parse().ok().map(Some),
        None => Some(None),
    }
}
