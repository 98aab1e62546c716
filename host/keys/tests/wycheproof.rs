//! The vectors of Project Wycheproof through both engines.
//!
//! A vector is *inside* our profile if the engines can express it at all: 32-byte keys, 12-byte
//! nonces, 16-byte tags and so on. Inside, both engines must come to the vector's own result,
//! except where the profile is stricter on purpose (high-S signatures). A signature outside must
//! be refused by both.

#![cfg(test)]

use std::fmt;

use colophon_crypto::{Engine, Key32, Portable, SignatureAlgorithm, is_low_s};
use colophon_keys::AwsLc;
use wycheproof::TestResult;

const ENGINES: [&dyn Engine; 2] = [&AwsLc, &Portable];

/// What came of the vectors of one algorithm.
#[derive(Default)]
struct Count {
    inside: usize,
    agreed: usize,
    refused: usize,
    outside: usize,
    wrong: Vec<String>,
}

impl Count {
    /// A vector inside the profile, which both engines must accept exactly if `good`.
    fn inside(
        &mut self,
        vector: impl fmt::Display,
        good: bool,
        accepts: impl Fn(&dyn Engine) -> bool,
    ) {
        self.inside += 1;
        let verdicts = ENGINES.map(accepts);
        if verdicts == [good; 2] {
            self.agreed += 1;
            self.refused += usize::from(!good);
        } else {
            self.wrong
                .push(format!("{vector}: {verdicts:?} instead of {good}"));
        }
    }

    /// A vector that can be expressed but is not in the profile, which both must refuse.
    fn outside(&mut self, vector: impl fmt::Display, accepts: impl Fn(&dyn Engine) -> bool) {
        self.outside += 1;
        let verdicts = ENGINES.map(accepts);
        if verdicts != [false; 2] {
            self.wrong
                .push(format!("{vector}: {verdicts:?} outside the profile"));
        }
    }

    #[track_caller]
    fn conclude(&self, algorithm: &str, inside_min: usize) {
        let Count {
            inside,
            agreed,
            refused,
            outside,
            wrong,
        } = self;
        println!(
            "{algorithm}: {inside} inside the profile, {agreed} agreed ({refused} of them \
             refused), {outside} outside and not accepted"
        );
        assert!(wrong.is_empty(), "{algorithm}:\n{}", wrong.join("\n"));
        assert!(
            *inside >= inside_min,
            "{algorithm}: only {inside} vectors inside the profile"
        );
    }
}

