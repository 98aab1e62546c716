//! Whether a right may be used now.

use super::{Access, License, Location, Reference, Right, RightKind, RightsGroup};

/// What is known at the moment of use.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'c> {
    /// The time, in seconds since 1970.
    pub now_unix_s: i64,
    /// The principals of the license that have been authenticated, by their names in it.
    pub authenticated: &'c [Reference],
    /// Where the use takes place, as far as it is known.
    pub location: Option<&'c Location>,
    /// How often each kind has been used under this license, in the order of [`RightKind::ALL`].
    pub used: [u32; 3],
}

/// A right may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What may be done.
    pub kind: RightKind,
    /// How often it may still be done, this time included; any number of times if absent.
    pub remaining: Option<u32>,
    /// When this ends, in seconds since 1970.
    pub until_unix_s: Option<i64>,
}

/// Why a right may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The license does not grant it.
    #[error("the license does not grant the {} right", .0.as_str())]
    NotGranted(RightKind),
    /// It is granted from later on.
    #[error("the right begins later")]
    NotYet {
        /// When, in seconds since 1970.
        from_unix_s: i64,
    },
    /// It was granted until now.
    #[error("the right has ended")]
    Ended {
        /// When, in seconds since 1970.
        until_unix_s: i64,
    },
    /// It is granted in other places, or it is not known where this is.
    #[error("the right is not granted in this place")]
    Place,
    /// Nobody it is granted to has been authenticated.
    #[error("{} must be authenticated", names(.needed))]
    Principals {
        /// Who is missing, of the alternative that comes first.
        needed: Vec<Reference>,
    },
    /// It is granted to the licensor itself.
    #[error("the right is the licensor's own")]
    LicensorOnly,
    /// It has been used as often as it is granted.
    #[error("the right has been used {max} times, which is all there is")]
    Spent {
        /// How often it is granted.
        max: u32,
    },
    /// A fee would have to be paid, which nothing here can do.
    #[error("a fee would have to be paid")]
    Fee,
    /// A use would have to be told to somebody, which nothing here can do.
    #[error("the use would have to be told to {provider}")]
    Tracking {
        /// Whom.
        provider: String,
    },
}

impl Denied {
    /// A short name that stays the same, for programs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Denied::NotGranted(_) => "not-granted",
            Denied::NotYet { .. } => "not-yet",
            Denied::Ended { .. } => "ended",
            Denied::Place => "place",
            Denied::Principals { .. } => "principals",
            Denied::LicensorOnly => "licensor-only",
            Denied::Spent { .. } => "spent",
            Denied::Fee => "fee",
            Denied::Tracking { .. } => "tracking",
        }
    }
}

fn names(needed: &[Reference]) -> String {
    let names: Vec<&str> = needed.iter().map(Reference::as_str).collect();
    names.join(" and ")
}

impl License {
    /// Whether a right may be used, by any of the groups that grant it. A condition that cannot
    /// be met here denies.
    ///
    /// # Errors
    ///
    /// [`Denied`]: what the first group that grants the right asks for and does not get.
    pub fn exercise(
        &self,
        kind: RightKind,
        circumstances: &Circumstances<'_>,
    ) -> Result<Permission, Denied> {
        let mut denied = None;
        for group in &self.rights {
            let Some(right) = group.rights.iter().find(|right| right.kind == kind) else {
                continue;
            };
            match judge(group, right, circumstances) {
                Ok(permission) => return Ok(permission),
                Err(reason) => denied = denied.or(Some(reason)),
            }
        }
        Err(denied.unwrap_or(Denied::NotGranted(kind)))
    }
}

pub(super) fn judge(
    group: &RightsGroup,
    right: &Right,
    circumstances: &Circumstances<'_>,
) -> Result<Permission, Denied> {
    let period = group.bundle.period;
    let now = circumstances.now_unix_s;
    if let Some(from_unix_s) = period.from_unix_s.filter(|from| now < *from) {
        return Err(Denied::NotYet { from_unix_s });
    }
    if let Some(until_unix_s) = period.until_unix_s.filter(|until| now >= *until) {
        return Err(Denied::Ended { until_unix_s });
    }
    check_place(&group.bundle.territory, circumstances.location)?;
    check_place(&right.territory, circumstances.location)?;
    check_access(&group.bundle.access, circumstances.authenticated)?;
    check_access(&right.access, circumstances.authenticated)?;
    if !right.fees.is_empty() {
        return Err(Denied::Fee);
    }
    if let Some(tracking) = right.tracking.first() {
        let object = &tracking.provider;
        let provider = object.name.as_ref().unwrap_or(&object.id).to_string();
        return Err(Denied::Tracking { provider });
    }
    let kinds = RightKind::ALL.into_iter().zip(circumstances.used);
    let used = kinds
        .filter(|(kind, _)| *kind == right.kind)
        .map(|(_, used)| used)
        .sum();
    let remaining = right.max_count.map(|max| max.saturating_sub(used));
    match (right.max_count, remaining) {
        (Some(max), Some(0)) => Err(Denied::Spent { max }),
        _ => Ok(Permission {
            kind: right.kind,
            remaining,
            until_unix_s: period.until_unix_s,
        }),
    }
}

fn check_place(allowed: &[Location], here: Option<&Location>) -> Result<(), Denied> {
    let known = here.is_some_and(|here| allowed.iter().any(|place| place.covers(here)));
    if allowed.is_empty() || known {
        Ok(())
    } else {
        Err(Denied::Place)
    }
}

fn check_access(access: &[Access], authenticated: &[Reference]) -> Result<(), Denied> {
    let missing = |alternative: &Access| match alternative {
        Access::Licensor => None,
        Access::Principals(needed) => Some(
            needed
                .iter()
                .map(|needed| &needed.reference)
                .filter(|needed| !authenticated.contains(needed))
                .cloned()
                .collect::<Vec<_>>(),
        ),
    };
    let mut alternatives = access.iter().filter_map(missing).peekable();
    match alternatives.peek().cloned() {
        _ if access.is_empty() => Ok(()),
        None => Err(Denied::LicensorOnly),
        Some(needed) => {
            if alternatives.any(|missing| missing.is_empty()) {
                Ok(())
            } else {
                Err(Denied::Principals { needed })
            }
        }
    }
}
