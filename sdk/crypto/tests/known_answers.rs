//! The portable engine against published and independently computed answers.

#![cfg(test)]

use colophon_crypto::{Engine, Key32, Mismatch, Portable, PublicKey, SignatureAlgorithm};

const MESSAGE: &[u8] = b"Call me Ishmael.";

fn counting_key() -> Key32 {
    Key32::filled(|bytes| {
        for (byte, value) in bytes.iter_mut().zip(0..) {
            *byte = value;
        }
    })
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|digit| digit.to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

#[test]
fn sha256_of_abc() {
    // FIPS 180-2, appendix B.1.
    let expected = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(Portable.digest(&[b"abc"]).as_slice(), expected);
    assert_eq!(Portable.digest(&[b"a", b"", b"bc"]).as_slice(), expected);
    let mut stream = Portable.sha256();
    stream.update(b"ab");
    stream.update(b"c");
    assert_eq!(stream.finish().as_slice(), expected);
}

/// Computed with the `hmac` and `hashlib` modules of Python.
#[test]
fn hmac_and_hkdf() {
    let key = counting_key();
    assert_eq!(
        Portable
            .hmac_sha256(&key, &[b"Call me ", b"Ishmael."])
            .as_slice(),
        hex("77ac4491f4b65c53e72359c7b628752d3fc604a224f85f0fc00a4fee4f626314"),
    );
    type Case<'a> = (Option<&'a [u8]>, &'a [u8], &'a str);
    let cases: [Case<'_>; 4] = [
        (
            None,
            b"info",
            "cccad7895238973b7b227c5216571c432f4602b7264e8e35cde4d3249e93720e",
        ),
        (
            Some(b""),
            b"info",
            "cccad7895238973b7b227c5216571c432f4602b7264e8e35cde4d3249e93720e",
        ),
        (
            Some(b"salt"),
            b"info",
            "64cc2a23b7a1da4310420350405fdf5d632cb9bda3700d753e96cbcfeb81d449",
        ),
        (
            Some(&[b's'; 100]),
            b"",
            "0a9d2b8e4536f6352ec7cfbd1696786bd7eca2f85d4c2621760de43062b27f78",
        ),
    ];
    for (salt, info, expected) in cases {
        assert_eq!(
            Portable.hkdf_sha256(&key, salt, info).expose().as_slice(),
            hex(expected)
        );
    }
}

/// Test case 16 of the GCM specification of McGrew and Viega.
#[test]
fn aes_256_gcm() {
    let key = hex("feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308");
    let cipher = Portable.aes256_gcm(&Key32::from_slice(&key).expect("32 bytes"));
    let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888")
        .try_into()
        .expect("12 bytes");
    let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plain = hex(
        "d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
                     1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39",
    );
    let mut buffer = plain.clone();

    let tag = cipher.seal(&nonce, &aad, &mut buffer);
    assert_eq!(
        buffer,
        hex(
            "522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
             8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662"
        )
    );
    assert_eq!(tag.as_slice(), hex("76fc6ece0f4e1768cddf8853bb2d551b"));

    let sealed = buffer.clone();
    for bit in 0..128 {
        let mut wrong = tag;
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            cipher.open(&nonce, &aad, &mut buffer, &wrong),
            Err(Mismatch)
        );
        assert_ne!(buffer, plain);
        buffer.copy_from_slice(&sealed);
    }
    assert_eq!(cipher.open(&nonce, b"", &mut buffer, &tag), Err(Mismatch));
    assert_eq!(
        cipher.open(&[0; 12], &aad, &mut sealed.clone(), &tag),
        Err(Mismatch)
    );
    assert_eq!(cipher.open(&nonce, &aad, &mut sealed.clone(), &tag), Ok(()));
}

