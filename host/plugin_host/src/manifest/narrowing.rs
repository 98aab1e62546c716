//! The least that a grant has to allow, by what was used.

mod limits;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use colophon_core::capability::{AllowedAddress, Name, PrivateNetworks, SecretUse};

use super::reading::shown as shown_bytes;
use super::within::{Wider, private_line};
use super::{Grant, KvTerms, Manifest, SecretGrant, SqlGrant};
use crate::used::{Use, Used};

/// What becomes of a permission that was never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// It stays where a manifest asks for it: without it the version would not fit the grant.
    StaysIfAsked,
    /// It goes, and fits versions alone whose manifests ask for no more.
    Goes,
}

/// A narrower grant, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Narrowed {
    /// The grant.
    pub grant: Grant,
    /// What the wider one allowed, part by part.
    pub parts: Vec<Part>,
}

/// Something that a grant allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// As it stands in the grant, without values.
    pub line: String,
    /// In how many decisions it was used; none if records do not tell.
    pub used: Option<u64>,
    /// What becomes of it.
    pub proposed: Proposed,
}

/// What becomes of a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// It stays.
    Stays,
    /// It stays though it was never used: a manifest asks for it.
    StaysAsAsked,
    /// Less of it stays.
    Narrower(String),
    /// It goes.
    Goes,
}

/// A grant on its way to a narrower one.
struct Narrowing<'a> {
    wide: &'a Grant,
    manifests: &'a [Manifest],
    used: &'a Used,
    unused: Unused,
    parts: Vec<Part>,
}

impl Grant {
    /// The addresses that requests are held against to say what of the grant was used.
    pub fn addresses<'a>(
        &'a self,
        manifests: &'a [Manifest],
    ) -> impl Iterator<Item = AllowedAddress> + 'a {
        let own = self.http.iter();
        let private = self.private.iter().map(|private| &private.address);
        let asked = manifests.iter().flat_map(|manifest| &manifest.http);
        own.chain(private).chain(asked).cloned()
    }

    /// The least that versions with these manifests need of it, by what they have used. Where they ask
    /// for more than it allows, as a version may that has another grant, they get no more by it.
    ///
    /// # Errors
    /// [`Wider`]: what was found would allow more, which none of it may.
    pub fn narrowed(
        &self,
        manifests: &[Manifest],
        used: &Used,
        unused: Unused,
    ) -> Result<Narrowed, Wider> {
        let mut narrowing = Narrowing {
            wide: self,
            manifests,
            used,
            unused,
            parts: Vec::new(),
        };
        let catalog = narrowing.catalog();
        let log = narrowing.log();
        let config = narrowing.config();
        let sql = narrowing.sql();
        let secrets = narrowing.secrets();
        let http = narrowing.http(&secrets);
        let private = narrowing.private(&http);
        let kv = narrowing.kv();
        let limits = narrowing.limits();
        if self.warm.is_some() {
            narrowing.part("[warm]".to_owned(), None, Proposed::Stays);
        }
        let grant = Self {
            plugin: self.plugin.clone(),
            catalog,
            log,
            config,
            secrets,
            sql,
            http,
            private,
            kv,
            limits,
            warm: self.warm,
        };
        grant.within(self)?;
        Ok(Narrowed {
            grant,
            parts: narrowing.parts,
        })
    }
}

