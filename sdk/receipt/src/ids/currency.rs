//! Currencies.

use colophon_claims::{InvalidId, text_id};

/// An ISO 4217 currency code: three capital letters. Whether it is assigned is not looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(String);

impl Currency {
    fn check(text: &str) -> Result<(), InvalidId> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(())
        } else {
            Err(InvalidId::Form {
                expected: "an ISO 4217 code of three capital letters",
            })
        }
    }
}

text_id!(Currency);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_capitals_and_nothing_else() {
        assert!("EUR".parse::<Currency>().is_ok());
        for bad in ["", "EU", "EURO", "eur", "E1R", "ÉU", "EU ", "ЕUR"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad:?}");
        }
    }
}
