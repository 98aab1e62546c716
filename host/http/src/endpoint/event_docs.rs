//! `GET /docs/events`: the published list of named events.

use axum::response::Response;
use colophon_core::event::NamedEvent;

use crate::answer::page::{page, text};

pub(crate) async fn list() -> Response {
    let events: String = NamedEvent::ALL.iter().map(|event| entry(*event)).collect();
    page("Events of the host", &events)
}

fn entry(event: NamedEvent) -> String {
    let (code, slug, meaning) = (event.code(), event.slug(), text(event.meaning()));
    format!(
        "<section id=\"{code}\">\n<h2><code>{code}</code> {slug}</h2>\n<p>{meaning}</p>\n</section>\n"
    )
}
