//! Which roots a repository believes licenses under: those it was made with, whatever the reader
//! that runs it says.

use std::collections::HashSet;

use colophon_activation::PinnedRoots;
use colophon_crypto::{AgreementKey, Engine, Portable};
use colophon_individual::TEMPLATE;
use colophon_reader::repository::{Repository, RepositoryFailure, Trust};
use colophon_title::license::{License, Right, RightKind};

use crate::support::authority::{Authority, relicensed};
use crate::support::shop::Licensor;
use crate::support::{
    Made, Seeded, believing, compiled, counts, now, open, open_under, pinned, reason, trust, usual,
    vector,
};

const FILE: &str = "whale.level-5.epub";

/// Everything, any number of times.
fn widen(license: &mut License) {
    for group in &mut license.rights {
        group.rights = RightKind::ALL.map(Right::unconditional).to_vec();
    }
}

/// The copy of the vectors, licensed once more by somebody else, with wider rights.
fn widened_by(licensor: &Licensor) -> Vec<u8> {
    relicensed(&vector(FILE), &trust().roots, widen, licensor)
}

fn believed(roots: &[Vec<u8>]) -> Trust {
    Trust {
        roots: roots.to_vec(),
        revocation_lists: Vec::new(),
    }
}

/// A repository in a reader of any kind.
struct Bench {
    repository: Repository,
    made: Made,
    folder: tempfile::TempDir,
}

impl Bench {
    fn of(made: Made) -> Bench {
        Bench {
            repository: compiled(&made.individual),
            folder: tempfile::tempdir().expect("a folder"),
            made,
        }
    }

    /// What comes of copying a title out, in a reader that tells the repository whom to believe.
    fn copies(&self, file: &[u8], trust: &Trust) -> String {
        let counts = counts(self.folder.path());
        let opened = open_under(trust, &self.repository, &self.made.device, counts, file);
        reason(opened.and_then(|mut title| title.exercise(RightKind::Copy, &now())))
    }
}

#[test]
fn a_license_by_a_licensor_of_ones_own_is_refused() {
    let own = Authority::new("An authority of my own");
    let file = widened_by(&own.licensor());
    let genuine = trust().roots;
    let both = believed(&[genuine.clone(), vec![own.root()]].concat());

    let bench = Bench::of(usual());
    assert_eq!(bench.copies(&file, &both), "license-root-not-pinned");
    let only_own = believed(&[own.root()]);
    assert_eq!(bench.copies(&file, &only_own), "license-root-not-pinned");
    let pem = believed(&[vector("keys/root.crt"), own.root()]);
    assert_eq!(bench.copies(&file, &pem), "license-root-not-pinned");
    // The genuine license is honored, and grants what it grants.
    assert_eq!(bench.copies(&vector(FILE), &both), "not-granted");

    // Nothing else is in the way of the copy: one made for that root gives everything out.
    let bench = Bench::of(believing(&pinned(&[own.root()])));
    assert_eq!(bench.copies(&file, &both), "opened");
    assert_eq!(
        bench.copies(&vector(FILE), &both),
        "license-root-not-pinned"
    );
}

#[test]
fn every_pinned_root_counts_and_a_genuine_one_from_elsewhere_does_not() {
    let [second, third, elsewhere] = ["Second", "Third", "Elsewhere"].map(Authority::new);
    let roots = [
        trust().roots,
        vec![second.root(), third.root(), elsewhere.root()],
    ];
    let told = believed(&roots.concat());
    let bench = Bench::of(believing(&pinned(&told.roots[..3])));
    assert_eq!(bench.copies(&vector(FILE), &told), "not-granted");
    for (authority, expected) in [
        (&second, "opened"),
        (&third, "opened"),
        (&elsewhere, "license-root-not-pinned"),
    ] {
        let file = widened_by(&authority.licensor());
        assert_eq!(bench.copies(&file, &told), expected);
        // Pinned or not, it counts only where the reader believes it too.
        assert_eq!(bench.copies(&file, &trust()), "license-licensor");
    }
}

#[test]
fn the_refusal_says_what_is_wrong() {
    let own = Authority::new("An authority of my own");
    let bench = Bench::of(usual());
    let counts = counts(bench.folder.path());
    let (trust, device) = (believed(&[own.root()]), &bench.made.device);
    let file = widened_by(&own.licensor());
    match open_under(&trust, &bench.repository, device, counts, &file) {
        Err(RepositoryFailure::Refused(story)) => assert!(
            story.detail.contains("not among those that were pinned"),
            "{story}"
        ),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn a_revocation_list_counts_where_it_is_handed_in() {
    let authority = Authority::new("Second");
    let file = widened_by(&authority.licensor());
    let bench = Bench::of(believing(&pinned(&[authority.root()])));
    let with_list = Trust {
        revocation_lists: vec![authority.revocation_list()],
        ..believed(&[authority.root()])
    };
    assert_eq!(bench.copies(&file, &with_list), "license-licensor-revoked");
    // A repository cannot know of a list that its reader keeps from it, and the documentation
    // says so.
    let without = believed(&[authority.root()]);
    assert_eq!(bench.copies(&file, &without), "opened");
}

#[test]
fn roots_that_somebody_else_puts_into_a_repository_are_none() {
    let own = Authority::new("An authority of my own");
    let made = usual();
    let key = |chance| AgreementKey::generate(&mut Seeded::new(chance));
    let sealed = |roots: &PinnedRoots, chance| roots.seal(&Portable, &key(chance));
    // Data lies in pieces of at least a kilobyte.
    let start = &sealed(&pinned(&trust().roots), "usual")[..64];
    let mut windows = made.individual.module.windows(start.len());
    let place = windows.position(|window| window == start).expect("roots");

    let with = |bytes: &[u8]| {
        let mut module = made.individual.module.clone();
        module[place..place + bytes.len()].copy_from_slice(bytes);
        let repository = Repository::compile(&module).expect("a repository that compiles");
        let folder = tempfile::tempdir().expect("a folder");
        let counts = counts(folder.path());
        reason(open(&repository, &made.device, counts, &vector(FILE)))
    };
    assert_eq!(with(start), "opened");
    let mut flipped = start.to_vec();
    flipped[40] ^= 1;
    assert_eq!(with(&flipped), "template");
    let others = sealed(&pinned(&[own.root()]), "another repository");
    assert_eq!(with(&others[..64]), "template");
}

#[test]
fn a_template_opens_nothing() {
    let repository = Repository::compile(TEMPLATE).expect("a template");
    let folder = tempfile::tempdir().expect("a folder");
    let made = usual();
    let opened = open(
        &repository,
        &made.device,
        counts(folder.path()),
        &vector(FILE),
    );
    assert_eq!(reason(opened), "template");
}

#[test]
fn what_a_repository_believes_shows_neither_in_its_bytes_nor_in_its_size() {
    let digest = Portable.digest(&[&trust().roots[0]]);
    let one = usual().individual;
    let parts: HashSet<&[u8]> = digest.windows(8).collect();
    for bytes in [&one.module, &one.sealed_key] {
        assert!(!bytes.windows(8).any(|window| parts.contains(window)));
    }
    let many = PinnedRoots::new((0..64).map(|number| [number; 32])).expect("roots");
    let many = believing(&many).individual;
    assert_eq!(one.module.len(), many.module.len());
    assert_ne!(one.module, many.module);
    // The key is what it was: roots are no chance.
    assert_eq!(one.sealed_key, many.sealed_key);
}
