//! The host's configuration, parsed whole at start.

mod activation;
mod key;
mod layers;
mod nats;
mod node;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use colophon_console::oidc::OidcSettings;
use colophon_console::settings::{PublicUrl, ReturnAddress};
use colophon_core::activation::text::Namespace;
use colophon_core::catalog::StoreRoot;
use colophon_core::decision::Keeping;
use colophon_pipeline::jetstream::BrokerSettings;

pub(crate) use key::{KEYS, Key};
pub(crate) use layers::{Layers, Origin};
pub(crate) use node::Node;

/// The configuration file's name in the data folder.
pub(crate) const FILE_NAME: &str = "colophon.toml";

/// The whole configuration, every value parsed.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) listen: Listen,
    pub(crate) database: Database,
    pub(crate) node: Node,
    pub(crate) roots: BTreeMap<StoreRoot, PathBuf>,
    pub(crate) cache: Cache,
    pub(crate) outbox: Outbox,
    /// None: this host writes its log rows to the logging database itself.
    pub(crate) nats: Option<BrokerSettings>,
    pub(crate) keys: Keys,
    pub(crate) trust: Trust,
    pub(crate) registration: Registration,
    pub(crate) plugins: PluginSettings,
    pub(crate) activation: Activation,
    pub(crate) repository: Repository,
    pub(crate) log: Log,
    pub(crate) workers: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) connections_max: usize,
    pub(crate) connections_per_address_max: usize,
    pub(crate) downloads_max: usize,
    pub(crate) drain: Duration,
}

#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) fulfillment: String,
    pub(crate) logging: String,
    pub(crate) activation: String,
    pub(crate) node: String,
}

#[derive(Debug)]
pub(crate) struct Cache {
    /// None: a share of the memory free at start.
    pub(crate) bytes: Option<u64>,
    pub(crate) lease: Duration,
    pub(crate) poll: Duration,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) rows_max: u64,
    pub(crate) free_bytes_min: u64,
}

#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) master_file: PathBuf,
    pub(crate) engine: String,
}

#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) folder: PathBuf,
    pub(crate) poll: Duration,
}

#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) url: Option<String>,
    /// None: the server is asked without TLS.
    pub(crate) authority: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct PluginSettings {
    pub(crate) compiled: PathBuf,
    pub(crate) deadline: Duration,
    /// How much is kept of what plug-ins decide.
    pub(crate) decisions: Keeping,
    /// How many days what they cost is kept; none is booked where it is none.
    pub(crate) costs_days: u16,
}

#[derive(Debug)]
pub(crate) struct Activation {
    /// None: the first address the host listens on, if that is on this machine alone.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) service: String,
    /// None: there are no accounts.
    pub(crate) accounts: Option<Namespace>,
    pub(crate) oidc: Option<OidcSettings>,
    pub(crate) return_addresses: Vec<ReturnAddress>,
    pub(crate) mail_folder: PathBuf,
    pub(crate) hashes_max: usize,
}

#[derive(Debug)]
pub(crate) struct Repository {
    /// None: one for each processor.
    pub(crate) at_once: Option<NonZeroUsize>,
    pub(crate) lease: Duration,
}

#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) filter: String,
    pub(crate) json: bool,
}

/// Reads all layers for a data folder.
pub(crate) fn layers(data: &Path, file: Option<&Path>) -> Result<Layers> {
    let mut layers = Layers::defaults(data);
    let default_file = data.join(FILE_NAME);
    let path = file.unwrap_or(&default_file);
    match std::fs::read_to_string(path) {
        Ok(text) => layers.lay_file(path, &text, data)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    }
    layers.lay_environment(std::env::vars(), |path| std::fs::read_to_string(path))?;
    Ok(layers)
}

