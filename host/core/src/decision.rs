//! Decisions of a center's own plug-ins, as they are recorded and held against each other.
//!
//! A record is made by the crate that knows the plug-ins' contract and kept by the store; here is
//! what both call it, how much is kept, and what it means that two versions decide differently.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::id::DecisionId;
use crate::plugin::{Blame, FoundLocation, PluginFailure, ResolverAnswer, RetailerAnswer, Verdict};
use crate::time::Timestamp;

/// A text is no [`DecisionId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a decision's id has 32 hexadecimal digits")]
pub struct InvalidDecisionId;

impl DecisionId {
    /// The id of a decision made now. Ids of later moments are greater.
    pub fn made_at(now: Timestamp, random: [u8; 10]) -> Self {
        let ms = u64::try_from(now.unix_ms()).unwrap_or(0);
        let [_, _, time @ ..] = ms.to_be_bytes();
        let mut bytes = [0; 16];
        for (place, byte) in bytes.iter_mut().zip(time.into_iter().chain(random)) {
            *place = byte;
        }
        Self::from_bytes(bytes)
    }
}

impl FromStr for DecisionId {
    type Err = InvalidDecisionId;

    fn from_str(text: &str) -> Result<Self, InvalidDecisionId> {
        let number = u128::from_str_radix(text, 16).map_err(|_| InvalidDecisionId)?;
        let id = Self::from_bytes(number.to_be_bytes());
        // What is read and what is shown are one.
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(InvalidDecisionId)
        }
    }
}

/// How much is kept of what each of a center's plug-ins decides, in each of its roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// The last ones, by number.
    pub last: u32,
    /// Of all others so many in a thousand, chosen by chance.
    pub sampled_per_mille: u16,
    /// How long, in days.
    pub days: u16,
}

impl Keeping {
    /// Whether anything is kept at all.
    pub fn keeps_any(self) -> bool {
        self.days > 0 && (self.last > 0 || self.sampled_per_mille > 0)
    }

    /// Whether a decision is one of those that chance keeps.
    pub fn samples(self, id: DecisionId) -> bool {
        let [.., one, other] = *id.as_bytes();
        u16::from_be_bytes([one, other]) % 1000 < self.sampled_per_mille
    }

    /// What was made before this moment goes; all of it where nothing is kept.
    pub fn oldest(self, now: Timestamp) -> Timestamp {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        if !self.keeps_any() {
            return now;
        }
        Timestamp::from_unix_ms(now.unix_ms() - i64::from(self.days) * DAY_MS)
    }
}

/// What came of a question to a plug-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A resolver answered.
    Resolved(ResolverAnswer),
    /// A policy answered.
    Judged(Verdict),
    /// A file was named.
    Named(String),
    /// A retailer id was looked up.
    Identified(RetailerAnswer),
    /// There was no usable answer.
    Failed(Failed),
}

/// A failure as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What it is called: [`PluginFailure::kind`].
    pub kind: String,
    /// Who had to mend it.
    pub blame: Blame,
    /// In words.
    pub text: String,
}

impl From<&PluginFailure> for Failed {
    fn from(failure: &PluginFailure) -> Self {
        Self {
            kind: failure.kind().to_owned(),
            blame: failure.blame(),
            text: failure.to_string(),
        }
    }
}

impl Outcome {
    /// What it is called in lists.
    pub fn kind(&self) -> &str {
        match self {
            Self::Resolved(ResolverAnswer::Found(_)) => "found",
            Self::Identified(RetailerAnswer::Known(_)) => "known",
            Self::Resolved(ResolverAnswer::NotMine) | Self::Identified(RetailerAnswer::NotMine) => {
                "not-mine"
            }
            Self::Judged(Verdict::Allow(_)) => "allow",
            Self::Judged(Verdict::Deny { .. }) => "deny",
            Self::Named(_) => "named",
            Self::Failed(failed) => &failed.kind,
        }
    }

