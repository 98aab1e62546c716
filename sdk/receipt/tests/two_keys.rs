//! AES-GCM does not commit to its key: whoever knows two keys can craft one ciphertext that
//! authenticates under both. Such a receipt must be worth nothing under either.

#![cfg(test)]

use aes_gcm::KeyInit;
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Portable};
use colophon_receipt::{OpenError, ReceiptKey, SealedReceipt};

const KEYS: [[u8; 32]; 2] = [[1; 32], [2; 32]];
const IV: [u8; 12] = [3; 12];

fn encrypt_block(key: &[u8; 32], block: u128) -> u128 {
    let mut block = block.to_be_bytes().into();
    Aes256::new(key.into()).encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

/// Multiplication in the field of GHASH (NIST SP 800-38D, algorithm 1).
fn multiply(x: u128, y: u128) -> u128 {
    let (mut product, mut factor) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= factor;
        }
        let carry = factor & 1;
        factor >>= 1;
        factor ^= carry * (0xe1 << 120);
    }
    product
}

fn power(base: u128, exponent: u128) -> u128 {
    let one = 1 << 127;
    (0..128).rev().fold(one, |result, bit| {
        let squared = multiply(result, result);
        if exponent >> bit & 1 == 1 {
            multiply(squared, base)
        } else {
            squared
        }
    })
}

fn blocks(bytes: &[u8]) -> Vec<u128> {
    let block = |chunk: &[u8]| {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        u128::from_be_bytes(block)
    };
    bytes.chunks(16).map(block).collect()
}

/// The tag of a ciphertext, computed by hand.
fn tag_under(key: &[u8; 32], aad: &[u8], ciphertext: &[u8]) -> u128 {
    let h = encrypt_block(key, 0);
    let lengths = ((aad.len() as u128 * 8) << 64) | (ciphertext.len() as u128 * 8);
    let mut hashed = 0;
    for block in blocks(aad)
        .into_iter()
        .chain(blocks(ciphertext))
        .chain([lengths])
    {
        hashed = multiply(hashed ^ block, h);
    }
    let mut counter = [0; 16];
    counter[..12].copy_from_slice(&IV);
    counter[15] = 1;
    hashed ^ encrypt_block(key, u128::from_be_bytes(counter))
}

#[test]
fn a_ciphertext_crafted_for_two_keys_opens_under_neither() {
    let encode = Base64UrlUnpadded::encode_string;
    let header = encode(br#"{"alg":"dir","enc":"A256GCM","kid":"bookshop.1"}"#);
    let aad = header.as_bytes();

    // Good claims under the first key, followed by one block that is free to choose.
    let mut crafted = br#"{"v":1,"iss":"bookshop","aud":"main","iat":1,"exp":2,"jti":"1",
        "transaction":"1","book_id":"1","book_id_type":"1"}"#
        .to_vec();
    crafted.resize(crafted.len().next_multiple_of(16), b' ');
    Portable
        .aes256_gcm(&Key32::new(KEYS[0]))
        .seal(&IV, aad, &mut crafted);
    crafted.extend_from_slice(&[0; 16]);

    // The free block stands two places from the end of what is hashed, so that it enters a tag
    // times the square of the hash key: solve for the block that makes both tags equal.
    let [first, second] = KEYS.map(|key| tag_under(&key, aad, &crafted));
    let [h1, h2] = KEYS.map(|key| power(encrypt_block(&key, 0), 2));
    let inverse = power(h1 ^ h2, u128::MAX - 1);
    let free = multiply(first ^ second, inverse);
    let start = crafted.len() - 16;
    crafted[start..].copy_from_slice(&free.to_be_bytes());
    let tag = tag_under(&KEYS[0], aad, &crafted).to_be_bytes();

    for key in KEYS {
        let opened =
            Portable
                .aes256_gcm(&Key32::new(key))
                .open(&IV, aad, &mut crafted.clone(), &tag);
        assert_eq!(opened, Ok(()), "the attack itself works");
    }
    let text = format!(
        "{header}..{}.{}.{}",
        encode(&IV),
        encode(&crafted),
        encode(&tag)
    );
    let sealed = SealedReceipt::parse(&text).expect("a well-formed receipt");
    assert_eq!(
        sealed.kid().as_str(),
        "bookshop.1",
        "one kid, hence one key"
    );
    for key in KEYS {
        let key = ReceiptKey::new(Key32::new(key));
        let opened = sealed.open(&Portable, &key, &"main".parse().expect("a center"));
        assert!(matches!(opened, Err(OpenError::Claims(_))), "{opened:?}");
    }
}
