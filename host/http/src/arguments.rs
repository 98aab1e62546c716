//! The arguments of the download service, parsed once and strictly.
//!
//! The fields are `action` (`download` or `verify`) and `value` (the receipt), and optionally
//! `RetailerID`, `ErrorURL` and `Certificate`, spelled exactly so, each at most once over query and
//! form together. An empty optional field counts as absent. Fields of other names are passed over,
//! since shops' forms and links bring their own. An `ErrorURL` that is no legal URL is passed over
//! like one that is not registered: neither can be where the buyer is sent. A `Certificate` is the
//! buyer's activation certificate in its upload form. It is read where a copy is licensed and
//! nowhere else.

pub(crate) mod form;

use std::borrow::Cow;

use colophon_core::code::Code;
use colophon_core::forms::SuppliedForm;
use colophon_receipt::{ErrorUrl, InvalidId, Malformed, RetailerId, SealedReceipt};
use thiserror::Error;

/// Fields looked at, of whatever name.
const FIELDS_MAX: usize = 32;

/// What is asked of the download service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Download,
    Verify,
}

/// A parsed request.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) action: Action,
    pub(crate) receipt: SealedReceipt,
    pub(crate) retailer: Option<RetailerId>,
    pub(crate) error_url: Option<ErrorUrl>,
    pub(crate) certificate: Option<SuppliedForm>,
}

