//! Files that commands make, over nothing that is there already.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the user's settings let.
    Usual,
    /// Its owner alone: there is something secret in it.
    Owner,
}

/// Makes a file that is not there yet.
pub(crate) fn create(path: &Path, readers: Readers) -> Result<File> {
    let mode = match readers {
        Readers::Usual => 0o666,
        Readers::Owner => 0o600,
    };
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    opened.map_err(|error| {
        let path = path.display();
        if error.kind() == ErrorKind::AlreadyExists {
            return anyhow!(
                "{path} is there already and is not overwritten: name another, or remove it"
            );
        }
        if error.kind() == ErrorKind::NotFound {
            return anyhow!("cannot make {path}: its folder is not there");
        }
        anyhow::Error::new(error).context(format!("cannot make {path}"))
    })
}

/// Makes a file that is not there yet, with this in it.
pub(crate) fn write(path: &Path, readers: Readers, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    fill(path, readers, |file| file.write_all(bytes))
}

/// Makes a file that is not there yet. Half of one would stand in the way of the next try.
fn fill(
    path: &Path,
    readers: Readers,
    filling: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<()> {
    let mut file = create(path, readers)?;
    let filled = filling(&mut file);
    drop(file);
    if filled.is_err() {
        // It was made a moment ago. What came of the writing is what is told.
        let _left = std::fs::remove_file(path);
    }
    filled.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_file_is_not_left_behind() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new");
        let full = fill(&file, Readers::Usual, |file| {
            file.write_all(b"half")?;
            Err(ErrorKind::StorageFull.into())
        });
        assert!(format!("{:#}", full.unwrap_err()).contains("cannot write"));
        write(&file, Readers::Usual, b"whole").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"whole");
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new");
        write(&file, Readers::Owner, b"kept").unwrap();
        for (place, said) in [
            (file.clone(), "is there already"),
            (folder.path().to_owned(), "is there already"),
            (folder.path().join("no/new"), "its folder is not there"),
            (file.join("below"), "cannot make"),
        ] {
            let refused = write(&place, Readers::Usual, b"lost").unwrap_err();
            let refused = format!("{refused:#}");
            assert!(refused.contains(said), "{refused}");
            assert!(refused.contains(place.to_str().unwrap()), "{refused}");
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"kept");
    }
}
