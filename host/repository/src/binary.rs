//! The outermost layer of the WebAssembly binary format: sections, and numbers of variable length.

use std::ops::Range;

/// The magic number with the version and layer of a component.
pub(crate) const COMPONENT_HEADER: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The magic number with the version and layer of a module.
pub(crate) const MODULE_HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";

/// What holds for both layers: sections with this id mean nothing to the machine.
pub(crate) const CUSTOM: u8 = 0;

/// A section: its id and where its content lies.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) id: u8,
    pub(crate) content: Range<usize>,
}

/// The sections of a component or module, if it begins with this header and is whole.
pub(crate) fn sections(bytes: &[u8], header: [u8; 8]) -> Option<Vec<Section>> {
    let mut rest = bytes.strip_prefix(&header)?;
    let mut sections = Vec::new();
    while let Some((id, after_id)) = rest.split_first() {
        let (length, content) = number(after_id)?;
        let length = usize::try_from(length).ok()?;
        let start = bytes.len() - content.len();
        rest = content.get(length..)?;
        sections.push(Section {
            id: *id,
            content: start..start + length,
        });
    }
    Some(sections)
}

/// An unsigned number in LEB128 of at most 32 bits, and what follows it.
pub(crate) fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0u64;
    let mut rest = bytes;
    for shift in (0..35).step_by(7) {
        let (byte, after) = rest.split_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        rest = after;
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, rest));
        }
    }
    None
}

/// Appends an unsigned number in LEB128.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u32) {
    let mut rest = number;
    loop {
        let [low, ..] = (rest & 0x7f).to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends bytes with their length in front.
pub(crate) fn push_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing here is near 4 GiB: a template is held in memory and has a limit.
    push_number(out, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(bytes);
}

/// Appends a section.
pub(crate) fn push_section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    push_sized(out, content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, 65_535, 1 << 28, u32::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, value);
            bytes.push(9);
            assert_eq!(number(&bytes), Some((value, &[9][..])));
        }
        assert_eq!(number(&[0x80; 9]), None);
        assert_eq!(number(&[0x80]), None);
        // Linkers write numbers with room to spare.
        assert_eq!(number(&[0x81, 0x80, 0x80, 0x80, 0x00]), Some((1, &[][..])));
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0x1f]), None);
    }

    #[test]
    fn sections_are_found_and_what_is_cut_off_is_not_read() {
        let mut module = MODULE_HEADER.to_vec();
        push_section(&mut module, 1, &[7; 200]);
        push_section(&mut module, CUSTOM, &[]);
        let found = sections(&module, MODULE_HEADER).expect("sections");
        let ids: Vec<u8> = found.iter().map(|section| section.id).collect();
        assert_eq!(ids, [1, 0]);
        assert_eq!(&module[found[0].content.clone()], [7; 200]);
        assert!(sections(&module[..100], MODULE_HEADER).is_none());
        assert!(sections(&module, COMPONENT_HEADER).is_none());
    }
}
