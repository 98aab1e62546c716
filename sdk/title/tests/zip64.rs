//! Titles of more than 4 GiB.

#![cfg(test)]

#[path = "support/hollow.rs"]
mod hollow;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::io::{Read, Seek, SeekFrom, Write};

use colophon_title::container::{ContainerRefused, ContainerWriter, Directory};
use colophon_title::source::{Limits, Source};
use colophon_title::{
    CopyTerms, Level, MediaType, OpenTitle, StoredTitle, TrustRoots, personalize, seal,
};
use hollow::{Hollow, Sparse, Zeros};
use sample::{ISSUED_AT, OWNER, Seeded, Version, copy_id, path};

/// Writes a container with an entry of this many zeros between two small ones.
fn container(size: u64) -> Sparse {
    let mut writer = ContainerWriter::new(Sparse::default());
    writer.stored(&path("first"), b"one").unwrap();
    let zeros = vec![0; 1 << 20];
    let mut large = writer.begin(&path("large"), size).unwrap();
    for _ in 0..size >> 20 {
        large.write(&zeros).unwrap();
    }
    large.write(&zeros[..(size % (1 << 20)) as usize]).unwrap();
    large.finish().unwrap();
    writer.stored(&path("last"), b"three").unwrap();
    writer.finish().unwrap().0
}

#[test]
fn values_from_4_gib_on_stand_in_the_zip64_field() {
    // One byte short of the first value that overflows, that value, and well beyond.
    for (size, version) in [(0xFFFF_FFFE, 20), (0xFFFF_FFFF, 45), (0x1_4000_0000, 45)] {
        let mut file = container(size);
        let directory = Directory::read(&mut file).unwrap();
        let [_, large, last] = directory.entries.as_slice() else {
            panic!("three entries")
        };
        assert_eq!((large.size, large.stored), (size, size));
        assert_eq!(last.offset, large.end());
        let mut header = [0; 30];
        file.seek(SeekFrom::Start(large.offset)).unwrap();
        file.read_exact(&mut header).unwrap();
        assert_eq!(header[4], version, "{size:#x}");
        assert_eq!(header[28], if version == 45 { 20 } else { 0 }, "{size:#x}");
        let mut content = [0; 5];
        file.seek(SeekFrom::Start(last.data_offset())).unwrap();
        file.read_exact(&mut content).unwrap();
        assert_eq!(&content, b"three");
    }
}

#[test]
fn a_zip64_value_that_is_not_its_own_re_emission_is_refused() {
    let file = container(0x1_4000_0000);
    let length = Directory::read(&mut file.clone()).unwrap().length;
    // The ZIP64 end record, its locator and the end record.
    for at in length - 98..length {
        let mut file = file.clone();
        let mut byte = [0];
        file.seek(SeekFrom::Start(at)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[byte[0] ^ 1]).unwrap();
        assert!(
            Directory::read(&mut file).is_err(),
            "byte {} from the end",
            length - at
        );
    }
    let mut file = file;
    file.truncate(length - 1);
    assert!(matches!(
        Directory::read(&mut file),
        Err(ContainerRefused::End)
    ));
}

#[test]
fn a_title_of_more_than_4_gib_is_sealed_personalized_and_read() {
    let size = (4 << 30) + 12_345;
    let media_type = MediaType::parse("application/octet-stream").unwrap();
    let version = Version::new("large", media_type.as_str());
    let zeros = Zeros {
        length: size,
        position: 0,
    };
    let mut source = Source::inspect(zeros, &media_type, "large.bin", &Limits::default()).unwrap();
    let mut file = Sparse::default();
    let mut random = Seeded::new("large nonces");
    let terms = version.terms(&[]);
    let sealed = seal(
        &Hollow,
        &mut random,
        &mut source,
        &terms,
        &mut file,
        &mut |_| (),
    )
    .unwrap();
    assert!(sealed.prefix_length > size);
    let title = StoredTitle::read(&Hollow, &mut file).unwrap();
    let terms = CopyTerms {
        level: Level::IndividuallySealed,
        bookplate: Some(OWNER),
        copy_id: copy_id(OWNER),
        issued_at_unix_s: ISSUED_AT,
        signers: &[],
        license: None,
    };
    let tail = personalize(&Hollow, &title, &version.key, &terms).unwrap();
    file.truncate(title.prefix_length());
    file.seek(SeekFrom::Start(title.prefix_length())).unwrap();
    file.write_all(&tail.bytes).unwrap();
    let mut opened = OpenTitle::open(&Hollow, file, &TrustRoots::new()).unwrap();
    let name = path("content/large.bin");
    assert_eq!(opened.entry_size(&name), Some(size));
    let mut reader = opened.entry_reader(&name).unwrap();
    reader.seek(SeekFrom::Start(size - 20_000)).unwrap();
    let mut end = Vec::new();
    reader.read_to_end(&mut end).unwrap();
    assert_eq!(end, vec![0; 20_000]);
}
