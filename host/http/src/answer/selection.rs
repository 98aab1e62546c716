//! Which part of a copy a request asks for, and whether its conditions hold (RFC 9110).
//!
//! A range is taken from POST as well as GET: a receipt too long for an address is posted, and its
//! download must be resumable too.

use colophon_core::log::ByteSpan;
use headers::{ETag, HeaderMapExt, IfMatch, IfNoneMatch, IfRange};
use http::header::{IF_MATCH, IF_RANGE, RANGE};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_range_header::{
    EndPosition, RangeUnsatisfiableError, StartPosition, SyntacticallyCorrectRange,
    parse_range_header,
};

use crate::answer::entity_tag::{EntityTag, copy_named_by};

/// What is to be answered once the copy is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The whole copy (200).
    Whole,
    /// A part of it (206).
    Part(ByteSpan),
    /// The client has it already (304).
    NotModified,
    /// The client asked for other bytes than these (412).
    PreconditionFailed,
    /// There are no such bytes (416).
    Unsatisfiable,
}

/// Chooses the answer to a request for a copy with this tag and length in bytes.
pub(crate) fn select(head: &Parts, tag: &EntityTag, length: u64) -> Selection {
    // The tag was written by this server, so it parses.
    let Ok(tag) = tag.as_str().parse::<ETag>() else {
        return Selection::Whole;
    };
    if head.headers.contains_key(IF_MATCH) {
        let passes = |header: IfMatch| header.precondition_passes(&tag);
        if !head.headers.typed_get().is_some_and(passes) {
            return Selection::PreconditionFailed;
        }
    }
    let has_it = |header: IfNoneMatch| !header.precondition_passes(&tag);
    if head.headers.typed_get().is_some_and(has_it) {
        return if head.method == Method::POST {
            Selection::PreconditionFailed
        } else {
            Selection::NotModified
        };
    }
    match asked(&head.headers) {
        Asked::Whole => Selection::Whole,
        Asked::Part(_) | Asked::Nothing if head.method == Method::HEAD => Selection::Whole,
        Asked::Part(_) | Asked::Nothing if is_other_copy(&head.headers, &tag) => Selection::Whole,
        Asked::Nothing => Selection::Unsatisfiable,
        Asked::Part(range) => resolve(range, length),
    }
}

/// The copy that a request wants to go on with: named by a strong `If-Range`, from a later byte
/// than the first. What starts at the first byte is a new download.
pub(crate) fn continued_copy(headers: &HeaderMap) -> Option<[u8; 32]> {
    let goes_on = |range: SyntacticallyCorrectRange| match (range.start, range.end) {
        (StartPosition::Index(first), EndPosition::LastByte) => first > 0,
        // Backwards is no range: the whole file is sent, which continues nothing.
        (StartPosition::Index(first), EndPosition::Index(last)) => first > 0 && first <= last,
        (StartPosition::FromLast(_), _) => false,
    };
    match asked(headers) {
        Asked::Part(range) if goes_on(range) => headers.get(IF_RANGE).and_then(copy_named_by),
        Asked::Part(_) | Asked::Whole | Asked::Nothing => None,
    }
}

/// What the `Range` header says before the length is known.
enum Asked {
    /// Nothing that is understood or granted: more than one range, another unit, bad syntax.
    Whole,
    /// One range.
    Part(SyntacticallyCorrectRange),
    /// The last zero bytes.
    Nothing,
}

fn asked(headers: &HeaderMap) -> Asked {
    let mut lines = headers.get_all(RANGE).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Asked::Whole;
    };
    match line.to_str().map(parse_range_header) {
        Ok(Ok(parsed)) => match parsed.ranges.as_slice() {
            [range] => Asked::Part(*range),
            _ => Asked::Whole,
        },
        Ok(Err(RangeUnsatisfiableError::ZeroSuffix)) => Asked::Nothing,
        Ok(Err(_)) | Err(_) => Asked::Whole,
    }
}

fn is_other_copy(headers: &HeaderMap, tag: &ETag) -> bool {
    let same = |header: IfRange| !header.is_modified(Some(tag), None);
    headers.contains_key(IF_RANGE) && !headers.typed_get().is_some_and(same)
}

