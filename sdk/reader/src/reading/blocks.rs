//! XHTML as a list of blocks.

mod element;

use element::{Effect, effect};
use quick_xml::Reader;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::reading::printable;

/// A paragraph or what takes the place of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Columns its lines are moved to the right.
    pub indent: usize,
    /// What stands before the first line of a list's item.
    pub marker: Option<String>,
    /// The text; a line break where the source demands one.
    pub text: String,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A heading of this level, 1 to 6.
    Heading(u8),
    /// Ordinary text.
    Text,
    /// Text whose spaces and line breaks count.
    Preformatted,
    /// A line across.
    Rule,
}

/// Columns by which a list or quotation stands to the right of what it is in.
const INDENT: usize = 4;

/// The blocks of an XHTML document. What is not well-formed is read as far as it goes.
#[must_use]
pub fn blocks(xhtml: &str) -> Vec<Block> {
    let mut reader = Reader::from_str(xhtml);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut page = Page::default();
    while let Ok(event) = reader.read_event() {
        if matches!(event, Event::Eof) {
            break;
        }
        page.take(&event);
    }
    page.break_block();
    page.blocks
}

/// A list that is open.
enum List {
    Bullets,
    Numbers(u32),
}

/// What has been read so far. Depths are counters, so that deep nesting costs nothing.
#[derive(Default)]
struct Page {
    blocks: Vec<Block>,
    text: String,
    heading: Option<u8>,
    marker: Option<String>,
    lists: Vec<List>,
    quotes: usize,
    preformatted: usize,
    hidden: usize,
}