    /// Whether the plug-in's author would have to mend something.
    pub fn is_own_fault(&self) -> bool {
        matches!(self, Self::Failed(failed) if failed.blame == Blame::Plugin)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved(ResolverAnswer::Found(FoundLocation { root, path, .. })) => {
                write!(f, "found {root}:{path}")
            }
            Self::Identified(RetailerAnswer::Known(entry)) => match &entry.key {
                Some(key) => write!(f, "known as {} with key {key}", entry.retailer),
                None => write!(f, "known as {}", entry.retailer),
            },
            Self::Judged(Verdict::Deny { reason }) => write!(f, "deny: {reason}"),
            Self::Judged(Verdict::Allow(terms)) => {
                f.write_str("allow")?;
                if !terms.min_protection.is_empty() {
                    write!(f, ", level {}", terms.min_protection)?;
                }
                if let Some(downloads) = terms.max_downloads {
                    write!(f, ", {downloads} downloads")?;
                }
                if let Some(seconds) = terms.receipt_lifetime_s {
                    write!(f, ", for {seconds} s")?;
                }
                match terms.expires_at {
                    Some(end) => write!(f, ", until {} ms", end.unix_ms()),
                    None => Ok(()),
                }
            }
            Self::Named(name) => write!(f, "named {name}"),
            Self::Failed(failed) => f.write_str(&failed.text),
            other @ (Self::Resolved(_) | Self::Identified(_)) => f.write_str(other.kind()),
        }
    }
}

/// How one outcome stands to another of the same question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// There is none.
    None,
    /// A sale that was allowed is denied.
    AllowToDeny,
    /// A sale that was denied is allowed.
    DenyToAllow,
    /// Allowed under other terms.
    Terms,
    /// Denied for another reason.
    Reason,
    /// The title lies elsewhere, or is found by only one of the two.
    Path,
    /// The file has another name.
    FileName,
    /// The id belongs to another retailer or key, or is known to only one of the two.
    Retailer,
    /// It fails by its own fault where it did not.
    NewFailure,
    /// It answers where it failed.
    Mended,
    /// It fails otherwise than it did, or by somebody else's fault.
    OtherFailure,
}

