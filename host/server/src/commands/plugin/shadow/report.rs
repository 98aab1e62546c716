//! What came of recorded questions that a version was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use colophon_core::capability::Name;
use colophon_core::decision::Difference;
use colophon_core::rollout::PluginVersion;
use colophon_plugin_host::{HostQuestion, Record, Role, Shadow};
use colophon_receipt::CenterId;
use colophon_store::decisions::DecisionRow;
use serde::{Serialize, Serializer};

use super::super::decisions::instant;
use super::super::sale::Sale;
use crate::output::{cut, table};

/// Differing decisions that people are shown; programs get all.
const SHOWN_MAX: usize = 20;

/// What came of all recorded decisions.
#[derive(Serialize)]
pub(super) struct Report {
    center: String,
    plugin: String,
    version: String,
    /// Recorded decisions that were asked again.
    pub(super) asked: usize,
    pub(super) same: usize,
    /// By name: allow-to-deny, deny-to-allow, terms, reason, path, file-name, retailer, new-failure,
    /// mended, other-failure.
    different: BTreeMap<&'static str, usize>,
    /// Asked the host something that is not in the record.
    asked_new: usize,
    /// In a role that the version does not play.
    not_played: usize,
    /// Behind a question that it did not get past.
    not_reached: usize,
    /// Whose record does not have all that it takes, by why: too-large, service-away (the host's did
    /// not answer), timed-out (the plug-in was stopped by the clock), no-room (the host had none for
    /// it), unreadable (another release wrote it).
    not_replayable: BTreeMap<&'static str, usize>,
    /// Roles of the version in which it was asked no recorded question: nothing is known of what it
    /// will answer there.
    #[serde(rename = "roles_without_questions", serialize_with = "by_name")]
    pub(super) unasked: BTreeSet<Role>,
    /// Sales that would have gone another way.
    sales_changed: usize,
    /// Fuel for each unit that was recorded, where both came to an outcome.
    fuel_ratio: Option<f64>,
    /// The time that a call of the version may take, in milliseconds.
    time_ms: u64,
    /// Answers that took longer here, without the time of services. Machines differ, and none of them
    /// counts as changed for it.
    late: usize,
    /// The longest that one took, in milliseconds.
    slowest_ms: u64,
    changed: Vec<Changed>,
}

/// A decision that differs.
#[derive(Serialize)]
struct Changed {
    at: String,
    retailer: String,
    #[serde(flatten)]
    sale: Sale,
    decision: String,
    request: String,
    role: String,
    /// The version that was asked then.
    recorded_by: String,
    #[serde(flatten)]
    change: Change,
}

/// What differs.
#[derive(Serialize)]
pub(super) struct Change {
    change: &'static str,
    recorded: String,
    candidate: String,
    /// What it asked the host, where that is new.
    asked: Option<HostQuestion>,
}

/// Fuel where both came to an outcome.
#[derive(Default)]
pub(super) struct Fuel {
    recorded: u64,
    candidate: u64,
}

impl Report {
    pub(super) fn of(
        center: &CenterId,
        plugin: &Name,
        version: &PluginVersion,
        roles: BTreeSet<Role>,
        time: Duration,
    ) -> Self {
        Self {
            center: center.to_string(),
            plugin: plugin.to_string(),
            version: version.to_string(),
            asked: 0,
            same: 0,
            different: BTreeMap::new(),
            asked_new: 0,
            not_played: 0,
            not_reached: 0,
            not_replayable: BTreeMap::new(),
            unasked: roles,
            sales_changed: 0,
            fuel_ratio: None,
            time_ms: ms(time),
            late: 0,
            slowest_ms: 0,
            changed: Vec::new(),
        }
    }

    pub(super) fn count(&self, difference: Difference) -> usize {
        let count = self.different.get(difference.as_str());
        count.copied().unwrap_or_default()
    }

    /// Whether every decision that could be held against it is the same.
    pub(super) fn is_same(&self) -> bool {
        self.changed.is_empty()
    }

    /// How many decisions could not be asked again.
    pub(super) fn not_replayable(&self) -> usize {
        self.not_replayable.values().sum()
    }

    /// One decision cannot be asked again.
    pub(super) fn cannot(&mut self, why: &'static str) {
        *self.not_replayable.entry(why).or_default() += 1;
    }

