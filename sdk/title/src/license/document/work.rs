//! What a license is about.

use base64ct::{Base64, Encoding};

use super::pieces::{child, digest, object, parse, public_key, read_all, read_object};
use super::writer::Writer;
use crate::license::{Address, Creator, Owner, Part, Work};
use crate::validation::decode as decode_array;
use crate::xml::Element;

pub(super) fn work(writer: &mut Writer, work: &Work) {
    writer.element("work", [], |writer| {
        object(writer, &work.object);
        writer.all(&work.creators, |writer, creator| {
            writer.leaf(
                "creator",
                [("role", (&creator.role).into())],
                (&creator.name).into(),
            );
        });
        if let Some(owner) = &work.owner {
            write_owner(writer, owner);
        }
        if let Some(hash) = &work.copy_hash {
            digest(writer, hash);
        }
        writer.all(&work.parts, |writer, part| {
            writer.element("part", [], |writer| {
                object(writer, &part.object);
                digest(writer, &part.sha256);
            });
        });
    });
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

fn write_owner(writer: &mut Writer, owner: &Owner) {
    writer.element("owner", [], |writer| {
        object(writer, &owner.object);
        if let Some(address) = &owner.address {
            writer.leaf(
                "address",
                [("type", (&address.kind).into())],
                (&address.value).into(),
            );
        }
        if let Some(key) = &owner.public_key_spki_der {
            public_key(writer, key);
        }
    });
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
