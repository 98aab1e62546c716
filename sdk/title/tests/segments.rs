//! Large entries: nobody can cut, extend, reorder or exchange their segments, not even with
//! every document made to agree.

#![cfg(test)]

#[path = "support/forge.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod forge;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::Cursor;

use colophon_crypto::{Engine, Key32, Portable};
use colophon_title::{Level, OpenTitle, TitleRefused, TrustRoots};
use forge::{ENCRYPTION, Entry, Group, content_key, emit, entry, index, misgroup, parse, relist};
use sample::{OWNER, Version, noise, path, source};

const MEDIA_TYPE: &str = "application/octet-stream";
const NAME: &str = "content/noise.bin";
const LIST: &str = "META-INF/colophon/digests/1";
const SEGMENT: usize = 65_536;
const STORED_SEGMENT: usize = SEGMENT + 16;
/// 18 segments, the last one of 1000 bytes.
const SIZE: usize = 17 * SEGMENT + 1000;

/// Changes the random bytes and the segments of an entry.
type Change<'c> = dyn Fn(&mut Vec<u8>, &mut Vec<Vec<u8>>) + 'c;

struct Victim {
    entries: Vec<Entry>,
    key: Key32,
    file: Vec<u8>,
}

impl Victim {
    fn new() -> Victim {
        Victim::of("segments", SIZE)
    }

    fn of(seed: &'static str, size: usize) -> Victim {
        let version = Version::new(seed, MEDIA_TYPE);
        let at_rest = version.seal(&mut source(noise(seed, size), MEDIA_TYPE, "noise.bin"));
        let file = version.copy(&at_rest, Level::SourceSealed, OWNER);
        let entries = parse(&file);
        Victim {
            key: content_key(&entries),
            entries,
            file,
        }
    }

    /// The segments of the entry as stored; the random bytes are in front of the first.
    fn segments(&self) -> (Vec<u8>, Vec<Vec<u8>>) {
        let data = &self.entries[index(&self.entries, NAME)].data;
        let (random, segments) = data.split_at(7);
        (
            random.to_vec(),
            segments
                .chunks(STORED_SEGMENT)
                .map(<[u8]>::to_vec)
                .collect(),
        )
    }

    /// The file with these segments in place of its own, and nothing else changed.
    fn with(&self, random: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
        let mut entries = self.entries.clone();
        entry(&mut entries, NAME).set(&[random, &segments.concat()].concat());
        emit(&entries)
    }

    /// The file with these segments, and all documents agreeing with them.
    fn with_listed(&self, random: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
        let mut entries = self.entries.clone();
        let stored = [random, &segments.concat()].concat();
        let size = stored.len() - 7 - 16 * segments.len();
        entry(&mut entries, NAME).set(&stored);
        let digest = |(index, segment): (usize, &Vec<u8>)| {
            Portable.digest(&[if index == 0 { random } else { &[] }, segment])
        };
        let digests: Vec<[u8; 32]> = segments.iter().enumerate().map(digest).collect();
        entry(&mut entries, LIST).set(&digests.concat());
        let xml = String::from_utf8(entry(&mut entries, ENCRYPTION).content()).unwrap();
        let length = |size| format!("OriginalLength=\"{size}\"");
        let original = entry_size(&self.entries);
        let xml = xml.replace(&length(original), &length(size as u64));
        entry(&mut entries, ENCRYPTION).set(xml.as_bytes());
        relist(&mut entries, &self.key, |listing, entries| {
            listing.refresh(entries, LIST);
            listing.refresh(entries, ENCRYPTION);
            let line = listing.line(NAME);
            (line.size, line.stored) = (size as u64, stored.len() as u64);
        });
        emit(&entries)
    }
}

fn entry_size(entries: &[Entry]) -> u64 {
    forge::Listing::of(entries).line(NAME).size
}

fn open(file: &[u8]) -> Result<OpenTitle<'static, Cursor<&[u8]>>, TitleRefused> {
    OpenTitle::open(&Portable, Cursor::new(file), &TrustRoots::new())
}

/// Why the file is refused, when it is verified and when it is read, which must agree; and
/// that reading gave nothing before it was.
fn reason(file: &[u8]) -> &'static str {
    let verified = open(file).and_then(|mut title| title.verify(&mut |_| ()));
    let mut given = Vec::new();
    let read = open(file).and_then(|mut title| title.read_entry(&path(NAME), &mut given));
    match (verified, read) {
        (Ok(()), Ok(_)) => "accepted",
        (Err(verified), Err(read)) => {
            assert_eq!(verified.reason(), read.reason());
            read.reason()
        }
        (verified, read) => panic!("{verified:?} but {read:?}"),
    }
}

