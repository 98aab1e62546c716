//! What `init` and `center add` make: keys, certificates, databases, the first settings.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use colophon_core::time::{Clock as _, Timestamp};
use colophon_keys::{
    Authority, KeyKind, Leaf, MasterKeys, PrivateKey, Subject, SystemRandom, Validity,
    certificates_to_pem, create_key_file,
};
use colophon_receipt::{CenterId, TimePolicy};
use colophon_store::centers::NewCenter;
use colophon_store::signers::{AuthorityMaterial, SignerMaterial};
use colophon_title::trust::CertificateRole;
use colophon_title::{CopyKey, SignerRole};

use super::{House, SystemClock, databases};
use crate::config::{Config, FILE_NAME};

/// The authority that everything on this host is certified under.
const PLATFORM: &str = "platform";
const DAY_S: i64 = 86_400;
/// Roots last 20 years, what they issue 5: title signatures are judged at the time they were
/// made, so a shorter life would only mean more rotations.
const ROOT_DAYS: i64 = 20 * 365;
const LEAF_DAYS: i64 = 5 * 365;

/// Makes the data folder. Nothing that exists already is replaced.
pub(crate) async fn found(config: &Config, center: &CenterId) -> Result<()> {
    private_folder(&config.data)?;
    if config.keys.master_file.exists() {
        bail!(
            "{} exists already; this data folder is in use",
            config.keys.master_file.display()
        );
    }
    for root in config.roots.values() {
        fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    }
    private_folder(&config.plugins.compiled)?;
    create_key_file(
        &config.keys.master_file,
        &MasterKeys::generate(&mut SystemRandom),
    )?;
    databases(config).await?.migrate(SystemClock.now()).await?;
    write_settings(config)?;

    let house = House::open(config).await?;
    let now = SystemClock.now();
    let platform = Authority::create_root(
        &subject("Colophon platform authority"),
        KeyKind::Rsa3072,
        validity(now, ROOT_DAYS),
        &mut SystemRandom,
    )?;
    house
        .store
        .put_authority(
            &AuthorityMaterial {
                name: PLATFORM.to_owned(),
                certificate: platform.certificate_der().to_vec(),
                pkcs8: Some(PrivateKey::from_pem(&platform.key_pem())?.to_der()),
            },
            now,
        )
        .await?;
    let activation = platform.issue(
        CertificateRole::Activation,
        &subject("Colophon activation authority"),
        KeyKind::Rsa2048,
        validity(now, LEAF_DAYS),
        &mut SystemRandom,
    )?;
    put_leaf(&house, "activation", &activation, now).await?;
    let trust = config.data.join("trust");
    fs::create_dir_all(&trust)?;
    fs::write(trust.join("roots.pem"), platform.certificate_pem())?;
    add_center(&house, center).await?;
    house.close().await;
    Ok(())
}

/// Adds a center with certificates of its own.
pub(crate) async fn add_center(house: &House, id: &CenterId) -> Result<()> {
    let now = SystemClock.now();
    let platform = platform(house).await?;
    let center = NewCenter {
        id: id.clone(),
        name: id.to_string(),
        time_policy: TimePolicy::default(),
        copy_key: CopyKey::generate(&mut SystemRandom),
    };
    house
        .store
        .add_center(&center, now)
        .await
        .with_context(|| format!("center {id}"))?;
    for (role, certified, title) in [
        (SignerRole::Tool, CertificateRole::Tool, "tool"),
        (SignerRole::Provider, CertificateRole::Provider, "provider"),
    ] {
        let leaf = platform.issue(
            certified,
            &subject(&format!("{id} {title}")),
            KeyKind::Rsa2048,
            validity(now, LEAF_DAYS),
            &mut SystemRandom,
        )?;
        let material = SignerMaterial {
            role,
            chain: leaf.chain().to_vec(),
            pkcs8: leaf.key_der(),
        };
        house.store.put_signer(id, &material, now).await?;
    }
    let licensor = platform.issue(
        CertificateRole::Licensor,
        &subject(&format!("{id} licensor")),
        KeyKind::Rsa2048,
        validity(now, LEAF_DAYS),
        &mut SystemRandom,
    )?;
    put_leaf(house, &format!("licensor/{id}"), &licensor, now).await
}

/// Issues a certificate for somebody who signs with a key of their own; writes both into a folder.
pub(crate) async fn issue(
    house: &House,
    role: SignerRole,
    name: &str,
    folder: &Path,
) -> Result<()> {
    let certified = match role {
        SignerRole::Tool => CertificateRole::Tool,
        SignerRole::Owner => CertificateRole::Owner,
        SignerRole::Provider => CertificateRole::Provider,
    };
    let leaf = platform(house).await?.issue(
        certified,
        &subject(name),
        KeyKind::Rsa2048,
        validity(SystemClock.now(), LEAF_DAYS),
        &mut SystemRandom,
    )?;
    private_folder(folder)?;
    let file = role.as_str();
    write_new(
        &folder.join(format!("{file}.pem")),
        certificates_to_pem(leaf.chain()).as_bytes(),
    )?;
    write_new(
        &folder.join(format!("{file}.key")),
        leaf.key_pem().as_bytes(),
    )
}

async fn platform(house: &House) -> Result<Authority> {
    let material = house.store.authority(PLATFORM).await?;
    let material = material.context("there is no platform authority; run `colophon init`")?;
    let key = material
        .pkcs8
        .context("the platform authority's key is not on this host")?;
    let certificate = certificates_to_pem(&[material.certificate]);
    Ok(Authority::from_pem(
        &PrivateKey::from_der(&key)?.to_pem(),
        &certificate,
    )?)
}

async fn put_leaf(house: &House, name: &str, leaf: &Leaf, now: Timestamp) -> Result<()> {
    let certificate = leaf
        .chain()
        .first()
        .context("a certificate was issued")?
        .clone();
    let material = AuthorityMaterial {
        name: name.to_owned(),
        certificate,
        pkcs8: Some(leaf.key_der()),
    };
    Ok(house.store.put_authority(&material, now).await?)
}

fn subject(name: &str) -> Subject {
    Subject {
        common_name: name.to_owned(),
        organization: None,
    }
}

/// From an hour ago, so that a machine whose clock is a little behind accepts it, too.
fn validity(now: Timestamp, days: i64) -> Validity {
    let now_s = now.unix_seconds().get();
    Validity {
        from_unix_s: now_s - 3600,
        until_unix_s: now_s + days * DAY_S,
    }
}

/// A folder that only the host's own user can look into.
fn private_folder(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = file.with_context(|| format!("cannot make {}", path.display()))?;
    Ok(file.write_all(bytes)?)
}

/// The settings file names every setting with its default, ready to be uncommented.
fn write_settings(config: &Config) -> Result<()> {
    let path = config.data.join(FILE_NAME);
    if path.exists() {
        return Ok(());
    }
    let mut text = String::from(
        "# Colophon's settings. `colophon config show` prints what holds and where it comes from.\n",
    );
    let mut section = "";
    for key in crate::config::KEYS {
        let (of, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if of != section {
            text.push_str(&format!("\n[{of}]\n"));
            section = of;
        }
        text.push_str(&format!(
            "# {}\n# {name} = {:?}\n",
            key.meaning, key.default
        ));
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