    /// Counts what came of one decision, and says what differs.
    pub(super) fn add(
        &mut self,
        record: &Record,
        shadow: Shadow,
        fuel: &mut Fuel,
    ) -> Option<Change> {
        self.asked += 1;
        let before = record.outcome();
        let (change, candidate, asked) = match shadow {
            Shadow::Decided {
                outcome,
                fuel: taken,
                took,
            } => {
                let difference = Difference::between(&before, &outcome);
                self.unasked.remove(&record.role());
                fuel.recorded = fuel.recorded.saturating_add(record.fuel());
                fuel.candidate = fuel.candidate.saturating_add(taken);
                self.late += usize::from(ms(took) > self.time_ms);
                self.slowest_ms = self.slowest_ms.max(ms(took));
                if difference == Difference::None {
                    self.same += 1;
                    return None;
                }
                let change = difference.as_str();
                *self.different.entry(change).or_default() += 1;
                (change, outcome.to_string(), None)
            }
            Shadow::AskedNew(question) => {
                self.asked_new += 1;
                self.unasked.remove(&record.role());
                let told = format!("asked something new: {question}");
                ("asked-new", told, Some(question))
            }
            Shadow::NotPlayed => {
                self.not_played += 1;
                ("not-played", "does not play the role".to_owned(), None)
            }
            Shadow::NotReached => {
                self.not_reached += 1;
                return None;
            }
        };
        Some(Change {
            change,
            recorded: before.to_string(),
            candidate,
            asked,
        })
    }

    /// Lists a decision that differs.
    pub(super) fn tell(&mut self, row: &DecisionRow, sale: Sale, change: Change) {
        self.changed.push(Changed {
            at: instant(row.at),
            retailer: row.retailer.to_string(),
            sale,
            decision: row.id.to_string(),
            request: row.request.clone(),
            role: row.role.clone(),
            recorded_by: row.version.to_string(),
            change,
        });
    }

    pub(super) fn end(&mut self, fuel: &Fuel) {
        let ratio = || fuel.candidate as f64 / fuel.recorded as f64;
        self.fuel_ratio = (fuel.recorded > 0).then(ratio);
        self.sales_changed = sales(self.changed.iter());
    }

    /// How many sales would be denied that were allowed.
    pub(super) fn sales_denied(&self) -> usize {
        let denied = Difference::AllowToDeny.as_str();
        let changed = self.changed.iter();
        sales(changed.filter(|one| one.change.change == denied))
    }

    /// The first decision that differs in this way.
    pub(super) fn first(&self, change: &str) -> Option<String> {
        let first = self
            .changed
            .iter()
            .find(|one| one.change.change == change)?;
        let Change {
            recorded,
            candidate,
            ..
        } = &first.change;
        Some(format!(
            " Decision {}, as {}: {recorded}; now: {candidate}.",
            first.decision, first.role
        ))
    }

    /// That answers took longer than they may, where some did.
    pub(super) fn late(&self) -> Option<String> {
        (self.late > 0).then(|| {
            format!(
                "{} answers took longer here than the {} ms that a call of the version may take, the \
                 slowest {} ms: on a busy machine that may be the machine's fault.",
                self.late, self.time_ms, self.slowest_ms
            )
        })
    }

    /// The report as people read it.
    pub(super) fn told(&self) -> String {
        let Self {
            center,
            plugin,
            version,
            asked,
            ..
        } = self;
        let mut text = if *asked == 0 && self.not_replayable.is_empty() {
            format!("No decision of {plugin} is recorded in center {center}.")
        } else {
            format!(
                "{plugin} {version}, asked {asked} recorded questions:\n{}",
                table(&["", ""], self.counts())
            )
        };
        for role in &self.unasked {
            text.push('\n');
            text.push_str(&unasked(*role));
        }
        if let Some(late) = self.late() {
            text.push_str("\n\n");
            text.push_str(&late);
        }
        if let Some(changed) = self.changed() {
            text.push_str("\n\n");
            text.push_str(&changed);
        }
        text
    }

    /// The decisions that differ, as people read them: sales that would be denied first. None if
    /// there are none.
    pub(super) fn changed(&self) -> Option<String> {
        if self.is_same() {
            return None;
        }
        let sales = self.sales_changed;
        let noun = if sales == 1 { "sale" } else { "sales" };
        let mut text = format!(
            "{sales} {noun} would have gone another way:\n{}",
            self.list()
        );
        if let Some(more) = self.changed.len().checked_sub(SHOWN_MAX + 1) {
            let Self {
                center,
                plugin,
                version,
                ..
            } = self;
            text.push_str(&format!(
                "\n… and {} more; `colophon --json plugin shadow --center {center} {plugin} {version}` \
                 has all",
                more + 1
            ));
        }
        Some(text)
    }

