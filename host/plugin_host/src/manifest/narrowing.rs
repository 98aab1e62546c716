//! The least that a grant has to allow, by what was used.

use std::collections::{BTreeMap, BTreeSet};

use colophon_core::capability::{AllowedAddress, Name, PrivateNetworks, SecretUse};

use super::reading::shown as shown_bytes;
use super::wider::{Wider, private_line};
use super::{Grant, KvTerms, Manifest, SecretGrant, SomeLimits, SqlGrant};
use crate::limits::Limits;
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

    /// Limits go no further than manifests do. One that is below what is usual holds a plug-in back,
    /// and stays.
    fn limits(&mut self) -> SomeLimits {
        let (wide, usual) = (self.wide.limits, Limits::default());
        let asked = |limit: fn(&SomeLimits) -> Option<u64>| {
            let limits = self.manifests.iter();
            limits.filter_map(|manifest| limit(&manifest.limits)).max()
        };
        let bytes = |bytes: usize| bytes as u64;
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let memory = Limit {
            line: "limits.memory",
            wide: wide.memory_bytes.map(bytes),
            asked: asked(|limits| limits.memory_bytes.map(|bytes| bytes as u64)),
            usual: bytes(usual.memory_bytes),
            shown: shown_bytes,
        };
        let time = Limit {
            line: "limits.time_ms",
            wide: wide.time_ms,
            asked: asked(|limits| limits.time_ms),
            usual: ms(usual.deadline),
            shown: |number| number.to_string(),
        };
        let host_call = Limit {
            line: "limits.host_call_ms",
            wide: wide.host_call_ms,
            asked: asked(|limits| limits.host_call_ms),
            usual: ms(usual.host_call_timeout),
            shown: |number| number.to_string(),
        };
        let fuel = Limit {
            line: "limits.fuel",
            wide: wide.fuel,
            asked: asked(|limits| limits.fuel),
            usual: usual.fuel,
            shown: |number| number.to_string(),
        };
        let host_calls = Limit {
            line: "limits.host_calls",
            wide: wide.host_calls.map(u64::from),
            asked: asked(|limits| limits.host_calls.map(u64::from)),
            usual: u64::from(usual.host_calls),
            shown: |number| number.to_string(),
        };
        SomeLimits {
            memory_bytes: self
                .limit(memory)
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            time_ms: self.limit(time),
            host_call_ms: self.limit(host_call),
            fuel: self.limit(fuel),
            host_calls: self
                .limit(host_calls)
                .map(|calls| u32::try_from(calls).unwrap_or(u32::MAX)),
        }
    }

    fn limit(&mut self, limit: Limit) -> Option<u64> {
        let Limit {
            line,
            wide,
            asked,
            usual,
            shown,
        } = limit;
        let wide = wide?;
        let needed = asked.filter(|asked| *asked > usual);
        let (kept, proposed) = match needed {
            _ if wide <= usual => (Some(wide), Proposed::Stays),
            Some(asked) if asked < wide => (Some(asked), Proposed::Narrower(shown(asked))),
            Some(_) => (Some(wide), Proposed::Stays),
            None => (None, Proposed::Goes),
        };
        self.part(line.to_owned(), None, proposed);
        kept
    }
}

fn quoted(addresses: &[AllowedAddress]) -> String {
    let quoted = addresses.iter().map(|one| format!("\"{one}\""));
    quoted.collect::<Vec<_>>().join(", ")
}

/// A limit in the grant, in the manifests, and where nobody says anything.
struct Limit {
    line: &'static str,
    wide: Option<u64>,
    asked: Option<u64>,
    usual: u64,
    shown: fn(u64) -> String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::used::tests::{decided, fetch, setting, statement, value};

    const MANIFEST: &str = "id = \"acme\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"naming\"]\n";

    const WIDE: &str = concat!(
        "plugin = \"acme\"\ncatalog = true\nlog = true\n[config]\nzone = \"EU\"\nother = \"x\"\n",
        "[secrets.token]\nfile = \"/t\"\naddress = \"https://a.example/\"\nfield = \"authorization\"\n",
        "[secrets.spare]\nfile = \"/s\"\naddress = \"https://b.example/\"\nfield = \"authorization\"\n",
        "[sql]\ndatabase = \"sqlite:///m.db\"\nstatements = [\"one\", \"two\"]\n",
        "[http]\nallow = [\"https://a.example/\", \"https://b.example/\"]\n",
        "[http.private]\n\"https://a.example/\" = [\"10.0.0.0/8\"]\n\"https://b.example/\" = [\"10.0.0.0/8\"]\n",
        "[kv]\nquota = \"1MiB\"\n[limits]\nmemory = \"128MiB\"\ntime_ms = 5000\nfuel = 20000\n",
        "[warm]\nrequests = 9\n",
    );

