//! Both engines give the same answers to anything they are asked.

#![cfg(test)]

use colophon_crypto::{Engine, Key32, Mismatch, Portable};
use colophon_keys::{AwsLc, KeyKind, PrivateKey};
use proptest::collection::vec;
use proptest::prelude::*;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Around the sizes of blocks, and well above them.
    prop_oneof![
        vec(any::<u8>(), 0..70),
        vec(any::<u8>(), 250..260),
        vec(any::<u8>(), 4090..5000)
    ]
}

fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

proptest! {
    #[test]
    fn digests(parts in vec(bytes(), 0..4)) {
        let whole = parts.concat();
        let expected = AwsLc.digest(&[&whole]);
        let engines: [&dyn Engine; 2] = [&AwsLc, &Portable];
        for engine in engines {
            prop_assert_eq!(engine.digest(&slices(&parts)), expected);
            let mut stream = engine.sha256();
            for part in &parts {
                stream.update(part);
            }
            prop_assert_eq!(stream.finish(), expected);
        }
    }

    #[test]
    fn keys_from_keys(key in any::<[u8; 32]>(), parts in vec(bytes(), 0..4), salt in proptest::option::of(bytes())) {
        let key = Key32::new(key);
        prop_assert_eq!(
            AwsLc.hmac_sha256(&key, &slices(&parts)),
            Portable.hmac_sha256(&key, &slices(&parts))
        );
        let info = parts.concat();
        let derived = [&AwsLc as &dyn Engine, &Portable]
            .map(|engine| *engine.hkdf_sha256(&key, salt.as_deref(), &info).expose());
        prop_assert_eq!(derived[0], derived[1]);
    }

    #[test]
    fn sealing(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; 12]>(),
        aad in bytes(),
        plain in bytes(),
        flip in any::<prop::sample::Index>(),
    ) {
        let key = Key32::new(key);
        let engines: [(&dyn Engine, &dyn Engine); 2] = [(&AwsLc, &Portable), (&Portable, &AwsLc)];
        for (one, other) in engines {
            let mut sealed = plain.clone();
            let tag = one.aes256_gcm(&key).seal(&nonce, &aad, &mut sealed);
            let mut again = plain.clone();
            prop_assert_eq!(other.aes256_gcm(&key).seal(&nonce, &aad, &mut again), tag);
            prop_assert_eq!(&again, &sealed);
            prop_assert_eq!(other.aes256_gcm(&key).open(&nonce, &aad, &mut again, &tag), Ok(()));
            prop_assert_eq!(&again, &plain);

            // One bit flipped anywhere in ciphertext, tag, nonce or additional data.
            let (mut ciphertext, mut wrong) = (sealed.clone(), (aad.clone(), nonce, tag));
            let bit = flip.index((sealed.len() + aad.len() + 28) * 8);
            let all = ciphertext.iter_mut().chain(&mut wrong.0).chain(&mut wrong.1).chain(&mut wrong.2);
            *all.into_iter().nth(bit / 8).expect("a byte") ^= 1 << (bit % 8);
            let opened = other.aes256_gcm(&key).open(&wrong.1, &wrong.0, &mut ciphertext, &wrong.2);
            prop_assert_eq!(opened, Err(Mismatch));
            prop_assert!(plain.len() < 8 || ciphertext != plain);
        }
    }

    #[test]
    fn wrapping(wrapping in any::<[u8; 32]>(), key in any::<[u8; 32]>(), bit in 0_usize..320) {
        let (wrapping, key) = (Key32::new(wrapping), Key32::new(key));
        let wrapped = AwsLc.wrap_key(&wrapping, &key);
        prop_assert_eq!(Portable.wrap_key(&wrapping, &key), wrapped);
        let mut wrong = wrapped;
        wrong[bit / 8] ^= 1 << (bit % 8);
        let engines: [&dyn Engine; 2] = [&AwsLc, &Portable];
        for engine in engines {
            let unwrapped = engine.unwrap_key(&wrapping, &wrapped).expect("the key");
            prop_assert_eq!(unwrapped.expose(), key.expose());
            prop_assert!(engine.unwrap_key(&wrapping, &wrong).is_err());
        }
    }
}

#[test]
fn every_flipped_bit_of_a_signature_and_a_key() {
    let message = b"Call me Ishmael.";
    for kind in [KeyKind::Rsa2048, KeyKind::P256] {
        let key = PrivateKey::generate(kind).expect("a key");
        let signature = key.sign(message).expect("a signature");
        let verdicts = |spki: &[u8], signature: &[u8]| {
            let engines: [&dyn Engine; 2] = [&AwsLc, &Portable];
            engines.map(|engine| {
                engine
                    .verify(key.algorithm(), spki, message, signature)
                    .is_ok()
            })
        };
        assert_eq!(verdicts(key.public_spki_der(), &signature), [true; 2]);
        for bit in 0..signature.len() * 8 {
            let mut wrong = signature.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verdicts(key.public_spki_der(), &wrong),
                [false; 2],
                "bit {bit}"
            );
        }
        for bit in 0..key.public_spki_der().len() * 8 {
            let mut wrong = key.public_spki_der().to_vec();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verdicts(&wrong, &signature),
                [false; 2],
                "bit {bit} of the key"
            );
        }
    }
}
