//! Rights that are granted and that nobody will ever use.

use std::fmt;

use super::exercise::{Circumstances, judge};
use super::{
    Denied, Line, Location, Principal, PrincipalKind, Reference, Right, RightKind, RightsGroup,
    RightsTemplate, Verification,
};

/// A right that no reader lets anybody use, whatever the circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VainRight {
    /// The group that grants it.
    pub group: Line,
    /// The right.
    pub kind: RightKind,
    /// What stands in the way in the best of circumstances.
    pub because: Denied,
}

impl fmt::Display for VainRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        write!(
            f,
            "the {kind} right of group {} cannot be used: ",
            self.group
        )?;
        match &self.because {
            Denied::Place => f.write_str("its places are none of those of its group"),
            Denied::Principals { .. } => {
                write!(f, "{}, which no reader can do", self.because)
            }
            because @ (Denied::NotGranted(_)
            | Denied::NotYet { .. }
            | Denied::Ended { .. }
            | Denied::LicensorOnly
            | Denied::Spent { .. }
            | Denied::Fee
            | Denied::Tracking { .. }) => write!(f, "{because}"),
        }
    }
}

impl RightsTemplate {
    /// The rights that nobody can use from `now` on under licenses made with this template: they
    /// have ended, ask for what no reader does, or contradict their group. Empty where all can be
    /// used, sooner or later, somewhere, by somebody.
    #[must_use]
    pub fn in_vain(&self, now_unix_s: i64) -> Vec<VainRight> {
        let of_group = |group| self.in_vain_of(group, now_unix_s);
        self.rights.iter().flat_map(of_group).collect()
    }

    /// Whether nothing here lets anybody look at the work. What cannot be seen cannot be printed
    /// or copied either.
    #[must_use]
    pub fn shows_nothing(&self) -> bool {
        let mut rights = self.rights.iter().flat_map(|group| &group.rights);
        !rights.any(|right| right.kind == RightKind::View)
    }

    fn in_vain_of(&self, group: &RightsGroup, now_unix_s: i64) -> Vec<VainRight> {
        let rights = group.rights.iter();
        let vain = rights.filter_map(|right| {
            let because = self.denied_at_best(group, right, now_unix_s)?;
            Some(VainRight {
                group: group.name.clone(),
                kind: right.kind,
                because,
            })
        });
        vain.collect()
    }

    /// Why a right cannot be used in the best of circumstances; nothing if it can.
    fn denied_at_best(
        &self,
        group: &RightsGroup,
        right: &Right,
        now_unix_s: i64,
    ) -> Option<Denied> {
        let known = self.principals.iter().filter(|p| can_be_known(p));
        let authenticated: Vec<Reference> = known.map(|p| p.reference.clone()).collect();
        let begins = group.bundle.period.from_unix_s.unwrap_or(now_unix_s);
        let places = common(&group.bundle.territory, &right.territory);
        let mut denied = None;
        for location in places.iter().map(Some).chain([None]) {
            let circumstances = Circumstances {
                now_unix_s: begins.max(now_unix_s),
                authenticated: &authenticated,
                location,
                used: [0; RightKind::ALL.len()],
            };
            match judge(group, right, &circumstances) {
                Ok(_) => return None,
                // A place asked for first hides what else is asked for.
                Err(reason) if denied.is_none() || denied == Some(Denied::Place) => {
                    denied = Some(reason);
                }
                Err(_) => {}
            }
        }
        denied
    }
}

/// Places that are in one of each list; an empty list is everywhere.
fn common(outer: &[Location], inner: &[Location]) -> Vec<Location> {
    if outer.is_empty() || inner.is_empty() {
        return [outer, inner].concat();
    }
    let pairs = outer.iter().flat_map(|a| inner.iter().map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| in_both(a, b)).collect()
}

/// The widest place that is in both.
fn in_both(a: &Location, b: &Location) -> Option<Location> {
    let narrower = |a: &Option<Line>, b: &Option<Line>| a.clone().or_else(|| b.clone());
    let both = Location {
        country: a.country,
        region: narrower(&a.region, &b.region),
        city: narrower(&a.city, &b.city),
        postal_code: narrower(&a.postal_code, &b.postal_code),
    };
    b.covers(&both).then_some(both)
}

