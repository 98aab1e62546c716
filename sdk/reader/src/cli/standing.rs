//! How the rights to a copy at level 5 stand now, on this reader.

use std::path::Path;

use colophon_reader::reading::printable;
use colophon_reader::repository::{Permission, RepositoryFailure};
use colophon_reader::{Document, UnlockError};
use colophon_title::Level;
use colophon_title::license::{Access, License, PERSONA, Period, RightKind, RightsGroup};
use serde_json::{Value, json};

use crate::cli::failure::{Failure, chain};
use crate::cli::licensed::Use;
use crate::cli::output::moment;
use crate::cli::places::Places;

/// What may be done now, for each kind of right that the license grants.
pub(crate) struct Standing(Vec<(RightKind, Result<Permission, UnlockError>)>);

impl Standing {
    /// Asks the secure repository of an activated reader; uses nothing. Nothing is known where the
    /// reader was never activated, or below level 5.
    pub(crate) fn of(
        places: &Places,
        path: &Path,
        document: &mut Document,
    ) -> Result<Option<Standing>, Failure> {
        let about = document.about();
        let license = about.license.as_ref().map(|report| report.license.clone());
        let Some(license) = license.filter(|_| about.level == Level::FullyIndividualized) else {
            return Ok(None);
        };
        if places.activation()?.is_none() {
            return Ok(None);
        }
        let using = Use::of(places, path, document)?;
        let granted = RightKind::ALL.into_iter();
        let granted = granted.filter(|kind| maxima(&license, *kind).next().is_some());
        let judged = granted.map(|kind| (kind, using.standing(document, kind)));
        Ok(Some(Standing(judged.collect())))
    }

    /// One line for each kind of right.
    pub(crate) fn words(&self, license: &License) -> Vec<String> {
        let lines = self.0.iter().map(|(kind, judged)| {
            let words = match judged {
                Ok(permission) => allowed(permission, maxima(license, *kind)),
                Err(UnlockError::Repository(RepositoryFailure::Denied(story))) => {
                    format!("no: {}", printable(&story.detail))
                }
                Err(error) => format!("not known: {}", printable(&chain(error))),
            };
            format!("{} {words}", kind.as_str())
        });
        lines.collect()
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let kinds = self.0.iter().map(|(kind, judged)| {
            let judged = match judged {
                Ok(permission) => json!({
                    "allowed": true,
                    "left": permission.remaining,
                    "until_unix_s": permission.until_unix_s,
                }),
                Err(UnlockError::Repository(failure)) => {
                    json!({ "allowed": false, "reason": failure.reason() })
                }
                Err(_) => json!({ "allowed": false, "reason": null }),
            };
            (kind.as_str().to_owned(), judged)
        });
        Value::Object(kinds.collect())
    }
}

/// Whether what may be done with a copy is another thing at another time, in another place or after
/// it was done. Where it is not, the license says it all, and the secure repository, which takes a
/// second to be made ready, has nothing to add.
pub(crate) fn varies(rights: &[RightsGroup]) -> bool {
    let persona_alone = |access: &Access| match access {
        Access::Principals(needed) => needed.iter().all(|one| one.reference.as_str() == PERSONA),
        Access::Licensor => false,
    };
    let is_open = |access: &[Access]| access.is_empty() || access.iter().any(persona_alone);
    let always = |group: &RightsGroup| {
        let bundle = &group.bundle;
        let mut rights = group.rights.iter();
        bundle.period == Period::default()
            && bundle.territory.is_empty()
            && is_open(&bundle.access)
            && rights.all(|right| {
                right.max_count.is_none()
                    && right.fees.is_empty()
                    && right.tracking.is_empty()
                    && right.territory.is_empty()
                    && is_open(&right.access)
            })
    };
    !rights.iter().all(always)
}

/// How often each group grants a kind of right.
fn maxima(license: &License, kind: RightKind) -> impl Iterator<Item = Option<u32>> {
    let rights = license.rights.iter().flat_map(|group| &group.rights);
    let of_kind = rights.filter(move |right| right.kind == kind);
    of_kind.map(|right| right.max_count)
}

fn allowed(permission: &Permission, mut maxima: impl Iterator<Item = Option<u32>>) -> String {
    // Which of several groups it is that allows it, is not told.
    let max = maxima.next().flatten().filter(|_| maxima.next().is_none());
    let count = match (permission.remaining, max) {
        (Some(left), Some(max)) => format!(": {left} of {max} left"),
        (Some(left), None) => format!(": {left} left"),
        (None, _) => String::new(),
    };
    let until = permission.until_unix_s;
    let until = until.map(|until| format!(", until {}", moment(until)));
    format!("yes{count}{}", until.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use colophon_title::license::RightsTemplate;

    #[track_caller]
    fn check_varies(bundle: &str, rights: &str, expected: bool) {
        let text = format!(
            "<rights xmlns=\"urn:colophon:license:1\"><rights-group name=\"a\"><bundle>{bundle}\
             </bundle>{rights}</rights-group></rights>"
        );
        let template = RightsTemplate::read(text.as_bytes()).unwrap();
        assert_eq!(varies(&template.rights), expected, "{text}");
    }

    #[test]
    fn a_repository_is_asked_where_the_license_does_not_say_it_all() {
        let persona = "<access><needs principal=\"persona\"/></access>";
        let reader = "<access><needs principal=\"reader\"/></access>";
        let place = "<location country=\"DE\"/>";
        check_varies("", "<view/>", false);
        check_varies(persona, "<view/><print/><copy/>", false);
        check_varies(&format!("{reader}{persona}"), "<view/>", false);
        check_varies(reader, "<view/>", true);
        check_varies("<access licensor=\"true\"/>", "<view/>", true);
        check_varies("<time until=\"9\"/>", "<view/>", true);
        check_varies(place, "<view/>", true);
        check_varies(persona, "<view/><print max-count=\"1\"/>", true);
        check_varies("", &format!("<view>{place}</view>"), true);
        check_varies("", &format!("<view>{reader}</view>"), true);
    }

    #[track_caller]
    fn check(remaining: Option<u32>, until: Option<i64>, maxima: &[Option<u32>], words: &str) {
        let permission = Permission {
            remaining,
            until_unix_s: until,
        };
        assert_eq!(allowed(&permission, maxima.iter().copied()), words);
    }

    #[test]
    fn what_is_left_is_said_of_what_there_was() {
        check(None, None, &[None], "yes");
        check(Some(2), None, &[Some(3)], "yes: 2 of 3 left");
        check(Some(2), None, &[Some(3), Some(9)], "yes: 2 left");
        let until = "yes, until 2027-01-15 08:00 UTC";
        check(None, Some(1_800_000_000), &[None], until);
    }
}