/// RFC 3394, section 4.6.
#[test]
fn aes_key_wrap() {
    let wrapping = counting_key();
    let key = hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
    let expected =
        hex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21");
    let key = Key32::from_slice(&key).expect("32 bytes");

    let wrapped = Portable.wrap_key(&wrapping, &key);
    assert_eq!(wrapped.as_slice(), expected);
    let unwrapped = Portable.unwrap_key(&wrapping, &wrapped).expect("the key");
    assert_eq!(unwrapped.expose(), key.expose());

    for bit in 0..wrapped.len() * 8 {
        let mut wrong = wrapped;
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(Portable.unwrap_key(&wrapping, &wrong).is_err());
    }
    assert!(Portable.unwrap_key(&key, &wrapped).is_err());
}

#[track_caller]
fn check_signature(algorithm: SignatureAlgorithm, key: &[u8], signature: &[u8], good: bool) {
    assert_eq!(
        Portable.verify(algorithm, key, MESSAGE, signature).is_ok(),
        good
    );
    assert!(
        Portable
            .verify(algorithm, key, b"Call me Ahab.", signature)
            .is_err()
    );
}

#[test]
fn rsa_signatures() {
    let rsa = SignatureAlgorithm::RsaPkcs1Sha256;
    let key = include_bytes!("data/rsa-2048.spki.der");
    let signature = include_bytes!("data/rsa-2048.signature");
    check_signature(rsa, key, signature, true);
    check_signature(rsa, key, &signature[1..], false);
    check_signature(rsa, key, &[signature.as_slice(), b"\0"].concat(), false);
    check_signature(rsa, key, b"", false);
    check_signature(SignatureAlgorithm::EcdsaP256Sha256, key, signature, false);
    check_signature(
        rsa,
        include_bytes!("data/rsa-2048-not-der.spki.der"),
        signature,
        false,
    );
}

#[test]
fn rsa_keys_too_short_or_too_long_verify_nothing() {
    let rsa = SignatureAlgorithm::RsaPkcs1Sha256;
    let (key, signature) = (
        include_bytes!("data/rsa-1024.spki.der"),
        include_bytes!("data/rsa-1024.signature"),
    );
    check_signature(rsa, key, signature, false);
    let (key, signature) = (
        include_bytes!("data/rsa-4160.spki.der"),
        include_bytes!("data/rsa-4160.signature"),
    );
    check_signature(rsa, key, signature, false);
}

#[test]
fn ecdsa_signatures() {
    let ecdsa = SignatureAlgorithm::EcdsaP256Sha256;
    let key = include_bytes!("data/p256.spki.der");
    let signature = include_bytes!("data/p256.signature");
    check_signature(ecdsa, key, signature, true);
    check_signature(
        ecdsa,
        key,
        include_bytes!("data/p256-high-s.signature"),
        false,
    );
    check_signature(ecdsa, key, &signature[1..], false);
    check_signature(ecdsa, key, &[0; 64], false);
    check_signature(ecdsa, key, &[0xff; 64], false);
    check_signature(SignatureAlgorithm::RsaPkcs1Sha256, key, signature, false);
    check_signature(
        ecdsa,
        include_bytes!("data/p256-compressed.spki.der"),
        signature,
        false,
    );
    check_signature(
        ecdsa,
        include_bytes!("data/p384.spki.der"),
        signature,
        false,
    );
}

#[test]
fn keys_name_their_algorithm() {
    let algorithm = |der| PublicKey::parse(der).map(|key| key.algorithm());
    assert_eq!(
        algorithm(include_bytes!("data/rsa-2048.spki.der")),
        Ok(SignatureAlgorithm::RsaPkcs1Sha256)
    );
    assert_eq!(
        algorithm(include_bytes!("data/p256.spki.der")),
        Ok(SignatureAlgorithm::EcdsaP256Sha256)
    );
    assert!(PublicKey::parse(b"").is_err());
    let mut off_curve = *include_bytes!("data/p256.spki.der");
    off_curve[90] ^= 1;
    assert!(PublicKey::parse(&off_curve).is_err());
}
