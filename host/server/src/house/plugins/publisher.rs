//! Publishers of plug-ins and their signatures.
//!
//! A publisher signs a statement of six lines: what it is, the center that may ask the version, the
//! plug-in, the version, and the digests of component and manifest. `sdk/plugin/MANIFEST.md` gives it
//! to the byte. Any tool can make the signature, `openssl dgst -sha256 -sign KEY` for example.

use anyhow::{Result, bail};
use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_crypto::Engine;
use colophon_keys::PublicKey;
use colophon_receipt::CenterId;
use colophon_store::plugins::{PluginRecord, Publisher};

/// The first line, so that no signature made for something else fits.
const FIRST_LINE: &str = "colophon plug-in version 1";

/// What a publisher signs. No value holds a space or a line's end, so that every text is the
/// statement of one version in one center.
pub(crate) fn statement(
    center: &CenterId,
    plugin: &Name,
    version: &PluginVersion,
    component: &[u8; 32],
    manifest: &[u8; 32],
) -> String {
    let [component, manifest] = [component, manifest].map(|digest| {
        let bytes = digest.iter().map(|byte| format!("{byte:02x}"));
        bytes.collect::<String>()
    });
    format!(
        "{FIRST_LINE}\ncenter {center}\nplugin {plugin}\nversion {version}\n\
         component {component}\nmanifest {manifest}\n"
    )
}

/// Holds a version's signature against those who may publish for its center.
pub(crate) fn signed_by_one_of(
    engine: &dyn Engine,
    publishers: &[Publisher],
    statement: &str,
    signature: Option<&[u8]>,
) -> Result<()> {
    let names = || {
        let names = publishers.iter().map(|publisher| publisher.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let Some(signature) = signature else {
        bail!(
            "the version has no signature, and this center only takes what was signed by {}",
            names()
        );
    };
    let fits = |publisher: &Publisher| {
        let key = PublicKey::from_spki(engine, publisher.public_key.clone());
        key.is_ok_and(|key| key.verify(engine, statement.as_bytes(), signature).is_ok())
    };
    if publishers.iter().any(fits) {
        return Ok(());
    }
    bail!(
        "the version's signature is not that of {}, who may publish for this center",
        names()
    )
}

/// The versions that are asked and that none of these has signed, with the plug-in's name.
pub(crate) fn unsigned_of(
    engine: &dyn Engine,
    center: &CenterId,
    plugin: &PluginRecord,
    publishers: &[Publisher],
) -> Vec<String> {
    let unsigned = plugin.versions.iter().filter(|version| {
        let manifest = engine.digest(&[version.manifest.as_bytes()]);
        let signed = statement(
            center,
            &plugin.id,
            &version.version,
            &version.sha256,
            &manifest,
        );
        signed_by_one_of(engine, publishers, &signed, version.signature.as_deref()).is_err()
    });
    unsigned
        .map(|version| format!("{} {}", plugin.id, version.version))
        .collect()
}

#[cfg(test)]
mod tests {
    use colophon_core::time::Timestamp;
    use colophon_keys::{AwsLc, KeyKind, PrivateKey};

    use super::*;

    fn stated(center: &str, plugin: &str, version: &str, digests: [u8; 2]) -> String {
        let [component, manifest] = digests.map(|byte| [byte; 32]);
        statement(
            &center.parse().unwrap(),
            &Name::parse(plugin).unwrap(),
            &version.parse().unwrap(),
            &component,
            &manifest,
        )
    }

    fn publisher(name: &str, key: &PrivateKey) -> Publisher {
        Publisher {
            name: name.to_owned(),
            public_key: key.public_spki_der().to_vec(),
            created_at: Timestamp::from_unix_ms(1),
        }
    }

    #[test]
    fn a_statement_is_these_bytes() {
        let expected = "colophon plug-in version 1\n\
            center main\n\
            plugin acme-shelf\n\
            version 1.4.0-rc.1+b\n\
            component 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\n\
            manifest ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n";
        let made = stated("main", "acme-shelf", "1.4.0-rc.1+b", [10, 255]);
        assert_eq!(made, expected);
    }

    #[test]
    fn a_signature_is_for_one_version_in_one_center() {
        let key = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
        let publishers = [publisher("ada", &key)];
        let own = stated("main", "acme", "1", [1, 2]);
        let signature = key.sign(own.as_bytes()).unwrap();
        let signed = |statement: &str, signature: &[u8]| {
            signed_by_one_of(&AwsLc, &publishers, statement, Some(signature))
        };
        signed(&own, &signature).unwrap();
        for other in [
            stated("north", "acme", "1", [1, 2]),
            stated("main", "acme-2", "1", [1, 2]),
            stated("main", "acme", "2", [1, 2]),
            stated("main", "acme", "1", [3, 2]),
            stated("main", "acme", "1", [1, 3]),
            stated("main", "acme", "1", [2, 1]),
        ] {
            let refused = signed(&other, &signature).unwrap_err().to_string();
            assert!(refused.contains("is not that of ada"), "{other}: {refused}");
        }
        // A signature over the lines without what they are for is none.
        let (_, lines) = own.split_once('\n').unwrap();
        let elsewhere = key.sign(lines.as_bytes()).unwrap();
        signed(&own, &elsewhere).unwrap_err();
    }

    #[test]
    fn only_those_who_are_named_can_sign() {
        let [ada, eve] = [(); 2].map(|()| PrivateKey::generate(KeyKind::Rsa2048).unwrap());
        let own = stated("main", "acme", "1", [1, 2]);
        let signature = eve.sign(own.as_bytes()).unwrap();
        let by = |publishers: &[Publisher], signature: Option<&[u8]>| {
            signed_by_one_of(&AwsLc, publishers, &own, signature)
        };
        let named = [publisher("ada", &ada)];
        by(&named, Some(&signature)).unwrap_err();
        by(&named, Some(&[])).unwrap_err();
        let refused = by(&named, None).unwrap_err().to_string();
        assert!(refused.contains("has no signature"), "{refused}");
        let both = [publisher("ada", &ada), publisher("eve", &eve)];
        by(&both, Some(&signature)).unwrap();
        // Nobody named signs for everybody: the caller decides whether signatures are asked for.
        by(&[], Some(&signature)).unwrap_err();
    }
}
