//! Forms that open, before, in and after their time.

use super::forge::{ISSUED_AT, LIFETIME_S, usual_claims, usual_parts};
use super::vector::Vector;

pub(crate) fn vectors() -> Vec<Vector> {
    let form = usual_parts().join();
    let at = |name, expect, about, now| Vector::new(name, expect, about, form.clone()).at(now);
    let valid = |name, about, now| at(name, "valid", about, now).saying(usual_claims());
    let expires_at = ISSUED_AT + LIFETIME_S;
    vec![
        at(
            "from-the-future",
            "not-yet-valid",
            "made a day in the future",
            ISSUED_AT - 86_400,
        ),
        at(
            "just-from-the-future",
            "not-yet-valid",
            "a second more than the skew before it was made",
            ISSUED_AT - 121,
        ),
        valid(
            "future-within-skew",
            "the skew before it was made",
            ISSUED_AT - 120,
        ),
        valid(
            "kept-for-months",
            "in the second before its end",
            expires_at - 1,
        ),
        valid(
            "just-expired-within-skew",
            "a second less than the skew after its end",
            expires_at + 119,
        ),
        at(
            "just-expired",
            "expired",
            "the skew after its end",
            expires_at + 120,
        ),
        at(
            "expired",
            "expired",
            "a year after its end",
            expires_at + 31_536_000,
        ),
    ]
}
