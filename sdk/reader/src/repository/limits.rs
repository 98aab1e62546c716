//! What an instance may use, and what it can ask for.

use std::io::{self, Read, Seek, SeekFrom};

use wasmtime::{StoreLimits, StoreLimitsBuilder};

use super::bindings::title_file;

/// Linear memory of one instance: a title's directory and documents, each with its copy, and one
/// entry of the largest kind that is decrypted whole.
const MEMORY_BYTES_MAX: usize = 192 << 20;

/// Work of one call, about one unit an instruction: some minutes on a slow machine.
pub(super) const FUEL_PER_CALL: u64 = 200_000_000_000;

/// What one question to the file may ask for.
const READ_BYTES_MAX: usize = 1 << 20;

/// A title file, wherever it is.
pub(super) trait TitleSource: Read + Seek + Send {}

impl<R: Read + Seek + Send> TitleSource for R {}

/// What belongs to one instance.
pub(super) struct InstanceState {
    file: Box<dyn TitleSource>,
    length: u64,
    limits: StoreLimits,
}

impl InstanceState {
    pub(super) fn new(mut file: Box<dyn TitleSource>) -> io::Result<InstanceState> {
        Ok(InstanceState {
            length: file.seek(SeekFrom::End(0))?,
            file,
            limits: StoreLimitsBuilder::new()
                .memory_size(MEMORY_BYTES_MAX)
                .table_elements(50_000)
                .instances(16)
                .tables(16)
                .memories(4)
                .build(),
        })
    }

    pub(super) fn limits(&mut self) -> &mut StoreLimits {
        &mut self.limits
    }

    fn read_at(&mut self, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let left = self.length.saturating_sub(offset);
        let wanted = left.min(u64::from(length)).min(READ_BYTES_MAX as u64);
        let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(READ_BYTES_MAX)];
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl title_file::Host for InstanceState {
    fn length(&mut self) -> wasmtime::Result<u64> {
        Ok(self.length)
    }

    fn read(&mut self, offset: u64, length: u32) -> wasmtime::Result<Result<Vec<u8>, String>> {
        Ok(self
            .read_at(offset, length)
            .map_err(|error| error.to_string()))
    }
}
