//! What the contract calls its interfaces: the roles that a plug-in can play, and what it can ask
//! of the host. A test holds the names against the contract itself.

/// The version of the contract that this host speaks, as plug-ins and manifests state it.
pub const CONTRACT: &str = "1.0";

/// The full name of an interface of this version.
macro_rules! named {
    ($interface:literal) => {
        concat!("colophon:", $interface, "@1.0.0")
    };
}

/// What a host speaks: the contract up to a version, all of which have the interfaces of the first,
/// and what the later ones have added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spoken {
    newest: Version,
    added: &'static [Added],
}

/// An interface that plug-ins can ask of the host since a later version, without a grant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Added {
    pub(crate) interface: &'static str,
    pub(crate) functions: &'static [&'static str],
}

type Version = (u32, u32, u32);

impl Spoken {
    /// The published contract.
    pub(crate) const PUBLISHED: Self = Self::up_to((1, 0, 0), &[]);

    pub(crate) const fn up_to(newest: Version, added: &'static [Added]) -> Self {
        Self { newest, added }
    }

    /// Whether a component's name for an interface means this one: by the version that is spoken,
    /// or by an older one that it goes on with. The engine itself would take a newer one as well,
    /// which knows what this host does not.
    pub(crate) fn means(&self, name: &str, ours: &str) -> bool {
        match (parts(name), parts(ours)) {
            (Some((interface, version)), Some((own, _))) => {
                interface == own && version.0 == self.newest.0 && version <= self.newest
            }
            _ => false,
        }
    }

    /// The functions of an interface that a component imports, with the capability behind it, if
    /// there is one; none if no host of this version offers it.
    pub(crate) fn offered(&self, interface: &str) -> Option<(Option<Capability>, &[&'static str])> {
        let mut all = Capability::ALL.into_iter();
        if let Some(found) = all.find(|found| self.means(interface, found.interface())) {
            return Some((Some(found), found.functions()));
        }
        let mut added = self.added.iter();
        let added = added.find(|added| self.means(interface, added.interface))?;
        Some((None, added.functions))
    }
}

/// A name of an interface without its version, and the version.
fn parts(name: &str) -> Option<(&str, Version)> {
    let (interface, version) = name.split_once('@')?;
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    let parts = (numbers.next()??, numbers.next()??, numbers.next()??);
    let whole = numbers.next().is_none() && version.chars().all(plain);
    whole.then_some((interface, parts))
}

/// What every plug-in exports.
pub(crate) const META: &str = named!("meta/plugin");

/// What a plug-in can be asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Finds where a title lives.
    Resolver,
    /// Decides whether a sale may be served.
    Policy,
    /// Names the downloaded file.
    Naming,
    /// Tells which retailer record a retailer id belongs to.
    Retailers,
}

impl Role {
    /// Every role, in the order of the contract's documentation.
    pub const ALL: [Self; 4] = [Self::Resolver, Self::Policy, Self::Naming, Self::Retailers];

    /// Its name in manifests, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolver => "resolver",
            Self::Policy => "policy",
            Self::Naming => "naming",
            Self::Retailers => "retailers",
        }
    }

    /// The interface that a component exports to play it.
    pub fn interface(self) -> &'static str {
        match self {
            Self::Resolver => named!("resolver/resolver"),
            Self::Policy => named!("policy/policy"),
            Self::Naming => named!("naming/naming"),
            Self::Retailers => named!("retailers/retailers"),
        }
    }
}

