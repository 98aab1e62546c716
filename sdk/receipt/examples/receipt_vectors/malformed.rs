//! Texts that are no receipt, which is seen without any key.

use colophon_forge::{Parts, encode};

use super::Vector;
use super::forge::{HEADER, LONGEST_CLAIMS, padded, usual_parts, with_header};

pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = parts();
    vectors.extend(encodings());
    vectors.extend(lengths());
    vectors.extend(headers());
    vectors
}

fn changed(change: impl FnOnce(&mut Parts)) -> String {
    let mut parts = usual_parts();
    change(&mut parts);
    parts.join()
}

fn parts() -> Vec<Vector> {
    let usual = usual_parts().join();
    let refused = |name, about, receipt| Vector::new(name, "parts", about, receipt);
    let (four_parts, _) = usual.rsplit_once('.').expect("a point");
    vec![
        refused("empty", "nothing at all", String::new()),
        refused("four-parts", "the tag left out", four_parts.to_owned()),
        refused("six-parts", "a sixth part", format!("{usual}.AAAA")),
        refused(
            "signed-token",
            "three parts, as in a signed token",
            "e30.e30.AAAA".to_owned(),
        ),
        refused("without-points", "one part", usual.replace('.', "")),
        Vector::new(
            "encrypted-key",
            "encrypted-key",
            "an encrypted key, which a shared key has not",
            changed(|parts| parts.encrypted_key = encode(&[7; 40])),
        ),
    ]
}

fn encodings() -> Vec<Vector> {
    let refused = |name, about, receipt| Vector::new(name, "base64", about, receipt);
    let usual = usual_parts().join();
    vec![
        refused("padded-tag", "padding after the tag", format!("{usual}==")),
        refused(
            "padded-header",
            "a point for the tag's and padding for the header's end",
            changed(|parts| parts.header.push('=')),
        ),
        refused(
            "padded-ciphertext",
            "padding after the ciphertext",
            changed(|parts| parts.ciphertext.push('=')),
        ),
        refused(
            "standard-alphabet-plus",
            "a plus, which base64url has not",
            changed(|parts| parts.iv.replace_range(0..1, "+")),
        ),
        refused(
            "standard-alphabet-slash",
            "a slash, which base64url has not",
            changed(|parts| parts.iv.replace_range(0..1, "/")),
        ),
        // 16 bytes take 22 characters, of which the last has four bits to spare.
        refused(
            "non-canonical-tag",
            "spare bits of the tag that are not zero",
            changed(|parts| {
                let last = parts.tag.pop().expect("a character");
                parts.tag.push((last as u8 + 1) as char);
            }),
        ),
        refused(
            "length-of-no-bytes",
            "a part whose length no number of bytes gives",
            changed(|parts| parts.tag.truncate(21)),
        ),
        refused(
            "space-before",
            "a space before the receipt",
            format!(" {usual}"),
        ),
        refused(
            "line-end-after",
            "a line end after the receipt",
            format!("{usual}\n"),
        ),
        refused(
            "line-end-within",
            "a line end in the ciphertext",
            changed(|parts| parts.ciphertext.insert_str(76, "\r\n")),
        ),
        refused(
            "percent-escape",
            "an escape that was not taken out of the URL",
            changed(|parts| parts.ciphertext.insert_str(8, "%2D")),
        ),
        refused(
            "non-ascii-character",
            "a letter outside ASCII in the ciphertext",
            changed(|parts| parts.ciphertext.insert(8, 'é')),
        ),
        refused(
            "nul-character",
            "a NUL in the ciphertext",
            changed(|parts| parts.ciphertext.insert(8, '\0')),
        ),
    ]
}

fn lengths() -> Vec<Vector> {
    let overlong = padded(LONGEST_CLAIMS + 1);
    assert_eq!(overlong.len(), 8193);
    let iv = |length| changed(|parts| parts.iv = encode(&vec![1; length]));
    let tag = |length| changed(|parts| parts.tag = encode(&vec![1; length]));
    vec![
        Vector::new("too-long", "too-long", "8193 bytes", overlong),
        Vector::new("iv-empty", "iv-length", "no initialization vector", iv(0)),
        Vector::new(
            "iv-11-bytes",
            "iv-length",
            "an initialization vector too short",
            iv(11),
        ),
        Vector::new(
            "iv-16-bytes",
            "iv-length",
            "an initialization vector too long",
            iv(16),
        ),
        Vector::new("tag-empty", "tag-length", "no tag", tag(0)),
        Vector::new("tag-4-bytes", "tag-length", "a tag cut to 4 bytes", tag(4)),
        Vector::new(
            "tag-12-bytes",
            "tag-length",
            "a tag cut to 12 bytes",
            tag(12),
        ),
        Vector::new(
            "tag-15-bytes",
            "tag-length",
            "a tag cut to 15 bytes",
            tag(15),
        ),
        Vector::new("tag-17-bytes", "tag-length", "a tag too long", tag(17)),
    ]
}