#[test]
fn the_victim_itself_is_accepted() {
    let victim = Victim::new();
    let (random, segments) = victim.segments();
    assert_eq!(segments.len(), 18);
    assert_eq!(reason(&victim.file), "accepted");
    assert_eq!(reason(&victim.with_listed(&random, &segments)), "accepted");
}

#[test]
fn segments_that_do_not_match_their_digests_are_refused() {
    let victim = Victim::new();
    let (random, segments) = victim.segments();
    let check = |name: &str, change: &Change<'_>| {
        let (mut random, mut segments) = (random.clone(), segments.clone());
        change(&mut random, &mut segments);
        assert_eq!(reason(&victim.with(&random, &segments)), "digest", "{name}");
    };
    check("two exchanged", &|_, segments| segments.swap(3, 4));
    check("first changed", &|_, segments| segments[0][0] ^= 1);
    check("middle changed", &|_, segments| segments[9][500] ^= 1);
    check("tag changed", &|_, segments| segments[9][SEGMENT] ^= 1);
    check("last changed", &|_, segments| segments[17][999] ^= 1);
    // These are in no digest but that of the first segment, and the last one is opened first.
    let changed = [&random[..6], &[random[6] ^ 1]].concat();
    assert_eq!(reason(&victim.with(&changed, &segments)), "decryption");
}

#[test]
fn segments_out_of_place_are_refused_even_if_listed() {
    let victim = Victim::new();
    let other = Victim::of("other segments", SIZE);
    let (random, segments) = victim.segments();
    let check = |name: &str, change: &Change<'_>| {
        let (mut random, mut segments) = (random.clone(), segments.clone());
        change(&mut random, &mut segments);
        assert_eq!(
            reason(&victim.with_listed(&random, &segments)),
            "decryption",
            "{name}"
        );
    };
    check("two exchanged", &|_, segments| segments.swap(3, 4));
    check("first and second exchanged", &|_, segments| {
        segments.swap(0, 1)
    });
    check("one repeated", &|_, segments| {
        segments[4] = segments[3].clone()
    });
    check("one inserted twice", &|_, segments| {
        segments.insert(4, segments[3].clone())
    });
    check("one dropped", &|_, segments| drop(segments.remove(3)));
    check("first dropped", &|_, segments| drop(segments.remove(0)));
    check("cut behind a whole segment", &|_, segments| {
        segments.truncate(17)
    });
    check("last one repeated whole", &|_, segments| {
        segments[17] = segments[16].clone();
        segments.push(segments[16].clone());
    });
    check("one changed", &|_, segments| segments[9][500] ^= 1);
    check("last one shortened", &|_, segments| {
        segments[17].remove(0);
    });
    check("last one extended", &|_, segments| segments[17].push(0));
    check("random bytes changed", &|random, _| random[0] ^= 1);
    check("one of another version", &|_, segments| {
        segments[5] = other.segments().1[5].clone()
    });
    check("all of another version", &|random, segments| {
        (*random, *segments) = other.segments();
    });
}

#[test]
fn a_cut_entry_gives_nothing_before_it_is_refused() {
    let victim = Victim::new();
    let (random, mut segments) = victim.segments();
    segments.truncate(17);
    let file = victim.with_listed(&random, &segments);
    let mut given = Vec::new();
    let refused = open(&file)
        .unwrap()
        .read_entry(&path(NAME), &mut given)
        .unwrap_err();
    assert_eq!((refused.reason(), given.len()), ("decryption", 0));
    let mut title = open(&file).unwrap();
    let refused = title.entry_reader(&path(NAME)).map(|_| ()).unwrap_err();
    assert_eq!(refused.reason(), "decryption");
}

#[test]
fn a_damaged_segment_is_refused_alone() {
    use std::io::{Read, Seek, SeekFrom};
    let victim = Victim::new();
    let (random, mut segments) = victim.segments();
    segments[9][500] ^= 1;
    let file = victim.with(&random, &segments);
    let mut title = open(&file).unwrap();
    let mut reader = title.entry_reader(&path(NAME)).unwrap();
    let mut content = vec![0; SEGMENT];
    reader.seek(SeekFrom::Start(8 * SEGMENT as u64)).unwrap();
    reader.read_exact(&mut content).unwrap();
    let error = reader.read_exact(&mut content).unwrap_err();
    let refused = error
        .get_ref()
        .unwrap()
        .downcast_ref::<TitleRefused>()
        .unwrap();
    assert_eq!(refused.reason(), "digest");
    reader.seek(SeekFrom::Start(10 * SEGMENT as u64)).unwrap();
    reader.read_exact(&mut content).unwrap();
    assert!(content == noise("segments", SIZE)[10 * SEGMENT..11 * SEGMENT]);
}

