//! `colophon-reader print`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use colophon_title::license::RightKind;
use serde_json::json;

use crate::cli::arguments::PrintArguments;
use crate::cli::failure::{Exit, Failure};
use crate::cli::licensed::Use;
use crate::cli::open::{chapter, chapter_text, no_text, publication};
use crate::cli::output::{print, print_json};
use crate::cli::places::Places;

/// Columns of a printed page.
const WIDTH: usize = 72;

pub(crate) fn run(
    places: &Places,
    arguments: &PrintArguments,
    json: bool,
) -> Result<ExitCode, Failure> {
    let (path, mut document) = arguments.chosen.open(places)?;
    let using = Use::of(places, &path, &mut document)?;
    using.judge(&mut document, RightKind::Print)?;
    // What is printed is seen.
    using.exercise(&mut document, RightKind::View)?;
    let publication = publication(&path, &mut document)?;
    let publication = publication.ok_or_else(|| no_text(document.about()))?;
    let chapters = match arguments.chapter {
        Some(number) => vec![chapter(&publication, number.get())?],
        None => publication.chapters.iter().collect(),
    };
    let mut text = String::new();
    for chapter in &chapters {
        text.push_str(&chapter_text(&path, &mut document, chapter, WIDTH)?);
        // A new page, where the printer knows one.
        text.push('\u{c}');
    }
    using.exercise(&mut document, RightKind::Print)?;
    hand_over(&text, &arguments.with)?;
    let count = chapters.len();
    if json {
        print_json(&json!({ "file": path, "chapters": count }))?;
    } else {
        print(&format!("Printed: {count} chapters\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives the text to a program that prints it.
fn hand_over(text: &str, program: &Path) -> Result<(), Failure> {
    let failed = |why: String| {
        Failure::new(Exit::Failed, format!("{}: {why}", program.display()))
            .with_next("name a program that prints its standard input, with --with")
    };
    let mut command = Command::new(program);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut child = child.map_err(|error| failed(error.to_string()))?;
    // Dropped after it, so that the program sees the end of the text.
    let written = child
        .stdin
        .take()
        .map(|mut input| input.write_all(text.as_bytes()));
    let ended = child.wait().map_err(|error| failed(error.to_string()))?;
    match written {
        Some(Ok(())) if ended.success() => Ok(()),
        Some(Err(error)) => Err(failed(error.to_string())),
        Some(Ok(())) | None => Err(failed(format!("it did not print ({ended})"))),
    }
}