fn resolve(range: SyntacticallyCorrectRange, length: u64) -> Selection {
    let (start, end) = match (range.start, range.end) {
        (StartPosition::FromLast(count), _) => (length.saturating_sub(count), length),
        (StartPosition::Index(first), EndPosition::LastByte) => (first, length),
        // The last byte lies before the first: no range at all, so the header does not count.
        (StartPosition::Index(first), EndPosition::Index(last)) if last < first => {
            return Selection::Whole;
        }
        (StartPosition::Index(first), EndPosition::Index(last)) => {
            (first, last.saturating_add(1).min(length))
        }
    };
    if start >= length {
        Selection::Unsatisfiable
    } else {
        Selection::Part(ByteSpan { start, end })
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const LENGTH: u64 = 1_000;
    const OTHER: &str = "\"1111111111111111111111111111111111111111111111111111111111111111\"";

    fn tag() -> EntityTag {
        EntityTag::of(&[0xab; 32])
    }

    fn head(method: &str, lines: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method);
        let add = |request: http::request::Builder, line: &(&str, &str)| {
            request.header(line.0, line.1.replace("TAG", tag().as_str()))
        };
        lines
            .iter()
            .fold(request, add)
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    #[track_caller]
    fn check(method: &str, lines: &[(&str, &str)], expected: Selection) {
        assert_eq!(
            select(&head(method, lines), &tag(), LENGTH),
            expected,
            "{lines:?}"
        );
    }

    fn part(start: u64, end: u64) -> Selection {
        Selection::Part(ByteSpan { start, end })
    }

    #[test]
    fn ranges() {
        let r = |range, expected| check("GET", &[("range", range)], expected);
        r("bytes=0-", part(0, 1000));
        r("bytes=0-0", part(0, 1));
        r("bytes=0-99", part(0, 100));
        r("bytes=100-199", part(100, 200));
        r("bytes=999-", part(999, 1000));
        r("bytes=999-999", part(999, 1000));
        r("bytes=900-5000", part(900, 1000));
        r("bytes=0-18446744073709551615", part(0, 1000));
        r("bytes=-1", part(999, 1000));
        r("bytes=-1000", part(0, 1000));
        r("bytes=-5000", part(0, 1000));
        r("bytes=1000-", Selection::Unsatisfiable);
        r("bytes=1000-1000", Selection::Unsatisfiable);
        r("bytes=5000-6000", Selection::Unsatisfiable);
        r("bytes=-0", Selection::Unsatisfiable);
    }

    #[test]
    fn what_is_not_one_range_gets_everything() {
        let r = |range| check("GET", &[("range", range)], Selection::Whole);
        r("bytes=0-1,5-6");
        r("bytes=0-,0-");
        r("bytes=5-2");
        r("bytes=");
        r("bytes=-");
        r("bytes=a-b");
        r("bytes=1-2x");
        r("bytes 0-1");
        r("items=0-1");
        r("bytes=+1-2");
        r("bytes=99999999999999999999-");
        check(
            "GET",
            &[("range", "bytes=0-1"), ("range", "bytes=5-6")],
            Selection::Whole,
        );
    }

    #[test]
    fn an_empty_copy_has_no_parts() {
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            let head = head("GET", &[("range", range)]);
            assert_eq!(
                select(&head, &tag(), 0),
                Selection::Unsatisfiable,
                "{range}"
            );
        }
    }

    #[test]
    fn methods() {
        check("POST", &[("range", "bytes=1-2")], part(1, 3));
        check("HEAD", &[("range", "bytes=1-2")], Selection::Whole);
        check("HEAD", &[("range", "bytes=5000-")], Selection::Whole);
        check(
            "POST",
            &[("if-none-match", "TAG")],
            Selection::PreconditionFailed,
        );
        check("HEAD", &[("if-none-match", "TAG")], Selection::NotModified);
    }

    #[test]
    fn conditions() {
        let g = |name, value, expected| check("GET", &[(name, value)], expected);
        g("if-none-match", "TAG", Selection::NotModified);
        g("if-none-match", "*", Selection::NotModified);
        g("if-none-match", "W/TAG", Selection::NotModified);
        g("if-none-match", "\"x\", TAG", Selection::NotModified);
        g("if-none-match", OTHER, Selection::Whole);
        g("if-none-match", "nonsense", Selection::Whole);
        g("if-match", "TAG", Selection::Whole);
        g("if-match", "*", Selection::Whole);
        g("if-match", "\"x\", TAG", Selection::Whole);
        g("if-match", OTHER, Selection::PreconditionFailed);
        g("if-match", "W/TAG", Selection::PreconditionFailed);
        g("if-match", "nonsense", Selection::PreconditionFailed);
        g(
            "if-modified-since",
            "Tue, 15 Nov 1994 08:12:31 GMT",
            Selection::Whole,
        );
        g(
            "if-unmodified-since",
            "Tue, 15 Nov 1994 08:12:31 GMT",
            Selection::Whole,
        );
    }

    #[test]
    fn conditions_come_before_ranges() {
        let range = ("range", "bytes=10-19");
        let g = |name, value, expected| check("GET", &[range, (name, value)], expected);
        g("if-range", "TAG", part(10, 20));
        g("if-range", OTHER, Selection::Whole);
        g("if-range", "W/TAG", Selection::Whole);
        g(
            "if-range",
            "Tue, 15 Nov 1994 08:12:31 GMT",
            Selection::Whole,
        );
        g("if-range", "nonsense", Selection::Whole);
        g("if-none-match", "TAG", Selection::NotModified);
        g("if-match", "TAG", part(10, 20));
        g("if-match", OTHER, Selection::PreconditionFailed);
        check(
            "GET",
            &[("range", "bytes=5000-"), ("if-range", OTHER)],
            Selection::Whole,
        );
        check(
            "GET",
            &[("range", "bytes=5000-"), ("if-range", "TAG")],
            Selection::Unsatisfiable,
        );
    }

    #[test]
    fn only_a_later_part_of_a_named_copy_goes_on() {
        let c = |lines: &[(&str, &str)], expected: bool| {
            let copy = continued_copy(&head("GET", lines).headers);
            assert_eq!(copy, expected.then_some([0xab; 32]), "{lines:?}");
        };
        c(&[("range", "bytes=1-"), ("if-range", "TAG")], true);
        c(&[("range", "bytes=500-600"), ("if-range", "TAG")], true);
        c(&[("range", "bytes=0-"), ("if-range", "TAG")], false);
        c(&[("range", "bytes=-10"), ("if-range", "TAG")], false);
        c(&[("range", "bytes=600-500"), ("if-range", "TAG")], false);
        c(&[("range", "bytes=1-2,5-6"), ("if-range", "TAG")], false);
        c(&[("range", "bytes=1-")], false);
        c(&[("if-range", "TAG")], false);
        c(&[("range", "bytes=1-"), ("if-range", "W/TAG")], false);
        c(
            &[
                ("range", "bytes=1-"),
                ("if-range", "Tue, 15 Nov 1994 08:12:31 GMT"),
            ],
            false,
        );
    }
}