impl Narrowing<'_> {
    fn part(&mut self, line: String, used: Option<u64>, proposed: Proposed) {
        self.parts.push(Part {
            line,
            used,
            proposed,
        });
    }

    fn asks(&self, wanted: impl Fn(&Manifest) -> bool) -> bool {
        self.manifests.iter().any(wanted)
    }

    /// Keeps what was used, or is asked for where that is reason enough, and says whether it did.
    fn keep(&mut self, line: String, used: u64, asked: bool) -> bool {
        let proposed = match (used, asked, self.unused) {
            (1.., ..) => Proposed::Stays,
            (0, true, Unused::StaysIfAsked) => Proposed::StaysAsAsked,
            (0, ..) => Proposed::Goes,
        };
        let stays = proposed != Proposed::Goes;
        self.part(line, Some(used), proposed);
        stays
    }

    fn catalog(&mut self) -> bool {
        let asked = self.asks(|manifest| manifest.catalog);
        let used = self.used.count(&Use::Catalog);
        self.wide.catalog && self.keep("catalog = true".to_owned(), used, asked)
    }

    /// Lines are not recorded.
    fn log(&mut self) -> bool {
        if !self.wide.log {
            return false;
        }
        let asked = self.asks(|manifest| manifest.log);
        let proposed = match asked {
            true => Proposed::Stays,
            false => Proposed::Goes,
        };
        self.part("log = true".to_owned(), None, proposed);
        asked
    }

    /// A value that a manifest names may be left out.
    fn config(&mut self) -> BTreeMap<Name, String> {
        let mut kept = BTreeMap::new();
        for (name, value) in &self.wide.config {
            let used = self.used.count(&Use::Setting(name.clone()));
            if self.keep(format!("config.{name}"), used, false) {
                kept.insert(name.clone(), value.clone());
            }
        }
        kept
    }

    fn sql(&mut self) -> Option<SqlGrant> {
        let sql = self.wide.sql.as_ref()?;
        let mut statements = BTreeSet::new();
        for name in &sql.statements {
            let asked = self.asks(|manifest| manifest.statements.contains_key(name));
            let used = self.used.count(&Use::Statement(name.clone()));
            if self.keep(format!("sql.statements \"{name}\""), used, asked) {
                statements.insert(name.clone());
            }
        }
        (!statements.is_empty()).then(|| SqlGrant {
            database: sql.database.clone(),
            statements,
        })
    }

    /// What of each entry a manifest asks for, since nobody can use more of it. A secret stands in no
    /// grant whose addresses do not cover its own, so that its place stays with it.
    fn http(&mut self, secrets: &BTreeMap<Name, SecretGrant>) -> Vec<AllowedAddress> {
        let mut asked: Vec<&AllowedAddress> = Vec::new();
        for address in self.manifests.iter().flat_map(|manifest| &manifest.http) {
            if !asked.contains(&address) {
                asked.push(address);
            }
        }
        let mut kept = Vec::new();
        for entry in &self.wide.http {
            let below = asked.iter().filter(|address| entry.covers(address));
            let below = below.filter(|address| {
                self.unused == Unused::StaysIfAsked || self.used_below(address) > 0
            });
            let mut below: Vec<AllowedAddress> = below.map(|address| (*address).clone()).collect();
            for SecretGrant { address, .. } in secrets.values() {
                let named = below.iter().chain(&kept).any(|one| one.covers(address));
                if entry.covers(address) && !named {
                    below.push(address.clone());
                }
            }
            let used = self.used_below(entry);
            let proposed = match (below.as_slice(), used) {
                ([], _) => Proposed::Goes,
                ([one], 1..) if one == entry => Proposed::Stays,
                ([one], 0) if one == entry => Proposed::StaysAsAsked,
                (some, _) => Proposed::Narrower(quoted(some)),
            };
            self.part(format!("http.allow \"{entry}\""), Some(used), proposed);
            for address in below {
                if !kept.contains(&address) {
                    kept.push(address);
                }
            }
        }
        kept
    }

    fn used_below(&self, address: &AllowedAddress) -> u64 {
        self.used.count(&Use::Address(address.to_string()))
    }

    fn secrets(&mut self) -> BTreeMap<Name, SecretGrant> {
        let mut kept = BTreeMap::new();
        for (name, secret) in &self.wide.secrets {
            let uses = self.manifests.iter();
            let bound: Vec<&SecretUse> = uses
                .filter_map(|manifest| manifest.secrets.get(name))
                .collect();
            let used = self.used.count(&Use::Secret(name.clone()));
            if !self.keep(format!("secrets.{name}"), used, !bound.is_empty()) {
                continue;
            }
            // Bound to one place by all, it needs no wider one; a place that is not granted is none.
            let granted =
                |one: &SecretUse| one.field == secret.field && secret.address.covers(&one.address);
            let address = match bound.split_first() {
                Some((first, others))
                    if granted(first) && others.iter().all(|other| other == first) =>
                {
                    &first.address
                }
                Some(_) | None => &secret.address,
            };
            let narrower = SecretGrant {
                address: address.clone(),
                ..secret.clone()
            };
            kept.insert(name.clone(), narrower);
        }
        kept
    }

    /// Networks of one's own, for addresses that were asked; an entry stands for those alone that
    /// may be asked still.
    fn private(&mut self, http: &[AllowedAddress]) -> Vec<PrivateNetworks> {
        let mut kept: Vec<PrivateNetworks> = Vec::new();
        for own in &self.wide.private {
            let used = self.used_below(&own.address);
            let whole = http.iter().any(|entry| entry.covers(&own.address));
            let below = http.iter().filter(|entry| own.address.covers(entry));
            let places: Vec<AllowedAddress> = match (used, whole) {
                (0, _) => Vec::new(),
                (_, true) => vec![own.address.clone()],
                (_, false) => below.cloned().collect(),
            };
            let proposed = match places.as_slice() {
                [] => Proposed::Goes,
                _ if whole => Proposed::Stays,
                some => Proposed::Narrower(quoted(some)),
            };
            self.part(private_line(&own.address), Some(used), proposed);
            for address in places {
                let networks = own.networks.iter().cloned();
                // A grant has one line for each address.
                match kept.iter_mut().find(|one| one.address == address) {
                    Some(one) => one.networks.extend(networks),
                    None => kept.push(PrivateNetworks {
                        address,
                        networks: networks.collect(),
                    }),
                }
            }
        }
        kept
    }

    /// How much is kept stands in no record.
    fn kv(&mut self) -> Option<KvTerms> {
        let wide = self.wide.kv?;
        let asked: Vec<KvTerms> = self.manifests.iter().filter_map(|one| one.kv).collect();
        let written = self.used.count(&Use::ValuesWritten);
        let used = written.max(self.used.count(&Use::ValuesRead));
        let line = "[kv]".to_owned();
        let stays = self.keep(line, used, !asked.is_empty());
        let asked_to_write = asked.iter().any(|terms| terms.write);
        let write =
            wide.write && stays && self.keep("kv.write = true".to_owned(), written, asked_to_write);
        let quota = asked.iter().map(|terms| terms.quota_bytes).max();
        stays.then(|| KvTerms {
            quota_bytes: quota.map_or(wide.quota_bytes, |asked| asked.min(wide.quota_bytes)),
            write,
        })
    }
}

fn quoted(addresses: &[AllowedAddress]) -> String {
    let quoted = addresses.iter().map(|one| format!("\"{one}\""));
    quoted.collect::<Vec<_>>().join(", ")
}
