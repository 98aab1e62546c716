//! Whether one license grants no more than another.

use super::{
    Access, License, LicenseKind, Location, Principal, PrincipalKind, Right, RightKind, RightsGroup,
};

/// In what a license goes beyond the one it was delegated by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Widened {
    /// It is about another work.
    #[error("it is about another work")]
    Work,
    /// It was issued before the delegation.
    #[error("it was issued before the delegation")]
    Issued,
    /// It was issued when the delegation had ended.
    #[error("it was issued when the delegation had ended")]
    Ended,
    /// It passes rights on for longer than the delegation lasts.
    #[error("it lasts longer than the delegation")]
    Until,
    /// It grants a right that was not delegated on these conditions.
    #[error("the {} right of group {group} was not delegated on these conditions", .kind.as_str())]
    Right {
        /// The group.
        group: String,
        /// The right.
        kind: RightKind,
    },
}

impl License {
    /// Checks that this license grants no more than `held`, which its licensor holds.
    ///
    /// Every right must lie within one delegated right of its kind: its time within that time,
    /// its places within those places, as many principals to be authenticated, no higher count,
    /// and every fee and every tracking provider kept. Splitting a right into groups multiplies
    /// nothing, for a right is counted once for the whole license.
    pub(super) fn check_within(&self, held: &License) -> Result<(), Widened> {
        let (work, from) = (&self.work, &held.work);
        let parts = from.parts.is_empty() || from.parts == work.parts;
        if !work.object.is_same(&from.object) || !parts {
            return Err(Widened::Work);
        }
        if self.issued_at_unix_s < held.issued_at_unix_s {
            return Err(Widened::Issued);
        }
        if let Some(end) = held.grants_until_unix_s {
            if self.issued_at_unix_s >= end {
                return Err(Widened::Ended);
            }
            let ends = self.grants_until_unix_s.is_some_and(|own| own <= end);
            if self.kind == LicenseKind::Delegation && !ends {
                return Err(Widened::Until);
            }
        }
        for group in &self.rights {
            for right in &group.rights {
                let granted = Granted {
                    license: self,
                    group,
                    right,
                };
                if !granted_rights(held).any(|delegated| granted.is_within(&delegated)) {
                    return Err(Widened::Right {
                        group: group.name.to_string(),
                        kind: right.kind,
                    });
                }
            }
        }
        Ok(())
    }
}

/// A right with everything it depends on.
struct Granted<'l> {
    license: &'l License,
    group: &'l RightsGroup,
    right: &'l Right,
}

fn granted_rights(license: &License) -> impl Iterator<Item = Granted<'_>> {
    license.rights.iter().flat_map(move |group| {
        group.rights.iter().map(move |right| Granted {
            license,
            group,
            right,
        })
    })
}

impl<'l> Granted<'l> {
    fn is_within(&self, delegated: &Granted<'_>) -> bool {
        let (mine, theirs) = (self.right, delegated.right);
        let count = theirs
            .max_count
            .is_none_or(|most| mine.max_count.is_some_and(|count| count <= most));
        mine.kind == theirs.kind
            && count
            && self
                .group
                .bundle
                .period
                .is_within(delegated.group.bundle.period)
            && theirs.fees.iter().all(|fee| mine.fees.contains(fee))
            && theirs
                .tracking
                .iter()
                .all(|provider| mine.tracking.contains(provider))
            && self.places_are_within(&delegated.group.bundle.territory)
            && self.places_are_within(&theirs.territory)
            && self.access_is_within(delegated, &delegated.group.bundle.access)
            && self.access_is_within(delegated, &theirs.access)
    }

    /// A right may be used where both its lists allow; it is enough that one of them lies within.
    fn places_are_within(&self, allowed: &[Location]) -> bool {
        let within = |places: &[Location]| {
            let covered = |place| allowed.iter().any(|outer| outer.covers(place));
            !places.is_empty() && places.iter().all(covered)
        };
        allowed.is_empty() || within(&self.group.bundle.territory) || within(&self.right.territory)
    }

    /// The same for who must be authenticated: each alternative must ask for all that one of the
    /// delegated alternatives asks for.
    fn access_is_within(&self, delegated: &Granted<'_>, demanded: &[Access]) -> bool {
        let within = |access: &'l [Access]| {
            let strict = |alternative: &Access| {
                demanded
                    .iter()
                    .any(|demand| self.asks_for_all(alternative, delegated.license, demand))
            };
            !access.is_empty() && access.iter().all(strict)
        };
        demanded.is_empty() || within(&self.group.bundle.access) || within(&self.right.access)
    }

    fn asks_for_all(&self, alternative: &Access, held: &License, demand: &Access) -> bool {
        match (alternative, demand) {
            (Access::Principals(mine), Access::Principals(theirs)) => {
                theirs.iter().all(|demanded| {
                    let wanted = held.principal(demanded);
                    // The delegate itself is authenticated by its signature.
                    wanted.is_some_and(|wanted| {
                        wanted.kind == PrincipalKind::Licensor
                            || mine.iter().any(|needed| {
                                self.license
                                    .principal(needed)
                                    .is_some_and(|needed| is_same(needed, wanted))
                            })
                    })
                })
            }
            // What was kept for the licensor itself passes to nobody, its delegate included.
            (Access::Licensor, _) | (_, Access::Licensor) => false,
        }
    }
}

/// Two licenses may call one principal by two names.
fn is_same(a: &Principal, b: &Principal) -> bool {
    a.kind == b.kind && a.object.is_same(&b.object) && a.authenticator == b.authenticator
}
