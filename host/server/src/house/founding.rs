//! What `init` and `center add` make: keys, certificates, databases, the first settings.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use colophon_core::time::{Clock as _, Timestamp};
use colophon_keys::{
    Authority, KeyKind, MasterKeys, PrivateKey, Subject, SystemRandom, Validity,
    certificates_to_pem, create_key_file,
};
use colophon_receipt::{CenterId, RetailerSecret, SecretMode, TimePolicy};
use colophon_store::centers::NewCenter;
use colophon_store::failure::ReadError;
use colophon_store::retailers::NewRetailer;
use colophon_store::signers::AuthorityMaterial;
use colophon_store::store::Store;
use colophon_title::CopyKey;
use colophon_title::trust::CertificateRole;

use super::activation::activation_issuer;
use super::signers::complete_center;
use super::{House, LostActivation, SystemClock, is_founded, migrate};
use crate::config::{Config, FILE_NAME};
use crate::new_file::{self, Readers};

/// The authority that everything on this host is certified under.
const PLATFORM: &str = "platform";
const DAY_S: i64 = 86_400;
/// Roots last 20 years, what they issue 5: title signatures are judged at the time they were
/// made, so a shorter life would only mean more rotations.
const ROOT_DAYS: i64 = 20 * 365;
pub(super) const LEAF_DAYS: i64 = 5 * 365;

/// Makes the data folder. Nothing that exists already is replaced.
pub(crate) async fn found(config: &Config, center: &CenterId) -> Result<()> {
    check_name(center)?;
    private_folder(&config.data)?;
    if is_founded(config)? {
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
    // Nothing was here, so nothing is lost.
    migrate(config, LostActivation::MadeAnew).await?;
    write_settings(config)?;

    let house = House::founding(config).await?;
    if !house.store.list_centers().await?.is_empty() {
        fs::remove_file(&config.keys.master_file)?;
        bail!(
            "the fulfillment database holds centers already; restore their master key to {}",
            config.keys.master_file.display()
        );
    }
    let now = SystemClock.now();
    let platform = Authority::create_root(
        &subject("Colophon platform authority"),
        KeyKind::Rsa3072,
        validity(now, ROOT_DAYS),
        &mut SystemRandom,
    )?;
    let is_first = house
        .store
        .enter_authority(
            &AuthorityMaterial {
                name: PLATFORM.to_owned(),
                certificate: platform.certificate_der().to_vec(),
                pkcs8: Some(PrivateKey::from_pem(&platform.key_pem())?.to_der()),
            },
            now,
        )
        .await?;
    if !is_first {
        fs::remove_file(&config.keys.master_file)?;
        bail!(
            "the fulfillment database holds a platform without centers: another host is founding \
             it at this moment, or one broke off while it did; wait for it, or use an empty database"
        );
    }
    activation_issuer(&house).await?;
    let trust = config.data.join("trust");
    fs::create_dir_all(&trust)?;
    fs::write(trust.join("roots.pem"), platform.certificate_pem())?;
    add_center(&house, center).await?;
    house.close().await;
    Ok(())
}

/// What addresses of a host begin with besides centers' names.
const RESERVED: [&str; 6] = [
    "activation",
    "docs",
    "healthz",
    "livez",
    "metrics",
    "readyz",
];

/// Refuses a name under which a center's addresses would be mistaken for others of the host.
fn check_name(center: &CenterId) -> Result<()> {
    if RESERVED
        .iter()
        .any(|reserved| center.to_string() == *reserved)
    {
        bail!("{center} is what other addresses of this host begin with; choose another name");
    }
    Ok(())
}

/// Refuses a database that is not this master key's: nothing in it would decrypt.
pub(super) async fn check_belongs_together(store: &Store, config: &Config) -> Result<()> {
    match store.authority(PLATFORM).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => bail!(
            "{} holds no installation; restore your backup, or make a new data folder with `colophon init`",
            config.database.fulfillment
        ),
        Err(ReadError::Damaged(damaged)) => Err(damaged).with_context(|| {
            format!(
                "the master key in {} is not the one this database was made with; restore the right one",
                config.keys.master_file.display()
            )
        }),
        Err(error @ ReadError::Unavailable(_)) => Err(error.into()),
    }
}

/// Adds a center with certificates of its own.
pub(crate) async fn add_center(house: &House, id: &CenterId) -> Result<()> {
    check_name(id)?;
    let now = SystemClock.now();
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
    add_default_retailer(house, id, now).await?;
    complete_center(house, id).await
}

/// Issues a certificate for somebody with a key of their own; writes both into a folder.
pub(crate) async fn issue(
    house: &House,
    role: CertificateRole,
    name: &str,
    folder: &Path,
) -> Result<()> {
    let leaf = platform(house).await?.issue(
        role,
        &subject(name),
        KeyKind::Rsa2048,
        validity(SystemClock.now(), LEAF_DAYS),
        &mut SystemRandom,
    )?;
    private_folder(folder)?;
    let file = role.as_str();
    let chain = certificates_to_pem(leaf.chain());
    let certificate = folder.join(format!("{file}.pem"));
    new_file::write(&certificate, Readers::Owner, chain.as_bytes())?;
    let key = folder.join(format!("{file}.key"));
    new_file::write(&key, Readers::Owner, leaf.key_pem().as_bytes())
}

/// The center's own retailer, for sales of its own. Its first secret is never shown;
/// `colophon retailer rotate default` makes one to use.
async fn add_default_retailer(house: &House, center: &CenterId, now: Timestamp) -> Result<()> {
    let retailer = NewRetailer {
        center: center.clone(),
        id: "default".parse()?,
        name: format!("{center} itself"),
        description: "The center's own sales".to_owned(),
        error_urls: Vec::new(),
    };
    let kid = "default.1".parse()?;
    let secret = RetailerSecret::generate(SecretMode::Live, kid, &mut SystemRandom);
    Ok(house.store.add_retailer(&retailer, &secret, now).await?)
}

pub(super) async fn platform(house: &House) -> Result<Authority> {
    let material = house.store.authority(PLATFORM).await?;
    let material = material.context("there is no platform authority; run `colophon init`")?;
    authority_of(&material).context("the platform authority")
}

/// An authority that certifies, of what is kept of it.
pub(super) fn authority_of(material: &AuthorityMaterial) -> Result<Authority> {
    let key = material.pkcs8.as_ref();
    let key = key.context("the authority's key is not on this host")?;
    let certificate = certificates_to_pem(std::slice::from_ref(&material.certificate));
    Ok(Authority::from_pem(
        &PrivateKey::from_der(key)?.to_pem(),
        &certificate,
    )?)
}

pub(super) fn subject(name: &str) -> Subject {
    Subject {
        common_name: name.to_owned(),
        organization: None,
    }
}

/// From an hour ago, so that a machine whose clock is a little behind accepts it, too.
pub(super) fn validity(now: Timestamp, days: i64) -> Validity {
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
