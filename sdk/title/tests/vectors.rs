//! The published vectors are what this implementation makes, opens and refuses.

#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "unlike the crate, its tests use files"
)]

#[path = "support/attacks.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod attacks;
#[path = "support/fixed_keys.rs"]
mod fixed_keys;
#[path = "support/forge.rs"]
mod forge;
#[path = "support/licensed_vectors.rs"]
mod licensed_vectors;
#[path = "support/sample.rs"]
mod sample;
#[path = "support/vectors.rs"]
mod vectors;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use colophon_crypto::Portable;
use colophon_title::{Level, OpenTitle, TrustRoots};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_vectors_are_made_again_byte_for_byte() {
    let made = vectors::files();
    for (name, content) in &made {
        let published = fs::read(folder().join(name)).unwrap_or_default();
        assert!(
            published == *content,
            "{name}: run `cargo xtask vectors` and see what changed"
        );
    }
    let in_folder = |prefix: &str| -> BTreeSet<String> {
        let names = made.keys().filter_map(|name| name.strip_prefix(prefix));
        names
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    };
    let mut top = in_folder("");
    top.extend(["README.md", "keys", "refused", "refused-level-5"].map(str::to_owned));
    assert_eq!(names(&folder()), top);
    let licensed = "refused-level-5";
    assert_eq!(
        names(&folder().join(licensed)),
        in_folder("refused-level-5/")
    );
    assert_eq!(names(&folder().join("refused")), in_folder("refused/"));
}

#[test]
fn valid_vectors_are_small_and_give_back_their_source() {
    for (name, extension, source) in [
        ("whale", "epub", None),
        ("leaflet", "colophon", Some("pdf")),
    ] {
        for (number, level) in [(2, Level::SourceSealed), (3, Level::IndividuallySealed)] {
            let file = folder().join(format!("{name}.level-{number}.{extension}"));
            assert!(fs::metadata(&file).unwrap().len() <= 16 * 1024);
            let file = File::open(file).unwrap();
            let mut title = OpenTitle::open(&Portable, file, &TrustRoots::new()).unwrap();
            title.verify(&mut |_| ()).unwrap();
            assert_eq!(title.level(), level);
            let mut publication = Cursor::new(Vec::new());
            title.write_publication(&mut publication).unwrap();
            if let Some(extension) = source {
                let source = fs::read(folder().join(format!("{name}.source.{extension}"))).unwrap();
                assert!(publication.into_inner() == source);
            }
        }
    }
}

#[test]
fn refused_vectors_are_refused_for_their_reasons() {
    let folder = folder().join("refused");
    let reasons = fs::read_to_string(folder.join("reasons.txt")).unwrap();
    for line in reasons.lines() {
        let (name, reason) = line.split_once(": ").unwrap();
        let file = File::open(folder.join(format!("{name}.epub"))).unwrap();
        let refused = OpenTitle::open(&Portable, file, &TrustRoots::new())
            .and_then(|mut title| title.verify(&mut |_| ()))
            .unwrap_err();
        assert_eq!(refused.reason(), reason, "{name}");
    }
}

#[test]
fn the_licensed_vector_opens_for_its_persona() {
    let file = fs::read(folder().join("whale.level-5.epub")).unwrap();
    assert!(file.len() <= 16 * 1024);
    let mut title = licensed_vectors::open(&file).unwrap();
    title.verify(&mut |_| ()).unwrap();
    assert_eq!(title.level(), Level::FullyIndividualized);
    let license = &title.license().unwrap().license;
    assert_eq!(license.rights[0].rights[1].max_count, Some(3));
}

#[test]
fn refused_vectors_of_level_5_are_refused_for_their_reasons() {
    let folder = folder().join("refused-level-5");
    let reasons = fs::read_to_string(folder.join("reasons.txt")).unwrap();
    for line in reasons.lines() {
        let (name, reason) = line.split_once(": ").unwrap();
        let file = fs::read(folder.join(format!("{name}.epub"))).unwrap();
        let refused = licensed_vectors::open(&file).err().unwrap();
        assert_eq!(refused.reason(), reason, "{name}");
    }
}
