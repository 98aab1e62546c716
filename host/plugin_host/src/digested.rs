//! A component with its digest.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A component's bytes with the SHA-256 that was computed of them: nobody computes it twice, and
/// nobody takes another's word for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Digested {
    wasm: Vec<u8>,
    sha256: [u8; 32],
}

impl Digested {
    /// Digests a component. A large one takes a moment, in which nobody should wait on this thread.
    pub fn of(wasm: impl Into<Vec<u8>>) -> Self {
        let wasm = wasm.into();
        Self {
            sha256: Sha256::digest(&wasm).into(),
            wasm,
        }
    }

    /// The component.
    pub fn wasm(&self) -> &[u8] {
        &self.wasm
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The component alone.
    pub fn into_wasm(self) -> Vec<u8> {
        self.wasm
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Digested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digested({} bytes)", self.wasm.len())
    }
}
