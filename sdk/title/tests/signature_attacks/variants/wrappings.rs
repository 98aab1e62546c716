//! What was signed, moved to where it is not looked for.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, Portable};

use super::inner;

/// Ways to keep what was signed somewhere and have something else where it is looked for.
pub(super) fn wrappings(part: &str) -> Vec<(&'static str, String)> {
    let object = inner(part, "ds:Object");
    let info = inner(part, "ds:SignedInfo");
    let value = inner(part, "ds:SignatureValue");
    let key = inner(part, "ds:KeyInfo");
    let evil_object = object.replace("validation=\"", "validation=\"AAAA");
    let evil_info = info.replace("<ds:DigestValue>", "<ds:DigestValue>AAAA");
    let evil = part.replace(object, &evil_object);
    let swap = |from: &str, to: String| part.replace(from, &to);
    let reference = inner(part, "ds:Reference");
    let digest = Base64::encode_string(&Portable.digest(&[evil_object.as_bytes()]));
    let evil_reference = reference.replace(inner(reference, "ds:DigestValue"), &digest);
    vec![
        ("object twice", swap(object, object.repeat(2))),
        (
            "evil object in front",
            swap(object, format!("{evil_object}{object}")),
        ),
        (
            "evil object behind",
            swap(object, format!("{object}{evil_object}")),
        ),
        (
            "evil object first of all",
            swap(info, format!("{evil_object}{info}")),
        ),
        (
            "object in front",
            swap(object, String::new()).replace(info, &format!("{object}{info}")),
        ),
        (
            "object in the key",
            swap(object, evil_object.clone())
                .replace("</ds:KeyInfo>", &format!("{object}</ds:KeyInfo>")),
        ),
        (
            "object in the object",
            swap(
                object,
                evil_object.replace("</ds:Object>", &format!("{object}</ds:Object>")),
            ),
        ),
        (
            "evil in the object",
            swap(
                object,
                object.replace("</ds:Object>", &format!("{evil_object}</ds:Object>")),
            ),
        ),
        (
            "object in the statement",
            swap(
                object,
                evil_object.replace("</statement>", &format!("{object}</statement>")),
            ),
        ),
        (
            "object outside",
            format!("{}{object}", swap(object, evil_object.clone())),
        ),
        (
            "object outside in front",
            format!("{object}{}", swap(object, evil_object.clone())),
        ),
        ("no object", swap(object, String::new())),
        (
            "signature in the object",
            evil.replace("</ds:Object>", &format!("{part}</ds:Object>")),
        ),
        (
            "signature in a wrapper",
            format!("<wrapper>{part}</wrapper>"),
        ),
        (
            "evil behind in a wrapper",
            format!("{evil}<wrapper>{part}</wrapper>"),
        ),
        ("evil signature in front", format!("{evil}{part}")),
        ("evil signature behind", format!("{part}{evil}")),
        (
            "signature in the signature",
            evil.replace("</ds:Signature>", &format!("{part}</ds:Signature>")),
        ),
        ("info twice", swap(info, info.repeat(2))),
        (
            "evil info in front",
            swap(info, format!("{evil_info}{info}")),
        ),
        ("evil info behind", swap(info, format!("{info}{evil_info}"))),
        (
            "evil info at the end",
            swap(object, format!("{object}{evil_info}")),
        ),
        (
            "info behind the value",
            swap(info, String::new()).replace(value, &format!("{value}{info}")),
        ),
        ("value twice", swap(value, value.repeat(2))),
        (
            "value in front",
            swap(value, String::new()).replace(info, &format!("{value}{info}")),
        ),
        ("no value", swap(value, String::new())),
        ("key twice", swap(key, key.repeat(2))),
        (
            "key at the end",
            swap(key, String::new()).replace(object, &format!("{object}{key}")),
        ),
        ("no key", swap(key, String::new())),
        ("reference twice", swap(reference, reference.repeat(2))),
        (
            "evil reference in front",
            swap(reference, format!("{evil_reference}{reference}")),
        ),
        (
            "evil reference behind",
            swap(reference, format!("{reference}{evil_reference}")),
        ),
        (
            "manifest",
            swap(
                object,
                format!(
                    "{object}<ds:Object><ds:Manifest>{evil_reference}</ds:Manifest></ds:Object>"
                ),
            ),
        ),
        ("no reference", swap(reference, String::new())),
        (
            "empty",
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature>"
                .to_owned(),
        ),
        ("text", format!("x{part}")),
    ]
}
