//! Templates: text with `{id}`, `{id:FROM-TO}` for a part of it, and `{type}`.

use alloc::string::String;

/// The path of a book. None if the id is too short for a part that the template names, which makes it
/// another kind of id than the operator had in mind.
pub(crate) fn filled(
    template: &str,
    id_type: &str,
    id: &str,
) -> Result<Option<String>, &'static str> {
    let id = harmless(id);
    let mut path = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err("a template has { without }");
        };
        path.push_str(text);
        match name.split_once(':') {
            None if name == "id" => path.push_str(&id),
            None if name == "type" => path.push_str(&harmless(&id_type.to_ascii_lowercase())),
            Some(("id", range)) => match part(&id, range)? {
                Some(part) => path.push_str(part),
                None => return Ok(None),
            },
            _ => return Err("a template names something else than {id}, {id:0-3} and {type}"),
        }
        rest = after;
    }
    path.push_str(rest);
    Ok(Some(path))
}

/// The signs from the first place up to, not including, the second.
fn part<'a>(id: &'a str, range: &str) -> Result<Option<&'a str>, &'static str> {
    const WRONG: &str = "a part of {id} is written {id:0-3}";
    let (from, to) = range.split_once('-').ok_or(WRONG)?;
    let from: usize = from.parse().map_err(|_| WRONG)?;
    let to: usize = to.parse().map_err(|_| WRONG)?;
    if from >= to {
        return Err(WRONG);
    }
    // One byte for each sign: `harmless` leaves no other.
    Ok(id.get(from..to))
}

/// What can stand in a path on every store and leads nowhere else.
fn harmless(text: &str) -> String {
    let kept = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
    let signs = text.chars();
    signs
        .map(|sign| if kept(sign) { sign } else { '_' })
        .collect()
}

/// The rule on an example, for the host.
pub(crate) fn self_test() -> Result<(), String> {
    match filled("isbn/{id:0-6}/{id}", "ISBN", "9783161484100") {
        Ok(Some(path)) if path == "isbn/978316/9783161484100" => Ok(()),
        _ => Err("a template was not filled as it should be".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, id: &str, expected: Result<Option<&str>, ()>) {
        let found = filled(template, "ISBN", id);
        let found = found.as_ref().map(Option::as_deref).map_err(|_| ());
        assert_eq!(found, expected, "{template} {id}");
    }

    #[test]
    fn templates_are_filled() {
        check(
            "{type}/{id:0-2}/{id:2-4}/{id}",
            "12345",
            Ok(Some("isbn/12/34/12345")),
        );
        check("all", "12345", Ok(Some("all")));
        check("{id}", "10.1000/a:b", Ok(Some("10_1000_a_b")));
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        check("a/{id}", "../../etc/passwd", Ok(Some("a/______etc_passwd")));
        check("a/{id}", "ä\0\n", Ok(Some("a/___")));
        check("a/{id:0-9}", "12", Ok(None));
    }

    #[test]
    fn templates_that_mean_nothing_are_refused() {
        for wrong in [
            "{id", "{}", "{isbn}", "{id:}", "{id:3}", "{id:3-3}", "{id:a-b}",
        ] {
            check(wrong, "12345", Err(()));
        }
    }

    #[test]
    fn the_self_test_passes() {
        assert_eq!(self_test(), Ok(()));
    }
}