/// Whether some reader might find a principal there. None vouches for versions and strengths, and
/// of keys each has but its persona's.
fn can_be_known(principal: &Principal) -> bool {
    let authenticator = &principal.authenticator;
    let by = match authenticator.verification {
        Verification::PublicKey(_) => principal.kind == PrincipalKind::Person,
        Verification::Sha256(_) => true,
    };
    by && authenticator.class.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::{Authenticator, Object, SecurityClass};

    const NOW: i64 = 1_800_000_000;

    fn template(bundle: &str, rights: &str) -> RightsTemplate {
        let document = format!(
            "<rights xmlns=\"urn:colophon:license:1\"><rights-group name=\"a\">\
             <bundle>{bundle}</bundle>{rights}</rights-group></rights>"
        );
        RightsTemplate::read(document.as_bytes()).unwrap()
    }

    #[track_caller]
    fn check_template(template: &RightsTemplate, expected: &[(&str, &str)]) {
        let vain = template.in_vain(NOW);
        let found = vain.iter();
        let found = found.map(|right| (right.kind.as_str(), right.because.reason()));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{vain:?}");
    }

    #[track_caller]
    fn check(bundle: &str, rights: &str, expected: &[(&str, &str)]) {
        check_template(&template(bundle, rights), expected);
    }

    #[test]
    fn what_can_be_used_somewhere_some_time_is_not_vain() {
        check("", "<view/><print max-count=\"1\"/>", &[]);
        check(
            "<time from=\"1900000000\" until=\"1900000001\"/>",
            "<view/>",
            &[],
        );
        check("<time until=\"1800000001\"/>", "<view/>", &[]);
        let places = "<location country=\"DE\"/><location country=\"FR\" city=\"Brest\"/>";
        let narrower = "<view><location country=\"FR\" region=\"Bretagne\"/></view>";
        check(places, narrower, &[]);
    }

    #[test]
    fn a_right_that_is_over_is_vain() {
        let vain = [("view", "ended"), ("copy", "ended")];
        check("<time until=\"1800000000\"/>", "<view/><copy/>", &vain);
    }

    #[test]
    fn places_that_exclude_each_other_are_vain() {
        let vain = [("print", "place")];
        let there = "<view/><print><location country=\"FR\" city=\"Brest\"/></print>";
        check("<location country=\"DE\"/>", there, &vain);
        check("<location country=\"FR\" city=\"Paris\"/>", there, &vain);
    }

    #[test]
    fn what_no_reader_does_is_vain() {
        let fee = "<print><fee per=\"use\" amount=\"5\" currency=\"EUR\">\
                   <to account=\"x\" url=\"https://x.example\"></to></fee></print>";
        check("", fee, &[("print", "fee")]);
        let track = "<copy><track url=\"https://x.example\">\
                     <object type=\"x\" id=\"x\"></object></track></copy>";
        check("", track, &[("copy", "tracking")]);
        let own = "<access licensor=\"true\"/>";
        check(own, "<view/>", &[("view", "licensor-only")]);
        // Named is what stands in the way in the right place.
        let there = "<location country=\"DE\"/>";
        check(there, fee, &[("print", "fee")]);
    }

    #[test]
    fn principals_that_no_reader_knows_are_vain() {
        let key = || Verification::PublicKey(vec![1]);
        let class = SecurityClass {
            version_min: (1, 0),
            version_max: None,
            security_level_min: 1,
        };
        let vain = [("view", "principals")];
        for (kind, verification, class, expected) in [
            (
                PrincipalKind::Device,
                Verification::Sha256([0; 32]),
                None,
                &[][..],
            ),
            (PrincipalKind::Person, key(), None, &[]),
            (PrincipalKind::Device, key(), None, &vain),
            (
                PrincipalKind::Application,
                Verification::Sha256([0; 32]),
                Some(class),
                &vain,
            ),
        ] {
            let mut needing = template("<access><needs principal=\"p\"/></access>", "<view/>");
            needing.principals.push(Principal {
                reference: Reference::parse("p").unwrap(),
                kind,
                object: Object {
                    id_type: Line::fixed("x"),
                    id: Line::fixed("x"),
                    name: None,
                },
                authenticator: Authenticator {
                    method: Line::fixed("x"),
                    class,
                    verification,
                },
            });
            check_template(&needing, expected);
        }
    }

    #[test]
    fn what_shows_nothing_is_told_apart() {
        assert!(template("", "<print/>").shows_nothing());
        assert!(!template("", "<view/>").shows_nothing());
    }
}
