//! Well-formed texts that do not open, or not here.

use colophon_activation::CertificateHash;
use colophon_crypto::{Engine, Portable};
use colophon_forge::{Parts, decode, encode, flipped, json_of, shortened};
use serde_json::json;

use super::forge::{
    CONTENT_KEY, claims_with, encrypt_to, header_for, sealed, usual_claims, usual_parts,
};
use super::keys::{CENTER, OTHER};
use super::vector::Vector;

pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = certificates();
    vectors.extend(tampered());
    vectors.extend(encrypted_keys());
    vectors.extend(addressees());
    vectors
}

fn refused(name: &str, about: &str, form: &Parts) -> Vector {
    Vector::new(name, "not-genuine", about, form.join())
}

fn certificates() -> Vec<Vector> {
    let usual = usual_parts();
    let claims = json_of(&usual_claims());
    let (own, others) = (header_for(&CENTER), header_for(&OTHER));
    let to = |key, header: &str| {
        Parts::seal(
            &encrypt_to(key, &CONTENT_KEY),
            CONTENT_KEY,
            header.as_bytes(),
            claims.as_bytes(),
        )
    };
    let nobody = CertificateHash::from_bytes([7; 32]);
    let nobodys = own.replace(
        &CertificateHash::of(&Portable, &CENTER.certificate_der).to_string(),
        &nobody.to_string(),
    );
    let elsewhere =
        |name, about, form: Parts| Vector::new(name, "other-certificate", about, form.join());
    vec![
        elsewhere(
            "sealed-to-another-certificate",
            "sealed to the certificate of another center",
            to(&OTHER, &others),
        ),
        elsewhere(
            "kid-of-another-certificate",
            "sealed to this certificate under the kid of another",
            to(&CENTER, &others),
        ),
        elsewhere(
            "kid-of-no-certificate",
            "a kid nobody has",
            to(&CENTER, &nobodys),
        ),
        elsewhere(
            "key-of-another-certificate",
            "opened with another key",
            usual.clone(),
        )
        .with_other_key(),
        refused(
            "sealed-to-another-key",
            "sealed to another certificate's key under this one's kid",
            &to(&OTHER, &own),
        ),
        refused(
            "kid-exchanged",
            "the kid exchanged after sealing",
            &Parts {
                header: encode(own.as_bytes()),
                ..to(&CENTER, &others)
            },
        ),
    ]
}

fn tampered() -> Vec<Vector> {
    let usual = usual_parts();
    let claims = json_of(&usual_claims());
    let changed = |name, about, change: &dyn Fn(&mut Parts)| {
        let mut parts = usual.clone();
        change(&mut parts);
        refused(name, about, &parts)
    };
    let another = another_form();
    vec![
        changed(
            "header-respaced",
            "a space added to the header after sealing",
            &|parts| {
                parts.header = encode(header_for(&CENTER).replace(',', ", ").as_bytes());
            },
        ),
        changed(
            "tampered-encrypted-key",
            "a bit of the encrypted key flipped",
            &|parts| {
                parts.encrypted_key = flipped(&parts.encrypted_key, 1000);
            },
        ),
        changed(
            "tampered-iv",
            "a bit of the initialization vector flipped",
            &|parts| {
                parts.iv = flipped(&parts.iv, 0);
            },
        ),
        changed(
            "tampered-ciphertext",
            "the first bit of the ciphertext flipped",
            &|parts| {
                parts.ciphertext = flipped(&parts.ciphertext, 0);
            },
        ),
        changed(
            "tampered-tag",
            "the last bit of the tag flipped",
            &|parts| {
                parts.tag = flipped(&parts.tag, 127);
            },
        ),
        changed("tag-all-zeros", "a tag of zeros", &|parts| {
            parts.tag = encode(&[0; 16]);
        }),
        changed(
            "truncated-ciphertext",
            "the last byte of the ciphertext cut off",
            &|parts| {
                parts.ciphertext = shortened(&parts.ciphertext);
            },
        ),
        changed(
            "extended-ciphertext",
            "a byte after the ciphertext",
            &|parts| {
                let mut bytes = decode(&parts.ciphertext);
                bytes.push(0);
                parts.ciphertext = encode(&bytes);
            },
        ),
        changed("empty-ciphertext", "no ciphertext", &|parts| {
            parts.ciphertext = String::new();
        }),
        changed(
            "claims-in-the-clear",
            "the claims not encrypted at all",
            &|parts| {
                parts.ciphertext = encode(claims.as_bytes());
            },
        ),
        changed("parts-of-two-forms", "the tag of another form", &|parts| {
            parts.tag.clone_from(&another.tag);
        }),
        changed(
            "encrypted-key-of-another-form",
            "the encrypted key of another form",
            &|parts| {
                parts.encrypted_key.clone_from(&another.encrypted_key);
            },
        ),
    ]
}

