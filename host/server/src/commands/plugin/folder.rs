//! Files of a plug-in's folder, which may have come from anywhere: no more of them is read than is
//! needed, and no link leads out of the folder.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// More files than anybody writes by hand, and deeper than anybody puts them.
pub(super) const FILES_MAX: usize = 10_000;
pub(super) const DEPTH_MAX: usize = 32;

/// Reads a file that lies in the folder, where one is given. Devices and pipes are no files.
pub(super) fn read(folder: Option<&Path>, file: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let unreadable = || format!("cannot read {}", file.display());
    let real = file.canonicalize().with_context(unreadable)?;
    refuse_outside(folder, &real).with_context(unreadable)?;
    if !fs::metadata(&real).with_context(unreadable)?.is_file() {
        bail!("{} is no file", file.display());
    }
    let mut bytes = Vec::new();
    let opened = File::open(&real).with_context(unreadable)?;
    opened
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .with_context(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        bail!(
            "{} is larger than {} KiB",
            file.display(),
            bytes_max.div_ceil(1024)
        );
    }
    Ok(bytes)
}

/// Reads a file of text.
pub(super) fn read_text(folder: Option<&Path>, file: &Path, bytes_max: u64) -> Result<String> {
    String::from_utf8(read(folder, file, bytes_max)?)
        .with_context(|| format!("{} is no text in UTF-8", file.display()))
}

/// Makes room for a file of the folder: its own folders are made, and a link in its place, through
/// which something else would be written, is taken away.
pub(super) fn make_room(folder: &Path, file: &Path) -> Result<()> {
    let above = file.parent().unwrap_or(folder);
    fs::create_dir_all(above).with_context(|| format!("cannot make {}", above.display()))?;
    let real = above.canonicalize()?;
    refuse_outside(Some(folder), &real)
        .with_context(|| format!("cannot write {}", file.display()))?;
    if fs::symlink_metadata(file).is_ok_and(|found| found.is_symlink()) {
        fs::remove_file(file).with_context(|| format!("cannot replace {}", file.display()))?;
    }
    Ok(())
}

/// Copies a file of the folder to another place in it.
pub(super) fn copy(folder: &Path, from: &Path, to: &Path, bytes_max: u64) -> Result<()> {
    let bytes = read(Some(folder), from, bytes_max)?;
    make_room(folder, to)?;
    fs::write(to, bytes).with_context(|| format!("cannot write {}", to.display()))
}

/// The files below a place, in the order of their names. Folders and files are told by their place in
/// it: `entered` says which folders are looked into, `wanted` which files are found, and these may be so
/// many.
pub(super) fn files(
    place: &Path,
    files_max: usize,
    entered: impl Fn(&Path) -> bool,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![(place.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // A tool can have taken away what it made.
            Err(error) if error.kind() == ErrorKind::NotFound && depth > 0 => continue,
            read => read.with_context(|| format!("cannot read the folder {}", folder.display()))?,
        };
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let within = path.strip_prefix(place).unwrap_or(&path);
            // A link to a folder is not followed: it could lead back here.
            if !kind.is_dir() {
                if wanted(within) {
                    found.push(path);
                }
            } else if entered(within) {
                if depth == DEPTH_MAX {
                    bail!("{} lies too deep", path.display());
                }
                folders.push((path, depth + 1));
            }
        }
        if found.len() > files_max {
            bail!("{} holds more than {files_max} files", place.display());
        }
    }
    found.sort();
    Ok(found)
}

fn refuse_outside(folder: Option<&Path>, real: &Path) -> Result<()> {
    let Some(folder) = folder else {
        return Ok(());
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    if !real.starts_with(folder.canonicalize()?) {
        bail!("a link there leads out of the plug-in's folder");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refused<T>(result: Result<T>, said: &str) {
        let refused = result.err().map(|error| format!("{error:#}"));
        assert!(
            refused.as_ref().is_some_and(|text| text.contains(said)),
            "{refused:?}"
        );
    }

    #[test]
    fn links_lead_nowhere_else() {
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret");
        fs::write(&secret, "own").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink(&secret, at("out")).unwrap();
        symlink("/dev/zero", at("endless")).unwrap();
        symlink(at("loop"), at("loop")).unwrap();
        symlink(folder.path(), at("above")).unwrap();
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("same")).unwrap();
        let read = |name: &str, within| read(within, &at(name), 4);
        let within = Some(folder.path());
        refused(read("out", within), "leads out of");
        refused(read("endless", within), "leads out of");
        refused(read("endless", None), "is no file");
        refused(read("loop", within), "cannot read");
        refused(read("above", within), "is no file");
        assert_eq!(read("file", within).unwrap(), b"text");
        assert_eq!(read("same", within).unwrap(), b"text");
        assert_eq!(read("above/file", within).unwrap(), b"text");
        refused(super::read(within, &at("file"), 3), "is larger");
        // A device that gives bytes for ever gives no more than were asked for.
        fs::write(at("long"), vec![0; 100]).unwrap();
        refused(super::read(within, &at("long"), 99), "is larger");

        let found = files(folder.path(), 7, |_| true, |_| true).unwrap();
        assert_eq!(found.len(), 7, "{found:?}");
    }

    #[test]
    fn a_folder_is_looked_through_as_far_as_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let write = |place: &str| {
            let place = folder.path().join(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, "").unwrap();
        };
        for place in ["b", "a/b", "a/c", "left/out/b"] {
            write(place);
        }
        let all = |entered: &dyn Fn(&Path) -> bool| {
            let found = files(folder.path(), 3, entered, |file| file.ends_with("b"));
            let found = found.unwrap().into_iter();
            let within = found.map(|file| file.strip_prefix(folder.path()).unwrap().to_owned());
            within.collect::<Vec<_>>()
        };
        let some = all(&|place| place != Path::new("left"));
        assert_eq!(some, [Path::new("a/b"), Path::new("b")]);
        assert_eq!(all(&|_| true).len(), 3);
        let all = |files_max| files(folder.path(), files_max, |_| true, |_| true);
        assert_eq!(all(4).unwrap().len(), 4);
        refused(all(3), "more than 3 files");
        let deep = "d/".repeat(40);
        write(&format!("{deep}b"));
        refused(all(9), "lies too deep");
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        let theirs = outside.path().join("theirs");
        fs::write(&theirs, "kept").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("from"), "new").unwrap();
        symlink(&theirs, at("stamp")).unwrap();
        symlink(outside.path(), at("build")).unwrap();
        copy(folder.path(), &at("from"), &at("stamp"), 10).unwrap();
        assert_eq!(fs::read(&theirs).unwrap(), b"kept");
        assert_eq!(fs::read(at("stamp")).unwrap(), b"new");
        let built = copy(folder.path(), &at("from"), &at("build/theirs"), 10);
        refused(built, "leads out of");
        assert_eq!(fs::read(&theirs).unwrap(), b"kept");
    }
}
