//! The composition root: a data folder opened, and its parts put together.

mod activating;
mod activation;
mod announcing;
mod founding;
mod log_rows;
mod pages;
mod parts;
pub(crate) mod plugins;
mod readiness;
mod rehearsal;
mod repository;
mod second_verifier;
mod signers;
mod workplace;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use colophon_core::code::Code;
use colophon_core::delivery::{DownloadRequest, Wanted};
use colophon_core::download::Explanation;
use colophon_core::forms::SuppliedForm;
use colophon_core::id::EventId;
use colophon_core::log::Client;
use colophon_core::ports::FieldCipher;
use colophon_core::refusal::Refusal;
use colophon_core::time::{Clock, Timestamp};
use colophon_crypto::Engine;
use colophon_keys::{
    EngineName, Envelope, StoredSigners, SystemRandom, TrustFolder, read_key_file,
};
use colophon_origin::DirectoryStore;
use colophon_receipt::{CenterId, SealedReceipt};
use colophon_store::activation::{ActivationDatabase, ActivationStore};
use colophon_store::migration::Migrated;
use colophon_store::secrets::Secrets;
use colophon_store::store::{Databases, Store};

use crate::commands::not_initialized;
use crate::commands::receipt::Explained;
use crate::config::Config;

use activation::has_activation;
pub(crate) use activation::{
    ActivationWork, activation_issuer, kept_issuer, publish_revoked, revoked_file,
};
pub(crate) use announcing::announce;
pub(crate) use founding::{add_center, found, issue};
pub(crate) use pages::{pages, public_url};
pub(crate) use parts::{Parts, free_disk_bytes, look_into_node, open_node};
pub(crate) use readiness::OutboxHasRoom;
pub(crate) use rehearsal::{LicensedCopies, OfferedForms, rehearse_delegation, rehearse_rights};
pub(crate) use repository::{Maker, OrderTasks, WorkerServices, WorkersHere, advice};
pub(crate) use second_verifier::SecondOpinion;
pub(crate) use signers::{complete_center, fresh, replace};
pub(crate) use workplace::{Workplace, is_workplace, peoples_files};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the composition root is where time comes from"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What the databases' secrets are kept with.
struct Keys {
    engine: Arc<dyn Engine>,
    cipher: Arc<dyn FieldCipher>,
}

impl Keys {
    fn read(config: &Config) -> Result<Self> {
        let engine = config.keys.engine.parse::<EngineName>()?.engine();
        let master = read_key_file(&config.keys.master_file)?;
        let cipher = Arc::new(Envelope::new(Arc::clone(&engine), master));
        Ok(Self { engine, cipher })
    }

    fn secrets(&self) -> Secrets {
        Secrets::new(
            Arc::clone(&self.cipher),
            Arc::clone(&self.engine),
            Box::new(SystemRandom),
            Arc::new(StoredSigners),
        )
    }
}

/// An opened data folder: what every command works on.
pub(crate) struct House {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) cipher: Arc<dyn FieldCipher>,
    pub(crate) store: Arc<Store>,
    pub(crate) activation: Arc<ActivationStore>,
    pub(crate) content: Arc<DirectoryStore>,
    trust_folder: PathBuf,
}

impl House {
    /// Opens what `colophon init` made.
    pub(crate) async fn open(config: &Config) -> Result<Self> {
        require_master_key(config)?;
        let house = Self::founding(config).await?;
        founding::check_belongs_together(&house.store, config).await?;
        Ok(house)
    }

    /// Opens what `colophon init` is about to fill.
    async fn founding(config: &Config) -> Result<Self> {
        let keys = Keys::read(config)?;
        let store = databases(config).await?.into_store(keys.secrets()).await?;
        let activation = activation_database(config).await?;
        refuse_lost(config, &activation, &store).await?;
        let activation = activation.into_store(keys.secrets());
        let content = DirectoryStore::new(config.roots.clone());
        Ok(Self {
            activation: Arc::new(activation.await?),
            engine: keys.engine,
            cipher: keys.cipher,
            store: Arc::new(store),
            content: Arc::new(content),
            trust_folder: config.trust.folder.clone(),
        })
    }

    /// Who is believed on this host.
    pub(crate) fn trust(&self) -> Result<TrustFolder> {
        let engine = Arc::clone(&self.engine);
        TrustFolder::open(&self.trust_folder, engine).context("trust.folder")
    }

    /// Closes the databases, so that nothing is left in their write-ahead logs.
    pub(crate) async fn close(&self) {
        self.store.close().await;
        self.activation.close().await;
    }

