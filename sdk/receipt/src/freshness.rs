//! Whether a receipt is in time.

use colophon_claims::UnixSeconds;

use crate::claims::Receipt;

/// A center's rules about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimePolicy {
    /// How far a retailer's clock may be off either way, in seconds.
    pub skew_s: u32,
    /// How long a receipt is valid at most, whatever its `exp` says, in seconds.
    pub lifetime_s_max: u32,
    /// How long after its end a receipt still serves to resume a download, in seconds.
    pub resume_s: u32,
}

impl Default for TimePolicy {
    /// Two minutes of skew, a day of lifetime and a day for resuming.
    fn default() -> TimePolicy {
        TimePolicy {
            skew_s: 120,
            lifetime_s_max: 86_400,
            resume_s: 86_400,
        }
    }
}

/// What a receipt that is in time is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// For any use.
    Valid,
    /// Only for resuming a download that has begun: it has ended, but not too long ago.
    ResumeOnly,
}

/// Why a receipt is not in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeRefusal {
    /// It has ended, and the time for resuming as well.
    #[error("the receipt has expired")]
    Expired,
    /// It was issued in the future, by more than the skew.
    #[error("the receipt is not yet valid")]
    NotYetValid,
}

impl TimeRefusal {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            TimeRefusal::Expired => "expired",
            TimeRefusal::NotYetValid => "not-yet-valid",
        }
    }
}

impl Receipt {
    /// Judges the receipt's time at `now`.
    ///
    /// Its end is the earlier of `exp` and `iat` plus the longest lifetime. With the skew
    /// allowed for at both sides, it is valid from `iat − skew` on and before `end + skew`,
    /// and good for resuming before `end + skew + resume`.
    ///
    /// # Errors
    ///
    /// [`TimeRefusal`] outside all of that.
    pub fn freshness(
        &self,
        now: UnixSeconds,
        policy: &TimePolicy,
    ) -> Result<Freshness, TimeRefusal> {
        let skew_s = i64::from(policy.skew_s);
        let issued_at = self.issued_at.get();
        let end = issued_at
            .saturating_add(i64::from(policy.lifetime_s_max))
            .min(self.expires_at.get())
            .saturating_add(skew_s);
        if now.get() < issued_at.saturating_sub(skew_s) {
            Err(TimeRefusal::NotYetValid)
        } else if now.get() < end {
            Ok(Freshness::Valid)
        } else if now.get() < end.saturating_add(i64::from(policy.resume_s)) {
            Ok(Freshness::ResumeOnly)
        } else {
            Err(TimeRefusal::Expired)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claims;

    fn receipt(issued_at: i64, expires_at: i64) -> Receipt {
        let key: crate::KeyId = "shop.1".parse().expect("a key id");
        Receipt {
            issuer: key.retailer().clone(),
            center: "main".parse().expect("a center"),
            key,
            id: "1".parse().expect("an id"),
            issued_at: UnixSeconds::new(issued_at),
            expires_at: UnixSeconds::new(expires_at),
            claims: Claims::new(
                "1".parse().expect("a text"),
                "2".parse().expect("a text"),
                "3".parse().expect("a text"),
            ),
        }
    }

    /// Checks the second on each side of all three edges of a receipt's time.
    #[track_caller]
    fn check_edges(issued_at: i64, expires_at: i64, policy: &TimePolicy, end: i64) {
        let receipt = receipt(issued_at, expires_at);
        let skew = i64::from(policy.skew_s);
        let resume = i64::from(policy.resume_s);
        let at = |now| receipt.freshness(UnixSeconds::new(now), policy);
        assert_eq!(at(issued_at - skew - 1), Err(TimeRefusal::NotYetValid));
        assert_eq!(at(issued_at - skew), Ok(Freshness::Valid));
        assert_eq!(at(end + skew - 1), Ok(Freshness::Valid));
        if resume > 0 {
            assert_eq!(at(end + skew), Ok(Freshness::ResumeOnly));
            assert_eq!(at(end + skew + resume - 1), Ok(Freshness::ResumeOnly));
        }
        assert_eq!(at(end + skew + resume), Err(TimeRefusal::Expired));
    }

    #[test]
    fn edges_by_year_lifetime_and_policy() {
        let policies = [
            TimePolicy::default(),
            TimePolicy {
                skew_s: 0,
                lifetime_s_max: 86_400,
                resume_s: 86_400,
            },
            TimePolicy {
                skew_s: 120,
                lifetime_s_max: 3_600,
                resume_s: 0,
            },
            TimePolicy {
                skew_s: 3_600,
                lifetime_s_max: u32::MAX,
                resume_s: u32::MAX,
            },
        ];
        // The beginning of time; leap seconds of 2012 and 2016; now; 2038; 2106; 2262; the largest.
        let minted = [
            0,
            1_341_100_799,
            1_483_228_799,
            1_800_000_000,
            2_147_483_647,
            4_294_967_295,
            9_223_372_036,
            (1 << 53) - 1 - (1 << 33),
        ];
        for policy in &policies {
            let most = i64::from(policy.lifetime_s_max);
            for issued_at in minted {
                for lifetime_s in [1, 900, 3_600, 86_399, 86_400, 86_401, 1 << 33] {
                    let end = issued_at + lifetime_s.min(most);
                    check_edges(issued_at, issued_at + lifetime_s, policy, end);
                }
            }
        }
    }

    #[test]
    fn clocks_at_the_ends_of_64_bits_do_not_overflow() {
        let policy = TimePolicy {
            skew_s: u32::MAX,
            lifetime_s_max: u32::MAX,
            resume_s: u32::MAX,
        };
        let receipt = receipt(i64::MAX - 1, i64::MAX);
        assert_eq!(
            receipt.freshness(UnixSeconds::new(i64::MIN), &policy),
            Err(TimeRefusal::NotYetValid)
        );
        assert_eq!(
            receipt.freshness(UnixSeconds::new(i64::MAX - 2), &policy),
            Ok(Freshness::Valid)
        );
    }

    /// Windows counts from 1601; such a time taken for Unix time lies in the far future.
    #[test]
    fn times_of_other_epochs_are_refused() {
        let receipt = receipt(
            1_800_000_000 + 11_644_473_600,
            1_800_000_900 + 11_644_473_600,
        );
        assert_eq!(
            receipt.freshness(UnixSeconds::new(1_800_000_000), &TimePolicy::default()),
            Err(TimeRefusal::NotYetValid)
        );
    }
}