/// Encrypted keys that are none, with claims sealed as well as may be.
fn encrypted_keys() -> Vec<Vector> {
    let (header, claims) = (header_for(&CENTER), json_of(&usual_claims()));
    let under = |encrypted_key: String, content_key| {
        Parts::seal(
            &encrypted_key,
            content_key,
            header.as_bytes(),
            claims.as_bytes(),
        )
    };
    let of = |message: &[u8]| under(encrypt_to(&CENTER, message), CONTENT_KEY);
    // What an implementation might go on with when a key does not decrypt.
    let nonsense = vec![1; 256];
    let stand_in = Portable.digest(&[&nonsense]);
    vec![
        refused(
            "content-key-16-bytes",
            "a content key of 16 bytes",
            &of(&[7; 16]),
        ),
        refused(
            "content-key-31-bytes",
            "a content key of 31 bytes",
            &of(&CONTENT_KEY[..31]),
        ),
        refused(
            "content-key-33-bytes",
            "a byte after the content key",
            &of(&[&CONTENT_KEY[..], &[0]].concat()),
        ),
        refused("content-key-empty", "an empty content key", &of(&[])),
        refused(
            "encrypted-key-zero",
            "zero for an encrypted key",
            &under(encode(&[0; 256]), [0; 32]),
        ),
        refused(
            "encrypted-key-above-modulus",
            "an encrypted key above the modulus",
            &under(encode(&[0xff; 256]), CONTENT_KEY),
        ),
        refused(
            "encrypted-key-of-a-longer-key",
            "an encrypted key of an RSA key of 4096 bits",
            &under(encode(&[1; 512]), CONTENT_KEY),
        ),
        refused(
            "encrypted-key-not-encrypted",
            "the content key itself, zeros before it",
            &under(
                encode(&[&[0; 224][..], &CONTENT_KEY[..]].concat()),
                CONTENT_KEY,
            ),
        ),
        refused(
            "sealed-under-zeros",
            "an encrypted key that does not decrypt, and a content key of zeros",
            &under(encode(&nonsense), [0; 32]),
        ),
        refused(
            "sealed-under-the-stand-in",
            "an encrypted key that does not decrypt, and its SHA-256 for a content key",
            &under(encode(&nonsense), stand_in),
        ),
    ]
}

fn addressees() -> Vec<Vector> {
    let usual = usual_parts().join();
    let made_for = |center: &str| sealed(json_of(&claims_with(json!({"aud": center}))).as_bytes());
    let vector = Vector::new;
    vec![
        vector(
            "other-center",
            "other-center",
            "opened at another center that has this key",
            usual.clone(),
        )
        .at_center("other"),
        vector(
            "for-another-center",
            "other-center",
            "made for another center",
            made_for("other"),
        ),
        vector(
            "for-a-center-of-longer-name",
            "other-center",
            "made for a center whose name begins alike",
            made_for("main-2"),
        ),
        vector(
            "other-persona",
            "other-persona",
            "with a receipt of another persona",
            usual.clone(),
        )
        .for_persona("eve@people.example"),
        vector(
            "persona-in-capitals",
            "other-persona",
            "personas are compared byte by byte",
            usual,
        )
        .for_persona("Ada@people.example"),
    ]
}

fn another_form() -> Parts {
    let mut content_key = CONTENT_KEY;
    content_key[31] ^= 1;
    Parts::seal(
        &encrypt_to(&CENTER, &content_key),
        content_key,
        header_for(&CENTER).as_bytes(),
        json_of(&usual_claims()).as_bytes(),
    )
}
