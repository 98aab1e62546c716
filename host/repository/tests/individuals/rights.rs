//! Which rights are given, how often, and what becomes of counts that somebody touches.

use std::fs;
use std::path::Path;

use colophon_crypto::{Engine, Portable};
use colophon_reader::repository::{Circumstances, Repository};
use colophon_title::license::{
    Access, AccessPrincipal, Authenticator, Bundle, Location, Period, Principal, PrincipalKind,
    Reference, Right, RightKind, RightsGroup, Verification,
};

use crate::support::shop::{copy, line};
use crate::support::{Made, NOW, compiled, counts, now, open, reason, usual, vector};

/// A repository, with where its counts are kept.
struct Desk {
    made: Made,
    repository: Repository,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let made = usual();
        Desk {
            repository: compiled(&made.individual),
            folder: tempfile::tempdir().expect("a folder"),
            made,
        }
    }

    /// What comes of using a right once, in a reader that was started for it.
    fn uses(&self, file: &[u8], kind: RightKind, circumstances: &Circumstances) -> String {
        let counts = counts(self.folder.path());
        let mut title = open(&self.repository, &self.made.device, counts, file).expect("a title");
        reason(title.exercise(kind, circumstances))
    }

    fn prints(&self, file: &[u8]) -> String {
        self.uses(file, RightKind::Print, &now())
    }

    fn counts_file(&self) -> std::path::PathBuf {
        self.folder.path().join("counts")
    }

    fn witness_file(&self) -> std::path::PathBuf {
        self.folder.path().join("elsewhere/witness")
    }
}

fn group(rights: Vec<Right>) -> RightsGroup {
    RightsGroup {
        name: line("main"),
        description: None,
        bundle: Bundle::default(),
        rights,
    }
}

fn view() -> Right {
    Right::unconditional(RightKind::View)
}

fn counted(kind: RightKind, max: u32) -> Right {
    Right {
        max_count: Some(max),
        ..Right::unconditional(kind)
    }
}

#[test]
fn counts_survive_a_restart_and_end() {
    let desk = Desk::new();
    let file = vector("whale.level-5.epub");
    for _ in 0..3 {
        assert_eq!(desk.prints(&file), "opened");
    }
    assert_eq!(desk.prints(&file), "spent");
    assert_eq!(desk.uses(&file, RightKind::View, &now()), "opened");
    assert_eq!(desk.uses(&file, RightKind::Copy, &now()), "not-granted");
    // Judging uses nothing, and says what is left.
    let fresh = tempfile::tempdir().expect("a folder");
    let counts = counts(fresh.path());
    let title = open(&desk.repository, &desk.made.device, counts, &file);
    let mut title = title.expect("a title");
    for _ in 0..5 {
        let judged = title.judge(RightKind::Print, &now()).expect("a permission");
        assert_eq!(judged.remaining, Some(3));
    }
}

#[test]
fn two_copies_are_counted_apart() {
    let desk = Desk::new();
    let rights = [group(vec![view(), counted(RightKind::Print, 1)])];
    let (one, two) = (copy(&rights, &[], "t-1"), copy(&rights, &[], "t-2"));
    assert_eq!(desk.prints(&one), "opened");
    assert_eq!(desk.prints(&one), "spent");
    assert_eq!(desk.prints(&two), "opened");
    assert_eq!(desk.prints(&two), "spent");
}

#[test]
fn readers_side_by_side_share_one_count() {
    let desk = Desk::new();
    let file = vector("whale.level-5.epub");
    let start = || {
        let counts = counts(desk.folder.path());
        open(&desk.repository, &desk.made.device, counts, &file).expect("a title")
    };
    let (mut one, mut two) = (start(), start());
    let reasons: Vec<String> = [0, 1, 0, 1]
        .into_iter()
        .map(|at| {
            let title = if at == 0 { &mut one } else { &mut two };
            reason(title.exercise(RightKind::Print, &now()))
        })
        .collect();
    assert_eq!(reasons, ["opened", "opened", "opened", "spent"]);
}

