//! Where an answer is not what was expected.

use serde_json::Value;

/// One line for each place that differs, with its path.
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", expected, found, &mut lines);
    lines
}

fn compare(path: &str, expected: &Value, found: &Value, lines: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one
                .keys()
                .chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let at = |side: &serde_json::Map<String, Value>| side.get(name).cloned();
                match (at(one), at(other)) {
                    (Some(expected), Some(found)) => {
                        compare(&below(path, name), &expected, &found, lines);
                    }
                    (Some(expected), None) => {
                        lines.push(format!(
                            "{}: expected {expected}, found nothing",
                            below(path, name)
                        ));
                    }
                    (None, found) => {
                        let found = found.unwrap_or(Value::Null);
                        lines.push(format!(
                            "{}: expected nothing, found {found}",
                            below(path, name)
                        ));
                    }
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (expected, found)) in one.iter().zip(other).enumerate() {
                compare(&below(path, &at.to_string()), expected, found, lines);
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => {
            let place = if path.is_empty() { "answer" } else { path };
            lines.push(format!("{place}: expected {expected}, found {found}"));
        }
    }
}

/// Whether an answer or a failure was given is named as authors write it.
fn below(path: &str, name: &str) -> String {
    match (path, name) {
        ("", "ok") => "answer".to_owned(),
        ("", "err") => "failure".to_owned(),
        ("", name) => name.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(expected: &Value, found: &Value, lines: &[&str]) {
        assert_eq!(differences(expected, found), lines);
    }

    #[test]
    fn differences_are_named_where_they_are() {
        let found = |path: &str| json!({ "ok": { "found": { "root": "main", "path": path } } });
        check(&found("a"), &found("a"), &[]);
        check(
            &found("a"),
            &found("b"),
            &["answer.found.path: expected \"a\", found \"b\""],
        );
        check(
            &json!({ "ok": "not-mine" }),
            &found("b"),
            &[
                "answer: expected \"not-mine\", found {\"found\":{\"path\":\"b\",\"root\":\"main\"}}",
            ],
        );
        check(
            &json!({ "ok": "not-mine" }),
            &json!({ "err": { "invalid": "x" } }),
            &[
                "answer: expected \"not-mine\", found nothing",
                "failure: expected nothing, found {\"invalid\":\"x\"}",
            ],
        );
        check(
            &json!({ "ok": [1, 2] }),
            &json!({ "ok": [1, 3] }),
            &["answer.1: expected 2, found 3"],
        );
    }
}