    /// What was counted, without what was not there.
    fn counts(&self) -> Vec<Vec<String>> {
        let changes = Difference::ALL.into_iter();
        let changes = changes.filter(|one| *one != Difference::None);
        let changes = changes.map(|one| (one.as_str().to_owned(), self.count(one)));
        let others = [
            ("asked something new", self.asked_new),
            ("role not played", self.not_played),
            ("not reached", self.not_reached),
        ];
        let others = others.map(|(name, count)| (name.to_owned(), count));
        let not = self.not_replayable.iter();
        let not = not.map(|(why, count)| (format!("not replayable: {why}"), *count));
        let counted = changes.chain(others).chain(not);
        let counted = counted.filter(|(_, count)| *count > 0);
        let all = [("same".to_owned(), self.same)].into_iter().chain(counted);
        let mut rows: Vec<Vec<String>> = all
            .map(|(name, count)| vec![name, count.to_string()])
            .collect();
        if let Some(ratio) = self.fuel_ratio {
            rows.push(vec!["fuel".to_owned(), format!("{ratio:.2} times")]);
        }
        rows
    }

    fn list(&self) -> String {
        let told_first = |change: &str| {
            let mut names = Difference::ALL.iter().map(|one| one.as_str());
            names.position(|name| name == change).unwrap_or(usize::MAX)
        };
        let mut changed: Vec<&Changed> = self.changed.iter().collect();
        // Each kind stays in the order of time.
        changed.sort_by_key(|one| told_first(one.change.change));
        let changed = changed.into_iter().take(SHOWN_MAX).map(|one| {
            let day = one.at.split('T').next().unwrap_or_default();
            let sale = &one.sale;
            let sold = sale.transaction.clone();
            let sold = sold.unwrap_or_else(|| format!("request {}", one.request));
            let title = [&sale.book_id_type, &sale.book_id];
            let title: Vec<&str> = title.into_iter().flatten().map(String::as_str).collect();
            vec![
                day.to_owned(),
                one.retailer.clone(),
                sold,
                title.join(" "),
                one.change.change.to_owned(),
                brief(&one.change.recorded),
                brief(&one.change.candidate),
                one.decision.clone(),
            ]
        });
        table(
            &[
                "day", "retailer", "sale", "title", "change", "was", "would be", "decision",
            ],
            changed,
        )
    }
}

/// An outcome as a row shows it: of a trap only where it was, without who called that.
fn brief(outcome: &str) -> String {
    match outcome.split_once(" < ") {
        Some((innermost, _)) => format!("{} < …", cut(innermost)),
        None => cut(outcome).into_owned(),
    }
}

/// That nobody knows what a version will answer in a role.
pub(super) fn unasked(role: Role) -> String {
    let role = role.as_str();
    format!("No recorded question for {role}: nothing is known of what it will answer.")
}

fn by_name<S: Serializer>(roles: &BTreeSet<Role>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(roles.iter().map(|role| role.as_str()))
}

/// How many sales these decisions are of.
fn sales<'a>(changed: impl Iterator<Item = &'a Changed>) -> usize {
    let sales = changed.map(|one| {
        let sale = one.sale.transaction.as_ref();
        (&one.retailer, sale.unwrap_or(&one.request))
    });
    sales.collect::<BTreeSet<_>>().len()
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(number: usize, change: &'static str) -> Changed {
        Changed {
            at: "2027-01-01T00:00:00Z".to_owned(),
            retailer: "shop".to_owned(),
            sale: Sale {
                transaction: Some(format!("t-{number}")),
                ..Sale::default()
            },
            decision: String::new(),
            request: number.to_string(),
            role: String::new(),
            recorded_by: String::new(),
            change: Change {
                change,
                recorded: String::new(),
                candidate: String::new(),
                asked: None,
            },
        }
    }

    #[test]
    fn a_row_does_not_tell_who_called_what_trapped() {
        let trapped =
            "trapped: wasm `unreachable` instruction executed, in file-name < main < start";
        let shown = "trapped: wasm `unreachable` instruction executed, in file-name < …";
        assert_eq!(brief(trapped), shown);
        assert_eq!(brief("deny: closed"), "deny: closed");
    }

    #[test]
    fn a_sale_that_would_be_denied_is_not_lost_behind_others() {
        let version = "2".parse().unwrap();
        let center = "main".parse().unwrap();
        let rules = Name::parse("rules").unwrap();
        let roles = BTreeSet::from([Role::Policy]);
        let mut report = Report::of(&center, &rules, &version, roles, Duration::ZERO);
        assert_eq!(report.changed(), None);
        let others = (0..SHOWN_MAX + 5).map(|number| changed(number, "file-name"));
        report.changed.extend(others);
        report.changed.push(changed(99, "allow-to-deny"));
        report.end(&Fuel::default());
        assert_eq!(report.sales_denied(), 1);
        let told = report.changed().unwrap();
        assert!(
            told.starts_with("26 sales would have gone another way:\n"),
            "{told}"
        );
        let first = told.lines().nth(2).unwrap();
        assert!(first.contains("t-99"), "{told}");
        assert!(told.contains("… and 6 more; "), "{told}");
        assert!(
            told.contains("plugin shadow --center main rules 2"),
            "{told}"
        );
    }
}
