//! Publishers of plug-ins and their signatures.
//!
//! A publisher signs a statement of six lines: what it is, the center that may ask the version, the
//! plug-in, the version, and the digests of component and manifest. `sdk/plugin/MANIFEST.md` gives it
//! to the byte. Any tool can make the signature, `openssl dgst -sha256 -sign KEY` for example.

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Rollout, VersionState};
use colophon_crypto::Engine;
use colophon_keys::PublicKey;
use colophon_receipt::CenterId;
use colophon_store::failure::Damaged;
use colophon_store::plugins::{
    KeptPlugin, KeptVersion, PluginRecord, Publisher, SignatureCheck, StatedVersion, VersionRecord,
};
use thiserror::Error;

use crate::output::hex;

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
    let [component, manifest] = [component, manifest].map(|digest| hex(digest));
    format!(
        "{FIRST_LINE}\ncenter {center}\nplugin {plugin}\nversion {version}\n\
         component {component}\nmanifest {manifest}\n"
    )
}

/// Nobody who may publish for the center has signed a version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unsigned {
    #[error(
        "the version has no signature, and this center only takes what was signed by {publishers}"
    )]
    NoSignature { publishers: String },
    #[error("the version's signature is not that of {publishers}, who may publish for this center")]
    NotTheirs { publishers: String },
}

/// What a version's publisher signs of it, and the signature.
pub(crate) struct Signed<'a> {
    pub(crate) version: &'a PluginVersion,
    pub(crate) sha256: &'a [u8; 32],
    pub(crate) manifest: &'a str,
    pub(crate) signature: Option<&'a [u8]>,
}

impl<'a> From<&'a VersionRecord> for Signed<'a> {
    fn from(record: &'a VersionRecord) -> Self {
        Self {
            version: &record.version,
            sha256: &record.sha256,
            manifest: &record.manifest,
            signature: record.signature.as_deref(),
        }
    }
}

impl<'a> From<&'a KeptVersion> for Signed<'a> {
    fn from(kept: &'a KeptVersion) -> Self {
        Self {
            version: &kept.version,
            sha256: &kept.sha256,
            manifest: &kept.manifest,
            signature: kept.signature.as_deref(),
        }
    }
}

impl<'a> From<&'a StatedVersion> for Signed<'a> {
    fn from(stated: &'a StatedVersion) -> Self {
        Self {
            version: &stated.version,
            sha256: &stated.sha256,
            manifest: &stated.manifest,
            signature: stated.signature.as_deref(),
        }
    }
}

/// Verifies signatures for the store, which takes no step that puts an unsigned version into a place.
pub(crate) struct Verifying<'a>(pub(crate) &'a dyn Engine);

impl SignatureCheck for Verifying<'_> {
    fn why_unsigned(
        &self,
        center: &CenterId,
        plugin: &Name,
        version: &StatedVersion,
        publishers: &[Publisher],
    ) -> Option<String> {
        let signatures = Signatures {
            engine: self.0,
            center,
            publishers,
        };
        let believed = signatures.believe(plugin, &version.into());
        believed.err().map(|unsigned| unsigned.to_string())
    }
}

/// A version that is asked though nobody who may publish has signed it.
pub(crate) struct UnsignedAsked {
    /// With the plug-in's name.
    pub(crate) name: String,
    /// Whether another one is asked without it, for it is only on trial.
    pub(crate) on_trial: bool,
}

/// The signatures that a center asks for: those of its publishers, or none where it names nobody.
///
/// A version is asked only while somebody who may publish has signed it. That holds at once and on
/// every host, whether it has loaded the version already or starts anew, so that whose right is taken
/// away decides nothing any more.
#[derive(Clone, Copy)]
pub(crate) struct Signatures<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) center: &'a CenterId,
    pub(crate) publishers: &'a [Publisher],
}

