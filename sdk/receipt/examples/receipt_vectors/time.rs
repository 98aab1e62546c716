//! Genuine receipts at the edges of their time.

use colophon_forge::{Members, json_of};
use serde_json::json;

use super::Vector;
use super::forge::{ISSUED_AT, claims_with, sealed};

const DAY: i64 = 86_400;
const SKEW: i64 = 120;
/// The usual `exp`.
const END: i64 = ISSUED_AT + 900;
/// The last second of 32-bit times.
const END_OF_2038: i64 = 2_147_483_647;

pub(crate) fn vectors() -> Vec<Vector> {
    vec![
        lived(
            "just-expired-within-skew",
            "valid",
            "the last second with skew",
            900,
            END + SKEW - 1,
        ),
        lived(
            "just-expired",
            "resume-only",
            "the first second after the skew",
            900,
            END + SKEW,
        ),
        lived(
            "last-second-to-resume",
            "resume-only",
            "a day later, to the second",
            900,
            END + SKEW + DAY - 1,
        ),
        lived(
            "expired",
            "expired",
            "the first second in which nothing helps",
            900,
            END + SKEW + DAY,
        ),
        lived(
            "long-expired",
            "expired",
            "a year later",
            900,
            END + 365 * DAY,
        ),
        lived(
            "future-within-skew",
            "valid",
            "opened two minutes before it was minted",
            900,
            ISSUED_AT - SKEW,
        ),
        lived(
            "future",
            "not-yet-valid",
            "opened a second more before",
            900,
            ISSUED_AT - SKEW - 1,
        ),
        lived("far-future", "not-yet-valid", "opened in 1970", 900, 0),
        lived(
            "longest-lifetime",
            "valid",
            "a lifetime of a day",
            DAY,
            ISSUED_AT + DAY - 1,
        ),
        lived(
            "lifetime-too-long",
            "resume-only",
            "a lifetime of a month counts for a day",
            30 * DAY,
            ISSUED_AT + DAY + SKEW,
        ),
        lived(
            "lifetime-too-long-expired",
            "expired",
            "and not longer for resuming",
            30 * DAY,
            ISSUED_AT + 2 * DAY + SKEW,
        ),
        lived(
            "lifetime-without-end",
            "valid",
            "the largest exp there is",
            (1 << 53) - 1 - ISSUED_AT,
            ISSUED_AT + 5,
        ),
        minted_at("minted-in-1970", "valid", "the first second there is", 0, 5),
        minted_at(
            "minted-in-1970-expired",
            "expired",
            "and long ago",
            0,
            ISSUED_AT,
        ),
        minted_at(
            "minted-in-2038",
            "valid",
            "across the end of 32-bit times",
            END_OF_2038,
            END_OF_2038 + 1,
        ),
        minted_at(
            "minted-in-2262",
            "valid",
            "past the end of 64-bit nanoseconds",
            9_223_372_037,
            9_223_372_042,
        ),
    ]
}

fn lived(name: &str, expect: &str, about: &str, lifetime_s: i64, now: i64) -> Vector {
    let claims = claims_with(json!({"exp": ISSUED_AT + lifetime_s}));
    vector(name, expect, about, claims, now)
}

fn minted_at(name: &str, expect: &str, about: &str, issued_at: i64, now: i64) -> Vector {
    let claims = claims_with(json!({"iat": issued_at, "exp": issued_at + 900}));
    vector(name, expect, about, claims, now)
}

fn vector(name: &str, expect: &str, about: &str, claims: Members, now: i64) -> Vector {
    let vector = Vector::new(name, expect, about, sealed(json_of(&claims).as_bytes())).at(now);
    // What does not get through its time says nothing.
    if matches!(expect, "valid" | "resume-only") {
        vector.saying(claims)
    } else {
        vector
    }
}
