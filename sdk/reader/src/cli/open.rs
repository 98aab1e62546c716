//! `colophon-reader open`.

mod title_page;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use colophon_reader::reading::{printable, text};
use colophon_reader::{About, Chapter, Document, OpenError, Publication, WriteError};
use colophon_title::license::RightKind;
use serde_json::{Value, json};

use crate::cli::arguments::OpenArguments;
use crate::cli::failure::{Exit, Failure};
use crate::cli::licensed::Use;
use crate::cli::output::{about_json, print, print_json};
use crate::cli::places::Places;

/// Lines longer than this are hard to read, however wide the terminal.
const WIDTH_MAX: usize = 80;

pub(crate) fn run(
    places: &Places,
    arguments: &OpenArguments,
    json: bool,
) -> Result<ExitCode, Failure> {
    let (path, mut document) = arguments.chosen.open(places)?;
    let using = Use::of(places, &path, &mut document)?;
    if let Some(folder) = &arguments.to {
        using.judge(&mut document, RightKind::Copy)?;
        check_absent(&path, document.publication_path(folder))?;
    }
    using.exercise(&mut document, RightKind::View)?;
    if let Some(number) = arguments.chapter {
        print_chapter(&path, &mut document, number.get(), width(arguments), json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut written = Vec::new();
    if let Some(folder) = &arguments.to {
        using.exercise(&mut document, RightKind::Copy)?;
        let file = document.write_publication(folder);
        written.push(file.map_err(|error| Failure::writing(&path, &error))?);
    }
    if let Some(file) = &arguments.cover {
        written.push(write_cover(&path, &mut document, file)?);
    }
    let publication = publication(&path, &mut document)?;
    if json {
        print_json(&opened_json(
            &path,
            &document,
            publication.as_ref(),
            &written,
        ))?;
    } else if written.is_empty() {
        let page = title_page::words(&mut document, publication.as_ref(), width(arguments));
        print(&page)?;
    } else {
        for file in &written {
            print(&format!("Written: {}\n", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the title page of a file.
pub(crate) fn show(places: &Places, path: &Path) -> Result<(), Failure> {
    let mut document = places.open(path)?;
    let using = Use::of(places, path, &mut document)?;
    using.exercise(&mut document, RightKind::View)?;
    let publication = publication(path, &mut document)?;
    print(&title_page::words(
        &mut document,
        publication.as_ref(),
        columns(),
    ))
}

/// A copy is not used up on a file that is in the way.
fn check_absent(path: &Path, target: PathBuf) -> Result<(), Failure> {
    if target.exists() {
        let exists = WriteError::Exists { path: target };
        return Err(Failure::writing(path, &exists));
    }
    Ok(())
}

pub(crate) fn publication(
    path: &Path,
    document: &mut Document,
) -> Result<Option<Publication>, Failure> {
    if !document.about().media_type.is_epub() {
        return Ok(None);
    }
    let read = Publication::read(document);
    read.map(Some)
        .map_err(|error| Failure::reading(path, &error))
}

fn print_chapter(
    path: &Path,
    document: &mut Document,
    number: usize,
    width: usize,
    json: bool,
) -> Result<(), Failure> {
    let publication = publication(path, document)?;
    let publication = publication.ok_or_else(|| no_text(document.about()))?;
    let chapter = chapter(&publication, number)?;
    let text = chapter_text(path, document, chapter, width)?;
    if json {
        print_json(&json!({ "chapter": number, "path": chapter.path.as_str(), "text": text }))
    } else {
        print(&text)
    }
}

/// What is no EPUB has no chapters.
pub(crate) fn no_text(about: &About) -> Failure {
    let what = printable(about.media_type.as_str()).into_owned();
    Failure::new(Exit::Failed, format!("{what} has no text to print"))
        .with_next("write it out with --to DIR and open it with another program")
}

/// The chapter of a number.
pub(crate) fn chapter(publication: &Publication, number: usize) -> Result<&Chapter, Failure> {
    let found = publication.chapters.get(number.saturating_sub(1));
    found.ok_or_else(|| {
        let count = publication.chapters.len();
        Failure::new(Exit::NotFound, format!("there is no chapter {number}"))
            .with_next(format!("the chapters are 1 to {count}"))
    })
}

/// The text of a chapter in lines of `width` columns.
pub(crate) fn chapter_text(
    path: &Path,
    document: &mut Document,
    chapter: &Chapter,
    width: usize,
) -> Result<String, Failure> {
    let source = Publication::chapter_source(document, chapter);
    let source = source.map_err(|error| Failure::reading(path, &error))?;
    Ok(text(&source, width))
}

fn write_cover(path: &Path, document: &mut Document, file: &Path) -> Result<PathBuf, Failure> {
    let Some(cover) = document.about().cover.clone() else {
        return Err(Failure::new(Exit::NotFound, "this title has no cover"));
    };
    let cannot = |error: &io::Error| {
        Failure::new(
            Exit::Failed,
            format!("{} cannot be written: {error}", file.display()),
        )
    };
    // Beside its place first, so that a picture that turns out damaged leaves nothing behind.
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let new = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let mut new = new.map_err(|error| cannot(&error))?;
    document
        .read_entry(&cover, &mut new)
        .map_err(|error: OpenError| Failure::opening(path, &error))?;
    new.persist(file)
        .map_err(|refused| cannot(&refused.error))?;
    Ok(file.to_path_buf())
}

fn opened_json(
    path: &Path,
    document: &Document,
    publication: Option<&Publication>,
    written: &[PathBuf],
) -> Value {
    let mut value = about_json(path, document.about());
    let chapters = publication
        .iter()
        .flat_map(|publication| &publication.chapters);
    let contents: Vec<_> = chapters
        .zip(1_usize..)
        .map(|(chapter, number)| {
            let headings: Vec<_> = chapter.headings.iter().map(|(_, text)| text).collect();
            json!({ "chapter": number, "path": chapter.path.as_str(), "headings": headings })
        })
        .collect();
    if let Some(members) = value.as_object_mut() {
        members.insert("contents".to_owned(), json!(contents));
        members.insert("written".to_owned(), json!(written));
    }
    value
}

fn width(arguments: &OpenArguments) -> usize {
    arguments.width.map_or_else(columns, NonZeroUsize::get)
}

/// The columns of this terminal, up to what can be read well.
fn columns() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|columns| columns.parse().ok());
    columns.unwrap_or(WIDTH_MAX).min(WIDTH_MAX)
}
