//! Texts that are no upload form, which is seen without any key.

use colophon_forge::{Parts, encode};

use super::forge::{header_for, padded, usual_parts, with_header};
use super::keys::CENTER;
use super::vector::Vector;

pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors = parts();
    vectors.extend(encodings());
    vectors.extend(lengths());
    vectors.extend(algorithms());
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
    let refused = |name, about, form| Vector::new(name, "parts", about, form);
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
        refused(
            "truncated",
            "the first half of a form",
            usual[..usual.len() / 2].to_owned(),
        ),
    ]
}

fn encodings() -> Vec<Vector> {
    let refused = |name, about, form| Vector::new(name, "base64", about, form);
    let usual = usual_parts().join();
    // The tag's last character has four bits to spare, as has that of 256 bytes of encrypted key.
    let next = |part: &mut String| {
        let last = part.pop().expect("a character");
        part.push((last as u8 + 1) as char);
    };
    vec![
        refused("padded-tag", "padding after the tag", format!("{usual}==")),
        refused(
            "padded-header",
            "padding after the header",
            changed(|parts| parts.header.push('=')),
        ),
        refused(
            "padded-encrypted-key",
            "padding after the encrypted key",
            changed(|parts| parts.encrypted_key.push_str("==")),
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
            changed(|parts| parts.encrypted_key.replace_range(0..1, "/")),
        ),
        refused(
            "non-canonical-tag",
            "spare bits of the tag that are not zero",
            changed(|parts| next(&mut parts.tag)),
        ),
        refused(
            "non-canonical-encrypted-key",
            "spare bits of the encrypted key that are not zero",
            changed(|parts| next(&mut parts.encrypted_key)),
        ),
        refused(
            "length-of-no-bytes",
            "a part whose length no number of bytes gives",
            changed(|parts| parts.tag.truncate(21)),
        ),
        refused(
            "space-before",
            "a space before the form",
            format!(" {usual}"),
        ),
        refused(
            "line-end-after",
            "a line end after the form",
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
    let overlong = padded(11_911);
    assert_eq!(overlong.len(), 16_386);
    let key = |length| changed(|parts| parts.encrypted_key = encode(&vec![1; length]));
    let iv = |length| changed(|parts| parts.iv = encode(&vec![1; length]));
    let tag = |length| changed(|parts| parts.tag = encode(&vec![1; length]));
    let refused = Vector::new;
    vec![
        refused("too-long", "too-long", "two bytes too many", overlong),
        refused(
            "without-encrypted-key",
            "encrypted-key-length",
            "no encrypted key, as with a shared one",
            key(0),
        ),
        refused(
            "encrypted-key-of-1024-bits",
            "encrypted-key-length",
            "an encrypted key of a short RSA key",
            key(128),
        ),
        refused(
            "encrypted-key-255-bytes",
            "encrypted-key-length",
            "an encrypted key just too short",
            key(255),
        ),
        refused(
            "encrypted-key-513-bytes",
            "encrypted-key-length",
            "an encrypted key just too long",
            key(513),
        ),
        refused("iv-empty", "iv-length", "no initialization vector", iv(0)),
        refused(
            "iv-11-bytes",
            "iv-length",
            "an initialization vector too short",
            iv(11),
        ),
        refused(
            "iv-16-bytes",
            "iv-length",
            "an initialization vector too long",
            iv(16),
        ),
        refused("tag-empty", "tag-length", "no tag", tag(0)),
        refused(
            "tag-12-bytes",
            "tag-length",
            "a tag cut to 12 bytes",
            tag(12),
        ),
        refused(
            "tag-15-bytes",
            "tag-length",
            "a tag cut to 15 bytes",
            tag(15),
        ),
        refused("tag-17-bytes", "tag-length", "a tag too long", tag(17)),
    ]
}

fn refused_header(name: &str, about: &str, header: &str) -> Vector {
    Vector::new(name, "header", about, with_header(header.as_bytes()))
}

fn algorithms() -> Vec<Vector> {
    let usual = header_for(&CENTER);
    let mut vectors = Vec::new();
    for algorithm in [
        "none",
        "dir",
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-512",
        "ECDH-ES",
    ] {
        let name = format!("alg-{}", algorithm.to_lowercase().replace('_', "-"));
        let header = usual.replace("RSA-OAEP-256", algorithm);
        vectors.push(refused_header(
            &name,
            "another key management algorithm",
            &header,
        ));
    }
    for encryption in ["A128GCM", "A192GCM", "A128CBC-HS256", "A256CBC-HS512"] {
        let name = format!("enc-{}", encryption.to_lowercase());
        let header = usual.replace("A256GCM", encryption);
        vectors.push(refused_header(&name, "another content encryption", &header));
    }
    vectors.push(refused_header(
        "alg-in-small-letters",
        "algorithms are case sensitive",
        &usual.replace("RSA-OAEP-256", "rsa-oaep-256"),
    ));
    vectors
}

fn headers() -> Vec<Vector> {
    let usual = header_for(&CENTER);
    let other = |member: &str| usual.replacen('{', &format!("{{{member},"), 1);
    let kid = |kid: &str| {
        let (rest, _) = usual.split_once(",\"kid\"").expect("a kid");
        format!("{rest},\"kid\":{kid}}}")
    };
    let refused = refused_header;
    vec![
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
        refused(
            "x5t-member",
            "another name of the certificate",
            &other(r#""x5t":"AAAA""#),
        ),
        refused(
            "duplicate-alg",
            "one member twice, alike",
            &other(r#""alg":"RSA-OAEP-256""#),
        ),
        refused(
            "duplicate-kid",
            "one member twice, different",
            &other(r#""kid":"AAAA""#),
        ),
        refused(
            "duplicate-kid-escaped",
            "one member twice, once with an escape",
            &other(r#""\u006bid":"AAAA""#),
        ),
        refused(
            "without-alg",
            "no alg",
            &usual.replace(r#""alg":"RSA-OAEP-256","#, ""),
        ),
        refused(
            "without-enc",
            "no enc",
            &usual.replace(r#""enc":"A256GCM","#, ""),
        ),
        refused("without-kid", "no kid", &kid("").replace(",\"kid\":", "")),
        refused("kid-a-number", "a kid that is a number", &kid("1")),
        refused("kid-null", "a kid that is null", &kid("null")),
        refused("kid-an-array", "a kid that is a list", &kid(r#"["AAAA"]"#)),
        refused("kid-empty", "an empty kid", &kid("\"\"")),
        refused(
            "kid-a-name",
            "a kid that is the center's name",
            &kid("\"main\""),
        ),
        refused(
            "kid-in-hexadecimal",
            "a kid in hexadecimal digits",
            &kid(&format!("\"{}\"", "ab".repeat(32))),
        ),
        refused(
            "kid-of-sha-1",
            "a kid of 20 bytes",
            &kid(&format!("\"{}\"", encode(&[7; 20]))),
        ),
        refused(
            "kid-padded",
            "padding after the kid",
            &kid(&format!("\"{}=\"", encode(&[7; 32]))),
        ),
        refused(
            "kid-non-canonical",
            "spare bits of the kid that are not zero",
            &kid(&format!("\"{}B\"", "A".repeat(42))),
        ),
        refused("header-empty", "an empty header", ""),
        refused("header-no-json", "a header that is no JSON", "alg=dir"),
        refused(
            "header-an-array",
            "a list for a header",
            &format!("[{usual}]"),
        ),
        refused(
            "header-two-objects",
            "a second object after the header",
            &format!("{usual}{{}}"),
        ),
        refused(
            "header-byte-order-mark",
            "a byte order mark",
            &format!("\u{FEFF}{usual}"),
        ),
        Vector::new(
            "header-not-utf-8",
            "header",
            "a header in Latin-1",
            with_header(b"{\"alg\":\"\xeb\"}"),
        ),
    ]
}