/// Why a request is not one that this server understands.
#[derive(Debug, Error)]
pub(crate) enum IllegalRequest {
    #[error("the query is longer than the limit")]
    QueryTooLong,
    #[error("the body is longer than the limit")]
    BodyTooLong,
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken(#[source] axum::Error),
    #[error("a request with its arguments in the query has a body")]
    BodyUnexpected,
    #[error("the body is not a form")]
    NotAForm,
    #[error("there are more than {FIELDS_MAX} fields")]
    TooManyFields,
    #[error("a field's name is spelled unlike {0:?}")]
    Misspelt(&'static str),
    #[error("the field {0:?} is there twice")]
    Twice(&'static str),
    #[error("the field {0:?} is missing")]
    Missing(&'static str),
    #[error("the action is neither download nor verify")]
    UnknownAction,
    #[error("RetailerID is no retailer's id")]
    Retailer(#[source] InvalidId),
    #[error("the value is not a receipt")]
    NotAReceipt(#[source] Malformed),
}

impl IllegalRequest {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::QueryTooLong | Self::BodyTooLong => Code::RequestTooLarge,
            Self::BodyTooSlow => Code::RequestTimeout,
            // A stranger does not learn whether a text was nearly a receipt.
            Self::NotAReceipt(_) => Code::ReceiptInvalid,
            Self::BodyBroken(_)
            | Self::BodyUnexpected
            | Self::NotAForm
            | Self::TooManyFields
            | Self::Misspelt(_)
            | Self::Twice(_)
            | Self::Missing(_)
            | Self::UnknownAction
            | Self::Retailer(_) => Code::RequestIllegal,
        }
    }
}

impl Arguments {
    /// Reads the fields of query and form, each `name=value&…` with percent escapes.
    pub(crate) fn parse(query: &str, form: &[u8]) -> Result<Self, IllegalRequest> {
        let fields = Fields::read(query.as_bytes(), form)?;
        let action = match fields.action.as_deref() {
            Some("download") => Action::Download,
            Some("verify") => Action::Verify,
            Some(_) => return Err(IllegalRequest::UnknownAction),
            None => return Err(IllegalRequest::Missing("action")),
        };
        let value = fields.value.ok_or(IllegalRequest::Missing("value"))?;
        let certificate = fields.certificate;
        let retailer = fields.retailer.map(|text| text.parse()).transpose();
        Ok(Self {
            action,
            retailer: retailer.map_err(IllegalRequest::Retailer)?,
            error_url: fields.error_url.and_then(|text| text.parse().ok()),
            certificate: certificate.map(|text| SuppliedForm::new(&text)),
            // Files and forms end in line breaks that are no part of the receipt.
            receipt: SealedReceipt::parse(value.trim_ascii())
                .map_err(IllegalRequest::NotAReceipt)?,
        })
    }
}

/// The known fields as text, each there once and not empty, or not there.
#[derive(Default)]
struct Fields<'a> {
    action: Option<Cow<'a, str>>,
    value: Option<Cow<'a, str>>,
    retailer: Option<Cow<'a, str>>,
    error_url: Option<Cow<'a, str>>,
    certificate: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    fn read(query: &'a [u8], form: &'a [u8]) -> Result<Self, IllegalRequest> {
        let mut fields = Self::default();
        let pairs = [query, form].into_iter().flat_map(pairs);
        for (count, (name, text)) in pairs.enumerate() {
            if count >= FIELDS_MAX {
                return Err(IllegalRequest::TooManyFields);
            }
            let Some((known, place)) = fields.place(&name) else {
                continue;
            };
            if name != known {
                return Err(IllegalRequest::Misspelt(known));
            }
            if place.is_some() {
                return Err(IllegalRequest::Twice(known));
            }
            *place = Some(text);
        }
        Ok(fields.without_empty())
    }

    /// The place of the field of this name, in whatever case it is spelled.
    fn place(&mut self, name: &str) -> Option<(&'static str, &mut Option<Cow<'a, str>>)> {
        let places = [
            ("action", &mut self.action),
            ("value", &mut self.value),
            ("RetailerID", &mut self.retailer),
            ("ErrorURL", &mut self.error_url),
            ("Certificate", &mut self.certificate),
        ];
        places
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn without_empty(self) -> Self {
        let filled = |field: Option<Cow<'a, str>>| field.filter(|text| !text.is_empty());
        Self {
            action: filled(self.action),
            value: filled(self.value),
            retailer: filled(self.retailer),
            error_url: filled(self.error_url),
            certificate: filled(self.certificate),
        }
    }
}

/// The pairs of names and values in a text, as [`form_urlencoded::parse`] gives them. A receipt and
/// an upload form need no escapes and are long, so a pair without any is taken as it is.
fn pairs(text: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let pairs = text.split(|byte| *byte == b'&');
    pairs.filter_map(|pair| match std::str::from_utf8(pair) {
        Ok("") => None,
        Ok(plain) if !(plain.contains('%') || plain.contains('+')) => {
            let (name, value) = plain.split_once('=').unwrap_or((plain, ""));
            Some((name.into(), value.into()))
        }
        Ok(_) | Err(_) => form_urlencoded::parse(pair).next(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Well-formed, though no key opens it: `{"alg":"dir","enc":"A256GCM","kid":"shop.1"}`.
    const RECEIPT: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoic2hvcC4xIn0\
        ..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA";

    fn parse(query: &str, form: &str) -> Result<Arguments, IllegalRequest> {
        let fill = |text: &str| text.replace("RECEIPT", RECEIPT);
        Arguments::parse(&fill(query), fill(form).as_bytes())
    }

    #[track_caller]
    fn refused(query: &str, form: &str, reason: &str) {
        let error = parse(query, form).unwrap_err();
        assert!(
            error.to_string().contains(reason),
            "{error}: {query} {form}"
        );
    }

    #[test]
    fn query_form_and_both() {
        for (query, form) in [
            ("action=download&value=RECEIPT", ""),
            ("", "action=download&value=RECEIPT"),
            ("action=download", "value=RECEIPT"),
            (
                "utm_source=mail&action=download",
                "value=RECEIPT&submit=Get+it",
            ),
            (
                "",
                "%61ction=down%6coad&value=RECEIPT&RetailerID=&ErrorURL=&Certificate=",
            ),
        ] {
            let arguments = parse(query, form).unwrap();
            assert_eq!(arguments.action, Action::Download);
            assert_eq!(arguments.receipt.kid().as_str(), "shop.1");
            assert!(arguments.retailer.is_none() && arguments.error_url.is_none());
        }
        assert_eq!(
            parse("action=verify&value=RECEIPT", "").unwrap().action,
            Action::Verify
        );
    }

    #[test]
    fn optional_fields() {
        let form = "action=download&value=RECEIPT&RetailerID=shop&Certificate=abc\
            &ErrorURL=https%3A%2F%2Fshop.example%2Fsorry";
        let arguments = parse("", form).unwrap();
        assert_eq!(arguments.certificate, Some(SuppliedForm::new("abc")));
        assert_eq!(arguments.retailer.unwrap().as_str(), "shop");
        assert_eq!(
            arguments.error_url.unwrap().as_str(),
            "https://shop.example/sorry"
        );
        let odd = parse(
            "",
            "action=download&value=RECEIPT&ErrorURL=javascript:alert(1)",
        )
        .unwrap();
        assert!(odd.error_url.is_none());
        refused(
            "",
            "action=download&value=RECEIPT&RetailerID=a%20b",
            "no retailer's id",
        );
    }

    fn same_pairs(text: &[u8]) {
        let ours: Vec<_> = pairs(text).collect();
        let theirs: Vec<_> = form_urlencoded::parse(text).collect();
        assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(text));
    }

    #[test]
    fn pairs_are_those_of_the_standard() {
        for text in [
            "", "&", "=", "&&a=b&", "a", "a=", "=b", "a=b=c", "a+b=c+d", "%61=%FF", "a=%", "a=%4",
            "é=ü", "a==&=", "a=b&a=b",
        ] {
            same_pairs(text.as_bytes());
        }
        same_pairs(b"a=\xff&\xc3%A9=b");
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_the_standard_whatever_comes(
            text in proptest::collection::vec(
                proptest::sample::select(b"ab=&%+4F\xc3\xa9\xff ".to_vec()), 0..24)
        ) {
            same_pairs(&text);
        }
    }

    #[test]
    fn duplicates() {
        refused(
            "action=download",
            "action=download&value=RECEIPT",
            "\"action\" is there twice",
        );
        refused(
            "",
            "action=download&action=verify&value=RECEIPT",
            "\"action\" is there twice",
        );
        refused(
            "",
            "action=download&value=RECEIPT&value=RECEIPT",
            "\"value\" is there twice",
        );
        refused(
            "",
            "action=download&value=&value=RECEIPT",
            "\"value\" is there twice",
        );
        let twice = "action=download&value=RECEIPT&Certificate=a&Certificate=b";
        refused("", twice, "\"Certificate\" is there twice");
    }

    #[test]
    fn what_is_missing_or_misspelt() {
        refused("", "", "\"action\" is missing");
        refused("", "value=RECEIPT", "\"action\" is missing");
        refused("", "action=&value=RECEIPT", "\"action\" is missing");
        refused("", "action=download", "\"value\" is missing");
        refused("", "action=download&value", "\"value\" is missing");
        refused("", "Action=download&value=RECEIPT", "unlike \"action\"");
        refused(
            "",
            "action=download&value=RECEIPT&retailerid=x",
            "unlike \"RetailerID\"",
        );
        refused(
            "",
            "action=upload&value=RECEIPT",
            "neither download nor verify",
        );
        refused(
            "",
            "action=Download&value=RECEIPT",
            "neither download nor verify",
        );
        refused(
            "",
            "action=download%00&value=RECEIPT",
            "neither download nor verify",
        );
        refused("", "action=download&value=RECEIPTx", "not a receipt");
        refused("", "action=download&value=%FF", "not a receipt");
        refused(&"a=b&".repeat(33), "", "more than 32 fields");
    }
}
