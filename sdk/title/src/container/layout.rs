//! The bytes around the entries, as functions of what they say (APPNOTE.TXT 6.3.10, sections
//! 4.3.7, 4.3.12 and 4.3.14 to 4.3.16).

use super::EntryRecord;

pub(super) const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
pub(super) const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
pub(super) const END_SIGNATURE: u32 = 0x0605_4b50;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;

/// Length of a local header without the path and the ZIP64 field.
pub(crate) const LOCAL_HEADER_LENGTH: u64 = 30;
pub(super) const CENTRAL_LENGTH: usize = 46;
pub(super) const END_LENGTH: u64 = 22;
/// The ZIP64 end record and its locator.
pub(super) const END64_LENGTH: u64 = 56 + 20;
/// Where the checksum stands in a local header.
pub(super) const LOCAL_CRC_OFFSET: u64 = 14;

pub(super) const SATURATED_16: u16 = u16::MAX;
pub(super) const SATURATED_32: u32 = u32::MAX;

const VERSION_PLAIN: u16 = 20;
const VERSION_ZIP64: u16 = 45;
const ZIP64_TAG: u16 = 1;
const FLAG_UTF8: u16 = 0x800;
/// 1 January 1980, the earliest date ZIP can say.
const DATE: u16 = 0x21;

/// Whether a value cannot be said in 32 bits: the largest of them means "see elsewhere".
fn overflows(value: u64) -> bool {
    value >= u64::from(SATURATED_32)
}

fn saturate(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(SATURATED_32)
}

fn sizes_overflow(entry: &EntryRecord) -> bool {
    overflows(entry.size) || overflows(entry.stored)
}

pub(super) fn local_header_length(entry: &EntryRecord) -> u64 {
    let extra = if sizes_overflow(entry) { 20 } else { 0 };
    LOCAL_HEADER_LENGTH + entry.path.as_str().len() as u64 + extra
}

/// The part that local and central headers have in common, after the versions.
fn push_facts(entry: &EntryRecord, stored: u32, size: u32, extra: &[u8], out: &mut Vec<u8>) {
    let name = entry.path.as_str();
    let flags = if name.is_ascii() { 0 } else { FLAG_UTF8 };
    push_u16(out, flags);
    push_u16(out, entry.method.as_number());
    push_u16(out, 0);
    push_u16(out, DATE);
    push_u32(out, entry.crc32);
    push_u32(out, stored);
    push_u32(out, size);
    // Paths are at most 1024 bytes and extra fields at most 28.
    push_u16(out, name.len() as u16);
    push_u16(out, extra.len() as u16);
}

/// The header in front of an entry's stored bytes. Where one size overflows both stand in the
/// extra field, as section 4.5.3 demands of local headers.
pub(super) fn push_local_header(entry: &EntryRecord, out: &mut Vec<u8>) {
    let zip64 = sizes_overflow(entry);
    let mut extra = Vec::new();
    let (stored, size) = if zip64 {
        push_zip64(&[entry.size, entry.stored], &mut extra);
        (SATURATED_32, SATURATED_32)
    } else {
        (saturate(entry.stored), saturate(entry.size))
    };
    push_u32(out, LOCAL_SIGNATURE);
    push_u16(out, if zip64 { VERSION_ZIP64 } else { VERSION_PLAIN });
    push_facts(entry, stored, size, &extra, out);
    out.extend_from_slice(entry.path.as_str().as_bytes());
    out.extend_from_slice(&extra);
}

/// The entry's record in the central directory. Here each value stands in the extra field
/// only if it overflows itself.
pub(super) fn push_central_record(entry: &EntryRecord, out: &mut Vec<u8>) {
    let values = [entry.size, entry.stored, entry.offset];
    let large: Vec<u64> = values
        .into_iter()
        .filter(|value| overflows(*value))
        .collect();
    let mut extra = Vec::new();
    if !large.is_empty() {
        push_zip64(&large, &mut extra);
    }
    let version = if large.is_empty() {
        VERSION_PLAIN
    } else {
        VERSION_ZIP64
    };
    push_u32(out, CENTRAL_SIGNATURE);
    push_u16(out, version);
    push_u16(out, version);
    push_facts(
        entry,
        saturate(entry.stored),
        saturate(entry.size),
        &extra,
        out,
    );
    // No comment, first disk, no attributes.
    push_u16(out, 0);
    push_u16(out, 0);
    push_u16(out, 0);
    push_u32(out, 0);
    push_u32(out, saturate(entry.offset));
    out.extend_from_slice(entry.path.as_str().as_bytes());
    out.extend_from_slice(&extra);
}

/// Whether an archive needs the ZIP64 end record.
pub(super) fn needs_end64(entries: u64, directory_length: u64, directory_offset: u64) -> bool {
    entries >= u64::from(SATURATED_16) || overflows(directory_length) || overflows(directory_offset)
}

/// Everything after the central directory.
pub(super) fn push_end(
    entries: u64,
    directory_length: u64,
    directory_offset: u64,
    out: &mut Vec<u8>,
) {
    if needs_end64(entries, directory_length, directory_offset) {
        push_u32(out, END64_SIGNATURE);
        // The length of what follows in this record.
        push_u64(out, 44);
        push_u16(out, VERSION_ZIP64);
        push_u16(out, VERSION_ZIP64);
        push_u32(out, 0);
        push_u32(out, 0);
        push_u64(out, entries);
        push_u64(out, entries);
        push_u64(out, directory_length);
        push_u64(out, directory_offset);
        push_u32(out, LOCATOR_SIGNATURE);
        push_u32(out, 0);
        push_u64(out, directory_offset.saturating_add(directory_length));
        push_u32(out, 1);
    }
    let count = u16::try_from(entries).unwrap_or(SATURATED_16);
    push_u32(out, END_SIGNATURE);
    push_u16(out, 0);
    push_u16(out, 0);
    push_u16(out, count);
    push_u16(out, count);
    push_u32(out, saturate(directory_length));
    push_u32(out, saturate(directory_offset));
    push_u16(out, 0);
}

fn push_zip64(values: &[u64], out: &mut Vec<u8>) {
    push_u16(out, ZIP64_TAG);
    push_u16(out, (values.len() * 8) as u16);
    for value in values {
        push_u64(out, *value);
    }
}

fn push_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn push_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn push_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}
