//! What an attacker has: any ZIP bytes at all, the published format, and the content key,
//! which every copy carries. Nothing here uses the crate under test.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, Key32, Portable, frames};

pub(crate) const SIGNATURES: &str = "META-INF/signatures.xml";
pub(crate) const BOOKPLATE: &str = "META-INF/colophon/bookplate.xml";
pub(crate) const SEAL: &str = "META-INF/colophon/seal";
pub(crate) const METADATA: &str = "META-INF/colophon/metadata.xml";
pub(crate) const VALIDATION: &str = "META-INF/colophon/validation.xml";
pub(crate) const CONTAINER: &str = "META-INF/container.xml";
pub(crate) const ENCRYPTION: &str = "META-INF/encryption.xml";

const PROFILE: &[u8] = b"colophon/title/1";

/// An entry of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) size: u64,
    pub(crate) data: Vec<u8>,
}

impl Entry {
    pub(crate) fn stored(name: &str, content: &[u8]) -> Entry {
        Entry {
            name: name.into(),
            method: 0,
            crc32: crc32fast::hash(content),
            size: content.len() as u64,
            data: content.to_vec(),
        }
    }

    /// Takes new content, without deflating it.
    pub(crate) fn set(&mut self, content: &[u8]) {
        let name = String::from_utf8(self.name.clone()).unwrap();
        *self = Entry::stored(&name, content);
    }

    /// The content, inflated.
    pub(crate) fn content(&self) -> Vec<u8> {
        match self.method {
            0 => self.data.clone(),
            _ => inflate(&self.data).unwrap(),
        }
    }

    /// Makes checksum and size those of the data, as far as it has any.
    pub(crate) fn repair(&mut self) {
        let content = match self.method {
            0 => Some(self.data.clone()),
            _ => inflate(&self.data),
        };
        if let Some(content) = content {
            self.crc32 = crc32fast::hash(&content);
            self.size = content.len() as u64;
        }
    }
}

pub(crate) fn inflate(data: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut content = Vec::new();
    flate2::read::DeflateDecoder::new(data)
        .read_to_end(&mut content)
        .ok()?;
    Some(content)
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()).into()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Takes an honest archive without ZIP64 apart.
pub(crate) fn parse(archive: &[u8]) -> Vec<Entry> {
    let end = archive.len() - 22;
    let mut at = u32_at(archive, end + 16) as usize;
    let mut entries = Vec::new();
    while at < end {
        let record = &archive[at..];
        let name_length = u16_at(record, 28);
        let (stored, offset) = (u32_at(record, 20) as usize, u32_at(record, 42) as usize);
        let data = offset + 30 + u16_at(archive, offset + 26) + u16_at(archive, offset + 28);
        entries.push(Entry {
            name: record[46..46 + name_length].to_vec(),
            method: u16_at(record, 10) as u16,
            crc32: u32_at(record, 16),
            size: u32_at(record, 24).into(),
            data: archive[data..data + stored].to_vec(),
        });
        at += 46 + name_length + u16_at(record, 30) + u16_at(record, 32);
    }
    entries
}

/// A part of an archive that an attacker may write as it pleases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The header in front of the entry of this number.
    Local(usize),
    /// The data of the entry, with whatever is to follow it.
    Data(usize),
    /// The entry's record in the directory.
    Central(usize),
    /// The end record.
    End,
}

/// Writes entries as the format wants them.
pub(crate) fn emit(entries: &[Entry]) -> Vec<u8> {
    emit_with(entries, |_, _| ())
}

/// Writes entries, giving every part to `alter` before it is appended.
pub(crate) fn emit_with(entries: &[Entry], mut alter: impl FnMut(Part, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let offset = out.len() as u32;
        let mut facts = Vec::new();
        let flags: u16 = if entry.name.is_ascii() { 0 } else { 0x800 };
        for word in [flags, entry.method, 0, 0x21] {
            facts.extend(word.to_le_bytes());
        }
        for word in [entry.crc32, entry.data.len() as u32, entry.size as u32] {
            facts.extend(word.to_le_bytes());
        }
        facts.extend((entry.name.len() as u16).to_le_bytes());
        facts.extend([0, 0]);
        let mut local = [b"PK\x03\x04\x14\x00", facts.as_slice(), &entry.name].concat();
        alter(Part::Local(index), &mut local);
        let mut data = entry.data.clone();
        alter(Part::Data(index), &mut data);
        out.extend(local);
        out.extend(data);
        let rest = [&[0; 10], offset.to_le_bytes().as_slice(), &entry.name].concat();
        let mut central = [b"PK\x01\x02\x14\x00\x14\x00", facts.as_slice(), &rest].concat();
        alter(Part::Central(index), &mut central);
        directory.extend(central);
    }
    let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
    end.extend((entries.len() as u16).to_le_bytes());
    end.extend((entries.len() as u16).to_le_bytes());
    end.extend((directory.len() as u32).to_le_bytes());
    end.extend((out.len() as u32).to_le_bytes());
    end.extend([0, 0]);
    alter(Part::End, &mut end);
    [out, directory, end].concat()
}