impl Page {
    fn take(&mut self, event: &Event<'_>) {
        if let Event::Start(start) = event {
            self.start(start);
        } else if let Event::End(end) = event {
            self.end(effect(end.local_name().as_ref()));
        } else if let Event::Text(text) = event {
            self.say(text);
        } else if let Event::CData(text) = event {
            self.say(text);
        } else if let Event::GeneralRef(reference) = event {
            self.say(&resolved(reference));
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) {
        match effect(start.local_name().as_ref()) {
            Effect::Hide => self.hidden += 1,
            Effect::Heading(level) => {
                self.break_block();
                self.heading = Some(level);
            }
            Effect::Break => self.break_block(),
            Effect::Line => self.text.push('\n'),
            Effect::Rule => {
                self.break_block();
                self.push(BlockKind::Rule, String::new());
            }
            Effect::Quote => {
                self.break_block();
                self.quotes += 1;
            }
            Effect::Preformatted => {
                self.break_block();
                self.preformatted += 1;
            }
            Effect::Bullets => self.open_list(List::Bullets),
            Effect::Numbers => self.open_list(List::Numbers(0)),
            Effect::Item => self.open_item(),
            Effect::Cell => {
                if !self.text.trim().is_empty() {
                    self.text.push_str(" │ ");
                }
            }
            Effect::Picture => self.name_picture(start),
            Effect::Annotation => self.say(" ("),
            Effect::None => {}
        }
    }

    fn end(&mut self, effect: Effect) {
        match effect {
            Effect::Hide => self.hidden = self.hidden.saturating_sub(1),
            Effect::Heading(_) | Effect::Break | Effect::Item => self.break_block(),
            Effect::Quote => {
                self.break_block();
                self.quotes = self.quotes.saturating_sub(1);
            }
            Effect::Preformatted => {
                self.break_block();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            Effect::Bullets | Effect::Numbers => {
                self.break_block();
                self.marker = None;
                self.lists.pop();
            }
            Effect::Annotation => self.say(")"),
            Effect::Line | Effect::Rule | Effect::Cell | Effect::Picture | Effect::None => {}
        }
    }

    fn open_list(&mut self, list: List) {
        self.break_block();
        self.lists.push(list);
    }

    fn open_item(&mut self) {
        self.break_block();
        self.marker = match self.lists.last_mut() {
            Some(List::Numbers(number)) => {
                *number += 1;
                Some(format!("{number}."))
            }
            Some(List::Bullets) | None => Some("•".to_owned()),
        };
    }

    fn name_picture(&mut self, start: &BytesStart<'_>) {
        let alternative = start
            .attributes()
            .flatten()
            .find(|a| a.key.local_name().as_ref() == "alt");
        let name = alternative.map(|a| a.value.into_owned());
        match name.as_deref().map(str::trim) {
            Some(name) if !name.is_empty() => self.say(&format!("[picture: {name}]")),
            Some(_) | None => self.say("[picture]"),
        }
    }

    /// Adds text, with runs of white space made one space as a browser does.
    fn say(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        if self.preformatted > 0 {
            self.text.push_str(text);
            return;
        }
        for c in text.chars() {
            if !c.is_ascii_whitespace() {
                self.text.push(c);
            } else if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
                self.text.push(' ');
            }
        }
    }

    /// Ends the block that is being read, if there is any text in it.
    fn break_block(&mut self) {
        let text = std::mem::take(&mut self.text);
        let kind = match self.heading.take() {
            _ if self.preformatted > 0 => BlockKind::Preformatted,
            Some(level) => BlockKind::Heading(level),
            None => BlockKind::Text,
        };
        let text = match kind {
            BlockKind::Preformatted => text.trim_matches('\n').replace('\t', "    "),
            BlockKind::Heading(_) | BlockKind::Text | BlockKind::Rule => text.trim().to_owned(),
        };
        if !text.is_empty() {
            self.push(kind, text);
        }
    }

    fn push(&mut self, kind: BlockKind, text: String) {
        let lines: Vec<_> = text.split('\n').map(printable).collect();
        self.blocks.push(Block {
            kind,
            indent: INDENT * (self.lists.len() + self.quotes),
            marker: self.marker.take(),
            text: lines.join("\n"),
        });
    }
}

/// What a reference such as `&amp;` or `&#8212;` stands for; itself where nobody knows.
fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name: &str = reference;
    resolve_html5_entity(name).map_or_else(|| format!("&{name};"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::reading::text;

    fn check(xhtml: &str, expected: &str) {
        assert_eq!(text(xhtml, 40), expected);
    }

    #[test]
    fn paragraphs_stand_apart() {
        check("<p>One\n  and</p><p>two.</p>", "One and\n\ntwo.\n");
    }

    #[test]
    fn the_head_is_left_out() {
        check(
            "<html><head><title>T</title><style>p{}</style></head><body><p>B</p></body></html>",
            "B\n",
        );
    }

    #[test]
    fn lists_are_marked_and_nested() {
        check(
            "<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>",
            "  • a\n     1. b\n     2. c\n  • d\n",
        );
    }

    #[test]
    fn preformatted_text_keeps_its_lines() {
        check("<pre>  a\n b</pre>", "      a\n     b\n");
    }

    #[test]
    fn references_are_resolved() {
        check(
            "<p>&lt;a&gt; &eacute;&#8212;&#x41; &nonsense;</p>",
            "<a> é—A &nonsense;\n",
        );
    }

    #[test]
    fn pictures_are_named() {
        check(
            "<p><img src='x' alt='a lamp'/> <img src='y'/></p>",
            "[picture: a lamp] [picture]\n",
        );
    }

    #[test]
    fn tables_become_rows() {
        check(
            "<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>",
            "a │ b\n\nc\n",
        );
    }

    #[test]
    fn terminals_are_not_commanded() {
        check("<p>a&#27;[2Jb</p>", "a\u{FFFD}[2Jb\n");
    }

    #[test]
    fn broken_markup_is_read_as_far_as_it_goes() {
        check("<p>one</div></p><p>two", "one\n\ntwo\n");
    }

    #[test]
    fn deep_nesting_is_no_matter() {
        let deep = format!("{}x{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
        check(&deep, "x\n");
    }
}
