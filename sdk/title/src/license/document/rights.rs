//! What a license grants, group by group.

use base64ct::{Base64, Encoding};

use super::pieces::{
    child, line, object, optional_attribute, optional_line, optional_number, parse, read_all,
    read_object,
};
use super::writer::{Value, Writer, shown};
use crate::license::{
    Access, AccessPrincipal, Account, Bundle, Currency, Fee, FeePer, Location, Period, Reference,
    Right, RightKind, RightsGroup, Tracking,
};
use crate::xml::{Element, Namespace};

pub(in crate::license) fn rights_group(writer: &mut Writer, group: &RightsGroup) {
    writer.element("rights-group", [("name", (&group.name).into())], |writer| {
        line(writer, "description", group.description.as_ref());
        bundle(writer, &group.bundle);
        writer.all(&group.rights, right);
    });
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

fn bundle(writer: &mut Writer, bundle: &Bundle) {
    let Period {
        from_unix_s,
        until_unix_s,
    } = &bundle.period;
    writer.element("bundle", [], |writer| {
        if bundle.period != Period::default() {
            let from = ("from", shown(from_unix_s.as_ref()));
            let until = ("until", shown(until_unix_s.as_ref()));
            writer.element("time", [from, until], |_| {});
        }
        writer.all(&bundle.access, access);
        writer.all(&bundle.territory, location);
    });
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

fn right(writer: &mut Writer, right: &Right) {
    let max_count = [("max-count", shown(right.max_count.as_ref()))];
    writer.element(right.kind.as_str(), max_count, |writer| {
        writer.all(&right.access, access);
        writer.all(&right.fees, fee);
        writer.all(&right.tracking, tracking);
        writer.all(&right.territory, location);
    });
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

fn access(writer: &mut Writer, access: &Access) {
    match access {
        Access::Licensor => {
            writer.element("access", [("licensor", Value::Word("true"))], |_| {});
        }
        Access::Principals(needed) => {
            writer.element("access", [], |writer| writer.all(needed, needs));
        }
    }
}

fn needs(writer: &mut Writer, principal: &AccessPrincipal) {
    let reference = [("principal", (&principal.reference).into())];
    writer.element("needs", reference, |writer| {
        if let Some(bits) = &principal.enabling_bits {
            let kind = [("type", Value::Word("rsa-oaep-sha256"))];
            writer.leaf("enabling-bits", kind, Value::Bytes(bits));
        }
    });
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

fn fee(writer: &mut Writer, fee: &Fee) {
    let per = match fee.per {
        FeePer::Use => "use",
        FeePer::License => "license",
    };
    let attributes = [
        ("per", Value::Word(per)),
        ("amount", Value::Shown(&fee.amount)),
        ("currency", Value::Shown(&fee.currency)),
        ("from", fee.from.as_ref().into()),
    ];
    writer.element("fee", attributes, |writer| {
        let to = [
            ("account", (&fee.to.id).into()),
            ("url", (&fee.to.url).into()),
        ];
        writer.element("to", to, |_| {});
    });
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

fn tracking(writer: &mut Writer, tracking: &Tracking) {
    let attributes = [
        ("url", (&tracking.url).into()),
        ("support-url", tracking.support_url.as_ref().into()),
    ];
    writer.element("track", attributes, |writer| {
        object(writer, &tracking.provider)
    });
}

fn read_tracking(element: &Element) -> Option<Tracking> {
    Some(Tracking {
        provider: read_object(child(element, "object")?)?,
        url: parse(element.attribute("url")?)?,
        support_url: optional_attribute(element, "support-url")?,
    })
}

fn location(writer: &mut Writer, location: &Location) {
    let country: String = location.country.iter().copied().map(char::from).collect();
    let attributes = [
        // Two bytes that may be no letters: only what is read back shows that they are.
        ("country", Value::Word(&country)),
        ("region", location.region.as_ref().into()),
        ("city", location.city.as_ref().into()),
        ("postal-code", location.postal_code.as_ref().into()),
    ];
    writer.element("location", attributes, |_| {});
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
