//! Strict JSON: one object, every member known and none twice, and in it only what every language
//! reads alike.
//!
//! How long a text may be is left to its format, which knows the longest one it has a use for.

mod member;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

pub use member::InvalidMember;

/// The largest magnitude of an integer, 2^53 − 1: beyond it languages with floating-point
/// numbers only lose digits (RFC 7493).
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Why a text is not the object it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObject {
    /// It is no JSON object, or holds a value of a kind it may not hold.
    #[error("it is no JSON object of what it may hold")]
    Form,
    /// A member with a name nobody knows.
    #[error("it has no member called {0:?}")]
    Unknown(String),
    /// A member that is there twice.
    #[error("its member {0:?} is there twice")]
    Duplicate(&'static str),
}

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Integer(i64),
    Texts(Vec<String>),
}

/// What an object may hold beside strings and integers.
#[derive(Clone, Copy)]
enum Shape {
    Flat,
    WithLists,
}

/// The members of one object, each taken out once, as what it should be.
///
/// ```
/// use colophon_claims::{CenterId, InvalidMember, InvalidObject, Members, UnixSeconds};
///
/// let names = &["v", "aud", "iat", "exp"];
/// let mut members = Members::parse(br#"{"v": 1, "aud": "main", "iat": 1800000000}"#, names)?;
/// assert_eq!(members.required(Members::integer, "v")?, 1);
/// assert_eq!(members.required(Members::text::<CenterId>, "aud")?.as_str(), "main");
/// assert_eq!(members.time("iat")?, Some(UnixSeconds::new(1_800_000_000)));
/// assert_eq!(members.required(Members::time, "exp"), Err(InvalidMember::Missing("exp")));
///
/// let twice = Members::parse(br#"{"v": 1, "\u0076": 2}"#, names);
/// assert_eq!(twice.err(), Some(InvalidObject::Duplicate("v")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Members(Vec<(&'static str, Value)>);

impl Members {
    /// Reads one flat object of strings and integers within ±(2^53 − 1), whose members are among
    /// `names`.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the text is anything else.
    pub fn parse(json: &[u8], names: &'static [&'static str]) -> Result<Members, InvalidObject> {
        Members::parse_shaped(json, names, Shape::Flat)
    }

    /// Reads one object as [`parse`](Members::parse) does, whose members may also be lists of
    /// strings.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the text is anything else.
    pub fn parse_with_lists(
        json: &[u8],
        names: &'static [&'static str],
    ) -> Result<Members, InvalidObject> {
        Members::parse_shaped(json, names, Shape::WithLists)
    }

    fn parse_shaped(
        json: &[u8],
        names: &'static [&'static str],
        shape: Shape,
    ) -> Result<Members, InvalidObject> {
        let json = std::str::from_utf8(json).map_err(|_| InvalidObject::Form)?;
        let mut cause = InvalidObject::Form;
        let mut reader = serde_json::Deserializer::from_str(json);
        let object = ObjectOf {
            names,
            shape,
            cause: &mut cause,
        };
        let Ok(members) = object.deserialize(&mut reader) else {
            return Err(cause);
        };
        reader.end().map_err(|_| InvalidObject::Form)?;
        Ok(Members(members))
    }

    /// Takes out the member called `name`, if it is there.
    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(member, _)| *member == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

struct ObjectOf<'a> {
    names: &'static [&'static str],
    shape: Shape,
    /// Set to the true cause before an error is returned; serde's errors only carry text.
    cause: &'a mut InvalidObject,
}

impl<'de> DeserializeSeed<'de> for ObjectOf<'_> {
    type Value = Vec<(&'static str, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectOf<'_> {
    type Value = Vec<(&'static str, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings, integers and perhaps lists of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(&'static str, Value)> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            let Some(known) = self.names.iter().find(|known| **known == name) else {
                *self.cause = InvalidObject::Unknown(name);
                return Err(A::Error::custom("unknown member"));
            };
            if members.iter().any(|(member, _)| member == known) {
                *self.cause = InvalidObject::Duplicate(known);
                return Err(A::Error::custom("duplicate member"));
            }
            members.push((known, access.next_value_seed(AnyValue(self.shape))?));
        }
        Ok(members)
    }
}

struct AnyValue(Shape);

impl<'de> DeserializeSeed<'de> for AnyValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

