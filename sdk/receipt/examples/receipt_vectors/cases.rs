//! Every test vector, made the same way each time.
//!
//! A vector is one receipt with what opens it and what must come of that. The good ones come
//! first; the others are grouped by where they must fail.

mod claims;
mod forge;
mod genuine;
mod good;
mod malformed;
mod time;
mod vector;

use colophon_forge::{Files, file_of, named};
use vector::Vector;

/// All vectors, in their files.
pub(crate) fn all() -> Files {
    let mut vectors = Vec::new();
    vectors.extend(good::vectors());
    vectors.extend(malformed::vectors());
    vectors.extend(genuine::vectors());
    vectors.extend(claims::vectors());
    vectors.extend(time::vectors());
    named(vectors.iter().map(|vector| file_of(&vector.name, vector)))
}
