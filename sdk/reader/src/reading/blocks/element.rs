//! What each element of XHTML does to the text around it.

/// The effect of an element's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Its content is not shown.
    Hide,
    /// A heading of this level.
    Heading(u8),
    /// It stands on lines of its own.
    Break,
    /// A line break.
    Line,
    /// A line across.
    Rule,
    /// A quotation.
    Quote,
    /// Spaces and line breaks count.
    Preformatted,
    /// A list without numbers.
    Bullets,
    /// A list with numbers.
    Numbers,
    /// An item of a list.
    Item,
    /// A cell of a table.
    Cell,
    /// A picture.
    Picture,
    /// A reading aid above a word.
    Annotation,
    /// It flows with the text.
    None,
}

/// The effect of the element with this local name.
pub(super) fn effect(name: &str) -> Effect {
    match name {
        "head" | "script" | "style" | "template" | "svg" | "rp" | "audio" | "video" => Effect::Hide,
        "h1" => Effect::Heading(1),
        "h2" => Effect::Heading(2),
        "h3" => Effect::Heading(3),
        "h4" => Effect::Heading(4),
        "h5" => Effect::Heading(5),
        "h6" => Effect::Heading(6),
        "address" | "article" | "aside" | "body" | "caption" | "center" | "dd" | "div" | "dl"
        | "dt" | "figcaption" | "figure" | "footer" | "form" | "header" | "main" | "nav" | "p"
        | "section" | "table" | "tr" => Effect::Break,
        "br" => Effect::Line,
        "hr" => Effect::Rule,
        "blockquote" => Effect::Quote,
        "pre" => Effect::Preformatted,
        "ul" | "menu" => Effect::Bullets,
        "ol" => Effect::Numbers,
        "li" => Effect::Item,
        "td" | "th" => Effect::Cell,
        "img" => Effect::Picture,
        "rt" => Effect::Annotation,
        _ => Effect::None,
    }
}
