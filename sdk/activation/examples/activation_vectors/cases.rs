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

use serde::Serialize;

/// All vectors: the path of each file under the folder of the vectors, and its content.
pub(crate) fn all() -> Vec<(String, String)> {
    let mut uploads = good::vectors();
    uploads.extend(malformed::vectors());
    uploads.extend(genuine::vectors());
    uploads.extend(claims::vectors());
    uploads.extend(time::vectors());
    let uploads = uploads
        .iter()
        .map(|vector| file("upload", &vector.name, vector));
    let machines = machines::vectors();
    let machines = machines
        .iter()
        .map(|vector| file("machine", &vector.name, vector));
    uploads.chain(machines).collect()
}

fn file(folder: &str, name: &str, vector: &impl Serialize) -> (String, String) {
    let mut json = serde_json::to_string_pretty(vector).expect("a vector in JSON");
    json.push('\n');
    (format!("{folder}/{name}.json"), json)
}
