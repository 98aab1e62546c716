//! Whether a grant allows no more than another one.

use std::fmt;

use colophon_core::capability::AllowedAddress;
use thiserror::Error;

use super::Grant;
use super::permitting::limits;
use crate::limits::Limits;

/// A grant allows something that the other does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{line}' allows more than the grant that it is made of")]
pub struct Wider {
    /// As it stands in the grant, without values.
    pub line: String,
}

impl Grant {
    /// Holds it against another one, which must allow all that it does. How instances are used again is
    /// no permission, and not looked at.
    ///
    /// # Errors
    /// [`Wider`] names the first line that allows more.
    pub fn within(&self, wide: &Self) -> Result<(), Wider> {
        holds(self.plugin == wide.plugin, "plugin")?;
        holds(wide.catalog || !self.catalog, "catalog = true")?;
        holds(wide.log || !self.log, "log = true")?;
        for (name, value) in &self.config {
            let same = wide.config.get(name) == Some(value);
            holds(same, format_args!("config.{name}"))?;
        }
        for (name, secret) in &self.secrets {
            let granted = wide.secrets.get(name).is_some_and(|granted| {
                let same = (&granted.file, &granted.field) == (&secret.file, &secret.field);
                same && granted.address.covers(&secret.address)
            });
            holds(granted, format_args!("secrets.{name}"))?;
        }
        if let Some(sql) = &self.sql {
            let granted = wide.sql.as_ref().is_some_and(|granted| {
                granted.database == sql.database && granted.statements.is_superset(&sql.statements)
            });
            holds(granted, "[sql]")?;
        }
        for address in &self.http {
            let granted = wide.http.iter().any(|entry| entry.covers(address));
            holds(granted, format_args!("http.allow \"{address}\""))?;
        }
        for own in &self.private {
            let mut networks = own.networks.iter();
            let granted = networks.all(|network| {
                let mut entries = wide.private.iter();
                entries.any(|entry| {
                    entry.address.covers(&own.address) && entry.networks.contains(network)
                })
            });
            holds(granted, private_line(&own.address))?;
        }
        if let Some(kv) = self.kv {
            let granted = wide.kv.is_some_and(|granted| {
                granted.quota_bytes >= kv.quota_bytes && (granted.write || !kv.write)
            });
            holds(granted, "[kv]")?;
        }
        self.limits_within(wide)
    }

    fn limits_within(&self, wide: &Self) -> Result<(), Wider> {
        let usual = Limits::default();
        let (own, most) = (limits(&self.limits, &usual), limits(&wide.limits, &usual));
        holds(own.memory_bytes <= most.memory_bytes, "limits.memory")?;
        holds(own.deadline <= most.deadline, "limits.time_ms")?;
        let host_call = own.host_call_timeout <= most.host_call_timeout;
        holds(host_call, "limits.host_call_ms")?;
        holds(own.fuel <= most.fuel, "limits.fuel")?;
        holds(own.host_calls <= most.host_calls, "limits.host_calls")
    }
}

/// The line of networks of one's own.
pub(super) fn private_line(address: &AllowedAddress) -> String {
    format!("http.private \"{address}\"")
}

fn holds(granted: bool, line: impl fmt::Display) -> Result<(), Wider> {
    match granted {
        true => Ok(()),
        false => Err(Wider {
            line: line.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: &str = concat!(
        "plugin = \"acme\"\ncatalog = true\nlog = true\n[config]\nzone = \"EU\"\n",
        "[secrets.token]\nfile = \"/t\"\naddress = \"https://a.example/v1/\"\nfield = \"authorization\"\n",
        "[sql]\ndatabase = \"sqlite:///m.db\"\nstatements = [\"one\"]\n",
        "[http]\nallow = [\"https://a.example/v1/\"]\n",
        "[http.private]\n\"https://a.example/v1/\" = [\"10.0.0.0/8\"]\n",
        "[kv]\nquota = \"64KiB\"\nwrite = false\n[limits]\ntime_ms = 500\n",
    );

    #[test]
    fn a_grant_that_allows_no_more_is_within() {
        let wide = Grant::parse(GRANT).unwrap();
        wide.within(&wide).unwrap();
        let nothing = Grant::parse("plugin = \"acme\"\n[limits]\ntime_ms = 500\n").unwrap();
        nothing.within(&wide).unwrap();
        let below = GRANT.replace("/v1/\"", "/v1/books/\"");
        Grant::parse(&below).unwrap().within(&wide).unwrap();
    }

    #[test]
    fn every_line_that_allows_more_is_named() {
        let wide = Grant::parse(GRANT).unwrap();
        let without = |line: &str| GRANT.replace(line, "");
        for (narrow, line) in [
            (without("catalog = true\n"), "catalog = true"),
            (GRANT.replace("\nlog = true\n", "\n"), "log = true"),
            (GRANT.replace("\"EU\"", "\"US\""), "config.zone"),
            (GRANT.replace("\"/t\"", "\"/u\""), "secrets.token"),
            (
                GRANT.replace("\"authorization\"", "\"x-key\""),
                "secrets.token",
            ),
            (GRANT.replace("\"one\"", "\"two\""), "[sql]"),
            (
                GRANT.replace("10.0.0.0/8", "10.1.0.0/16"),
                "http.private \"https://a.example/v1/\"",
            ),
            (GRANT.replace("64KiB", "1KiB"), "[kv]"),
            (
                GRANT.replace("time_ms = 500", "time_ms = 500\nfuel = 10000"),
                "limits.fuel",
            ),
        ] {
            let narrow = Grant::parse(&narrow).unwrap();
            assert_eq!(wide.within(&narrow).unwrap_err().line, line);
        }
        // Where nothing is said of a limit, the usual one holds.
        let usual = Grant::parse(&without("[limits]\ntime_ms = 500\n")).unwrap();
        assert_eq!(wide.within(&usual).unwrap_err().line, "limits.time_ms");
        let secret = "address = \"https://a.example/v1/\"\nfield";
        let elsewhere = "address = \"https://a.example/v1/x/\"\nfield";
        let narrow = Grant::parse(&GRANT.replace(secret, elsewhere)).unwrap();
        assert_eq!(wide.within(&narrow).unwrap_err().line, "secrets.token");
        let more = GRANT.replace("allow = [", "allow = [\"https://b.example/\", ");
        let more = Grant::parse(&more).unwrap();
        let line = "http.allow \"https://b.example/\"";
        assert_eq!(more.within(&wide).unwrap_err().line, line);
    }
}
