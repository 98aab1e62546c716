//! Requests as they may stand in the event log: complete but for receipts, certificates and
//! credentials, of which only the length is told, and on one line whatever they hold.

use colophon_receipt::SealedReceipt;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, REFERER};
use http::request::Parts;

/// The longest segment of a path that is told: a center's name has 63 bytes.
const SEGMENT_BYTES_MAX: usize = 64;

/// A field longer than this is told by its length, whatever its name.
const FIELD_BYTES_MAX: usize = 256;

/// Fields that let whoever reads them do something in another's name.
const SECRETS: [&str; 9] = [
    "value",
    "certificate",
    "password",
    "token",
    "reset",
    "code",
    "state",
    "user_code",
    "device_code",
];

/// The request line and the header fields.
pub(crate) fn head(head: &Parts) -> String {
    let target = head
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let lines = header_lines(&head.headers);
    format!(
        "{} {} {:?}{lines}",
        head.method,
        address(target),
        head.version
    )
}

/// The fields of a form or a query.
pub(crate) fn fields(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let fields: Vec<String> = text.split('&').map(field).collect();
    fields.join("&")
}

fn header_lines(headers: &HeaderMap) -> String {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        if [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name) {
            format!("; {name}: {}", length(&text))
        } else if name == REFERER {
            // A page's address may be one of this server's own, with a receipt in it.
            format!("; {name}: {}", address(&text))
        } else {
            format!("; {name}: {}", text.escape_debug())
        }
    };
    headers.iter().map(line).collect()
}

/// An address with the fields of its query redacted.
fn address(text: &str) -> String {
    match text.split_once('?') {
        Some((path, query)) => format!("{}?{}", segments(path), fields(query.as_bytes())),
        None => segments(text),
    }
}

/// A path in which no segment is longer than any of this server's own: a receipt that was put
/// there by mistake is one.
fn segments(path: &str) -> String {
    let segment = |segment: &str| match segment.len() {
        0..=SEGMENT_BYTES_MAX => segment.escape_debug().to_string(),
        _ => length(segment),
    };
    let segments: Vec<String> = path.split('/').map(segment).collect();
    segments.join("/")
}

fn field(pair: &str) -> String {
    let decoded = form_urlencoded::parse(pair.as_bytes()).next();
    let (name, text) = decoded.unwrap_or_default();
    let secret = SECRETS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&name));
    match SealedReceipt::parse(&text) {
        Ok(receipt) => {
            format!(
                "{}=({} bytes, kid {})",
                short(&name),
                text.len(),
                receipt.kid().as_str()
            )
        }
        Err(_) if secret || text.len() > FIELD_BYTES_MAX => {
            format!("{}={}", short(&name), length(&text))
        }
        Err(_) => format!("{}={}", short(&name), text.escape_debug()),
    }
}

fn short(name: &str) -> String {
    if name.len() > FIELD_BYTES_MAX {
        length(name)
    } else {
        name.escape_debug().to_string()
    }
}

fn length(text: &str) -> String {
    format!("({} bytes)", text.len())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const RECEIPT: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoic2hvcC4xIn0\
        ..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA";

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(
            fields(text.replace("RECEIPT", RECEIPT).as_bytes()),
            expected
        );
    }

    #[test]
    fn receipts_and_certificates_are_told_by_length() {
        check(
            "action=download&value=RECEIPT",
            "action=download&value=(105 bytes, kid shop.1)",
        );
        check("other=RECEIPT", "other=(105 bytes, kid shop.1)");
        check("value=secret", "value=(6 bytes)");
        check(
            "VALUE=secret&Certificate=abc",
            "VALUE=(6 bytes)&Certificate=(3 bytes)",
        );
        check("%76alue=secret", "value=(6 bytes)");
        check("password=a&reset=bc", "password=(1 bytes)&reset=(2 bytes)");
        check(&"x".repeat(300), "(300 bytes)=");
        check(&format!("a={}", "x".repeat(300)), "a=(300 bytes)");
    }

    #[test]
    fn everything_stays_on_one_line() {
        check("a=b%0D%0Ac&d%0a=%00", "a=b\\r\\nc&d\\n=\\0");
        check("a=%1b[31m", "a=\\u{1b}[31m");
    }

    #[test]
    fn a_receipt_in_the_path_is_told_by_its_length() {
        assert_eq!(
            address(&format!("/main/ds/{RECEIPT}")),
            "/main/ds/(105 bytes)"
        );
        let name = "x".repeat(63);
        assert_eq!(
            address(&format!("/{name}/ds?a=b")),
            format!("/{name}/ds?a=b")
        );
    }

    #[test]
    fn heads() {
        let request = Request::get(format!("/main/ds?action=x&value={RECEIPT}"))
            .header("authorization", "Bearer secret")
            .header("cookie", "a=b")
            .header(
                "referer",
                format!("https://c.example/main/ds?value={RECEIPT}"),
            )
            .header("user-agent", "curl/8")
            .body(());
        let text = head(&request.unwrap().into_parts().0);
        assert_eq!(
            text,
            "GET /main/ds?action=x&value=(105 bytes, kid shop.1) HTTP/1.1; \
             authorization: (13 bytes); cookie: (3 bytes); \
             referer: https://c.example/main/ds?value=(105 bytes, kid shop.1); user-agent: curl/8"
        );
    }
}
