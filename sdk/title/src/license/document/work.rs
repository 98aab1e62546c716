//! What a license is about.

use base64ct::{Base64, Encoding};

use super::pieces::{
    child, digest, el, line, object, parse, public_key, read_all, read_object, with_all,
};
use crate::license::{Address, Creator, Owner, Part, Work};
use crate::validation::decode as decode_array;
use crate::xml::Element;

pub(super) fn work(work: &Work) -> Element {
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

pub(super) fn read_work(element: &Element) -> Option<Work> {
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
