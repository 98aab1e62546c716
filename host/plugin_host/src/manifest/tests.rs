//! Manifests and grants, most of them wrong.

mod permitted;
mod placed;
mod refused;

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const MANIFEST: &str = r#"
id = "acme-catalog"
version = "1.4.0"
api = "1.0"
roles = ["resolver", "naming"]
catalog = true
log = true
config = ["zone"]

[secrets.catalog-token]
address = "https://api.example/v1/books/"
field = "Authorization"
prefix = "Bearer "

[sql.statements.book_by_id]
text = "select root, path from books where id_type = $1 and id = $2"
params = ["text", "text"]
max_rows = 1
timeout_ms = 50

[http]
allow = ["https://api.example/v1/books/"]

[kv]
quota = "64KiB"

[limits]
memory = "128MiB"
time_ms = 500
"#;

const GRANT: &str = r#"
plugin = "acme-catalog"
catalog = true
log = true

[config]
zone = "EU"

[secrets.catalog-token]
file = "/etc/colophon/secrets/catalog-token"
address = "https://api.example/v1/"
field = "authorization"

[sql]
database = "postgres://reader:secret@db/mapping"
statements = ["book_by_id"]

[http]
allow = ["https://api.example/v1/", "https://inner.example/"]
private = { "https://inner.example/" = ["10.1.0.0/16"] }

[kv]
quota = "1MiB"

[limits]
memory = "256MiB"
time_ms = 1000
"#;

fn manifest(change: (&str, &str)) -> Result<Manifest, PaperRefused> {
    assert!(MANIFEST.contains(change.0), "{}", change.0);
    Manifest::parse(&MANIFEST.replacen(change.0, change.1, 1))
}

fn grant(change: (&str, &str)) -> Result<Grant, PaperRefused> {
    assert!(GRANT.contains(change.0), "{}", change.0);
    Grant::parse(&GRANT.replacen(change.0, change.1, 1))
}

proptest! {
    /// Whatever stands in a paper, reading it ends in a value or a refusal.
    #[test]
    fn reading_never_fails_otherwise(text in "\\PC{0,200}", at in 0..MANIFEST.len(), cut in 0..40_usize) {
        let _ = Manifest::parse(&text);
        let _ = Grant::parse(&text);
        let end = (at + cut).min(MANIFEST.len());
        let damaged = [&MANIFEST[..at], &text, &MANIFEST[end..]].concat();
        let _ = Manifest::parse(&damaged);
    }

    /// What is permitted is never more than the operator grants, nor other than the author asks.
    #[test]
    fn limits_stay_below_both(
        asked in (proptest::option::of(1_u64..256), proptest::option::of(10_u64..10_000)),
        granted in (proptest::option::of(1_u64..256), proptest::option::of(10_u64..10_000)),
    ) {
        let limits = |(memory, time): (Option<u64>, Option<u64>)| SomeLimits {
            memory_bytes: memory.map(|mib| usize::try_from(mib << 20).unwrap()),
            time_ms: time,
            ..SomeLimits::default()
        };
        let manifest = Manifest { limits: limits(asked), ..Manifest::parse(MANIFEST).unwrap() };
        let grant = Grant { limits: limits(granted), ..Grant::parse(GRANT).unwrap() };
        let usual = Limits::default();
        let most = (
            grant.limits.memory_bytes.unwrap_or(usual.memory_bytes),
            grant.limits.time_ms.map_or(usual.deadline, Duration::from_millis),
        );
        match manifest.permitted(&grant) {
            Ok(permitted) => {
                let given = (permitted.limits.memory_bytes, permitted.limits.deadline);
                prop_assert!(given.0 <= most.0 && given.1 <= most.1);
                if let Some(bytes) = manifest.limits.memory_bytes {
                    prop_assert_eq!(given.0, bytes);
                }
                if let Some(ms) = manifest.limits.time_ms {
                    prop_assert_eq!(given.1, Duration::from_millis(ms));
                }
            }
            Err(_) => {
                let over = manifest.limits.memory_bytes.is_some_and(|bytes| bytes > most.0)
                    || manifest.limits.time_ms.is_some_and(|ms| Duration::from_millis(ms) > most.1);
                prop_assert!(over);
            }
        }
    }
}
