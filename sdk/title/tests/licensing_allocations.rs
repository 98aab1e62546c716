//! How often a license asks for memory: no tree of elements stands behind it, and one of a known
//! shape is not read back.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/counted.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod counted;
#[path = "support/licensing.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod licensing;

use std::sync::Arc;

use authority::{Authority, EcdsaP256Sha256, TestSigner};
use colophon_crypto::{Engine, Portable, SignatureAlgorithm};
use colophon_title::license::{License, LicenseId, LicenseSigner, ReadyLicensor};
use licensing::{full, licensor};

/// A signer whose own work is counted apart.
struct Remembering {
    signer: TestSigner,
    signatures: std::sync::Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl LicenseSigner for Remembering {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.signer.chain
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let mut signatures = self.signatures.lock().unwrap();
        if let Some((_, signature)) = signatures.iter().find(|(known, _)| known == message) {
            return Ok(signature.clone());
        }
        let signature = LicenseSigner::sign(&self.signer, message)?;
        signatures.push((message.to_vec(), signature.clone()));
        Ok(signature)
    }
}

#[test]
fn a_license_of_a_known_shape_asks_for_memory_a_few_times() {
    let root = Authority::root("Platform", EcdsaP256Sha256);
    let signer = licensor(&root.intermediate("Center", vec![]), EcdsaP256Sha256);
    let license = full(&signer);
    let object = license.licensor.object.clone();
    let signer = Arc::new(Remembering {
        signer,
        signatures: std::sync::Mutex::default(),
    });
    let ready = ReadyLicensor::new(&Portable, object, signer.clone()).unwrap();
    let other = License {
        id: LicenseId::from_bytes([9; 16]),
        ..license.clone()
    };
    let sign = |license: &License| ready.sign(&Portable, license).unwrap();
    let (first, of_first) = counted::allocations(|| sign(&license));
    assert_eq!(sign(&other), sign(&other));
    // What the verification takes, which is the engine's affair.
    let (message, signature) = signer.signatures.lock().unwrap()[1].clone();
    let key = &signer.signer.chain[0];
    let key = colophon_title::trust::EndCertificate::parse(key).unwrap();
    let verifier = Portable.verifier(EcdsaP256Sha256, &key.public_key_spki_der);
    let verifier = verifier.unwrap();
    let verify = || verifier.verify(&message, &signature).unwrap();
    let (_, of_verifying) = counted::allocations(verify);
    let (again, of_again) = counted::allocations(|| sign(&other));
    assert!(again.document().len() > 3_000 && first != again);
    let own = of_again - of_verifying;
    assert!(own <= 24, "{own} allocations; {of_first} the first time");
    assert!(of_first > 10 * own, "{of_first} and then {own}");
}
