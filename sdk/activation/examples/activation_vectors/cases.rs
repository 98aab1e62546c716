//! Every test vector, made the same way each time: of machines, upload forms, packages, sealed keys
//! and persona forms. The good forms come first; the others are grouped by where they must fail.

mod claims;
mod forge;
mod genuine;
mod good;
pub(crate) mod keys;
mod machines;
mod malformed;
pub(crate) mod packages;
mod personas;
mod sealed_keys;
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
    let packages = packages::vectors();
    let packages = packages
        .iter()
        .map(|vector| file_of(&format!("package/{}", vector.name), vector));
    let sealed_keys = sealed_keys::vectors();
    let sealed_keys = sealed_keys
        .iter()
        .map(|vector| file_of(&format!("sealed-key/{}", vector.name), vector));
    let personas = personas::vectors();
    let personas = personas
        .iter()
        .map(|vector| file_of(&format!("persona/{}", vector.name), vector));
    let others = machines.chain(packages).chain(sealed_keys).chain(personas);
    named(uploads.chain(others))
}
