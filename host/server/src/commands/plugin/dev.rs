//! `colophon plugin dev`: build, check and test, once or whenever something has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::folder::{DEPTH_MAX, files};
use super::sources::is_made;
use super::{build, test};
use crate::cli::PluginTestArgs;
use crate::output::{Output, plain};

/// How often files are looked at.
const PAUSE: Duration = Duration::from_millis(300);

pub(super) async fn run(folder: &Path, watch: bool, output: Output) -> Result<ExitCode> {
    let mut seen = state(folder)?;
    let mut ended = once(folder, output).await;
    if !watch {
        return ended;
    }
    loop {
        if let Err(error) = &ended {
            eprintln!("colophon: {}", plain(&format!("{error:#}")));
        }
        eprintln!(
            "── waiting for a change in {}; Ctrl-C ends",
            folder.display()
        );
        let now = changed(folder, &seen).await?;
        let cases_alone = differing(&seen, &now).all(|path| path.starts_with(folder.join("cases")));
        seen = now;
        ended = if cases_alone {
            try_cases(folder, output).await
        } else {
            once(folder, output).await
        };
    }
}

/// Returns when the folder is other than it was, and has been so for one pause: an editor may write
/// several files.
async fn changed(folder: &Path, before: &State) -> Result<State> {
    let mut last = before.clone();
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = state(folder)?;
        if now != *before && now == last {
            return Ok(now);
        }
        last = now;
    }
}

async fn once(folder: &Path, output: Output) -> Result<ExitCode> {
    let built = build::build(folder)?;
    eprintln!("── built {}", built.component.display());
    try_cases(folder, output).await
}

/// Cases are no part of what is built.
async fn try_cases(folder: &Path, output: Output) -> Result<ExitCode> {
    let arguments = PluginTestArgs {
        plugin: folder.to_owned(),
        cases: Vec::new(),
        only: None,
    };
    test::run(&arguments, output).await
}

/// When each of the author's files was written last, and how long it is.
type State = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

fn state(folder: &Path) -> Result<State> {
    let of_the_author = |place: &Path| !is_made(place);
    let entered = |place: &Path| of_the_author(place) && place.components().count() < DEPTH_MAX;
    let files = files(folder, usize::MAX, entered, of_the_author)?;
    // An editor's temporary file can be gone again.
    let files = files.into_iter().filter_map(|file| {
        let found = fs::symlink_metadata(&file).ok()?;
        Some((file, (found.modified().ok(), found.len())))
    });
    Ok(files.collect())
}

/// Files that came, went or were written between two states.
fn differing<'a>(one: &'a State, other: &'a State) -> impl Iterator<Item = &'a PathBuf> {
    let changed = one
        .iter()
        .filter(move |(path, written)| other.get(*path) != Some(*written));
    let came = other
        .iter()
        .filter(move |(path, _)| !one.contains_key(*path));
    changed.chain(came).map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_write_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let write = |place: &str, text: &str| {
            let place = folder.path().join(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        };
        write("src/lib.rs", "one");
        let before = state(folder.path()).unwrap();
        write("build/plugin.wasm", "made");
        write("target/release/thing", "made");
        write("rules/target/release/thing", "made");
        write("rules/build/plugin.wasm", "made");
        write("rules/node_modules/thing/index.js", "made");
        assert_eq!(state(folder.path()).unwrap(), before);
        write("src/lib.rs", "three");
        let changed = state(folder.path()).unwrap();
        let file = folder.path().join("src/lib.rs");
        assert!(differing(&before, &changed).eq([&file]));
        write("cases/new.toml", "");
        let more = state(folder.path()).unwrap();
        let case = folder.path().join("cases/new.toml");
        assert!(differing(&changed, &more).eq([&case]));
        assert!(differing(&more, &changed).eq([&case]));
        assert!(differing(&more, &more).next().is_none());
    }
}
