//! PostgreSQL's exact numbers, as they go over the wire: groups of four decimal digits.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

const POSITIVE: u16 = 0;
const NEGATIVE: u16 = 0x4000;

/// Digits with an optional sign and point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numeric(pub(super) String);

impl Type<Postgres> for Numeric {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("NUMERIC")
    }
}

impl Encode<'_, Postgres> for Numeric {
    fn encode_by_ref(&self, out: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        out.extend_from_slice(&encoded(&self.0)?);
        Ok(IsNull::No)
    }
}

impl<'r> Decode<'r, Postgres> for Numeric {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Text => Ok(Self(value.as_str()?.to_owned())),
            PgValueFormat::Binary => decoded(value.as_bytes()?).map(Self),
        }
    }
}

/// Number of groups, the first one's power of 10,000, sign, digits after the point; the groups.
fn encoded(text: &str) -> Result<Vec<u8>, BoxDynError> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (POSITIVE, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = fraction.len();
    let before = whole.len().div_ceil(4);
    let padding = "0".repeat(before * 4 - whole.len());
    let after = "0".repeat(places.div_ceil(4) * 4 - places);
    let padded = format!("{padding}{whole}{fraction}{after}");
    let groups = padded.as_bytes().chunks(4).map(|group| {
        let group = std::str::from_utf8(group)?;
        Ok(group.parse::<u16>()?)
    });
    let groups = groups.collect::<Result<Vec<u16>, BoxDynError>>()?;
    let weight = i16::try_from(before)? - 1;
    let head = [
        u16::try_from(groups.len())?,
        weight.cast_unsigned(),
        sign,
        u16::try_from(places)?,
    ];
    let words = head.into_iter().chain(groups);
    Ok(words.flat_map(u16::to_be_bytes).collect())
}

fn decoded(bytes: &[u8]) -> Result<String, BoxDynError> {
    let words: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|word| {
            word.iter()
                .fold(0, |high, low| (high << 8) | u16::from(*low))
        })
        .collect();
    let [count, weight, sign, places, groups @ ..] = words.as_slice() else {
        return Err("a number without a head".into());
    };
    let (weight, places) = (i32::from(weight.cast_signed()), usize::from(*places));
    if usize::from(*count) != groups.len() {
        return Err("a number cut short".into());
    }
    let mut text = match *sign {
        POSITIVE => String::new(),
        NEGATIVE => "-".to_owned(),
        _ => return Err("a number that is none, or infinite".into()),
    };
    let group = |power: i32| {
        let at = usize::try_from(weight - power).ok();
        at.and_then(|at| groups.get(at)).copied().unwrap_or(0)
    };
    let whole: String = (0..=weight.max(0))
        .rev()
        .map(|power| format!("{:04}", group(power)))
        .collect();
    let trimmed = whole.trim_start_matches('0');
    text.push_str(if trimmed.is_empty() { "0" } else { trimmed });
    if places > 0 {
        let last = i32::try_from(places.div_ceil(4))?;
        let fraction: String = (1..=last)
            .map(|power| format!("{:04}", group(-power)))
            .collect();
        text.push('.');
        text.push_str(fraction.get(..places).unwrap_or(&fraction));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round(text: &str, back: &str) {
        assert_eq!(decoded(&encoded(text).unwrap()).unwrap(), back, "{text}");
    }

    #[test]
    fn numbers_come_back_to_the_digit() {
        for text in [
            "0",
            "1",
            "-1",
            "9999",
            "10000",
            "12.50",
            "-0.0001",
            "0.00001",
            "123456789.123456789",
        ] {
            round(text, text);
        }
        round("+5", "5");
        round("007", "7");
        round("00012345.6", "12345.6");
    }

    #[test]
    fn bytes_are_as_the_server_has_them() {
        // 12345.67 as the documentation of the wire has it.
        let expected = [0, 3, 0, 1, 0, 0, 0, 2, 0, 1, 0x09, 0x29, 0x1a, 0x2c];
        assert_eq!(encoded("12345.67").unwrap(), expected);
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        assert!(decoded(&[]).is_err());
        assert!(decoded(&[0, 1, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(decoded(&[0, 0, 0, 0, 0xc0, 0, 0, 0]).is_err());
    }
}