#[test]
fn counts_that_are_put_back_give_no_right_back() {
    let desk = Desk::new();
    let file = vector("whale.level-5.epub");
    assert_eq!(desk.prints(&file), "opened");
    let kept = |path: &Path| fs::read(path).expect("a file");
    let (old_counts, old_witness) = (kept(&desk.counts_file()), kept(&desk.witness_file()));
    assert_eq!(desk.prints(&file), "opened");
    assert_eq!(desk.prints(&file), "opened");
    let (counts, witness) = (kept(&desk.counts_file()), kept(&desk.witness_file()));

    fs::write(desk.counts_file(), &old_counts).expect("put back");
    assert_eq!(desk.prints(&file), "counts-put-back");
    // What is not counted is still given.
    assert_eq!(desk.uses(&file, RightKind::View, &now()), "opened");
    // Refusing does not make the old counts the newest.
    assert_eq!(desk.prints(&file), "counts-put-back");

    fs::remove_file(desk.counts_file()).expect("removed");
    assert_eq!(desk.prints(&file), "counts-put-back");

    fs::write(desk.counts_file(), &counts).expect("put back");
    fs::remove_file(desk.witness_file()).expect("removed");
    assert_eq!(desk.prints(&file), "counts-put-back");

    for at in [0, counts.len() / 2, counts.len() - 1] {
        let mut damaged = counts.clone();
        damaged[at] ^= 1;
        fs::write(desk.counts_file(), &damaged).expect("damaged");
        fs::write(desk.witness_file(), &witness).expect("put back");
        assert_eq!(desk.prints(&file), "counts-damaged");
    }

    fs::write(desk.counts_file(), &counts).expect("put back");
    assert_eq!(desk.prints(&file), "spent");

    // This cannot be found out on the machine alone, and the documentation says so.
    fs::write(desk.counts_file(), &old_counts).expect("put back");
    fs::write(desk.witness_file(), &old_witness).expect("put back");
    assert_eq!(desk.prints(&file), "opened");
}

#[test]
fn a_reader_that_is_stopped_between_the_two_files_goes_on() {
    let desk = Desk::new();
    let file = vector("whale.level-5.epub");
    assert_eq!(desk.prints(&file), "opened");
    let witness = fs::read(desk.witness_file()).expect("a file");
    assert_eq!(desk.prints(&file), "opened");
    fs::write(desk.witness_file(), witness).expect("put back");
    assert_eq!(desk.prints(&file), "opened");
    assert_eq!(desk.prints(&file), "spent");
}

#[test]
fn a_use_that_cannot_be_written_down_is_none() {
    let desk = Desk::new();
    let file = vector("whale.level-5.epub");
    // A folder stands where the counts should be written.
    fs::create_dir(desk.counts_file()).expect("a folder");
    assert_eq!(desk.prints(&file), "counts");
    assert_eq!(desk.prints(&file), "counts");
}

#[test]
fn time_begins_ends_and_does_not_go_back() {
    let desk = Desk::new();
    let mut timed = group(vec![view()]);
    timed.bundle.period = Period {
        from_unix_s: Some(NOW),
        until_unix_s: Some(NOW + 100_000),
    };
    let file = copy(&[timed], &[], "t-1");
    let at = |now_unix_s| {
        let circumstances = Circumstances {
            now_unix_s,
            ..now()
        };
        desk.uses(&file, RightKind::View, &circumstances)
    };
    assert_eq!(at(NOW - 1), "not-yet");
    assert_eq!(at(NOW), "opened");
    assert_eq!(at(NOW + 100_000), "ended");
    // The clock is set back to within the time: that it was over was kept.
    assert_eq!(at(NOW + 99_999), "ended");
    assert_eq!(at(NOW - 1), "ended");
}

/// A desk with copies whose right to view ends, and the clock they are opened at.
fn ending(until_unix_s: i64, transaction: &str) -> Vec<u8> {
    let mut timed = group(vec![view()]);
    timed.bundle.period.until_unix_s = Some(until_unix_s);
    copy(&[timed], &[], transaction)
}

fn uses_at(desk: &Desk, file: &[u8], kind: RightKind, now_unix_s: i64) -> String {
    let circumstances = Circumstances {
        now_unix_s,
        ..now()
    };
    desk.uses(file, kind, &circumstances)
}

#[test]
fn a_clock_that_ran_ahead_ends_the_right_it_was_shown_and_no_other() {
    let desk = Desk::new();
    let (short, long) = (ending(NOW + 100, "t-1"), ending(NOW + 100_000, "t-2"));
    let views = |file, now| uses_at(&desk, file, RightKind::View, now);
    assert_eq!(views(&short, NOW + 1_000_000_000), "ended");
    assert_eq!(views(&short, NOW), "ended");
    assert_eq!(views(&long, NOW), "opened");
}

#[test]
fn a_clock_that_ran_ahead_under_one_license_takes_nothing_of_another() {
    let (short, long) = (ending(NOW + 100, "t-1"), ending(NOW + 100_000, "t-2"));
    let print = copy(
        &[group(vec![view(), counted(RightKind::Print, 9)])],
        &[],
        "t-3",
    );
    for (shown, kind, at, outcome) in [
        (&long, RightKind::View, NOW + 1_000_000_000, "ended"),
        (&long, RightKind::View, NOW + 99_999, "opened"),
        (&print, RightKind::Print, NOW + 1_000_000_000, "opened"),
    ] {
        let desk = Desk::new();
        assert_eq!(uses_at(&desk, shown, kind, at), outcome);
        assert_eq!(uses_at(&desk, &short, RightKind::View, NOW), "opened");
    }
}

