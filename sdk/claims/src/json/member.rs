//! Members as what they should be.

use std::str::FromStr;

use super::{Members, Value};
use crate::ids::InvalidId;
use crate::time::UnixSeconds;

/// Why a member is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMember {
    /// A required member that is not there.
    #[error("the member {0:?} is missing")]
    Missing(&'static str),
    /// A value of another type than the member's.
    #[error("the member {0:?} has the wrong type")]
    Type(&'static str),
    /// A number outside the range of its member.
    #[error("the member {0:?} is out of range")]
    Range(&'static str),
    /// A string that is not what its member demands.
    #[error("the member {name:?} is invalid")]
    Text {
        /// The member.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        cause: InvalidId,
    },
}

/// Reading takes a member out; one that is not there is no mistake unless it is
/// [`required`](Members::required).
impl Members {
    /// Reads a member that must be there.
    ///
    /// # Errors
    ///
    /// [`InvalidMember::Missing`] if it is not, and what `read` has against it.
    pub fn required<T>(
        &mut self,
        read: impl FnOnce(&mut Members, &'static str) -> Result<Option<T>, InvalidMember>,
        name: &'static str,
    ) -> Result<T, InvalidMember> {
        read(self, name)?.ok_or(InvalidMember::Missing(name))
    }

    /// Any string.
    ///
    /// # Errors
    ///
    /// [`InvalidMember::Type`] if it is none.
    pub fn string(&mut self, name: &'static str) -> Result<Option<String>, InvalidMember> {
        match self.take(name) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Integer(_) | Value::Texts(_)) => Err(InvalidMember::Type(name)),
            None => Ok(None),
        }
    }

    /// A string that is a `T`.
    ///
    /// # Errors
    ///
    /// [`InvalidMember::Type`] if it is no string, [`InvalidMember::Text`] if it is no `T`.
    pub fn text<T: FromStr<Err = InvalidId>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, InvalidMember> {
        let Some(text) = self.string(name)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(cause) => Err(InvalidMember::Text { name, cause }),
        }
    }

    /// A list of any strings. Only [`parse_with_lists`](Members::parse_with_lists) lets one in.
    ///
    /// # Errors
    ///
    /// [`InvalidMember::Type`] if it is none.
    pub fn strings(&mut self, name: &'static str) -> Result<Option<Vec<String>>, InvalidMember> {
        match self.take(name) {
            Some(Value::Texts(texts)) => Ok(Some(texts)),
            Some(Value::Text(_) | Value::Integer(_)) => Err(InvalidMember::Type(name)),
            None => Ok(None),
        }
    }

    /// Any integer.
    ///
    /// # Errors
    ///
    /// [`InvalidMember::Type`] if it is none.
    pub fn integer(&mut self, name: &'static str) -> Result<Option<i64>, InvalidMember> {
        match self.take(name) {
            Some(Value::Integer(number)) => Ok(Some(number)),
            Some(Value::Text(_) | Value::Texts(_)) => Err(InvalidMember::Type(name)),
            None => Ok(None),
        }
    }

    /// An integer that fits `T`, which is how each range is stated.
    ///
    /// # Errors
    ///
    /// [`InvalidMember::Type`] if it is no integer, [`InvalidMember::Range`] if it does not fit.
    pub fn number<T: TryFrom<i64>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, InvalidMember> {
        let Some(number) = self.integer(name)? else {
            return Ok(None);
        };
        T::try_from(number)
            .map(Some)
            .map_err(|_| InvalidMember::Range(name))
    }

    /// A point in time, not before 1970.
    ///
    /// # Errors
    ///
    /// [`InvalidMember::Type`] if it is no integer, [`InvalidMember::Range`] if it is before 1970.
    pub fn time(&mut self, name: &'static str) -> Result<Option<UnixSeconds>, InvalidMember> {
        match self.integer(name)?.map(UnixSeconds::new) {
            Some(time) if !time.fits_claim() => Err(InvalidMember::Range(name)),
            time => Ok(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CenterId;
    use crate::json::INTEGER_MAX;

    const TYPE: InvalidMember = InvalidMember::Type("a");
    const RANGE: InvalidMember = InvalidMember::Range("a");

    /// The object whose member `a` is this.
    fn of(value: &str) -> Members {
        let json = format!("{{\"a\":{value}}}");
        Members::parse_with_lists(json.as_bytes(), &["a", "b"]).expect("an object")
    }

    #[test]
    fn a_member_is_taken_once() {
        let mut members = of("1");
        assert_eq!(members.integer("a"), Ok(Some(1)));
        assert_eq!(members.integer("a"), Ok(None));
        assert_eq!(
            members.required(Members::integer, "a"),
            Err(InvalidMember::Missing("a"))
        );
    }

    #[test]
    fn what_is_not_there_is_missing_only_where_required() {
        assert_eq!(of("1").string("b"), Ok(None));
        assert_eq!(of("1").text::<CenterId>("b"), Ok(None));
        assert_eq!(of("1").strings("b"), Ok(None));
        assert_eq!(of("1").time("b"), Ok(None));
        assert_eq!(of("1").number::<u8>("b"), Ok(None));
        assert_eq!(
            of("1").required(Members::strings, "b"),
            Err(InvalidMember::Missing("b"))
        );
    }

    #[test]
    fn no_type_stands_for_another() {
        for value in ["1", "[]", "[\"x\"]"] {
            assert_eq!(of(value).string("a"), Err(TYPE));
            assert_eq!(of(value).text::<CenterId>("a"), Err(TYPE));
        }
        for value in ["\"1\"", "\"\"", "[]"] {
            assert_eq!(of(value).integer("a"), Err(TYPE));
            assert_eq!(of(value).number::<u64>("a"), Err(TYPE));
            assert_eq!(of(value).time("a"), Err(TYPE));
        }
        for value in ["1", "\"x\"", "\"\""] {
            assert_eq!(of(value).strings("a"), Err(TYPE));
        }
    }

    #[test]
    fn a_text_is_what_its_member_demands() {
        let center = |value: &str| of(value).text::<CenterId>("a");
        let refused = |cause| Err(InvalidMember::Text { name: "a", cause });
        assert_eq!(center("\"main\""), Ok("main".parse().ok()));
        assert_eq!(center("\"\""), refused(InvalidId::Empty));
        assert_eq!(center("\"Main\""), refused(InvalidId::Character('M')));
        assert_eq!(
            center("\"main\\u0000\""),
            refused(InvalidId::Character('\0'))
        );
    }

    #[test]
    fn numbers_and_times_have_ranges() {
        assert_eq!(of("255").number::<u8>("a"), Ok(Some(255)));
        assert_eq!(of("256").number::<u8>("a"), Err(RANGE));
        assert_eq!(of("-1").number::<u64>("a"), Err(RANGE));
        assert_eq!(of("-1").integer("a"), Ok(Some(-1)));
        assert_eq!(of("0").time("a"), Ok(Some(UnixSeconds::new(0))));
        assert_eq!(of("-1").time("a"), Err(RANGE));
        let last = UnixSeconds::new(INTEGER_MAX);
        assert_eq!(of(&INTEGER_MAX.to_string()).time("a"), Ok(Some(last)));
    }
}
