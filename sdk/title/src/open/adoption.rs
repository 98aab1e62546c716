//! Taking over a title that a publisher has sealed.

use std::io::{self, Read, Seek, SeekFrom, Write};

use colophon_crypto::Engine;

use crate::container::{DirectoryHead, TailWriter};
use crate::signature::{self, SignatureElement};
use crate::stored::fingerprint;
use crate::structure::Structure;
use crate::{EntryPath, SealedFile, TitleRefused, names};

/// Why a copy could not be turned into a file at rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptionError {
    /// The copy was made for one buyer, not for a center.
    #[error("the copy belongs to a buyer: only a level 2 copy can be taken over")]
    Individual,
    /// The copy is damaged or could not be read.
    #[error("the title file is damaged")]
    Title(#[from] TitleRefused),
    /// The file at rest could not be written.
    #[error("the file at rest could not be written")]
    Write(#[source] io::Error),
}

pub(super) fn write_at_rest<R: Read + Seek, W: Write>(
    engine: &dyn Engine,
    reader: &mut R,
    structure: &Structure,
    mut out: W,
) -> Result<SealedFile, AdoptionError> {
    let head = DirectoryHead::of(&structure.prefix);
    copy_prefix(reader, head.length, &mut out)?;
    let signatures_xml = version_signatures(structure)?;
    let mut tail = TailWriter::after(&head, signatures_xml.len());
    if !signatures_xml.is_empty() {
        tail.stored(&EntryPath::fixed(names::SIGNATURES), &signatures_xml);
    }
    let tail = tail.finish();
    out.write_all(&tail).map_err(AdoptionError::Write)?;
    out.flush().map_err(AdoptionError::Write)?;
    Ok(SealedFile {
        length: head.length.saturating_add(tail.len() as u64),
        prefix_length: head.length,
        fingerprint: fingerprint(engine, &structure.validation_sha256, &signatures_xml),
    })
}

/// The `signatures.xml` without what was signed for this copy alone; empty if nothing is left.
fn version_signatures(structure: &Structure) -> Result<Vec<u8>, TitleRefused> {
    let Some(document) = &structure.tail.signatures else {
        return Ok(Vec::new());
    };
    let all = signature::split(document)?;
    let of_version: Vec<SignatureElement> = all
        .into_iter()
        .filter(|signature| !signature.is_per_copy())
        .collect();
    if of_version.is_empty() {
        Ok(Vec::new())
    } else {
        Ok(signature::assemble(&of_version))
    }
}

fn copy_prefix<R: Read + Seek>(
    reader: &mut R,
    length: u64,
    out: &mut impl Write,
) -> Result<(), AdoptionError> {
    reader
        .seek(SeekFrom::Start(0))
        .map_err(TitleRefused::Read)?;
    let mut piece = vec![0; 1 << 16];
    let mut left = length;
    while left > 0 {
        let wanted = left.min(piece.len() as u64) as usize;
        let bytes = piece.get_mut(..wanted).unwrap_or_default();
        reader.read_exact(bytes).map_err(TitleRefused::Read)?;
        out.write_all(bytes).map_err(AdoptionError::Write)?;
        left -= wanted as u64;
    }
    Ok(())
}