    /// What the server would do with a receipt, and why.
    pub(crate) async fn explain(
        &self,
        config: &Config,
        text: &str,
        center: CenterId,
        certificate: Option<SuppliedForm>,
    ) -> Result<Explained> {
        let receipt = match SealedReceipt::parse(text) {
            Ok(receipt) => receipt,
            Err(malformed) => {
                let reason = anyhow::Error::new(malformed);
                let next = Explained::next_step(&Refusal::NotAReceipt);
                return Ok(Explained::refused(
                    Code::ReceiptInvalid,
                    next,
                    &reason,
                    None,
                ));
            }
        };
        let downloads = parts::downloads_for_commands(self, config, &center).await?;
        let request = DownloadRequest {
            event: new_event(),
            at: SystemClock.now(),
            center,
            receipt,
            retailer: None,
            error_url: None,
            certificate,
            resume: None,
            wanted: Wanted::Headers,
            client: Client {
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                agent: None,
            },
        };
        let Explanation { receipt, outcome } = downloads.explain(&request).await;
        Ok(match outcome {
            Ok(permit) => Explained::permitted(&permit, receipt.as_ref()),
            Err(refusal) => {
                let (code, next) = (refusal.code(), Explained::next_step(&refusal));
                let reason = anyhow::Error::new(refusal);
                Explained::refused(code, next, &reason, receipt.as_ref())
            }
        })
    }
}

/// Whether a data folder has been made here: its master key and its databases go together, and one
/// without the other is a loss to be restored, never a reason to make new ones.
pub(crate) fn is_founded(config: &Config) -> Result<bool> {
    let key = config.keys.master_file.exists();
    let file = config.database.fulfillment.strip_prefix("sqlite://");
    let records = file.is_some_and(|file| std::path::Path::new(file).exists());
    if records && !key {
        anyhow::bail!(
            "{} is missing but {} is there; restore the master key from your copy",
            config.keys.master_file.display(),
            config.database.fulfillment
        );
    }
    if key && file.is_some() && !records {
        anyhow::bail!(
            "{} is there but {} is missing; restore the database from your backup",
            config.keys.master_file.display(),
            config.database.fulfillment
        );
    }
    Ok(key)
}

fn require_master_key(config: &Config) -> Result<()> {
    if is_founded(config)? {
        Ok(())
    } else {
        Err(not_initialized(config))
    }
}

/// The databases, whatever state their tables are in.
pub(crate) async fn databases(config: &Config) -> Result<Databases> {
    let fulfillment = config
        .database
        .fulfillment
        .parse()
        .context("database.fulfillment")?;
    let logging = config
        .database
        .logging
        .parse()
        .context("database.logging")?;
    Ok(Databases::open(&fulfillment, &logging).await?)
}

/// The activation database, likewise.
pub(crate) async fn activation_database(config: &Config) -> Result<ActivationDatabase> {
    let address = &config.database.activation;
    let address = address.parse().context("database.activation")?;
    Ok(ActivationDatabase::open(&address).await?)
}

/// What is to become of an activation database that is empty, though there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostActivation {
    /// It has to be restored.
    Refused,
    /// It is made anew.
    MadeAnew,
}

/// Brings the databases that hosts share to this program's tables.
pub(crate) async fn migrate(config: &Config, lost: LostActivation) -> Result<Vec<Migrated>> {
    let now = SystemClock.now();
    let mut migrated = databases(config).await?.migrate(now).await?.to_vec();
    let activation = activation_database(config).await?;
    if lost == LostActivation::Refused && activation.status().await?.applied.is_empty() {
        let secrets = Keys::read(config)?.secrets();
        let store = databases(config).await?.into_store(secrets).await?;
        let refused = refuse_lost(config, &activation, &store).await;
        store.close().await;
        refused?;
    }
    migrated.push(activation.migrate(now).await?);
    Ok(migrated)
}

/// Refuses an activation database that is empty in an installation that had one. An empty one made
/// in its place would forget who has activated what, which certificates were taken back, and whose
/// name is whose: anybody could sign up as the persona of somebody else.
async fn refuse_lost(
    config: &Config,
    activation: &ActivationDatabase,
    store: &Store,
) -> Result<()> {
    if activation.status().await?.applied.is_empty() && has_activation(store).await? {
        anyhow::bail!(
            "{} is empty, and this installation had an activation database: restore it from your \
             backup. To begin without any personas and devices instead, so that their names are \
             free for anybody, run `colophon migrate --new-activation`",
            config.database.activation
        );
    }
    Ok(())
}

/// A new event's id: a UUIDv7, so that ids sort by time.
pub(crate) fn new_event() -> EventId {
    EventId::from_bytes(*uuid::Uuid::now_v7().as_bytes())
}
