//! Containers of any entries are read back, and nothing else is.

#![cfg(test)]

#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::{Cursor, Seek, SeekFrom, Write};

use colophon_title::container::{ContainerRefused, ContainerWriter, Directory, Method};
use proptest::prelude::*;
use sample::path;

fn write(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new()));
    for (index, (name, content)) in entries.iter().enumerate() {
        match index % 3 {
            0 => writer.stored(&path(name), content).unwrap(),
            1 => writer
                .entry(&path(name), Method::Deflated, 1, 2, content)
                .unwrap(),
            _ => {
                let mut entry = writer.begin(&path(name), content.len() as u64).unwrap();
                content
                    .chunks(3)
                    .for_each(|piece| entry.write(piece).unwrap());
                entry.finish().unwrap();
            }
        }
    }
    let (file, length) = writer.finish().unwrap();
    assert_eq!(file.get_ref().len() as u64, length);
    file.into_inner()
}

fn read(file: &[u8]) -> Result<Directory, ContainerRefused> {
    Directory::read(&mut Cursor::new(file))
}

fn entries() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let content = || prop::collection::vec(any::<u8>(), 0..40);
    prop::collection::btree_map("[a-z0-9\u{e4}]{1,6}", content(), 0..8)
        .prop_map(|entries| entries.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(entries in entries()) {
        let file = write(&entries);
        let directory = read(&file).unwrap();
        let found: Vec<(String, Vec<u8>)> = directory
            .entries
            .iter()
            .map(|entry| {
                let from = entry.data_offset() as usize;
                (entry.path.to_string(), file[from..from + entry.stored as usize].to_vec())
            })
            .collect();
        prop_assert_eq!(found, entries);
    }

    #[test]
    fn whatever_is_read_is_its_own_re_emission(
        entries in entries(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let file = write(&entries);
        let mut changed = file.clone();
        for (at, byte) in changes {
            changed[at.index(file.len())] = byte;
        }
        // A change that is read was one inside an entry's data, or in a value that stands
        // twice and was changed twice.
        if let Ok(directory) = read(&changed) {
            let data = |at: usize| {
                let at = at as u64;
                directory.entries.iter().any(|e| (e.data_offset()..e.end()).contains(&at))
            };
            let original = read(&file).unwrap();
            if directory == original {
                for at in (0..file.len()).filter(|at| file[*at] != changed[*at]) {
                    prop_assert!(data(at), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(file in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&file);
    }

    #[test]
    fn any_bytes_before_an_end_record_are_read_or_refused(
        mut file in prop::collection::vec(any::<u8>(), 0..200),
        end in any::<[u8; 16]>(),
    ) {
        file.extend(b"PK\x05\x06");
        file.extend(end);
        file.extend([0, 0]);
        let _ = read(&file);
    }
}

/// Why a container of empty entries of these names is refused, and for which of them.
fn twin(names: &[&str]) -> Option<String> {
    let entries: Vec<_> = names
        .iter()
        .map(|name| ((*name).to_owned(), Vec::new()))
        .collect();
    match read(&write(&entries)) {
        Ok(_) => None,
        Err(ContainerRefused::Twin { path }) => Some(path.to_string()),
        Err(refused) => panic!("{names:?}: {refused}"),
    }
}

#[test]
fn a_file_and_a_folder_of_one_name_are_refused_wherever_they_stand() {
    let refused: [&[&str]; 10] = [
        &["a", "a"],
        &["a/b", "a/b"],
        &["a/b", "A/B"],
        &["a", "a/b"],
        &["A", "a/b/c"],
        &["stra\u{df}e", "STRASSE/b"],
        &["caf\u{e9}/b", "cafe\u{301}"],
        &["x/a/b/c", "x/a"],
        // In the order of their characters these are not neighbors.
        &["a", "a!", "a b", "a-b/c", "a\u{e4}", "a/b"],
        &["d/a/b", "d/a.b", "d/a-", "d", "e"],
    ];
    for names in refused {
        // The later of the two is named, and either may be.
        let reversed: Vec<&str> = names.iter().rev().copied().collect();
        let clash = |path: &Option<String>| path.as_deref().is_some_and(|p| names.contains(&p));
        assert!(clash(&twin(names)), "{names:?}");
        assert!(clash(&twin(&reversed)), "{reversed:?}");
    }
    assert_eq!(twin(&["a", "b", "a/c"]).as_deref(), Some("a/c"));
    assert_eq!(twin(&["a/c", "b", "a"]).as_deref(), Some("a"));
    let kept: [&[&str]; 3] = [
        &["a", "ab", "a b/c", "a-/b", "b/a", "b/ab"],
        &["a/b", "a/c", "a/b.c/d", "a/b c", "ab/c"],
        &["a/a/a/a", "a/a/a/b", "a/a/b", "a/b"],
    ];
    for names in kept {
        assert_eq!(twin(names), None, "{names:?}");
    }
}

#[test]
fn a_container_has_so_many_entries_and_no_more() {
    const ENTRIES_MAX: usize = 2 * 16_384 + 16;
    let read = |count: usize| {
        let mut writer = ContainerWriter::new(Cursor::new(Vec::new()));
        for number in 0..count {
            writer.stored(&path(&number.to_string()), b"").unwrap();
        }
        read(&writer.finish().unwrap().0.into_inner())
    };
    assert_eq!(read(ENTRIES_MAX).unwrap().entries.len(), ENTRIES_MAX);
    let refused = read(ENTRIES_MAX + 1);
    assert!(matches!(refused, Err(ContainerRefused::TooLarge)));
}

#[test]
fn pieces_must_add_up() {
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new()));
    let mut entry = writer.begin(&path("a"), 3).unwrap();
    entry.write(b"ab").unwrap();
    assert!(entry.write(b"cd").is_err());
    let mut entry = writer.begin(&path("b"), 3).unwrap();
    entry.write(b"ab").unwrap();
    assert!(entry.finish().is_err());
}

#[test]
fn a_container_may_begin_anywhere_in_its_writer() {
    let mut out = Cursor::new(b"before".to_vec());
    out.seek(SeekFrom::End(0)).unwrap();
    let mut writer = ContainerWriter::new(&mut out);
    let mut entry = writer.begin(&path("a"), 2).unwrap();
    entry.write(b"ab").unwrap();
    entry.finish().unwrap();
    writer.finish().unwrap();
    out.flush().unwrap();
    assert_eq!(
        read(&out.get_ref()[6..]).unwrap().entries[0].crc32,
        crc32fast::hash(b"ab")
    );
}

#[test]
fn a_directory_of_absurd_size_is_refused_before_it_is_read() {
    // 16 GiB of directory claimed in a file that has none of it.
    struct Claim(u64);
    impl std::io::Read for Claim {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            const END: u64 = 16 << 30;
            let mut tail = b"PK\x06\x06".to_vec();
            tail.resize(40, 0);
            tail.extend(END.to_le_bytes());
            tail.extend(0_u64.to_le_bytes());
            tail.resize(76, 0);
            tail.extend(b"PK\x05\x06\0\0\0\0");
            tail.extend([0xFF; 12]);
            tail.extend([0, 0]);
            assert!(self.0 >= END, "the directory itself is never read");
            let at = (self.0 - END) as usize;
            let given = out.len().min(tail.len() - at);
            out[..given].copy_from_slice(&tail[at..at + given]);
            self.0 += given as u64;
            Ok(given)
        }
    }
    impl Seek for Claim {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0 = match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(_) => (16 << 30) + 98,
                SeekFrom::Current(_) => self.0,
            };
            Ok(self.0)
        }
    }
    assert!(matches!(
        Directory::read(&mut Claim(0)),
        Err(ContainerRefused::TooLarge)
    ));
}
