//! Gigabytes that take neither time nor memory.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use colophon_crypto::{
    Aead, Engine, Key32, Mismatch, Portable, Sha256Stream, SignatureAlgorithm, Verifier,
};

/// A file of any length that keeps only what is not zero, in blocks.
#[derive(Clone, Default)]
pub(crate) struct Sparse {
    blocks: BTreeMap<u64, Vec<u8>>,
    position: u64,
    length: u64,
}

const BLOCK: u64 = 65_536;
static ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];

impl Sparse {
    pub(crate) fn truncate(&mut self, length: u64) {
        self.length = length;
        self.blocks.retain(|number, _| number * BLOCK < length);
    }
}

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (number, inside) = (self.position / BLOCK, (self.position % BLOCK) as usize);
        let taken = bytes.len().min(BLOCK as usize - inside);
        let bytes = &bytes[..taken];
        if *bytes != ZEROS[..taken] || self.blocks.contains_key(&number) {
            let block = self
                .blocks
                .entry(number)
                .or_insert_with(|| vec![0; BLOCK as usize]);
            block[inside..inside + taken].copy_from_slice(bytes);
        }
        self.position += taken as u64;
        self.length = self.length.max(self.position);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Sparse {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let (number, inside) = (self.position / BLOCK, (self.position % BLOCK) as usize);
        let given = (out.len() as u64).min(left).min(BLOCK - inside as u64) as usize;
        match self.blocks.get(&number) {
            Some(block) => out[..given].copy_from_slice(&block[inside..inside + given]),
            None => out[..given].fill(0),
        }
        self.position += given as u64;
        Ok(given)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(offset) => self.length.checked_add_signed(offset).unwrap(),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset).unwrap(),
        };
        Ok(self.position)
    }
}

/// A source of zeros.
pub(crate) struct Zeros {
    pub(crate) length: u64,
    pub(crate) position: u64,
}

impl Read for Zeros {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let given = (out.len() as u64).min(self.length.saturating_sub(self.position)) as usize;
        out[..given].fill(0);
        self.position += given as u64;
        Ok(given)
    }
}

impl Seek for Zeros {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(offset) => self.length.checked_add_signed(offset).unwrap(),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset).unwrap(),
        };
        Ok(self.position)
    }
}

/// An engine that looks at the first bytes of large pieces only, and leaves them as they are.
pub(crate) struct Hollow;

/// Pieces from this length on are not looked at.
const LARGE: usize = 16 << 10;
/// Longer ones than a segment are: lists of digests, which are digested in pieces elsewhere.
const SEGMENT: usize = (64 << 10) + 16;

struct HollowAead(Box<dyn Aead>);

impl Aead for HollowAead {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> [u8; 16] {
        if buffer.len() < LARGE {
            self.0.seal(nonce, aad, buffer)
        } else {
            [7; 16]
        }
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Mismatch> {
        match buffer.len() < LARGE {
            true => self.0.open(nonce, aad, buffer, tag),
            false if tag == &[7; 16] => Ok(()),
            false => Err(Mismatch),
        }
    }
}

impl Engine for Hollow {
    fn name(&self) -> &'static str {
        "hollow"
    }

    fn sha256(&self) -> Box<dyn Sha256Stream> {
        Portable.sha256()
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let looked_at = |part: &&[u8]| match part.len() {
            LARGE..=SEGMENT => LARGE,
            length => length,
        };
        let short: Vec<&[u8]> = parts.iter().map(|part| &part[..looked_at(part)]).collect();
        Portable.digest(&short)
    }

    fn hmac_sha256(&self, key: &Key32, parts: &[&[u8]]) -> [u8; 32] {
        Portable.hmac_sha256(key, parts)
    }

    fn hkdf_sha256(&self, input: &Key32, salt: Option<&[u8]>, info: &[u8]) -> Key32 {
        Portable.hkdf_sha256(input, salt, info)
    }

    fn aes256_gcm(&self, key: &Key32) -> Box<dyn Aead> {
        Box::new(HollowAead(Portable.aes256_gcm(key)))
    }

    fn wrap_key(&self, wrapping: &Key32, key: &Key32) -> [u8; 40] {
        Portable.wrap_key(wrapping, key)
    }

    fn unwrap_key(&self, wrapping: &Key32, wrapped: &[u8; 40]) -> Result<Key32, Mismatch> {
        Portable.unwrap_key(wrapping, wrapped)
    }

    fn verifier(
        &self,
        algorithm: SignatureAlgorithm,
        public_key_spki_der: &[u8],
    ) -> Result<Box<dyn Verifier>, Mismatch> {
        Portable.verifier(algorithm, public_key_spki_der)
    }
}
