//! `GET /docs/events`: the published list of named events.

use axum::response::Response;
use colophon_core::event::NamedEvent;

use crate::answer::page::{page, text};

/// Where events go.
const NOTE: &str = "<p class=\"note\">A host tells events on standard error and records them in the \
    logging database, where <code>colophon log events</code> reads them. Those that happen before \
    it has opened its outbox, such as a start that fails, are on standard error alone.</p>\n";

pub(crate) async fn list() -> Response {
    let entries = NamedEvent::ALL.iter().map(|event| entry(*event));
    let content: String = std::iter::once(NOTE.to_owned()).chain(entries).collect();
    page("Events of the host", &content)
}

fn entry(event: NamedEvent) -> String {
    let (code, slug, meaning) = (event.code(), event.slug(), text(event.meaning()));
    format!(
        "<section id=\"{code}\">\n<h2><code>{code}</code> {slug}</h2>\n<p>{meaning}</p>\n</section>\n"
    )
}