/// Parses the layers into a configuration; every mistake names the setting and where it was made.
pub(crate) fn parse(layers: &Layers, data: &Path) -> Result<Config> {
    let read = Read { layers };
    Ok(Config {
        data: data.to_owned(),
        listen: Listen {
            address: read.parsed(
                "listen.address",
                "an address and port such as 127.0.0.1:8480",
            )?,
            admin: read.optional("listen.admin", "an address and port")?,
            tls: read.tls()?,
            trusted_proxies: read.list("listen.trusted_proxies"),
            connections_max: read.parsed("listen.connections_max", "a whole number")?,
            connections_per_address_max: read
                .parsed("listen.connections_per_address_max", "a whole number")?,
            downloads_max: read.parsed("listen.downloads_max", "a whole number")?,
            drain: Duration::from_secs(read.parsed("listen.drain_s", "whole seconds")?),
        },
        database: Database {
            fulfillment: read.database("database.fulfillment")?,
            logging: read.database("database.logging")?,
            activation: read.database("database.activation")?,
            node: read.database("database.node")?,
        },
        node: read.node()?,
        roots: read.roots()?,
        cache: Cache {
            bytes: read.unless_auto("cache.bytes", "a number of bytes, or auto")?,
            lease: Duration::from_millis(read.parsed("cache.lease_ms", "whole milliseconds")?),
            poll: Duration::from_millis(read.parsed("cache.poll_ms", "whole milliseconds")?),
        },
        outbox: Outbox {
            rows_max: read.parsed("outbox.rows_max", "a whole number")?,
            free_bytes_min: read.parsed("outbox.free_bytes_min", "a number of bytes")?,
        },
        nats: read.nats()?,
        keys: Keys {
            master_file: read.text("keys.master_file").into(),
            engine: read.one_of("keys.engine", &["aws-lc", "portable"])?,
        },
        trust: Trust {
            folder: read.text("trust.folder").into(),
            poll: Duration::from_millis(
                read.parsed::<NonZeroU64>("trust.poll_ms", "whole milliseconds")?
                    .get(),
            ),
        },
        registration: Registration {
            url: read.optional("registration.url", "a URL")?,
            authority: read.optional("registration.authority", "a file")?,
        },
        plugins: PluginSettings {
            compiled: read.text("plugins.compiled").into(),
            deadline: Duration::from_millis(
                read.parsed("plugins.deadline_ms", "whole milliseconds")?,
            ),
            decisions: read.keeping()?,
            costs_days: read.parsed("plugins.costs_days", "a whole number of days")?,
        },
        activation: read.activation()?,
        repository: Repository {
            at_once: read.unless_auto("repository.at_once", "a whole number above 0, or auto")?,
            lease: read.repository_lease()?,
        },
        log: Log {
            filter: read.text("log.filter").to_owned(),
            json: read.one_of("log.format", &["text", "json"])? == "json",
        },
        workers: read.unless_auto("runtime.workers", "a whole number, or auto")?,
    })
}

/// Reads single values out of the layers.
struct Read<'a> {
    layers: &'a Layers,
}