/// `None` for vectors that may go either way; the engines must then still agree.
fn is_good(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

fn key(bytes: &[u8]) -> Option<Key32> {
    Key32::from_slice(bytes)
}

#[test]
fn aes_256_gcm() {
    use wycheproof::aead::{TestName, TestSet};
    let mut count = Count::default();
    for group in TestSet::load(TestName::AesGcm)
        .expect("the vectors")
        .test_groups
    {
        for test in group.tests {
            let (Some(key), Ok(nonce), Ok(tag)) = (
                key(&test.key),
                <&[u8; 12]>::try_from(test.nonce.as_ref()),
                <&[u8; 16]>::try_from(test.tag.as_ref()),
            ) else {
                count.outside += 1;
                continue;
            };
            let good = is_good(test.result).expect("a verdict");
            count.inside(test.tc_id, good, |engine| {
                let cipher = engine.aes256_gcm(&key);
                let mut opened = test.ct.to_vec();
                let opens = cipher.open(nonce, &test.aad, &mut opened, tag).is_ok();
                let mut sealed = test.pt.to_vec();
                let made = cipher.seal(nonce, &test.aad, &mut sealed);
                let seals = (sealed.as_slice(), made.as_slice()) == (&test.ct, &test.tag);
                assert_eq!(opens, seals, "opening and sealing differ");
                opens && opened == test.pt.as_ref()
            });
        }
    }
    count.conclude("AES-256-GCM", 60);
}

/// Shorter output is a prefix of ours, and ours one of longer output.
#[test]
fn hkdf_sha256() {
    use wycheproof::hkdf::{TestName, TestSet};
    let mut count = Count::default();
    for group in TestSet::load(TestName::HkdfSha256)
        .expect("the vectors")
        .test_groups
    {
        for test in group.tests {
            let length = test.okm.len().min(32);
            let Some(key) = key(&test.ikm).filter(|_| length > 0) else {
                count.outside += 1;
                continue;
            };
            let good = is_good(test.result).expect("a verdict");
            count.inside(test.tc_id, good, |engine| {
                let derived = engine.hkdf_sha256(&key, Some(&test.salt), &test.info);
                derived.expose()[..length] == test.okm[..length]
            });
        }
    }
    count.conclude("HKDF-SHA256", 20);
}

/// Truncated codes are compared as far as they go.
#[test]
fn hmac_sha256() {
    use wycheproof::mac::{TestName, TestSet};
    let mut count = Count::default();
    for group in TestSet::load(TestName::HmacSha256)
        .expect("the vectors")
        .test_groups
    {
        for test in group.tests {
            let Some(key) = key(&test.key) else {
                count.outside += 1;
                continue;
            };
            let good = is_good(test.result).expect("a verdict");
            count.inside(test.tc_id, good, |engine| {
                let made = engine.hmac_sha256(&key, &[&test.msg]);
                made[..test.tag.len()] == *test.tag
            });
        }
    }
    count.conclude("HMAC-SHA256", 100);
}

#[test]
fn aes_256_key_wrap() {
    use wycheproof::keywrap::{TestName, TestSet};
    let mut count = Count::default();
    for group in TestSet::load(TestName::AesKeyWrap)
        .expect("the vectors")
        .test_groups
    {
        for test in group.tests {
            let (Some(wrapping), Ok(wrapped)) =
                (key(&test.key), <&[u8; 40]>::try_from(test.ct.as_ref()))
            else {
                count.outside += 1;
                continue;
            };
            let good = is_good(test.result).expect("a verdict");
            count.inside(test.tc_id, good, |engine| {
                let unwrapped = engine.unwrap_key(&wrapping, wrapped);
                unwrapped.is_ok_and(|key| {
                    key.expose() == test.pt.as_ref() && engine.wrap_key(&wrapping, &key) == *wrapped
                })
            });
        }
    }
    count.conclude("AES-256 key wrap", 16);
}

#[test]
fn rsa_pkcs1_sha256() {
    use wycheproof::rsa_pkcs1_verify::{TestFlag, TestName, TestSet};
    let rsa = SignatureAlgorithm::RsaPkcs1Sha256;
    let mut count = Count::default();
    for name in TestName::all() {
        let in_profile = matches!(
            name,
            TestName::Rsa2048Sha256 | TestName::Rsa3072Sha256 | TestName::Rsa4096Sha256
        );
        for group in TestSet::load(name).expect("the vectors").test_groups {
            for test in group.tests {
                let vector = format!("{name:?} {}", test.tc_id);
                let accepts = |engine: &dyn Engine| {
                    engine.verify(rsa, &group.der, &test.msg, &test.sig).is_ok()
                };
                match is_good(test.result) {
                    Some(good) if in_profile => count.inside(vector, good, accepts),
                    // Older padding that some take: the profile does not.
                    None if in_profile => count.inside(vector, false, accepts),
                    // The wrong hash may be the one hash that is right here.
                    Some(_) if test.flags.contains(&TestFlag::WrongHash) => {
                        let good = accepts(&Portable);
                        count.inside(vector, good, accepts);
                    }
                    Some(_) | None => count.outside(vector, accepts),
                }
            }
        }
    }
    count.conclude("RSA PKCS#1 v1.5, SHA-256", 700);
}

#[test]
fn ecdsa_p256_sha256() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let ecdsa = SignatureAlgorithm::EcdsaP256Sha256;
    let mut count = Count::default();
    for name in TestName::all() {
        for group in TestSet::load(name).expect("the vectors").test_groups {
            for test in group.tests {
                let vector = format!("{name:?} {}", test.tc_id);
                let accepts = |engine: &dyn Engine| {
                    engine
                        .verify(ecdsa, &group.der, &test.msg, &test.sig)
                        .is_ok()
                };
                let low_s = <&[u8; 64]>::try_from(test.sig.as_ref()).map(is_low_s);
                match (name, is_good(test.result), low_s) {
                    (TestName::EcdsaSecp256r1Sha256P1363, Some(good), Ok(low_s)) => {
                        count.inside(vector, good && low_s, accepts);
                    }
                    _ => count.outside(vector, accepts),
                }
            }
        }
    }
    count.conclude("ECDSA P-256, SHA-256", 150);
}