/// Under one license, printing without an end says nothing about a right to view that ends.
#[test]
fn a_use_of_a_right_that_does_not_end_ends_none() {
    let desk = Desk::new();
    let mut timed = group(vec![view()]);
    timed.bundle.period.until_unix_s = Some(NOW + 100);
    let mut printing = group(vec![counted(RightKind::Print, 9)]);
    printing.name = line("printing");
    let file = copy(&[timed, printing], &[], "t-1");
    let late = NOW + 1_000_000_000;
    assert_eq!(uses_at(&desk, &file, RightKind::Print, late), "opened");
    assert_eq!(uses_at(&desk, &file, RightKind::View, NOW), "opened");
}

#[test]
fn a_time_seen_is_kept_before_the_end_too() {
    let desk = Desk::new();
    let mut timed = group(vec![view()]);
    timed.bundle.period = Period {
        from_unix_s: Some(NOW),
        until_unix_s: Some(NOW + 100_000),
    };
    let file = copy(&[timed], &[], "t-1");
    let at = |now_unix_s| {
        let circumstances = Circumstances {
            now_unix_s,
            ..now()
        };
        desk.uses(&file, RightKind::View, &circumstances)
    };
    assert_eq!(at(NOW + 99_999), "opened");
    // The clock is set back to before the license began: the later time was kept.
    assert_eq!(at(NOW - 1), "opened");
    // Without what was kept nobody knows which times have been.
    let counts = fs::read(desk.counts_file()).expect("a file");
    fs::remove_file(desk.counts_file()).expect("thrown away");
    assert_eq!(at(NOW + 1), "counts-put-back");
    fs::write(desk.counts_file(), [&counts[..1], &[0; 40]].concat()).expect("damaged");
    assert_eq!(at(NOW + 1), "counts-damaged");
    fs::write(desk.counts_file(), counts).expect("put back");
    assert_eq!(at(NOW + 1), "opened");
}

#[test]
fn a_place_must_be_known_and_the_right_one() {
    let desk = Desk::new();
    let mut here = group(vec![view()]);
    here.bundle.territory = vec![Location::country("DE").expect("a country")];
    let file = copy(&[here], &[], "t-1");
    let at = |country: Option<&str>| {
        let circumstances = Circumstances {
            location: country.and_then(Location::country),
            ..now()
        };
        desk.uses(&file, RightKind::View, &circumstances)
    };
    assert_eq!(at(None), "place");
    assert_eq!(at(Some("FR")), "place");
    assert_eq!(at(Some("DE")), "opened");
}

fn principal(name: &str, kind: PrincipalKind, verification: Verification) -> Principal {
    Principal {
        reference: Reference::parse(name).expect("a name"),
        kind,
        object: colophon_title::license::Object {
            id_type: line("test"),
            id: line(name),
            name: None,
        },
        authenticator: Authenticator {
            method: line("shown"),
            class: None,
            verification,
        },
    }
}

fn needs(name: &str) -> Access {
    Access::Principals(vec![AccessPrincipal {
        reference: Reference::parse(name).expect("a name"),
        enabling_bits: None,
    }])
}

#[test]
fn principals_that_a_right_names_are_authenticated() {
    let desk = Desk::new();
    let digest = |text: &str| Verification::Sha256(Portable.digest(&[text.as_bytes()]));
    let principals = [
        principal("reader", PrincipalKind::Application, digest("a reader")),
        principal(
            "here",
            PrincipalKind::Device,
            digest(&desk.made.device.machine),
        ),
        principal(
            "there",
            PrincipalKind::Device,
            digest("00112233445566778899aabbccddeeff"),
        ),
        principal(
            "other",
            PrincipalKind::Person,
            Verification::PublicKey(vec![1, 2, 3]),
        ),
    ];
    let outcome = |name: &str, shown: &[&[u8]]| {
        let mut conditioned = group(vec![view()]);
        conditioned.bundle.access = vec![needs(name)];
        let file = copy(&[conditioned], &principals, name);
        let circumstances = Circumstances {
            shown: shown.iter().map(|shown| shown.to_vec()).collect(),
            ..now()
        };
        desk.uses(&file, RightKind::View, &circumstances)
    };
    assert_eq!(outcome("reader", &[]), "principals");
    assert_eq!(outcome("reader", &[b"another reader"]), "principals");
    assert_eq!(outcome("reader", &[b"x", b"a reader"]), "opened");
    assert_eq!(outcome("here", &[]), "opened");
    assert_eq!(outcome("there", &[]), "principals");
    assert_eq!(outcome("other", &[]), "principals");
}
