//! Every test vector, made the same way each time: of machines, and of upload forms. The good
//! forms come first; the others are grouped by where they must fail.

mod claims;
mod forge;
mod genuine;
mod good;
pub(crate) mod keys;
mod machines;
mod malformed;
mod time;
mod vector;

use colophon_forge::{Files, file_of, named};

/// All vectors, in their files.
pub(crate) fn all() -> Files {
    let mut uploads = good::vectors();
    uploads.extend(malformed::vectors());
    uploads.extend(genuine::vectors());
    uploads.extend(claims::vectors());
    uploads.extend(time::vectors());
    let uploads = uploads
        .iter()
        .map(|vector| file_of(&format!("upload/{}", vector.name), vector));
    let machines = machines::vectors();
    let machines = machines
        .iter()
        .map(|vector| file_of(&format!("machine/{}", vector.name), vector));
    named(uploads.chain(machines))
}
