//! `colophon-reader add`.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use colophon_reader::Original;
use colophon_reader::reading::printable;
use serde_json::json;

use crate::cli::arguments::AddArguments;
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::{about_json, origin_words, print, print_json};
use crate::cli::places::Places;
use crate::cli::progress::shown;

pub(crate) fn run(
    places: &Places,
    arguments: &AddArguments,
    json: bool,
) -> Result<ExitCode, Failure> {
    let done = add(places, arguments, json);
    if arguments.pause {
        // In a window of its own, a failure is gone unless it is shown before the window is.
        if let Err(failure) = &done {
            failure.print();
        }
        pause();
        return Ok(done.unwrap_or_else(|failure| failure.exit_code()));
    }
    done
}

/// Waits for Enter, or for nobody being there to press it.
fn pause() {
    let _unheard = io::stderr().write_all(b"\nPress Enter to close.");
    let _pressed = io::stdin().lock().read_until(b'\n', &mut Vec::new());
}

fn add(places: &Places, arguments: &AddArguments, json: bool) -> Result<ExitCode, Failure> {
    let original = if arguments.keep {
        Original::Keep
    } else {
        Original::Move
    };
    let roots = places.roots()?;
    let (library, file) = (&places.library, &arguments.file);
    let added = shown(|progress| library.add(file, original, &roots, progress));
    let added = added.map_err(|error| Failure::adding(file, &error))?;
    if json {
        let mut value = about_json(&added.path, &added.about);
        if let Some(members) = value.as_object_mut() {
            members.insert("already_known".to_owned(), json!(added.known));
        }
        print_json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let what = if added.known {
        "Already in the library"
    } else {
        "Added"
    };
    print(&format!(
        "{what}: {}\n  {}\n  {}\n",
        printable(&added.about.title),
        added.path.display(),
        origin_words(&added.about)
    ))?;
    if arguments.open {
        print("\n")?;
        open::show(places, &added.path)?;
    }
    Ok(ExitCode::SUCCESS)
}