fn headers() -> Vec<Vector> {
    let refused = |name: &str, about, header: &str| {
        Vector::new(name, "header", about, with_header(header.as_bytes()))
    };
    let replaced = |from: &str, to: &str| HEADER.replacen(from, to, 1);
    let other = |member: &str| HEADER.replacen('{', &format!("{{{member},"), 1);
    let mut vectors = Vec::new();
    for algorithm in [
        "none",
        "A256KW",
        "A256GCMKW",
        "RSA-OAEP-256",
        "ECDH-ES",
        "PBES2-HS256+A128KW",
    ] {
        let name = format!("alg-{}", algorithm.to_lowercase().replace('+', "-"));
        let header = replaced("\"dir\"", &format!("\"{algorithm}\""));
        vectors.push(refused(&name, "another key management algorithm", &header));
    }
    for encryption in ["A128GCM", "A192GCM", "A128CBC-HS256", "A256CBC-HS512"] {
        let name = format!("enc-{}", encryption.to_lowercase());
        let header = replaced("A256GCM", encryption);
        vectors.push(refused(&name, "another content encryption", &header));
    }
    vectors.extend([
        refused(
            "alg-in-capitals",
            "algorithms are case sensitive",
            &replaced("dir", "DIR"),
        ),
        refused("zip-member", "compression", &other(r#""zip":"DEF""#)),
        refused("typ-member", "a type", &other(r#""typ":"JWT""#)),
        refused("cty-member", "a content type", &other(r#""cty":"JWT""#)),
        refused(
            "crit-member",
            "a critical extension",
            &other(r#""crit":["exp"],"exp":1"#),
        ),
        refused(
            "jku-member",
            "an address to fetch keys from",
            &other(r#""jku":"https://evil.example/k""#),
        ),
        refused("epk-member", "an ephemeral key", &other(r#""epk":{}"#)),
        refused(
            "duplicate-alg",
            "one member twice, alike",
            &other(r#""alg":"dir""#),
        ),
        refused(
            "duplicate-kid",
            "one member twice, different",
            &other(r#""kid":"rival.1""#),
        ),
        refused(
            "duplicate-kid-escaped",
            "one member twice, once with an escape",
            &other(r#""\u006bid":"rival.1""#),
        ),
        refused("without-alg", "no alg", &replaced(r#""alg":"dir","#, "")),
        refused(
            "without-enc",
            "no enc",
            &replaced(r#""enc":"A256GCM","#, ""),
        ),
        refused(
            "without-kid",
            "no kid",
            &replaced(r#","kid":"bookshop.1""#, ""),
        ),
        refused(
            "kid-a-number",
            "a kid that is a number",
            &replaced("\"bookshop.1\"", "1"),
        ),
        refused(
            "kid-null",
            "a kid that is null",
            &replaced("\"bookshop.1\"", "null"),
        ),
        refused("kid-empty", "an empty kid", &replaced("bookshop.1", "")),
        refused(
            "kid-without-number",
            "a kid without the key's number",
            &replaced("bookshop.1", "bookshop"),
        ),
        refused(
            "kid-number-zero",
            "key numbers start at 1",
            &replaced("bookshop.1", "bookshop.0"),
        ),
        refused(
            "kid-leading-zero",
            "a second name for key 1",
            &replaced("bookshop.1", "bookshop.01"),
        ),
        refused(
            "kid-number-too-large",
            "a key number above 32 bits",
            &replaced("bookshop.1", "bookshop.4294967296"),
        ),
        refused(
            "kid-traversal",
            "a kid like a path",
            &replaced("bookshop.1", "../bookshop.1"),
        ),
        refused(
            "kid-65-characters",
            "a retailer id too long",
            &replaced("bookshop.1", &format!("{}.1", "a".repeat(65))),
        ),
        refused("header-empty", "an empty header", ""),
        refused(
            "header-an-array",
            "a header that is an array",
            "[\"dir\",\"A256GCM\",\"bookshop.1\"]",
        ),
        refused(
            "header-no-json",
            "a header with single quotes",
            &HEADER.replace('"', "'"),
        ),
        refused(
            "header-two-objects",
            "a second object after the header",
            &format!("{HEADER}{{}}"),
        ),
        refused(
            "header-byte-order-mark",
            "a byte order mark before the header",
            &format!("\u{FEFF}{HEADER}"),
        ),
        Vector::new(
            "header-not-utf-8",
            "header",
            "a header that is not UTF-8",
            with_header(
                &HEADER
                    .bytes()
                    .map(|byte| if byte == b'k' { 0xff } else { byte })
                    .collect::<Vec<_>>(),
            ),
        ),
    ]);
    vectors
}