    fn manifest() -> Manifest {
        let asked = concat!(
            "catalog = true\nlog = true\nconfig = [\"zone\", \"other\"]\nwarm = true\n",
            "[secrets.token]\naddress = \"https://a.example/v1/\"\nfield = \"authorization\"\n",
            "[secrets.spare]\naddress = \"https://b.example/\"\nfield = \"authorization\"\n",
            "[sql.statements.one]\ntext = \"select 1\"\nparams = []\nmax_rows = 1\ntimeout_ms = 50\n",
            "[sql.statements.two]\ntext = \"select 2\"\nparams = []\nmax_rows = 1\ntimeout_ms = 50\n",
            "[http]\nallow = [\"https://a.example/v1/\", \"https://b.example/\"]\n",
            "[kv]\nquota = \"64KiB\"\n[limits]\ntime_ms = 500\n",
        );
        Manifest::parse(&format!("{MANIFEST}{asked}")).unwrap()
    }

    /// Reads a setting and a value, runs a statement, asks a service with a secret.
    fn used(wide: &Grant, manifests: &[Manifest]) -> Used {
        let mut used = Used::of_addresses(wide.addresses(manifests));
        used.add(&decided(vec![
            setting("zone"),
            value("k"),
            statement("one"),
            fetch("https://a.example/v1/x", &["token"]),
        ]));
        used.add(&decided(Vec::new()));
        used
    }

    fn narrowed(unused: Unused) -> (Narrowed, Manifest) {
        let (wide, manifest) = (Grant::parse(WIDE).unwrap(), manifest());
        let manifests = [manifest];
        let used = used(&wide, &manifests);
        let narrowed = wide.narrowed(&manifests, &used, unused).unwrap();
        let [manifest] = manifests;
        (narrowed, manifest)
    }

    fn part(narrowed: &Narrowed, line: &str) -> (Option<u64>, Proposed) {
        let found = narrowed.parts.iter().find(|part| part.line == line);
        let found = found.unwrap_or_else(|| panic!("{line}: {:?}", narrowed.parts));
        (found.used, found.proposed.clone())
    }

    #[test]
    fn what_was_used_is_all_that_stays_of_the_least_grant() {
        let (narrowed, manifest) = narrowed(Unused::Goes);
        let expected = concat!(
            "plugin = \"acme\"\nlog = true\n[config]\nzone = \"EU\"\n",
            "[secrets.token]\nfile = \"/t\"\naddress = \"https://a.example/v1/\"\nfield = \"authorization\"\n",
            "[sql]\ndatabase = \"sqlite:///m.db\"\nstatements = [\"one\"]\n",
            "[http]\nallow = [\"https://a.example/v1/\"]\n",
            "[http.private]\n\"https://a.example/v1/\" = [\"10.0.0.0/8\"]\n",
            "[kv]\nquota = \"64KiB\"\nwrite = false\n[limits]\ntime_ms = 500\nfuel = 20000\n",
            "[warm]\nrequests = 9\n",
        );
        assert_eq!(narrowed.grant, Grant::parse(expected).unwrap());
        for (line, used, proposed) in [
            ("catalog = true", Some(0), Proposed::Goes),
            ("log = true", None, Proposed::Stays),
            ("config.zone", Some(1), Proposed::Stays),
            ("config.other", Some(0), Proposed::Goes),
            ("sql.statements \"two\"", Some(0), Proposed::Goes),
            ("secrets.spare", Some(0), Proposed::Goes),
            ("kv.write = true", Some(0), Proposed::Goes),
            ("limits.memory", None, Proposed::Goes),
            ("limits.time_ms", None, Proposed::Narrower("500".to_owned())),
            ("limits.fuel", None, Proposed::Stays),
            (
                "http.allow \"https://a.example/\"",
                Some(1),
                Proposed::Narrower("\"https://a.example/v1/\"".to_owned()),
            ),
            ("http.allow \"https://b.example/\"", Some(0), Proposed::Goes),
        ] {
            assert_eq!(part(&narrowed, line), (used, proposed), "{line}");
        }
        // The version asks for more than it used.
        assert!(manifest.permitted(&narrowed.grant).is_err());
    }

