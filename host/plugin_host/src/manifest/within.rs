//! Whether something was taken away from a plug-in.

use std::collections::BTreeMap;

use colophon_core::capability::{Name, PrivateNetworks, SqlStatement};

use super::{HttpTerms, KvTerms, Permitted, SqlTerms};
use crate::limits::Limits;
use crate::warm::WarmTerms;

impl Permitted {
    /// Whether all that may be used here may be used there as well. The values of settings are no
    /// more and no less than others; a setting that is not there any more is one that was taken away.
    pub fn is_within(&self, other: &Self) -> bool {
        let Self {
            plugin,
            limits,
            catalog,
            log,
            config,
            kv,
            sql,
            http,
            warm,
        } = self;
        *plugin == other.plugin
            && has_no_more(limits, &other.limits)
            && (!catalog || other.catalog)
            && (!log || other.log)
            && each_within(config.as_ref(), other.config.as_ref(), settings)
            && each_within(kv.as_ref(), other.kv.as_ref(), values)
            && each_within(sql.as_ref(), other.sql.as_ref(), statements)
            && each_within(http.as_ref(), other.http.as_ref(), addresses)
            && each_within(warm.as_ref(), other.warm.as_ref(), used_again)
    }
}

/// What is not granted at all is within anything.
fn each_within<T>(own: Option<&T>, other: Option<&T>, within: fn(&T, &T) -> bool) -> bool {
    match (own, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(other)) => within(own, other),
    }
}

fn has_no_more(own: &Limits, other: &Limits) -> bool {
    let Limits {
        deadline,
        host_call_timeout,
        fuel,
        memory_bytes,
        table_elements,
        host_calls,
        handover_bytes,
    } = *own;
    deadline <= other.deadline
        && host_call_timeout <= other.host_call_timeout
        && fuel <= other.fuel
        && memory_bytes <= other.memory_bytes
        && table_elements <= other.table_elements
        && host_calls <= other.host_calls
        && handover_bytes <= other.handover_bytes
}

fn settings(own: &BTreeMap<Name, String>, other: &BTreeMap<Name, String>) -> bool {
    own.keys().all(|key| other.contains_key(key))
}

fn values(own: &KvTerms, other: &KvTerms) -> bool {
    own.quota_bytes <= other.quota_bytes && (!own.write || other.write)
}

fn statements(own: &SqlTerms, other: &SqlTerms) -> bool {
    let same = |own: &SqlStatement, other: &SqlStatement| {
        own.text == other.text
            && own.parameters == other.parameters
            && own.rows_max <= other.rows_max
            && own.time_max <= other.time_max
    };
    own.database == other.database
        && own.statements.iter().all(|(name, statement)| {
            let other = other.statements.get(name);
            other.is_some_and(|other| same(statement, other))
        })
}

fn addresses(own: &HttpTerms, other: &HttpTerms) -> bool {
    let HttpTerms {
        allow,
        private,
        secrets,
    } = own;
    let opened = |own: &PrivateNetworks| {
        other.private.iter().any(|other| {
            other.address.covers(&own.address)
                && own
                    .networks
                    .iter()
                    .all(|network| other.networks.contains(network))
        })
    };
    allow
        .iter()
        .all(|own| other.allow.iter().any(|other| other.covers(own)))
        && private.iter().all(opened)
        && secrets
            .iter()
            .all(|(name, secret)| other.secrets.get(name) == Some(secret))
}

fn used_again(own: &WarmTerms, other: &WarmTerms) -> bool {
    let WarmTerms {
        requests,
        idle,
        memory_bytes,
        instances,
    } = *own;
    requests <= other.requests
        && idle <= other.idle
        && memory_bytes <= other.memory_bytes
        && instances <= other.instances
}

#[cfg(test)]
mod tests {
    use super::super::{Grant, Manifest};
    use super::*;

    const MANIFEST: &str = r#"
        id = "acme"
        version = "1"
        api = "1.0"
        roles = ["policy"]
        config = ["zone"]
        warm = true
        [http]
        allow = ["https://api.example/v1/"]
        [secrets.token]
        address = "https://api.example/v1/"
        field = "authorization"
        [sql.statements.one]
        text = "select 1"
        params = []
        max_rows = 1
        timeout_ms = 50
        [kv]
        quota = "64KiB"
    "#;

    const GRANT: &str = r#"
        plugin = "acme"
        [config]
        zone = "EU"
        [sql]
        database = "sqlite:///one.db"
        statements = ["one"]
        [http]
        allow = ["https://api.example/"]
        [http.private]
        "https://api.example/" = ["10.1.0.0/16", "10.2.0.0/16"]
        [secrets.token]
        file = "/etc/token"
        address = "https://api.example/v1/"
        field = "authorization"
        [kv]
        quota = "64KiB"
        [limits]
        fuel = 50000000
        [warm]
        requests = 500
    "#;

    fn permitted(grant: &str) -> Permitted {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        manifest.permitted(&Grant::parse(grant).unwrap()).unwrap()
    }

    #[test]
    fn a_grant_is_within_itself_and_within_a_wider_one() {
        let now = permitted(GRANT);
        assert!(now.is_within(&now));
        for (line, wider) in [
            ("\"10.1.0.0/16\", ", "\"10.1.0.0/16\", \"10.3.0.0/16\", "),
            ("fuel = 50000000", "fuel = 60000000"),
            ("requests = 500", "requests = 501"),
            ("\"64KiB\"", "\"1MiB\""),
            // Another value of a setting gives no more and no less.
            ("zone = \"EU\"", "zone = \"US\""),
        ] {
            assert!(GRANT.contains(line), "{line}");
            let wider = permitted(&GRANT.replace(line, wider));
            assert!(now.is_within(&wider), "{line}");
        }
    }

    #[test]
    fn whatever_is_taken_away_is_noticed() {
        let before = permitted(GRANT);
        for (line, narrower) in [
            ("zone = \"EU\"", ""),
            ("\"10.1.0.0/16\", ", ""),
            ("[\"10.1.0.0/16\", \"10.2.0.0/16\"]", "[]"),
            (
                "\"https://api.example/\" =",
                "\"https://api.example/v1/\" =",
            ),
            ("sqlite:///one.db", "sqlite:///two.db"),
            ("/etc/token", "/etc/other"),
            ("fuel = 50000000", "fuel = 40000000"),
            ("requests = 500", "requests = 499"),
            ("requests = 500", "requests = 500\nidle_s = 9"),
            ("[warm]\n        requests = 500\n", ""),
        ] {
            assert!(GRANT.contains(line), "{line}");
            let now = permitted(&GRANT.replace(line, narrower));
            assert!(!before.is_within(&now), "{line}");
        }
    }
}
