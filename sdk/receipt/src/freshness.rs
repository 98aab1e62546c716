//! Whether a receipt is in time.

use crate::claims::Receipt;
use crate::ids::UnixSeconds;

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