#[test]
fn lists_of_digests_have_one_place_and_one_form() {
    let victim = Victim::new();
    let changed = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = victim.entries.clone();
        change(&mut entries);
        reason_to_open(&emit(&entries))
    };
    let listed = |change: &dyn Fn(&mut forge::Listing)| {
        changed(&|entries| relist(entries, &victim.key, |listing, _| change(listing)))
    };
    assert_eq!(
        changed(&|entries| {
            forge::remove(entries, LIST);
        }),
        "entry-missing"
    );
    assert_eq!(
        changed(&|entries| {
            forge::remove(entries, LIST);
            relist(entries, &victim.key, |listing, _| {
                listing.lines.retain(|line| line.path != LIST);
            });
        }),
        "entry-order"
    );
    assert_eq!(
        changed(&|entries| {
            let list = forge::remove(entries, LIST);
            let at = index(entries, NAME);
            entries.insert(at, list);
            relist(entries, &victim.key, |listing, _| listing.lines.swap(2, 3));
        }),
        "entry-order"
    );
    assert_eq!(
        changed(&|entries| {
            entry(entries, LIST).name = b"META-INF/colophon/digests/2".to_vec();
            relist(entries, &victim.key, |listing, _| {
                listing.line(LIST).path = "META-INF/colophon/digests/2".to_owned();
            });
        }),
        "entry-facts"
    );
    assert_eq!(
        listed(&|listing| listing.line(NAME).size += 1),
        "document-form"
    );
    assert_eq!(
        listed(&|listing| listing.line(NAME).method = 8),
        "document-form"
    );
    assert_eq!(
        listed(&|listing| listing.line(NAME).protection = Some("message".to_owned())),
        "document-form"
    );
    assert_eq!(
        listed(&|listing| listing.line(NAME).protection = None),
        "document-form"
    );
    assert_eq!(
        changed(&|entries| {
            let list = entry(entries, LIST);
            list.data[40] ^= 1;
            list.repair();
            relist(entries, &victim.key, |listing, entries| {
                listing.refresh(entries, LIST);
            });
        }),
        "digest"
    );
}

#[test]
fn a_segmented_entry_shares_a_digest_with_its_list_alone() {
    let victim = Victim::new();
    let grouped = |change: &dyn Fn(&mut Vec<Group>, &[Entry])| {
        let mut entries = victim.entries.clone();
        misgroup(&mut entries, &victim.key, |listing, entries| {
            change(&mut listing.groups, entries)
        });
        reason_to_open(&emit(&entries))
    };
    let lines = |groups: &[Group]| groups.iter().map(|group| group.lines).collect::<Vec<_>>();
    assert_eq!(
        grouped(&|groups, _| assert_eq!(lines(groups), [2, 2, 2])),
        "accepted"
    );
    assert_eq!(grouped(&|groups, _| groups[1].sha256[0] ^= 1), "digest");
    assert_eq!(
        grouped(&|groups, entries| {
            let of = |name| entries[index(entries, name)].data.as_slice();
            groups[1].sha256 = Portable.digest(&[of(NAME), of(LIST)]);
        }),
        "digest"
    );
    assert_eq!(
        grouped(&|groups, _| {
            groups[1].lines = 1;
            groups.insert(2, groups[1].clone());
        }),
        "document-form"
    );
    assert_eq!(
        grouped(&|groups, _| {
            groups[1].lines = 1;
            groups[2].lines = 3;
        }),
        "document-form"
    );
    assert_eq!(
        grouped(&|groups, _| {
            groups[0].lines = 4;
            groups.remove(1);
        }),
        "document-form"
    );
}

fn reason_to_open(file: &[u8]) -> &'static str {
    let verified = open(file).and_then(|mut title| title.verify(&mut |_| ()));
    verified.map_or_else(|refused| refused.reason(), |()| "accepted")
}

#[test]
fn a_file_cut_anywhere_near_a_segment_boundary_is_refused() {
    let victim = Victim::new();
    let data = victim.file.len() - parse_offset(&victim);
    for segment in 0..18 {
        for near in [-1_i64, 0, 1, 15, 16, 17] {
            let at = data as i64 + 7 + (segment * STORED_SEGMENT) as i64 + near;
            let cut = &victim.file[..at as usize];
            assert_eq!(reason_to_open(cut), "container-end", "{segment} {near}");
        }
    }
}

/// Distance of the entry's data from the end of the file.
fn parse_offset(victim: &Victim) -> usize {
    let (random, segments) = victim.segments();
    let start = [random.as_slice(), &segments[0][..32]].concat();
    let at = victim
        .file
        .windows(start.len())
        .position(|window| window == start)
        .unwrap();
    victim.file.len() - at
}