impl Signatures<'_> {
    /// Holds a version against those who may publish it.
    pub(crate) fn believe(&self, plugin: &Name, signed: &Signed<'_>) -> Result<(), Unsigned> {
        if self.publishers.is_empty() {
            return Ok(());
        }
        let manifest = self.engine.digest(&[signed.manifest.as_bytes()]);
        let stated = statement(
            self.center,
            plugin,
            signed.version,
            signed.sha256,
            &manifest,
        );
        signed_by_one_of(self.engine, self.publishers, &stated, signed.signature)
    }

    /// Versions of a plug-in that are asked and that nobody who may publish has signed.
    pub(crate) fn unsigned_of(&self, plugin: &PluginRecord) -> Vec<UnsignedAsked> {
        let versions = plugin.versions.iter();
        let unsigned = versions.filter(|one| self.believe(&plugin.id, &(*one).into()).is_err());
        let unsigned = unsigned.map(|one| UnsignedAsked {
            name: format!("{} {}", plugin.id, one.version),
            on_trial: matches!(one.state, VersionState::Canary(_)),
        });
        unsigned.collect()
    }

    /// How a plug-in's versions stand, with those that no host would ask.
    pub(crate) fn rollout(&self, plugin: &KeptPlugin) -> Result<Rollout, Damaged> {
        let unsigned = plugin.versions.iter().filter_map(|kept| {
            let unsigned = self.believe(&plugin.id, &kept.into()).err()?;
            Some((kept.version.clone(), unsigned.to_string()))
        });
        Ok(plugin.rollout()?.with_unsigned(unsigned))
    }
}

/// Holds a version's signature against those who may publish for its center.
fn signed_by_one_of(
    engine: &dyn Engine,
    publishers: &[Publisher],
    statement: &str,
    signature: Option<&[u8]>,
) -> Result<(), Unsigned> {
    let names = || {
        let names = publishers.iter().map(|publisher| publisher.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let Some(signature) = signature else {
        return Err(Unsigned::NoSignature {
            publishers: names(),
        });
    };
    let fits = |publisher: &Publisher| {
        let key = PublicKey::from_spki(engine, publisher.public_key.clone());
        key.is_ok_and(|key| key.verify(engine, statement.as_bytes(), signature).is_ok())
    };
    match publishers.iter().any(fits) {
        true => Ok(()),
        false => Err(Unsigned::NotTheirs {
            publishers: names(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::rollout::{Share, Step, StepRefused};
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
        // Where nobody is named, nobody's signature is asked for.
        by(&[], Some(&signature)).unwrap_err();
        let signatures = Signatures {
            engine: &AwsLc,
            center: &"main".parse().unwrap(),
            publishers: &[],
        };
        let kept = kept("1", VersionState::Published, None);
        let acme = Name::parse("acme").unwrap();
        signatures.believe(&acme, &(&kept).into()).unwrap();
    }

    fn kept(version: &str, state: VersionState, signature: Option<Vec<u8>>) -> KeptVersion {
        KeptVersion {
            version: version.parse().unwrap(),
            sha256: [7; 32],
            bytes: 1,
            manifest: format!("version = \"{version}\""),
            signature,
            state,
            unfit: None,
            published_at: Timestamp::from_unix_ms(1),
            changed_at: Timestamp::from_unix_ms(1),
        }
    }

    #[test]
    fn a_step_is_held_against_what_it_puts_into_a_place() {
        let key = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
        let center = "main".parse().unwrap();
        let signatures = Signatures {
            engine: &AwsLc,
            center: &center,
            publishers: &[publisher("ada", &key)],
        };
        let acme = Name::parse("acme").unwrap();
        let by_ada = |version: &str| {
            let one = kept(version, VersionState::Published, None);
            let manifest = AwsLc.digest(&[one.manifest.as_bytes()]);
            let stated = statement(&center, &acme, &one.version, &one.sha256, &manifest);
            Some(key.sign(stated.as_bytes()).unwrap())
        };
        let plugin = KeptPlugin {
            id: acme.clone(),
            position: 1,
            grant: String::new(),
            versions: vec![
                kept("1", VersionState::Retired { turn: 1 }, None),
                kept("2", VersionState::Active, None),
                kept("3", VersionState::Published, by_ada("3")),
                kept("4", VersionState::Canary(Share::percent(5).unwrap()), None),
            ],
        };
        let version = |text: &str| text.parse::<PluginVersion>().unwrap();
        let now = signatures.rollout(&plugin).unwrap();
        assert_eq!(now.unsigned(&version("3")), None);
        let why = now.unsigned(&version("1")).unwrap();
        assert!(why.contains("has no signature"), "{why}");
        assert!(now.after(&Step::Promote(version("3"))).is_ok());
        let refused = now.after(&Step::Promote(version("1"))).unwrap_err();
        assert!(matches!(refused, StepRefused::Unsigned { .. }), "{refused}");
        // Without publishers nothing needs a signature.
        let anybody = Signatures {
            publishers: &[],
            ..signatures
        };
        assert_eq!(
            anybody.rollout(&plugin).unwrap().unsigned(&version("1")),
            None
        );
    }
}