pub(crate) fn index(entries: &[Entry], name: &str) -> usize {
    entries
        .iter()
        .position(|entry| entry.name == name.as_bytes())
        .unwrap()
}

pub(crate) fn entry<'e>(entries: &'e mut [Entry], name: &str) -> &'e mut Entry {
    let index = index(entries, name);
    &mut entries[index]
}

pub(crate) fn remove(entries: &mut Vec<Entry>, name: &str) -> Entry {
    entries.remove(index(entries, name))
}

/// Gives the last bytes of one entry to the next; joined, the two are what they were.
pub(crate) fn shift_boundary(entries: &mut [Entry], first: &str, second: &str) {
    let at = index(entries, first);
    assert_eq!(entries[at + 1].name, second.as_bytes());
    let keep = entries[at].data.len() - 5;
    let moved = entries[at].data.split_off(keep);
    entries[at + 1].data.splice(0..0, moved);
    for entry in &mut entries[at..at + 2] {
        if entry.method == 0 {
            entry.repair();
        }
    }
}

/// A line of `validation.xml`.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) path: String,
    pub(crate) method: u16,
    pub(crate) protection: Option<String>,
    pub(crate) size: u64,
    pub(crate) stored: u64,
}

/// A group of `validation.xml`: so many lines, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) lines: usize,
    pub(crate) sha256: [u8; 32],
}

/// `validation.xml`, taken apart: its root's tag, its lines and their groups.
pub(crate) struct Listing {
    pub(crate) root: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) groups: Vec<Group>,
}

impl Listing {
    pub(crate) fn of(entries: &[Entry]) -> Listing {
        let document = entries[index(entries, VALIDATION)].content();
        let document = String::from_utf8(document).unwrap();
        let (root, rest) = document.split_once('>').unwrap();
        let attribute = |tag: &str, name: &str| {
            let (_, value) = tag.split_once(&format!("{name}=\""))?;
            Some(value.split_once('"')?.0.to_owned())
        };
        let line = |tag| Line {
            path: attribute(tag, "path").unwrap(),
            method: attribute(tag, "method").unwrap().parse().unwrap(),
            protection: attribute(tag, "protection"),
            size: attribute(tag, "size").unwrap().parse().unwrap(),
            stored: attribute(tag, "stored").unwrap().parse().unwrap(),
        };
        let group = |tag: &str| Group {
            lines: tag.matches("<entry ").count(),
            sha256: Base64::decode_vec(&attribute(tag, "sha256").unwrap())
                .unwrap()
                .try_into()
                .unwrap(),
        };
        Listing {
            lines: rest.split("<entry ").skip(1).map(line).collect(),
            groups: rest.split("<group ").skip(1).map(group).collect(),
            root: root.to_owned(),
        }
    }

    pub(crate) fn root_attribute(&self, name: &str) -> String {
        let (_, value) = self.root.split_once(&format!("{name}=\"")).unwrap();
        value.split_once('"').unwrap().0.to_owned()
    }

    pub(crate) fn line(&mut self, path: &str) -> &mut Line {
        self.lines
            .iter_mut()
            .find(|line| line.path == path)
            .unwrap()
    }

    /// Makes a line, and all digests, say what is true of the entries now.
    pub(crate) fn refresh(&mut self, entries: &[Entry], path: &str) {
        let entry = &entries[index(entries, path)];
        let line = self.line(path);
        line.stored = entry.data.len() as u64;
        if line.protection.is_none() {
            line.method = entry.method;
            line.size = entry.size;
        }
        self.regroup(entries);
    }

    /// Divides the lines into groups by the rule of the format, with the digests of what the
    /// entries hold now.
    pub(crate) fn regroup(&mut self, entries: &[Entry]) {
        let mut divided: Vec<Vec<&Line>> = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| &self.lines[at]);
            let segmented = |line: &Line| line.protection.as_deref() == Some("segments");
            let begins = match (before, divided.last()) {
                (Some(before), Some(group)) => {
                    let taken: u64 = group.iter().map(|line| line.bytes_in_file()).sum();
                    // The list of digests is with its segments, the next entry is not.
                    let is_list = segmented(before) && group.len() == 1;
                    !is_list
                        && (segmented(group[0])
                            || segmented(line)
                            || before.path == CONTAINER
                            || line.path == ENCRYPTION
                            || taken + line.bytes_in_file() > 65_536)
                }
                (_, _) => true,
            };
            match divided.last_mut() {
                Some(group) if !begins => group.push(line),
                _ => divided.push(vec![line]),
            }
        }
        let data = |line: &&Line| {
            let entry = entries
                .iter()
                .find(|entry| entry.name == line.path.as_bytes());
            entry.map_or(&[][..], |entry| entry.data.as_slice())
        };
        let group = |lines: &Vec<&Line>| {
            let of_list = lines[0].protection.as_deref() == Some("segments");
            let digested = lines.iter().skip(usize::from(of_list));
            Group {
                lines: lines.len(),
                sha256: Portable.digest(&digested.map(data).collect::<Vec<_>>()),
            }
        };
        self.groups = divided.iter().map(group).collect();
    }

    pub(crate) fn to_xml(&self) -> String {
        let mut xml = format!("{}>", self.root);
        let mut lines = self.lines.iter();
        for group in &self.groups {
            xml += &format!(
                "<group sha256=\"{}\">",
                Base64::encode_string(&group.sha256)
            );
            for line in lines.by_ref().take(group.lines) {
                xml += &line.to_xml();
            }
            xml += "</group>";
        }
        xml + "</validation>"
    }
}

