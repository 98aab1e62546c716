//! The first page of a title: cover, title, author, owner, copyright and contents.

use std::fmt::Write;
use std::io;

use colophon_reader::reading::{printable, wrap};
use colophon_reader::{About, Document, Publication};

use crate::cli::output::{authors, level_words, origin_words};

/// The page in words.
pub(crate) fn words(
    document: &mut Document,
    publication: Option<&Publication>,
    width: usize,
) -> String {
    let mut page = cover_words(document);
    let about = document.about();
    front(&mut page, about, width);
    match publication {
        Some(publication) => contents(&mut page, publication, width),
        None => {
            let hint = format!(
                "\nThe content is {}. Write it out with --to DIR to open it with another program.\n",
                about.media_type
            );
            page.push_str(&hint);
        }
    }
    page
}

/// A terminal shows no picture, so the page says that there is one and how to get it.
fn cover_words(document: &mut Document) -> String {
    let Some(cover) = document.about().cover.clone() else {
        return String::new();
    };
    match document.read_entry(&cover, &mut io::sink()) {
        Ok(bytes) => {
            let name = printable(cover.file_name()).into_owned();
            format!("[cover: {name}, {bytes} bytes; see it with --cover FILE]\n\n")
        }
        Err(_) => "[the cover is damaged]\n\n".to_owned(),
    }
}

fn front(page: &mut String, about: &About, width: usize) {
    let mut say = |text: &str| {
        for line in wrap(&printable(text), width) {
            // Writing to memory does not fail.
            let _infallible = writeln!(page, "{line}");
        }
    };
    say(&about.title);
    if !about.authors.is_empty() {
        say(&format!("by {}", authors(about)));
    }
    if let Some(owner) = &about.owner {
        say(&format!("This copy belongs to {owner}"));
    }
    say("");
    if let Some(copyright) = &about.copyright {
        say(copyright);
    }
    if let Some(publisher) = &about.publisher {
        say(&format!("Published by {publisher}"));
    }
    say(&format!(
        "Level {}; {}",
        level_words(about),
        origin_words(about)
    ));
}

fn contents(page: &mut String, publication: &Publication, width: usize) {
    page.push_str("\nContents\n");
    for (chapter, number) in publication.chapters.iter().zip(1_usize..) {
        let untitled = [(0, chapter.path.file_name().to_owned())];
        let headings: &[(usize, String)] = if chapter.headings.is_empty() {
            &untitled
        } else {
            &chapter.headings
        };
        for (depth, heading) in headings {
            let indent = "  ".repeat((*depth).min(8));
            let lines = wrap(&printable(heading), width.saturating_sub(6 + indent.len()));
            for line in lines {
                let _infallible = writeln!(page, "{number:>4}  {indent}{line}");
            }
        }
    }
    page.push_str("\nRead on with --chapter N.\n");
}
