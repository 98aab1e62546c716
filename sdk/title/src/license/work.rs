//! What a license is about.

use super::Line;

/// A thing or person by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What kind of id it is, such as `ISBN`.
    pub id_type: Line,
    /// The id.
    pub id: Line,
    /// What it is called, for people.
    pub name: Option<Line>,
}

impl Object {
    /// Whether both are one thing, whatever they are called.
    pub(super) fn is_same(&self, other: &Object) -> bool {
        self.id_type == other.id_type && self.id == other.id
    }
}

/// The licensed work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The title, by its Book ID.
    pub object: Object,
    /// Who made it.
    pub creators: Vec<Creator>,
    /// Whom the copy was made for.
    pub owner: Option<Owner>,
    /// The copy hash of the one copy it is about; none in a delegation, which is about all.
    pub copy_hash: Option<[u8; 32]>,
    /// Parts of the work that are named by their digests.
    pub parts: Vec<Part>,
}

/// Somebody who made a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creator {
    /// In what role, such as `author`.
    pub role: Line,
    /// The name.
    pub name: Line,
}

/// Whom a copy was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The owner by id and name.
    pub object: Object,
    /// Where the owner is reached.
    pub address: Option<Address>,
    /// The owner's public key: DER of its `SubjectPublicKeyInfo`.
    pub public_key_spki_der: Option<Vec<u8>>,
}

/// Where somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What kind of address it is, such as `email`.
    pub kind: Line,
    /// The address.
    pub value: Line,
}

/// A part of a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part, such as a chapter.
    pub object: Object,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
}
