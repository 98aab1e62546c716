//! Free text, and the identifiers of others that may be any text.

use colophon_claims::{InvalidId, check_text, text_id};

/// The longest text of a claim, in bytes of UTF-8.
const TEXT_BYTES_MAX: usize = 1024;

macro_rules! free_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            fn check(text: &str) -> Result<(), InvalidId> {
                check_text(text, TEXT_BYTES_MAX)
            }
        }

        text_id!($name);
    };
}

free_text! {
    /// A text of 1 to 1024 bytes in any script, legal in XML 1.0 and without control characters.
    ///
    /// ```
    /// use colophon_receipt::Text;
    /// assert!("Ægir 📚 ספר".parse::<Text>().is_ok());
    /// assert!("two\nlines".parse::<Text>().is_err());
    /// ```
    Text
}

free_text! {
    /// A title's identifier in its center's catalog: any [`Text`].
    BookId
}

free_text! {
    /// What kind of identifier a [`BookId`] is (`ISBN`, `DOI`, `PATH`, …): any [`Text`].
    BookIdType
}

free_text! {
    /// The retailer's identifier of one sale: any [`Text`].
    TransactionId
}

free_text! {
    /// The identifier of one receipt, the claim `jti`: any [`Text`].
    ReceiptId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<Text>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn any_script_is_text() {
        check("a", true);
        check("عنوان", true);
        check("\u{202E}right to left", true);
        check("👩‍👩‍👧‍👦", true);
        check("\u{10FFFF}", true);
        check("\u{E000}", true);
        check(" ", true);
    }

    #[test]
    fn controls_and_what_xml_cannot_hold_are_not() {
        for control in ('\0'..=' ').chain('\u{7F}'..='\u{A0}') {
            check(
                &format!("a{control}b"),
                control == ' ' || control == '\u{A0}',
            );
        }
        check("\u{FFFE}", false);
        check("\u{FFFF}", false);
        check("\u{FFFD}", true);
    }

    #[test]
    fn length_is_counted_in_bytes() {
        check("", false);
        check(&"a".repeat(1024), true);
        check(&"a".repeat(1025), false);
        check(&"é".repeat(512), true);
        check(&"é".repeat(513), false);
    }
}
