//! The narrow JSON of this crate: one object of strings, integers and lists of strings, every
//! member known and none twice.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// The largest magnitude of an integer, 2^53 − 1: beyond it languages with floating-point
/// numbers only lose digits (RFC 7493).
pub(crate) const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Why a text is not the object it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not an object of strings, integers within ±(2^53 − 1) and lists of strings.
    Form,
    /// A member with a name nobody knows.
    Unknown(String),
    /// A member that is there twice.
    Duplicate(&'static str),
}

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Texts(Vec<String>),
}

/// The members of one object, each taken out once.
pub(crate) struct Members(Vec<(&'static str, Value)>);

impl Members {
    /// Reads one object whose members are among `names`.
    pub(crate) fn parse(json: &[u8], names: &'static [&'static str]) -> Result<Members, Fault> {
        let json = std::str::from_utf8(json).map_err(|_| Fault::Form)?;
        let mut fault = Fault::Form;
        let mut reader = serde_json::Deserializer::from_str(json);
        let object = ObjectOf {
            names,
            fault: &mut fault,
        };
        let Ok(members) = object.deserialize(&mut reader) else {
            return Err(fault);
        };
        reader.end().map_err(|_| Fault::Form)?;
        Ok(Members(members))
    }

    /// Takes out the member called `name`, if it is there.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(member, _)| *member == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

struct ObjectOf<'a> {
    names: &'static [&'static str],
    /// Set to the true cause before an error is returned; serde's errors only carry text.
    fault: &'a mut Fault,
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
        f.write_str("an object of strings, integers and lists of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(&'static str, Value)> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            let Some(known) = self.names.iter().find(|known| **known == name) else {
                *self.fault = Fault::Unknown(name);
                return Err(A::Error::custom("unknown member"));
            };
            if members.iter().any(|(member, _)| member == known) {
                *self.fault = Fault::Duplicate(known);
                return Err(A::Error::custom("duplicate member"));
            }
            members.push((known, access.next_value_seed(AnyValue)?));
        }
        Ok(members)
    }
}

struct AnyValue;

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
        f.write_str("a string, an integer within ±(2^53 − 1) or a list of strings")
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

    #[track_caller]
    fn check(json: &str, expected: Result<&[(&'static str, Value)], Fault>) {
        let members = Members::parse(json.as_bytes(), &["a", "b"]).map(|members| members.0);
        assert_eq!(members, expected.map(<[_]>::to_vec), "{json}");
    }

    #[test]
    fn strings_integers_and_lists_in_any_order_and_white_space() {
        check("{}", Ok(&[]));
        check(
            " {\"b\" :\t1,\r\n\"a\":\"\\u00e9\"} ",
            Ok(&[("b", Value::Integer(1)), ("a", Value::Text("é".to_owned()))]),
        );
        check(
            r#"{"a":["x", "y"],"b":[]}"#,
            Ok(&[
                ("a", Value::Texts(vec!["x".to_owned(), "y".to_owned()])),
                ("b", Value::Texts(Vec::new())),
            ]),
        );
        check(
            r#"{"a":-9007199254740991,"b":9007199254740991}"#,
            Ok(&[
                ("a", Value::Integer(-INTEGER_MAX)),
                ("b", Value::Integer(INTEGER_MAX)),
            ]),
        );
    }

    #[test]
    fn members_are_known_and_single() {
        check(r#"{"c":1}"#, Err(Fault::Unknown("c".to_owned())));
        check(r#"{"a":1,"a":1}"#, Err(Fault::Duplicate("a")));
        check(r#"{"a":1,"\u0061":1}"#, Err(Fault::Duplicate("a")));
        check(r#"{"A":1}"#, Err(Fault::Unknown("A".to_owned())));
    }

    #[test]
    fn nothing_else_is_let_in() {
        for json in [
            "",
            "1",
            "\"a\"",
            "[]",
            "null",
            "{",
            "{}{}",
            "{} x",
            "{\"a\":1,}",
            "{\"a\":[\"x\",]}",
            "{\"a\":[1]}",
            "{\"a\":[null]}",
            "{\"a\":[[\"x\"]]}",
            "{'a':1}",
            "{\"a\":1.0}",
            "{\"a\":1e3}",
            "{\"a\":-0}",
            "{\"a\":01}",
            "{\"a\":true}",
            "{\"a\":null}",
            "{\"a\":{}}",
            "{\"a\":9007199254740992}",
            "{\"a\":-9007199254740992}",
            "{\"a\":18446744073709551616}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\n\"}",
            "\u{FEFF}{}",
            "// x\n{}",
        ] {
            check(json, Err(Fault::Form));
        }
        assert!(Members::parse(b"{\"a\":\"\xff\"}", &["a"]).is_err());
    }

    #[test]
    fn a_member_is_taken_once() {
        let mut members = Members::parse(br#"{"a":1,"b":2}"#, &["a", "b"]).expect("members");
        assert_eq!(members.take("a"), Some(Value::Integer(1)));
        assert_eq!(members.take("a"), None);
        assert_eq!(members.take("b"), Some(Value::Integer(2)));
    }
}
