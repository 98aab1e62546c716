//! What a license grants, group by group.

use base64ct::{Base64, Encoding};

use super::pieces::{
    child, el, object, optional_attribute, optional_line, optional_number, parse, read_all,
    read_object, with_all, with_line, with_number,
};
use crate::license::{
    Access, AccessPrincipal, Account, Bundle, Currency, Fee, FeePer, Location, Period, Reference,
    Right, RightKind, RightsGroup, Tracking,
};
use crate::xml::{Element, Namespace};

pub(in crate::license) fn rights_group(group: &RightsGroup) -> Element {
    let element = el("rights-group").with_attribute("name", group.name.as_str());
    let element = with_line(element, "description", group.description.as_ref());
    let element = element.with_child(bundle(&group.bundle));
    with_all(element, &group.rights, right)
}

pub(in crate::license) fn read_rights_group(element: &Element) -> Option<RightsGroup> {
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
