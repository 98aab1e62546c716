//! What must not be readable in the databases' files.

use std::collections::BTreeSet;
use std::path::Path;

use colophon_core::ports::LogRows;
use colophon_crypto::{Key32, Randomness};
use colophon_keys::SystemRandom;
use colophon_receipt::{ReceiptKey, RetailerSecret, SecretMode};
use colophon_store::signers::{AuthorityMaterial, CenterKeyRole, SignerMaterial};
use colophon_title::{ContentKey, CopyKey};
use zeroize::Zeroizing;

use crate::place::{Place, moment};
use crate::samples::{center, center_id, download, node, retailer, server_event, title, version};

fn fresh() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    bytes
}

pub(crate) async fn no_secret_and_no_person_is_readable_in_the_files(ground: &Place) {
    let [copy_key, signer_key, authority_key, secret, content_key] = [(); 5].map(|()| fresh());
    let store = ground.store().await;
    let mut new = center("main");
    new.copy_key = CopyKey::new(Key32::new(copy_key));
    store.add_center(&new, moment(1)).await.unwrap();
    let signer = SignerMaterial {
        role: CenterKeyRole::Tool,
        chain: vec![b"a public certificate".to_vec()],
        pkcs8: Zeroizing::new(signer_key.to_vec()),
    };
    store
        .put_signer(&center_id(), &signer, moment(1))
        .await
        .unwrap();
    let authority = AuthorityMaterial {
        name: "platform".to_owned(),
        certificate: b"a public certificate".to_vec(),
        pkcs8: Some(Zeroizing::new(authority_key.to_vec())),
    };
    let entered = store.enter_authority(&authority, moment(1)).await;
    assert!(entered.unwrap());
    let key = ReceiptKey::new(Key32::new(secret));
    let secret_of_shop = RetailerSecret::new(SecretMode::Live, "shop.1".parse().unwrap(), key);
    store
        .add_retailer(&retailer("shop"), &secret_of_shop, moment(1))
        .await
        .unwrap();
    let mut book = title(1, "111", "Canarytitle");
    book.kept.keys = vec![(version(3), ContentKey::new(Key32::new(content_key)))];
    store.add_title(&book, moment(1)).await.unwrap();
    store
        .append(
            node(1),
            &[
                (1, download(1, "canary-order").into()),
                (2, server_event(2).into()),
            ],
        )
        .await
        .unwrap();
    ground.settle().await;

    let text = secret_of_shop.to_text();
    let mut secrets: Vec<(&str, Vec<u8>)> = vec![
        ("copy key", copy_key.to_vec()),
        ("signer's key", signer_key.to_vec()),
        ("authority's key", authority_key.to_vec()),
        ("retailer's secret", secret.to_vec()),
        ("content key", content_key.to_vec()),
        (
            "retailer's secret as shown",
            text.as_bytes()[text.len() - 50..text.len() - 7].to_vec(),
        ),
    ];
    let personal = [
        "Canaryname",
        "customer-0815",
        "192.0.2.77",
        "CanaryAgent",
        "Emma for Jane",
        "Canarymessage",
        "Canarydetail",
    ];
    secrets.extend(personal.map(|text| (text, text.as_bytes().to_vec())));
    let in_hexadecimal: Vec<_> = secrets
        .iter()
        .map(|(name, bytes)| (*name, hex(bytes)))
        .collect();
    secrets.extend(in_hexadecimal);
    // What may be read is read, so the files are the right ones.
    let plain = ["Canarytitle", "a public certificate", "canary-order"];
    let all: Vec<&[u8]> = secrets
        .iter()
        .map(|(_, bytes)| bytes.as_slice())
        .chain(plain.map(str::as_bytes))
        .collect();
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for bytes in files(ground.folder()) {
        found.extend(found_in(&bytes, &all));
    }
    let readable: Vec<&str> = secrets
        .iter()
        .enumerate()
        .filter(|(at, _)| found.contains(at))
        .map(|(_, (name, _))| *name)
        .collect();
    assert!(readable.is_empty(), "{readable:?}");
    assert_eq!(found.len(), plain.len(), "{found:?}");
}

/// Which of the texts can be read in the files of a place.
pub(crate) fn readable<'a>(place: &Place, texts: &[&'a str]) -> Vec<&'a str> {
    let all: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for bytes in files(place.folder()) {
        found.extend(found_in(&bytes, &all));
    }
    found.into_iter().map(|at| texts[at]).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into_bytes()
}

/// The bytes of every file below a folder. A server may take some away meanwhile.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            list.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            list.push(bytes);
        }
    }
    list
}

/// Which of the texts stand anywhere in these bytes, found in one pass.
fn found_in(bytes: &[u8], texts: &[&[u8]]) -> BTreeSet<usize> {
    let mut begins = [false; 256];
    for text in texts {
        begins[usize::from(text[0])] = true;
    }
    let mut found = BTreeSet::new();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| begins[usize::from(*byte)]) {
        rest = &rest[at..];
        found.extend((0..texts.len()).filter(|index| rest.starts_with(texts[*index])));
        rest = &rest[1..];
    }
    found
}