impl Line {
    fn bytes_in_file(&self) -> u64 {
        30 + self.path.len() as u64 + self.stored
    }

    fn to_xml(&self) -> String {
        let protection = self.protection.as_ref();
        let protection = protection.map_or(String::new(), |word| format!(" protection=\"{word}\""));
        format!(
            "<entry method=\"{}\" path=\"{}\"{protection} size=\"{}\" stored=\"{}\"></entry>",
            self.method, self.path, self.size, self.stored
        )
    }
}

/// The digest a copy is bound by.
pub(crate) fn copy_hash(entries: &[Entry], level: &str, bookplate: &[u8]) -> [u8; 32] {
    let digest = |name| Portable.digest(&[&entries[index(entries, name)].data]);
    let (metadata, validation) = (digest(METADATA), digest(VALIDATION));
    let parts = frames(&[PROFILE, level.as_bytes(), &metadata, &validation, bookplate]);
    Portable.digest(&[&parts])
}

pub(crate) fn seal_key(copy_hash: &[u8; 32]) -> Key32 {
    Portable.hkdf_sha256(&Key32::new(*copy_hash), None, b"colophon/title/1/seal")
}

/// Takes the content key out of a copy, as anyone can.
pub(crate) fn content_key(entries: &[Entry]) -> Key32 {
    let bookplate = entries
        .iter()
        .find(|entry| entry.name == BOOKPLATE.as_bytes());
    let bookplate = bookplate.map(|entry| entry.data.clone());
    let level = if bookplate.is_some() { "3" } else { "2" };
    let copy_hash = copy_hash(entries, level, &bookplate.unwrap_or_default());
    let seal = entries[index(entries, SEAL)]
        .data
        .as_slice()
        .try_into()
        .unwrap();
    Portable.unwrap_key(&seal_key(&copy_hash), seal).unwrap()
}

/// Makes the seal fit again, after anything was changed.
pub(crate) fn reseal(entries: &mut [Entry], key: &Key32) {
    let bookplate = entries
        .iter()
        .find(|entry| entry.name == BOOKPLATE.as_bytes());
    let bookplate = bookplate.map(|entry| entry.data.clone());
    let level = if bookplate.is_some() { "3" } else { "2" };
    let copy_hash = copy_hash(entries, level, &bookplate.unwrap_or_default());
    let seal = Portable.wrap_key(&seal_key(&copy_hash), key);
    entry(entries, SEAL).set(&seal);
}

/// Changes an entry's stored content and makes everything that speaks of it agree.
pub(crate) fn replace(entries: &mut [Entry], key: &Key32, name: &str, content: &[u8]) {
    entry(entries, name).set(content);
    relist(entries, key, |listing, entries| {
        listing.refresh(entries, name)
    });
}

/// Changes the lines of `validation.xml`, makes its groups true, and seals again.
pub(crate) fn relist(
    entries: &mut [Entry],
    key: &Key32,
    change: impl FnOnce(&mut Listing, &[Entry]),
) {
    let mut listing = Listing::of(entries);
    change(&mut listing, entries);
    listing.regroup(entries);
    let xml = listing.to_xml();
    entry(entries, VALIDATION).set(xml.as_bytes());
    reseal(entries, key);
}

/// Changes `validation.xml` into whatever `change` makes of it, and seals again.
pub(crate) fn misgroup(
    entries: &mut [Entry],
    key: &Key32,
    change: impl FnOnce(&mut Listing, &[Entry]),
) {
    let mut listing = Listing::of(entries);
    change(&mut listing, entries);
    let xml = listing.to_xml();
    entry(entries, VALIDATION).set(xml.as_bytes());
    reseal(entries, key);
}

/// The key of one resource.
pub(crate) fn resource_key(entries: &[Entry], key: &Key32, path: &str) -> Key32 {
    let salt = Base64::decode_vec(&Listing::of(entries).root_attribute("salt")).unwrap();
    let info = frames(&[PROFILE, b"resource", path.as_bytes()]);
    Portable.hkdf_sha256(key, Some(&salt), &info)
}
