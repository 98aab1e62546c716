//! Protected headers: an object of strings with exactly the members its format says, and never
//! one more.
//!
//! Members that steer a general JOSE library (`crit`, `jku`, `x5u`, `zip`, `b64` …) are therefore
//! refused by name, not ignored. What the strings must be is judged by the format.

use serde_json::Value;

use crate::json::{InvalidObject, Members};

/// Why a protected header is not of the members it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// It is no JSON object of strings.
    #[error("the header is no JSON object of strings")]
    Form,
    /// A member the format does not have.
    #[error("the header has the member {0:?}, which it never has")]
    Unknown(String),
    /// A member that is there twice.
    #[error("the header has the member {0:?} twice")]
    Duplicate(&'static str),
    /// A member that is not there.
    #[error("the header has no member {0:?}")]
    Missing(&'static str),
}

impl From<InvalidObject> for InvalidHeader {
    fn from(invalid: InvalidObject) -> InvalidHeader {
        match invalid {
            InvalidObject::Form => InvalidHeader::Form,
            InvalidObject::Unknown(name) => InvalidHeader::Unknown(name),
            InvalidObject::Duplicate(name) => InvalidHeader::Duplicate(name),
        }
    }
}

/// Reads a decoded header and gives its values in the order of `names`.
///
/// ```
/// use colophon_claims::{InvalidHeader, read_header};
///
/// let [algorithm, kind] = read_header(br#"{"typ":"note+jwt","alg":"ES256"}"#, &["alg", "typ"])?;
/// assert_eq!((algorithm.as_str(), kind.as_str()), ("ES256", "note+jwt"));
///
/// let steered = read_header(br#"{"alg":"ES256","jku":"https://a.example/"}"#, &["alg", "typ"]);
/// assert_eq!(steered, Err(InvalidHeader::Unknown("jku".to_owned())));
/// # Ok::<(), InvalidHeader>(())
/// ```
///
/// # Errors
///
/// [`InvalidHeader`] unless all these members are there, each a string, and no other.
pub fn read_header<const N: usize>(
    json: &[u8],
    names: &'static [&'static str; N],
) -> Result<[String; N], InvalidHeader> {
    let mut members = Members::parse(json, names)?;
    let mut values = [const { String::new() }; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = match members.string(name) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(InvalidHeader::Missing(name)),
            Err(_) => return Err(InvalidHeader::Form),
        };
    }
    Ok(values)
}

/// Writes a header in compact JSON, its members in the order given.
#[must_use]
pub fn write_header(members: &[(&str, &str)]) -> String {
    let member =
        |(name, value): &(&str, &str)| format!("{}:{}", Value::from(*name), Value::from(*value));
    let members: Vec<String> = members.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Result<[&str; 2], InvalidHeader>) {
        let read = read_header(json.as_bytes(), &["alg", "kid"]);
        let read = read
            .as_ref()
            .map(|values| values.each_ref().map(String::as_str));
        assert_eq!(read, expected.as_ref().map(|values| *values), "{json}");
    }

    #[test]
    fn exactly_the_members_in_any_order() {
        check(r#"{"alg":"x","kid":"y"}"#, Ok(["x", "y"]));
        check(" {\"kid\" :\"y\",\n\"alg\":\"\\u0078\"} ", Ok(["x", "y"]));
        check(r#"{"alg":"","kid":""}"#, Ok(["", ""]));
        check(r#"{"kid":"y"}"#, Err(InvalidHeader::Missing("alg")));
        check(r#"{"alg":"x"}"#, Err(InvalidHeader::Missing("kid")));
        check("{}", Err(InvalidHeader::Missing("alg")));
    }

    /// What has made JOSE libraries fetch keys, inflate bombs or skip the signature.
    #[test]
    fn nothing_steers_the_reader() {
        for name in [
            "crit", "jku", "jwk", "x5u", "x5c", "x5t", "zip", "b64", "p2c", "apu", "epk", "cty",
            "ALG", "Kid", "kid ", "",
        ] {
            check(
                &format!(r#"{{"alg":"x","kid":"y","{name}":"z"}}"#),
                Err(InvalidHeader::Unknown(name.to_owned())),
            );
        }
    }

    #[test]
    fn a_member_has_one_value_and_it_is_a_string() {
        check(
            r#"{"alg":"x","kid":"y","alg":"none"}"#,
            Err(InvalidHeader::Duplicate("alg")),
        );
        check(
            r#"{"alg":"x","kid":"y","\u0061lg":"x"}"#,
            Err(InvalidHeader::Duplicate("alg")),
        );
        for value in ["1", "null", "true", "[]", "[\"x\"]", "{}", "1.5"] {
            check(
                &format!(r#"{{"alg":{value},"kid":"y"}}"#),
                Err(InvalidHeader::Form),
            );
        }
        for json in ["", "x", "[]", "{}{}", "\u{FEFF}{}"] {
            check(json, Err(InvalidHeader::Form));
        }
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let written = write_header(&[("alg", "x"), ("kid", "\"\\\n\u{0}é")]);
        assert_eq!(written, r#"{"alg":"x","kid":"\"\\\n\u0000é"}"#);
        check(&written, Ok(["x", "\"\\\n\u{0}é"]));
        assert_eq!(write_header(&[]), "{}");
    }
}
