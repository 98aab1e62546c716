//! What must not be readable in the databases' files.

use std::path::{Path, PathBuf};

use colophon_core::ports::LogRows;
use colophon_crypto::{Key32, Randomness};
use colophon_keys::SystemRandom;
use colophon_receipt::{ReceiptKey, RetailerSecret, SecretMode};
use colophon_store::signers::{AuthorityMaterial, SignerMaterial};
use colophon_title::{ContentKey, CopyKey, SignerRole};
use zeroize::Zeroizing;

use crate::place::{Place, moment};
use crate::samples::{center, center_id, download, node, retailer, title, version};

fn fresh() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    bytes
}

pub async fn no_secret_and_no_person_is_readable_in_the_files(ground: &Place) {
    let [copy_key, signer_key, authority_key, secret, content_key] = [(); 5].map(|()| fresh());
    let store = ground.store().await;
    let mut new = center("main");
    new.copy_key = CopyKey::new(Key32::new(copy_key));
    store.add_center(&new, moment(1)).await.unwrap();
    let signer = SignerMaterial {
        role: SignerRole::Tool,
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
    store.put_authority(&authority, moment(1)).await.unwrap();
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
        .append(node(1), &[(1, download(1, "canary-order"))])
        .await
        .unwrap();
    ground.settle().await;

    let files = files(ground.folder());
    let found = |needle: &[u8]| {
        files
            .iter()
            .filter(|(_, bytes)| contains(bytes, needle))
            .map(|(path, _)| path)
            .next()
    };
    // What may be read is read, so the files are the right ones.
    for plain in ["Canarytitle", "a public certificate", "canary-order"] {
        assert!(found(plain.as_bytes()).is_some(), "{plain}");
    }
    for (name, bytes) in [
        ("copy key", &copy_key),
        ("signer's key", &signer_key),
        ("authority's key", &authority_key),
        ("retailer's secret", &secret),
        ("content key", &content_key),
    ] {
        assert_eq!(found(bytes), None, "{name}");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found(hex.as_bytes()), None, "{name} in hexadecimal");
    }
    let text = secret_of_shop.to_text();
    assert_eq!(
        found(&text.as_bytes()[text.len() - 50..text.len() - 7]),
        None,
        "secret as shown"
    );
    for personal in [
        "Jane Canaryname",
        "Canaryname",
        "customer-0815",
        "192.0.2.77",
        "CanaryAgent",
        "Emma for Jane",
    ] {
        assert_eq!(found(personal.as_bytes()), None, "{personal}");
    }
}

/// Every file below a folder, with its bytes. A server may take some away meanwhile.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            list.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            list.push((path, bytes));
        }
    }
    list
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
