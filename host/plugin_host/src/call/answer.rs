//! Between the contract's types and core's. Answers are held against the contract's limits here.

use colophon_core::catalog::{Book, ObjectPath, StoreRoot};
use colophon_core::plugin::{
    CallContext, FoundLocation, Offer, PluginFailure, PolicyTerms, ResolverAnswer, RetailerAnswer,
    RetailerEntry, Verdict,
};
use colophon_core::time::Timestamp;
use colophon_receipt::RetailerId;

use crate::bindings::{common, meta, policy, resolver, retailers};

/// The longest text that is kept of what a plug-in says of its own accord.
const TEXT_BYTES_MAX: usize = 1024;

pub(super) fn told(context: &CallContext) -> common::Context {
    common::Context {
        request_id: context.request_id.clone(),
        now_ms: u64::try_from(context.now.unix_ms()).unwrap_or(0),
        center: context.center.as_ref().to_owned(),
        retailer: context.retailer.as_ref().to_owned(),
        territory: None,
        extra: Vec::new(),
    }
}

/// The same of a request whose receipt is still closed.
pub(super) fn inquiry(context: &CallContext) -> retailers::Inquiry {
    retailers::Inquiry {
        request_id: context.request_id.clone(),
        now_ms: u64::try_from(context.now.unix_ms()).unwrap_or(0),
        center: context.center.as_ref().to_owned(),
        extra: Vec::new(),
    }
}

pub(super) fn book(book: &Book) -> common::Book {
    common::Book {
        id_type: book.id_type.as_ref().to_owned(),
        id: book.id.as_ref().to_owned(),
    }
}

pub(super) fn offer(offer: Offer) -> policy::Offer {
    let price = offer.price.map(|price| common::Money {
        minor: price.minor,
        currency: price.currency.into(),
    });
    policy::Offer {
        book: common::Book {
            id_type: offer.book.id_type.into(),
            id: offer.book.id.into(),
        },
        resource_class: offer.resource_class,
        price,
        requested_protection: offer.requested_protection,
        title: offer.title,
        sale: offer.sale,
        extra: Vec::new(),
    }
}

fn unusable(problem: &'static str) -> PluginFailure {
    PluginFailure::Unusable { problem }
}

/// Whether the location may be used is for core to say; here it is only kept from being absurd.
pub(crate) fn resolved(answer: resolver::Answer) -> Result<ResolverAnswer, PluginFailure> {
    match answer {
        resolver::Answer::Found(common::Location {
            root,
            path,
            sha256,
            size,
            extra: _,
        }) => {
            if root.len() > 63 || path.len() > 1024 {
                return Err(unusable("root or path is too long"));
            }
            if sha256.as_ref().is_some_and(|digest| digest.len() != 32) {
                return Err(unusable("sha256 has not 32 bytes"));
            }
            Ok(ResolverAnswer::Found(FoundLocation {
                root,
                path,
                sha256,
                size,
            }))
        }
        resolver::Answer::NotMine => Ok(ResolverAnswer::NotMine),
        resolver::Answer::Other(_) => Err(unusable("resolver answer of an unknown kind")),
    }
}

/// Core's part of the judgement: nothing outside a root is reached.
pub(crate) fn usable(answer: &ResolverAnswer) -> Result<(), PluginFailure> {
    let ResolverAnswer::Found(location) = answer else {
        return Ok(());
    };
    if StoreRoot::parse(&location.root).is_none() {
        return Err(unusable("root is not the name of a content-store root"));
    }
    match ObjectPath::parse(&location.path) {
        Ok(_) => Ok(()),
        Err(_) => Err(unusable("path leaves the content-store root")),
    }
}

/// The same of a record that a center could have.
pub(crate) fn nameable(answer: &RetailerAnswer) -> Result<(), PluginFailure> {
    let RetailerAnswer::Known(entry) = answer else {
        return Ok(());
    };
    match RetailerId::try_from(entry.retailer.as_str()) {
        Ok(_) => Ok(()),
        Err(_) => Err(unusable("retailer is no id of a retailer record")),
    }
}

/// Whether the center has the record and the key is for core to see.
pub(crate) fn identified(answer: retailers::Answer) -> Result<RetailerAnswer, PluginFailure> {
    match answer {
        retailers::Answer::Known(retailers::Entry {
            retailer,
            key,
            extra: _,
        }) => {
            if retailer.len() > 64 || key.as_ref().is_some_and(|key| key.len() > 64) {
                return Err(unusable("retailer or key is too long"));
            }
            Ok(RetailerAnswer::Known(RetailerEntry { retailer, key }))
        }
        retailers::Answer::NotMine => Ok(RetailerAnswer::NotMine),
        retailers::Answer::Other(_) => Err(unusable("retailers answer of an unknown kind")),
    }
}