impl Difference {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::AllowToDeny,
        Self::DenyToAllow,
        Self::Terms,
        Self::Reason,
        Self::Path,
        Self::FileName,
        Self::Retailer,
        Self::NewFailure,
        Self::Mended,
        Self::OtherFailure,
    ];

    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "same",
            Self::AllowToDeny => "allow-to-deny",
            Self::DenyToAllow => "deny-to-allow",
            Self::Terms => "terms",
            Self::Reason => "reason",
            Self::Path => "path",
            Self::FileName => "file-name",
            Self::Retailer => "retailer",
            Self::NewFailure => "new-failure",
            Self::Mended => "mended",
            Self::OtherFailure => "other-failure",
        }
    }

    /// What `after` changes of `before`.
    pub fn between(before: &Outcome, after: &Outcome) -> Self {
        match (before, after) {
            (Outcome::Failed(before), Outcome::Failed(after)) => {
                match (before.kind == after.kind, before.blame, after.blame) {
                    (true, ..) => Self::None,
                    (false, Blame::Host | Blame::Config, Blame::Plugin) => Self::NewFailure,
                    (false, ..) => Self::OtherFailure,
                }
            }
            (_, Outcome::Failed(after)) => match after.blame {
                Blame::Plugin => Self::NewFailure,
                Blame::Host | Blame::Config => Self::OtherFailure,
            },
            (Outcome::Failed(_), _) => Self::Mended,
            (before, after) if before == after => Self::None,
            (Outcome::Judged(before), Outcome::Judged(after)) => match (before, after) {
                (Verdict::Allow(_), Verdict::Allow(_)) => Self::Terms,
                (Verdict::Allow(_), Verdict::Deny { .. }) => Self::AllowToDeny,
                (Verdict::Deny { .. }, Verdict::Allow(_)) => Self::DenyToAllow,
                (Verdict::Deny { .. }, Verdict::Deny { .. }) => Self::Reason,
            },
            (Outcome::Named(_), _) => Self::FileName,
            (Outcome::Identified(_), _) => Self::Retailer,
            // Outcomes of one question are of one kind.
            (Outcome::Resolved(_) | Outcome::Judged(_), _) => Self::Path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::PolicyTerms;

    #[test]
    fn an_id_is_read_as_it_is_shown_and_tells_the_order() {
        let at = |ms, last| {
            let mut random = [7; 10];
            random[9] = last;
            DecisionId::made_at(Timestamp::from_unix_ms(ms), random)
        };
        let id = at(1_800_000_000_000, 3);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(at(5, 255) < at(6, 0));
        for wrong in [
            "",
            "00",
            "zz",
            &"A".repeat(32),
            &"0".repeat(33),
            &format!("+{}", "0".repeat(31)),
        ] {
            assert_eq!(
                wrong.parse::<DecisionId>(),
                Err(InvalidDecisionId),
                "{wrong}"
            );
        }
    }

    #[test]
    fn chance_keeps_the_share_that_was_asked_for() {
        let keeping = |sampled_per_mille| Keeping {
            last: 0,
            sampled_per_mille,
            days: 1,
        };
        let kept = |per_mille| {
            let ids = (0..=u16::MAX).map(|number| {
                let mut bytes = [0; 16];
                bytes[14..].copy_from_slice(&number.to_be_bytes());
                DecisionId::from_bytes(bytes)
            });
            ids.filter(|id| keeping(per_mille).samples(*id)).count()
        };
        assert_eq!((kept(0), kept(1000)), (0, 65_536));
        assert!((6_500..6_650).contains(&kept(100)), "{}", kept(100));
        assert!(!keeping(0).keeps_any() && keeping(1).keeps_any());
    }

    fn allow(level: &str) -> Outcome {
        Outcome::Judged(Verdict::Allow(PolicyTerms {
            min_protection: level.to_owned(),
            ..PolicyTerms::default()
        }))
    }

    fn deny(reason: &str) -> Outcome {
        Outcome::Judged(Verdict::Deny {
            reason: reason.to_owned(),
        })
    }

    #[test]
    fn what_changes_is_called_by_its_name() {
        let fuel = Outcome::Failed(Failed::from(&PluginFailure::OutOfFuel));
        let time = Outcome::Failed(Failed::from(&PluginFailure::TimedOut));
        let host = Outcome::Failed(Failed::from(&PluginFailure::HostUnavailable));
        let named = |name: &str| Outcome::Named(name.to_owned());
        let found = Outcome::Resolved(ResolverAnswer::Found(FoundLocation {
            root: "main".to_owned(),
            path: "a".to_owned(),
            sha256: None,
            size: None,
        }));
        let lost = Outcome::Resolved(ResolverAnswer::NotMine);
        let stranger = Outcome::Identified(RetailerAnswer::NotMine);
        for (before, after, expected) in [
            (&allow(""), &allow(""), Difference::None),
            (&allow(""), &allow("3"), Difference::Terms),
            (&allow(""), &deny("x"), Difference::AllowToDeny),
            (&deny("x"), &allow(""), Difference::DenyToAllow),
            (&deny("x"), &deny("y"), Difference::Reason),
            (&found, &lost, Difference::Path),
            (&lost, &found, Difference::Path),
            (&stranger, &stranger, Difference::None),
            (&named("a"), &named("b"), Difference::FileName),
            (&named("a"), &fuel, Difference::NewFailure),
            (&named("a"), &host, Difference::OtherFailure),
            (&host, &fuel, Difference::NewFailure),
            (&fuel, &time, Difference::OtherFailure),
            (&fuel, &fuel, Difference::None),
            (&fuel, &named("a"), Difference::Mended),
        ] {
            assert_eq!(
                Difference::between(before, after),
                expected,
                "{before} to {after}"
            );
        }
    }
}
