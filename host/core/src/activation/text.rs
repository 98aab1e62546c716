//! What people write about themselves and their devices, parsed once.

use colophon_activation::{InvalidId, PersonaId};

/// Declares a checked text with its reading and showing.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> Result<String, InvalidId> = $check;
                check(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

checked_text! {
    /// The name a person signs in with: 3 to 32 small letters, digits, points, hyphens and
    /// underscores, letters or digits at both ends. Capital letters are read as small ones.
    /// Other scripts are left out, because names that look alike would be different people.
    Username, username
}

checked_text! {
    /// The namespace that built-in accounts live in: the part of their persona ids after the `@`,
    /// built like a host name.
    Namespace, namespace
}

checked_text! {
    /// What a person is called, for the persona's own pages: at most 200 bytes.
    PersonName, |text| line(text, 200)
}

checked_text! {
    /// An e-mail address, as far as a program can tell without writing to it: one `@` with
    /// something on both sides, at most 254 bytes, no white space.
    EmailAddress, email
}

checked_text! {
    /// What a person calls a device: at most 100 bytes.
    DeviceName, |text| line(text, 100)
}

checked_text! {
    /// The reader program with its version, as it names itself: at most 100 bytes.
    ReaderProduct, |text| line(text, 100)
}

checked_text! {
    /// Whom a person turns to who has reached the limit: an address, a telephone number or a
    /// sentence of at most 500 bytes.
    SupportContact, |text| line(text, 500)
}

impl Namespace {
    /// The persona of a built-in account in this namespace.
    ///
    /// # Errors
    ///
    /// [`InvalidId`]; the parts are short enough that it does not happen.
    pub fn persona(&self, username: &Username) -> Result<PersonaId, InvalidId> {
        format!("{username}@{self}").parse()
    }
}

fn username(text: &str) -> Result<String, InvalidId> {
    let text = text.trim().to_ascii_lowercase();
    check_length(&text, 32)?;
    check_characters(
        &text,
        |character| matches!(character, 'a'..='z' | '0'..='9' | '.' | '-' | '_'),
    )?;
    let is_firm = |character: char| character.is_ascii_alphanumeric();
    if text.len() < 3 || !text.starts_with(is_firm) || !text.ends_with(is_firm) {
        return Err(InvalidId::Form {
            expected: "3 to 32 characters with a letter or digit at both ends",
        });
    }
    Ok(text)
}

fn namespace(text: &str) -> Result<String, InvalidId> {
    let text = text.to_ascii_lowercase();
    check_length(&text, 100)?;
    check_characters(
        &text,
        |character| matches!(character, 'a'..='z' | '0'..='9' | '.' | '-'),
    )?;
    let is_label =
        |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    if !text.split('.').all(is_label) {
        return Err(InvalidId::Form {
            expected: "built like a host name",
        });
    }
    Ok(text)
}

fn email(text: &str) -> Result<String, InvalidId> {
    let text = line(text, 254)?;
    check_characters(&text, |character| !character.is_whitespace())?;
    match text.split_once('@') {
        Some((name, host))
            if !name.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !host.starts_with('.')
                && !host.ends_with('.') =>
        {
            Ok(text)
        }
        Some(_) | None => Err(InvalidId::Form {
            expected: "an e-mail address",
        }),
    }
}

/// One line without control characters, white space at its ends left out.
fn line(text: &str, bytes_max: usize) -> Result<String, InvalidId> {
    let text = text.trim();
    check_length(text, bytes_max)?;
    // Bidirectional controls and separators could make a page show another text than is there.
    check_characters(text, |character| {
        !character.is_control()
            && !matches!(character, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}')
    })?;
    Ok(text.to_owned())
}

fn check_length(text: &str, bytes_max: usize) -> Result<(), InvalidId> {
    match text.len() {
        0 => Err(InvalidId::Empty),
        length if length > bytes_max => Err(InvalidId::TooLong { bytes_max }),
        _ => Ok(()),
    }
}

fn check_characters(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), InvalidId> {
    match text.chars().find(|character| !allowed(*character)) {
        Some(character) => Err(InvalidId::Character(character)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[track_caller]
    fn check<T: FromStr + ToString>(text: &str, read: Option<&str>) {
        let parsed = text.parse::<T>().ok().map(|parsed| parsed.to_string());
        assert_eq!(parsed.as_deref(), read, "{text:?}");
    }

    #[test]
    fn usernames_look_like_themselves_only() {
        check::<Username>("ada", Some("ada"));
        check::<Username>(" Ada.Lovelace-1 ", Some("ada.lovelace-1"));
        check::<Username>("ad", None);
        check::<Username>("ada.", None);
        check::<Username>("_ada", None);
        check::<Username>("аda", None);
        check::<Username>("ada@people", None);
        check::<Username>(&"a".repeat(33), None);
    }

    #[test]
    fn namespaces_are_built_like_hosts() {
        check::<Namespace>("People.Example", Some("people.example"));
        check::<Namespace>("localhost", Some("localhost"));
        check::<Namespace>("people..example", None);
        check::<Namespace>("-a.example", None);
        check::<Namespace>("a@example", None);
        check::<Namespace>("", None);
    }

    #[test]
    fn an_address_has_two_sides() {
        check::<EmailAddress>("ada@people.example", Some("ada@people.example"));
        check::<EmailAddress>("ädä@people.example", Some("ädä@people.example"));
        check::<EmailAddress>("ada", None);
        check::<EmailAddress>("ada@", None);
        check::<EmailAddress>("@people.example", None);
        check::<EmailAddress>("a@b@c", None);
        check::<EmailAddress>("ada lovelace@people.example", None);
        check::<EmailAddress>("ada@people.example\r\nBcc: x@y", None);
    }

    #[test]
    fn a_line_shows_what_it_holds() {
        check::<DeviceName>("  Ada's désk ", Some("Ada's désk"));
        check::<DeviceName>("two\nlines", None);
        check::<DeviceName>("turned \u{202E}round", None);
        check::<DeviceName>("   ", None);
        check::<DeviceName>(&"é".repeat(51), None);
    }

    #[test]
    fn an_account_has_one_persona() {
        let namespace: Namespace = "people.example".parse().unwrap();
        let persona = namespace.persona(&"Ada".parse().unwrap()).unwrap();
        assert_eq!(persona.as_str(), "ada@people.example");
    }
}