    #[test]
    fn what_a_manifest_asks_for_stays_where_the_version_is_to_fit() {
        let (narrowed, manifest) = narrowed(Unused::StaysIfAsked);
        manifest.permitted(&narrowed.grant).unwrap();
        for line in [
            "catalog = true",
            "sql.statements \"two\"",
            "secrets.spare",
            "kv.write = true",
            "http.allow \"https://b.example/\"",
        ] {
            let expected = (Some(0), Proposed::StaysAsAsked);
            assert_eq!(part(&narrowed, line), expected, "{line}");
        }
        // A value may be missing, and the networks of a service that nobody asked.
        assert_eq!(part(&narrowed, "config.other"), (Some(0), Proposed::Goes));
        let line = "http.private \"https://b.example/\"";
        assert_eq!(part(&narrowed, line), (Some(0), Proposed::Goes));
        let written = narrowed.grant.to_text().unwrap();
        assert_eq!(Grant::parse(&written).unwrap(), narrowed.grant);
    }

    #[test]
    fn a_secret_that_two_versions_send_elsewhere_keeps_its_wider_place() {
        let wide = Grant::parse(WIDE).unwrap();
        let first = manifest();
        let text = concat!(
            "[secrets.token]\naddress = \"https://a.example/v2/\"\nfield = \"authorization\"\n",
            "[http]\nallow = [\"https://a.example/v2/\"]\n",
        );
        let second = Manifest::parse(&format!("{MANIFEST}{text}")).unwrap();
        let manifests = [first, second];
        let used = used(&wide, &manifests);
        let narrowed = wide.narrowed(&manifests, &used, Unused::Goes).unwrap();
        let written = narrowed.grant.to_text().unwrap();
        let read = Grant::parse(&written).unwrap();
        let (_, token) = read.secrets.iter().next().unwrap();
        assert_eq!(token.address.to_string(), "https://a.example/");
    }

    #[test]
    fn a_version_that_asks_for_more_than_is_granted_widens_nothing() {
        let wide = Grant::parse(WIDE).unwrap();
        for (address, field) in [
            ("https://c.example/", "authorization"),
            ("https://a.example/v1/", "x-api-key"),
        ] {
            let text = format!(
                "[secrets.token]\naddress = \"{address}\"\nfield = \"{field}\"\n\
                 [http]\nallow = [\"{address}\"]\n"
            );
            let trial = Manifest::parse(&format!("{MANIFEST}{text}")).unwrap();
            let manifests = [trial];
            let mut used = Used::of_addresses(wide.addresses(&manifests));
            used.add(&decided(vec![fetch(address, &["token"])]));
            for unused in [Unused::Goes, Unused::StaysIfAsked] {
                let narrowed = wide.narrowed(&manifests, &used, unused).unwrap();
                let [(_, token)] = narrowed.grant.secrets.iter().collect::<Vec<_>>()[..] else {
                    panic!("{:?}", narrowed.grant.secrets);
                };
                assert_eq!(token.address.to_string(), "https://a.example/");
                let written = narrowed.grant.to_text().unwrap();
                assert_eq!(Grant::parse(&written).unwrap(), narrowed.grant);
                assert!(manifests[0].permitted(&narrowed.grant).is_err());
            }
        }
    }

    #[test]
    fn networks_of_ones_own_are_told_as_they_are_proposed() {
        let text = concat!(
            "plugin = \"acme\"\n[http]\nallow = [\"https://a.example/\"]\n[http.private]\n",
            "\"https://a.example/\" = [\"10.0.0.0/8\"]\n",
            "\"https://a.example/v1/\" = [\"192.168.0.0/16\"]\n",
        );
        let wide = Grant::parse(text).unwrap();
        let asked = "[http]\nallow = [\"https://a.example/v1/x/\"]\n";
        let manifests = [Manifest::parse(&format!("{MANIFEST}{asked}")).unwrap()];
        let mut used = Used::of_addresses(wide.addresses(&manifests));
        used.add(&decided(vec![fetch("https://a.example/v1/x/1", &[])]));
        let narrowed = wide.narrowed(&manifests, &used, Unused::Goes).unwrap();
        let place = "\"https://a.example/v1/x/\"".to_owned();
        for line in ["https://a.example/", "https://a.example/v1/"] {
            let line = format!("http.private \"{line}\"");
            let expected = (Some(1), Proposed::Narrower(place.clone()));
            assert_eq!(part(&narrowed, &line), expected, "{line}");
        }
        let [own] = narrowed.grant.private.as_slice() else {
            panic!("{:?}", narrowed.grant.private);
        };
        assert_eq!(own.networks.len(), 2);
        let written = narrowed.grant.to_text().unwrap();
        assert_eq!(Grant::parse(&written).unwrap(), narrowed.grant);
    }
}
