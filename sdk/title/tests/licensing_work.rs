//! What a license costs whoever signs many: nothing that follows from the certificates alone is
//! worked out again.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/licensing.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod licensing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authority::{Authority, EcdsaP256Sha256, RsaPkcs1Sha256};
use colophon_crypto::{
    Aead, Engine, Key32, Mismatch, Portable, Sha256Stream, SignatureAlgorithm, Verifier,
};
use colophon_title::license::{License, LicenseId, LicenseSigner, ReadyLicensor, verify};
use licensing::{full, licensor};

/// The portable engine, counting.
#[derive(Default)]
struct Counting {
    digests: AtomicUsize,
    keys_made_ready: AtomicUsize,
}

impl Counting {
    /// Digests and keys made ready since the last time.
    fn counted(&self) -> (usize, usize) {
        let taken = |counter: &AtomicUsize| counter.swap(0, Ordering::Relaxed);
        (taken(&self.digests), taken(&self.keys_made_ready))
    }
}

impl Engine for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn sha256(&self) -> Box<dyn Sha256Stream> {
        self.digests.fetch_add(1, Ordering::Relaxed);
        Portable.sha256()
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.digests.fetch_add(1, Ordering::Relaxed);
        Portable.digest(parts)
    }

    fn hmac_sha256(&self, key: &Key32, parts: &[&[u8]]) -> [u8; 32] {
        Portable.hmac_sha256(key, parts)
    }

    fn hkdf_sha256(&self, input: &Key32, salt: Option<&[u8]>, info: &[u8]) -> Key32 {
        Portable.hkdf_sha256(input, salt, info)
    }

    fn aes256_gcm(&self, key: &Key32) -> Box<dyn Aead> {
        Portable.aes256_gcm(key)
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
        self.keys_made_ready.fetch_add(1, Ordering::Relaxed);
        Portable.verifier(algorithm, public_key_spki_der)
    }
}

/// A signer whose certificates are asked for only while it is made ready.
struct Asked<S> {
    signer: S,
    times: AtomicUsize,
}

impl<S: LicenseSigner> LicenseSigner for Asked<S> {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    fn chain(&self) -> &[Vec<u8>] {
        self.times.fetch_add(1, Ordering::Relaxed);
        self.signer.chain()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        self.signer.sign(message)
    }
}

#[test]
fn certificates_are_read_and_digested_once_for_all_licenses() {
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256] {
        let root = Authority::root("Platform", algorithm);
        let signer = licensor(&root.intermediate("Center", vec![]), algorithm);
        let license = full(&signer);
        let engine = Counting::default();
        let asked = Arc::new(Asked {
            signer: &signer,
            times: AtomicUsize::new(0),
        });
        let object = license.licensor.object.clone();
        let ready = ReadyLicensor::new(&engine, object, asked.clone()).unwrap();
        assert_eq!(ready.named(), &license.licensor);
        assert_eq!(
            engine.counted(),
            (2, 1),
            "the certificate, its issuers; the key"
        );
        let times = asked.times.load(Ordering::Relaxed);
        for number in 0..3 {
            let license = License {
                id: LicenseId::from_bytes([number; 16]),
                ..license.clone()
            };
            let signed = ready.sign(&engine, &license).unwrap();
            assert_eq!(engine.counted(), (1, 0), "the license itself");
            let report = verify(&Portable, signed.document(), &root.roots()).unwrap();
            assert_eq!(report.license, license);
        }
        assert_eq!(asked.times.load(Ordering::Relaxed), times);
    }
}