/// What a plug-in can ask of the host, if its manifest says so and the operator grants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Looks titles up in the center's catalog.
    Catalog,
    /// Reads what the operator has set for it.
    Config,
    /// Asks services on the web.
    Http,
    /// Keeps small values.
    Kv,
    /// Writes lines for the operator.
    Log,
    /// Asks the center's mapping database.
    Sql,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 6] = [
        Self::Catalog,
        Self::Config,
        Self::Http,
        Self::Kv,
        Self::Log,
        Self::Sql,
    ];

    /// The interface that a component imports to use it.
    pub fn interface(self) -> &'static str {
        match self {
            Self::Catalog => named!("host/catalog"),
            Self::Config => named!("host/config"),
            Self::Http => named!("host/http"),
            Self::Kv => named!("host/kv"),
            Self::Log => named!("host/log"),
            Self::Sql => named!("host/sql"),
        }
    }

    /// The interface's functions.
    pub(crate) fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Catalog => &["find"],
            Self::Config => &["get"],
            Self::Http => &["fetch"],
            Self::Kv => &["get", "swap", "put", "delete", "list-keys"],
            Self::Log => &["write"],
            Self::Sql => &["run"],
        }
    }

    /// What a manifest says to ask for it; what stands for the author's own words is in capitals.
    pub fn manifest_line(self) -> &'static str {
        match self {
            Self::Catalog => "catalog = true",
            Self::Config => "config = [\"KEY\"]",
            Self::Http => "http.allow = [\"https://HOST/PATH/\"]",
            Self::Kv => "kv.quota = \"64KiB\"",
            Self::Log => "log = true",
            Self::Sql => "[sql.statements.NAME]",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use wit_parser::{Resolve, WorldItem, WorldKey};

    use super::*;

    /// Names of the interfaces that a world of the contract imports or exports, with functions.
    fn interfaces(world: &str, exported: bool) -> BTreeSet<(String, Vec<String>)> {
        let mut resolve = Resolve::default();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/1.0");
        let (package, _) = resolve.push_dir(&folder).unwrap();
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        let world = &resolve.worlds[world];
        let items = if exported {
            &world.exports
        } else {
            &world.imports
        };
        let with_functions = items.iter().filter_map(|(key, item)| {
            let WorldItem::Interface { id, .. } = item else {
                panic!("the world has a bare function or type")
            };
            assert!(matches!(key, WorldKey::Interface(_)));
            let functions: Vec<String> =
                resolve.interfaces[*id].functions.keys().cloned().collect();
            let name = resolve.id_of(*id).unwrap();
            (!functions.is_empty()).then_some((name, functions))
        });
        with_functions.collect()
    }

    #[test]
    fn a_name_means_an_interface_in_no_newer_version() {
        let spoken = Spoken::up_to((1, 2, 0), &[]);
        let ours = "colophon:host/kv@1.0.0";
        for name in [
            "colophon:host/kv@1.2.0",
            "colophon:host/kv@1.1.9",
            "colophon:host/kv@1.0.0",
        ] {
            assert!(spoken.means(name, ours), "{name}");
        }
        for name in [
            "colophon:host/kv@1.2.1",
            "colophon:host/kv@1.3.0",
            "colophon:host/kv@2.0.0",
            "colophon:host/kv@0.2.0",
            "colophon:host/kv@1.0.0-rc.1",
            "colophon:host/kv@1.0",
            "colophon:host/kv@1.0.0.0",
            "colophon:host/kv@+1.0.0",
            "colophon:host/kv",
            "colophon:host/sql@1.2.0",
            "kv@1.2.0",
        ] {
            assert!(!spoken.means(name, ours), "{name}");
        }
    }

    #[test]
    fn the_host_offers_what_the_contract_says_and_nothing_else() {
        let ours = Capability::ALL.map(|capability| {
            let functions = capability.functions().iter();
            let functions = functions.map(|name| (*name).to_owned()).collect();
            (capability.interface().to_owned(), functions)
        });
        assert_eq!(interfaces("host", false), BTreeSet::from(ours));
    }

    #[test]
    fn the_roles_are_those_of_the_contract() {
        let names = interfaces("all", true).into_iter().map(|(name, _)| name);
        let ours = Role::ALL.map(Role::interface).into_iter().chain([META]);
        let ours: BTreeSet<String> = ours.map(str::to_owned).collect();
        assert_eq!(names.collect::<BTreeSet<String>>(), ours);
        for role in Role::ALL {
            let alone = interfaces(role.as_str(), true);
            assert!(alone.iter().any(|(name, _)| name == role.interface()));
            assert_eq!(alone.len(), 2, "{}", role.as_str());
        }
    }
}