pub(crate) fn verdict(verdict: policy::Verdict) -> Result<Verdict, PluginFailure> {
    match verdict.outcome {
        policy::Outcome::Allow(terms) => self::terms(terms).map(Verdict::Allow),
        policy::Outcome::Deny(common::Reason { code, text: _ }) => {
            if code.is_empty() || code.len() > 64 || code.contains(char::is_control) {
                return Err(unusable(
                    "reason code is empty, too long or has control characters",
                ));
            }
            Ok(Verdict::Deny { reason: code })
        }
        policy::Outcome::Other(_) => Err(unusable("policy outcome of an unknown kind")),
    }
}

fn terms(terms: policy::Terms) -> Result<PolicyTerms, PluginFailure> {
    let policy::Terms {
        min_protection,
        max_downloads,
        receipt_lifetime_s,
        expires_at_ms,
        obligations,
    } = terms;
    if !matches!(min_protection.as_str(), "" | "1" | "2" | "3" | "5") {
        return Err(unusable("min-protection is not 1, 2, 3 or 5"));
    }
    if !obligations.is_empty() {
        return Err(unusable("obligation of an unknown name"));
    }
    Ok(PolicyTerms {
        min_protection,
        max_downloads,
        receipt_lifetime_s,
        // What lies past the clock's end never comes.
        expires_at: expires_at_ms
            .map(|ms| Timestamp::from_unix_ms(i64::try_from(ms).unwrap_or(i64::MAX))),
    })
}

/// What holds when two policies allow a sale. Levels compare as texts; empty asks for nothing.
pub(super) fn strictest(one: PolicyTerms, other: PolicyTerms) -> PolicyTerms {
    fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
    PolicyTerms {
        min_protection: one.min_protection.max(other.min_protection),
        max_downloads: smaller(one.max_downloads, other.max_downloads),
        receipt_lifetime_s: smaller(one.receipt_lifetime_s, other.receipt_lifetime_s),
        expires_at: smaller(one.expires_at, other.expires_at),
    }
}

pub(crate) fn file_name(name: String) -> Result<String, PluginFailure> {
    if name.trim().is_empty() || name.len() > 1024 {
        return Err(unusable("file name is empty or too long"));
    }
    Ok(name)
}

pub(crate) fn described(info: meta::Info) -> Result<meta::Info, PluginFailure> {
    let texts = [&info.name, &info.version, &info.sdk, &info.min_host];
    let fits = |text: &String| text.len() <= 256 && !text.contains(char::is_control);
    if !texts.into_iter().all(fits) || info.needs.len() > 64 || !info.needs.iter().all(fits) {
        return Err(unusable(
            "description is too long or has control characters",
        ));
    }
    Ok(info)
}

/// A plug-in's own words, as a log can hold them: of bounded length, on one line.
pub(crate) fn told_text(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    let kept = text.get(..end).unwrap_or(text);
    kept.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(level: &str, downloads: Option<u32>, lifetime: Option<u64>) -> PolicyTerms {
        PolicyTerms {
            min_protection: level.to_owned(),
            max_downloads: downloads,
            receipt_lifetime_s: lifetime,
            expires_at: None,
        }
    }

    #[test]
    fn the_strictest_of_two_policies_holds() {
        let one = terms("", Some(3), None);
        let other = terms("3", Some(5), Some(60));
        let both = terms("3", Some(3), Some(60));
        assert_eq!(strictest(one.clone(), other.clone()), both);
        assert_eq!(strictest(other, one), both);
        assert_eq!(
            strictest(terms("5", None, None), terms("3", None, None)).min_protection,
            "5"
        );
        let ending = |ms| PolicyTerms {
            expires_at: Some(Timestamp::from_unix_ms(ms)),
            ..PolicyTerms::default()
        };
        assert_eq!(strictest(ending(9), ending(5)), ending(5));
        assert_eq!(strictest(ending(9), PolicyTerms::default()), ending(9));
    }

    #[test]
    fn an_end_beyond_the_clock_never_comes() {
        let terms = policy::Terms {
            min_protection: String::new(),
            max_downloads: None,
            receipt_lifetime_s: None,
            expires_at_ms: Some(u64::MAX),
            obligations: Vec::new(),
        };
        let end = super::terms(terms).unwrap().expires_at;
        assert_eq!(end, Some(Timestamp::from_unix_ms(i64::MAX)));
    }

    #[test]
    fn texts_are_cut_at_a_character_and_stay_on_a_line() {
        assert_eq!(told_text("one\r\ntwo"), "one  two");
        assert_eq!(told_text(&"ü".repeat(600)).chars().count(), 512);
    }

    #[test]
    fn terms_that_the_host_cannot_keep_are_refused() {
        let plain = policy::Terms {
            min_protection: "4".to_owned(),
            max_downloads: None,
            receipt_lifetime_s: None,
            expires_at_ms: None,
            obligations: Vec::new(),
        };
        assert!(super::terms(plain.clone()).is_err());
        let duty = policy::Terms {
            min_protection: String::new(),
            obligations: vec![("watermark".to_owned(), "yes".to_owned())],
            ..plain
        };
        assert!(super::terms(duty).is_err());
    }
}
