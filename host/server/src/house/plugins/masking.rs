//! What is kept of a question that a version did not survive.
//!
//! A question is kept for as long as the plug-in is, and whoever publishes for it may read it. So it
//! tells neither who the buyer is nor which request it was: of all that is not listed here as
//! belonging to the title or the center only the shape is left, which is what a plug-in may have
//! stumbled over.

use serde_json::{Value, json};

/// What the host says of the title when a file is to be named.
const TITLE_FACTS: [&str; 8] = [
    "title",
    "authors",
    "book-id",
    "book-id-type",
    "media-type",
    "level",
    "extension",
    "language",
];

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The same question of nobody in particular.
pub(super) fn without_person(mut input: Value) -> Value {
    for (name, value) in members(&mut input) {
        match name.as_str() {
            "book" | "retailer" => {}
            "ctx" => context(value),
            "offer" => offer(value),
            "facts" => attributes(value, &TITLE_FACTS),
            _ => mask(value),
        }
    }
    input
}

/// The request's id is that of its row in the log, and its moment would find the row as well.
fn context(context: &mut Value) {
    for (name, value) in members(context) {
        match name.as_str() {
            "center" | "retailer" => {}
            "request-id" => {
                let length = value.as_str().map_or(0, str::len);
                *value = json!("0".repeat(length));
            }
            "now-ms" => {
                let moment = value.as_u64().unwrap_or(0);
                *value = json!(moment - moment % DAY_MS);
            }
            "extra" => attributes(value, &[]),
            _ => mask(value),
        }
    }
}

fn offer(offer: &mut Value) {
    for (name, value) in members(offer) {
        match name.as_str() {
            "book" | "resource-class" | "price" | "requested-protection" | "title" => {}
            "sale" | "extra" => attributes(value, &[]),
            _ => mask(value),
        }
    }
}

/// Masks the texts of a list, except those under these names. The names are the host's.
fn attributes(list: &mut Value, kept: &[&str]) {
    for pair in list.as_array_mut().into_iter().flatten() {
        match pair.as_array_mut().map(Vec::as_mut_slice) {
            Some([Value::String(name), Value::String(_)]) if kept.contains(&name.as_str()) => {}
            Some([Value::String(_), value]) => mask(value),
            Some(_) | None => mask(pair),
        }
    }
}

fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// Leaves the shape alone.
fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.chars().map(masked).collect(),
        Value::Number(_) => *value = json!(0),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(_) => members(value).for_each(|(_, value)| mask(value)),
        Value::Bool(_) | Value::Null => {}
    }
}

/// A character of the same kind and length. Punctuation stays, for it is where texts are taken
/// apart; beyond ASCII nothing does.
fn masked(c: char) -> char {
    match c {
        '0'..='9' => '0',
        'A'..='Z' => 'X',
        'a'..='z' => 'x',
        other => match other.len_utf8() {
            1 => other,
            2 => 'é',
            3 => '字',
            _ => '𝐱',
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Value {
        json!({
            "request-id": "0190a5c2e1f07b6c8a5d3e2f1a0b9c8d",
            "now-ms": 1_800_000_012_345_u64,
            "center": "main",
            "retailer": "shop",
            "territory": "DE",
            "extra": [["branch", "Ada's"]],
        })
    }

    #[test]
    fn a_question_of_a_policy_keeps_the_title_and_loses_the_sale() {
        let kept = without_person(json!({
            "ctx": context(),
            "offer": {
                "book": { "id-type": "ISBN", "id": "b-1" },
                "resource-class": "application/epub+zip",
                "price": { "minor": 999, "currency": "EUR" },
                "requested-protection": "5",
                "title": [["series", "Classics 7"]],
                "sale": [["user-name", "Zoë 李 Q.9"], ["client-address", "192.0.2.7"]],
                "extra": [["voucher", "ADA-1"]],
            },
        }));
        let expected = json!({
            "ctx": {
                "request-id": "00000000000000000000000000000000",
                "now-ms": 1_799_971_200_000_u64,
                "center": "main",
                "retailer": "shop",
                "territory": "XX",
                "extra": [["branch", "Xxx'x"]],
            },
            "offer": {
                "book": { "id-type": "ISBN", "id": "b-1" },
                "resource-class": "application/epub+zip",
                "price": { "minor": 999, "currency": "EUR" },
                "requested-protection": "5",
                "title": [["series", "Classics 7"]],
                "sale": [["user-name", "Xxé 字 X.0"], ["client-address", "000.0.0.0"]],
                "extra": [["voucher", "XXX-0"]],
            },
        });
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_question_for_a_name_keeps_what_is_known_of_the_title_alone() {
        let kept = without_person(json!({ "facts": [
            ["title", "Emma"],
            ["authors", "Jane Austen"],
            ["file-name", "for Ada.epub"],
            ["dedication", "Dear Ada"],
        ] }));
        let expected = json!({ "facts": [
            ["title", "Emma"],
            ["authors", "Jane Austen"],
            ["file-name", "xxx Xxx.xxxx"],
            ["dedication", "Xxxx Xxx"],
        ] });
        assert_eq!(kept, expected);
    }

    #[test]
    fn what_is_not_known_is_not_kept() {
        let kept = without_person(json!({
            "retailer": "branch-7",
            "hint": "ada@example.org",
            "more": { "age": 36, "names": ["Ada", true, null] },
        }));
        let expected = json!({
            "retailer": "branch-7",
            "hint": "xxx@xxxxxxx.xxx",
            "more": { "age": 0, "names": ["Xxx", true, null] },
        });
        assert_eq!(kept, expected);
    }

    #[test]
    fn nothing_beyond_ascii_stays_as_it_is() {
        for text in ["★ Ada ★", "น้ำ", "אדה", "Аda", "a\u{301}", "𝒜"] {
            let mut value = json!(text);
            mask(&mut value);
            let masked = value.as_str().unwrap();
            assert_eq!(masked.len(), text.len());
            let left = masked.chars().filter(|c| !c.is_ascii());
            assert!(left.into_iter().all(|c| "é字𝐱".contains(c)), "{masked}");
        }
    }
}