// Whatever has no `visit_…` here (floats, booleans, null, objects) serde refuses.
impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Shape::Flat => "a string or an integer within ±(2^53 − 1)",
            Shape::WithLists => "a string, an integer within ±(2^53 − 1) or a list of strings",
        })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        if (-INTEGER_MAX..=INTEGER_MAX).contains(&number) {
            Ok(Value::Integer(number))
        } else {
            Err(E::custom("integer out of range"))
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        let number = i64::try_from(number).map_err(|_| E::custom("integer out of range"))?;
        self.visit_i64(number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        match self.0 {
            Shape::Flat => return Err(A::Error::custom("a list")),
            Shape::WithLists => {}
        }
        let mut texts = Vec::new();
        while let Some(text) = access.next_element::<String>()? {
            texts.push(text);
        }
        Ok(Value::Texts(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Result<Vec<(&'static str, Value)>, InvalidObject>;

    fn flat(json: &str) -> Read {
        Members::parse(json.as_bytes(), &["a", "b"]).map(|members| members.0)
    }

    fn with_lists(json: &str) -> Read {
        Members::parse_with_lists(json.as_bytes(), &["a", "b"]).map(|members| members.0)
    }

    /// Checks a text on which both readers agree.
    #[track_caller]
    fn check(json: &str, expected: Read) {
        assert_eq!(flat(json), expected, "{json}");
        assert_eq!(with_lists(json), expected, "{json}, lists allowed");
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn texts(texts: &[&str]) -> Value {
        Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn strings_and_integers_in_any_order_and_white_space() {
        check("{}", Ok(Vec::new()));
        check(
            " {\"b\" :\t1,\r\n\"a\":\"\\u00e9\"} ",
            Ok(vec![("b", Value::Integer(1)), ("a", text("é"))]),
        );
        check(
            r#"{"a":-9007199254740991,"b":9007199254740991}"#,
            Ok(vec![
                ("a", Value::Integer(-INTEGER_MAX)),
                ("b", Value::Integer(INTEGER_MAX)),
            ]),
        );
    }

    #[test]
    fn lists_of_strings_where_they_are_allowed() {
        for (list, expected) in [
            ("[]", texts(&[])),
            (r#"["x" , "\u0079"]"#, texts(&["x", "y"])),
        ] {
            let json = format!(r#"{{"a":{list}}}"#);
            assert_eq!(with_lists(&json), Ok(vec![("a", expected)]), "{json}");
            assert_eq!(flat(&json), Err(InvalidObject::Form), "{json}");
        }
    }

    #[test]
    fn members_are_known_and_single() {
        let unknown = |name: &str| Err(InvalidObject::Unknown(name.to_owned()));
        check(r#"{"c":1}"#, unknown("c"));
        check(r#"{"A":1}"#, unknown("A"));
        check(r#"{"":1}"#, unknown(""));
        check(r#"{"a ":1}"#, unknown("a "));
        check(r#"{"а":1}"#, unknown("а"));
        check(r#"{"__proto__":{}}"#, unknown("__proto__"));
        check(r#"{"a":1,"a":1}"#, Err(InvalidObject::Duplicate("a")));
        check(r#"{"a":1,"\u0061":1}"#, Err(InvalidObject::Duplicate("a")));
        check(
            r#"{"a":1,"b":2,"b":null}"#,
            Err(InvalidObject::Duplicate("b")),
        );
    }

    /// What JSON readers of other languages are known to let through, and what JSON has more of.
    #[test]
    fn nothing_else_is_let_in() {
        for json in [
            "",
            " ",
            "1",
            "\"a\"",
            "[]",
            "[{}]",
            "null",
            "{",
            "}",
            "{}{}",
            "{} x",
            "{},",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "{,\"a\":1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1;\"b\":2}",
            "{'a':1}",
            "{a:1}",
            "{1:1}",
            "{\"a\":1.0}",
            "{\"a\":1.}",
            "{\"a\":.1}",
            "{\"a\":1e3}",
            "{\"a\":-0}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":0x1}",
            "{\"a\":1_000}",
            "{\"a\":NaN}",
            "{\"a\":-Infinity}",
            "{\"a\":true}",
            "{\"a\":null}",
            "{\"a\":undefined}",
            "{\"a\":{}}",
            "{\"a\":[\"x\",]}",
            "{\"a\":[\"x\" \"y\"]}",
            "{\"a\":[1]}",
            "{\"a\":[null]}",
            "{\"a\":[[\"x\"]]}",
            "{\"a\":[{}]}",
            "{\"a\":[\"x\"",
            "{\"a\":9007199254740992}",
            "{\"a\":-9007199254740992}",
            "{\"a\":9223372036854775808}",
            "{\"a\":18446744073709551615}",
            "{\"a\":18446744073709551616}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\\ud800\"}",
            "{\"a\":\"\\x41\"}",
            "{\"a\":\"\\u004\"}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\0\"}",
            "{\"a\":\"",
            "\u{FEFF}{}",
            "{}\0",
            "\u{A0}{}",
            "// x\n{}",
            "{/**/}",
        ] {
            check(json, Err(InvalidObject::Form));
        }
    }

    #[test]
    fn what_is_no_utf_8_is_refused() {
        for json in [
            &b"{\"a\":\"\xff\"}"[..],
            b"{\"a\":\"\xc0\xa2\"}",
            b"{\"a\":\"\xed\xa0\x80\"}",
            b"\xff\xfe{\0}\0",
        ] {
            assert_eq!(
                Members::parse(json, &["a"]).err(),
                Some(InvalidObject::Form)
            );
        }
    }

    /// A reader that calls itself for each bracket would run out of stack.
    #[test]
    fn depth_does_no_harm() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let json = format!(
                "{{\"a\":{}{}}}",
                open.repeat(200_000),
                close.repeat(200_000)
            );
            check(&json, Err(InvalidObject::Form));
        }
    }
}
