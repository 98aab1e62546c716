//! Small pages for people, without scripts and readable on a phone.

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// The one style sheet, served at `/docs/style.css`.
pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25}
h2{font-size:1.1rem;margin:1.5rem 0 0}
p{margin:.25rem 0}
code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
.note{opacity:.75}
";

/// A page of this title around `content`, which is HTML already.
pub(crate) fn page(title: &str, content: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{content}</main>\n</body>\n</html>\n"
    );
    let mut response = published(html, "text/html; charset=utf-8");
    let policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'";
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Text that changes only with the program.
pub(crate) fn published(text: impl Into<Body>, media_type: &'static str) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    response
}

/// Makes text stand for itself in HTML, with `code` between backticks marked as such.
pub(crate) fn text(text: &str) -> String {
    let parts = escape(text);
    let marked = |(n, part): (usize, &str)| {
        if n % 2 == 1 {
            format!("<code>{part}</code>")
        } else {
            part.to_owned()
        }
    };
    parts.split('`').enumerate().map(marked).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_for_itself() {
        assert_eq!(text("a < b & 'c'"), "a &lt; b &amp; &#39;c&#39;");
        assert_eq!(text("run `x <y>` now"), "run <code>x &lt;y&gt;</code> now");
    }
}