impl Read<'_> {
    fn text(&self, name: &str) -> &str {
        self.layers
            .settings
            .get(name)
            .map_or("", |setting| setting.value.as_str())
    }

    fn wrong(&self, name: &str, wanted: &str) -> anyhow::Error {
        let origin = self
            .layers
            .settings
            .get(name)
            .map_or(Origin::Default, |s| s.origin.clone());
        anyhow::anyhow!(
            "{name} = {:?} (from {origin}) is not {wanted}",
            self.text(name)
        )
    }

    fn parsed<T: FromStr>(&self, name: &str, wanted: &str) -> Result<T> {
        self.text(name)
            .parse()
            .map_err(|_| self.wrong(name, wanted))
    }

    fn optional<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>> {
        if self.text(name).is_empty() {
            Ok(None)
        } else {
            self.parsed(name, wanted).map(Some)
        }
    }

    fn unless_auto<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>> {
        if self.text(name) == "auto" {
            Ok(None)
        } else {
            self.parsed(name, wanted).map(Some)
        }
    }

    fn one_of(&self, name: &str, choices: &[&str]) -> Result<String> {
        let text = self.text(name);
        if choices.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(self.wrong(name, &format!("one of {}", choices.join(", "))))
    }

    /// An order that a worker has died with lies for as long as this.
    fn repository_lease(&self) -> Result<Duration> {
        const LONGEST_MS: u64 = 3_600_000;
        let (name, wanted) = (
            "repository.lease_ms",
            "whole milliseconds from 1 to 3600000, which is an hour",
        );
        match self.parsed::<NonZeroU64>(name, wanted)?.get() {
            lease_ms @ ..=LONGEST_MS => Ok(Duration::from_millis(lease_ms)),
            _ => Err(self.wrong(name, wanted)),
        }
    }

    fn keeping(&self) -> Result<Keeping> {
        let (share, wanted) = ("plugins.decisions_sampled", "a whole number from 0 to 1000");
        let sampled_per_mille = match self.parsed(share, wanted)? {
            per_mille @ 0..=1000 => per_mille,
            _ => return Err(self.wrong(share, wanted)),
        };
        Ok(Keeping {
            last: self.parsed("plugins.decisions_kept", "a whole number")?,
            sampled_per_mille,
            days: self.parsed("plugins.decisions_days", "a whole number of days")?,
        })
    }

    fn list(&self, name: &str) -> Vec<String> {
        let items = self
            .text(name)
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    fn database(&self, name: &str) -> Result<String> {
        let url = self.text(name);
        let node = name == "database.node";
        if url.starts_with("sqlite:") || (!node && url.starts_with("postgres")) {
            return Ok(url.to_owned());
        }
        let wanted = if node {
            "a sqlite:// URL"
        } else {
            "a sqlite:// or postgres:// URL"
        };
        Err(self.wrong(name, wanted))
    }

    fn tls(&self) -> Result<Option<Tls>> {
        let (certificate, key) = (
            self.text("listen.tls_certificate"),
            self.text("listen.tls_key"),
        );
        match (certificate.is_empty(), key.is_empty()) {
            (true, true) => Ok(None),
            (false, false) => Ok(Some(Tls {
                certificate: certificate.into(),
                key: key.into(),
            })),
            (true, false) => bail!("listen.tls_key is set but listen.tls_certificate is missing"),
            (false, true) => bail!("listen.tls_certificate is set but listen.tls_key is missing"),
        }
    }

    fn roots(&self) -> Result<BTreeMap<StoreRoot, PathBuf>> {
        let mut roots = BTreeMap::new();
        for item in self.list("content.roots") {
            let (name, directory) = item
                .split_once('=')
                .ok_or_else(|| self.wrong("content.roots", "name=directory"))?;
            let name = StoreRoot::parse(name)
                .ok_or_else(|| self.wrong("content.roots", "a list of slug=directory"))?;
            roots.insert(name, PathBuf::from(directory));
        }
        if roots.is_empty() {
            bail!("content.roots names no content store");
        }
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_lease(lease_ms: &str) -> Result<Config> {
        let data = Path::new("d");
        let mut layers = Layers::defaults(data);
        let text = format!("[repository]\nlease_ms = {lease_ms}\n");
        layers.lay_file(Path::new(FILE_NAME), &text, data)?;
        parse(&layers, data)
    }

    #[test]
    fn no_more_than_all_decisions_are_sampled() {
        let with_share = |share: &str| {
            let data = Path::new("d");
            let mut layers = Layers::defaults(data);
            let text = format!("[plugins]\ndecisions_sampled = {share}\n");
            layers.lay_file(Path::new(FILE_NAME), &text, data)?;
            parse(&layers, data)
        };
        for (share, sampled) in [("0", 0), ("1000", 1000)] {
            let config = with_share(share).unwrap();
            assert_eq!(config.plugins.decisions.sampled_per_mille, sampled);
        }
        for share in ["1001", "-1", "65536"] {
            let error = with_share(share).unwrap_err().to_string();
            assert!(error.contains("plugins.decisions_sampled"), "{error}");
        }
    }

    #[test]
    fn a_repository_lease_lasts_an_hour_at_most() {
        for lease_ms in [1, 20_000, 3_600_000] {
            let config = with_lease(&lease_ms.to_string()).unwrap();
            assert_eq!(config.repository.lease, Duration::from_millis(lease_ms));
        }
        for lease_ms in ["0", "-1", "3600001", "9223372036854775807"] {
            let error = with_lease(lease_ms).unwrap_err().to_string();
            assert!(error.contains("repository.lease_ms"), "{error}");
            assert!(error.contains("an hour"), "{error}");
        }
    }
}
