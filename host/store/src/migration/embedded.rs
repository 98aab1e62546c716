//! The migrations, as a part of the program. Each has the same number and name for both engines.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType};

use super::Schema;

/// Which engine's dialect a migration is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

macro_rules! migrations {
    ($folder:literal, $($number:literal $name:literal),*) => {
        vec![$(Migration::new(
            $number,
            $name.into(),
            MigrationType::Simple,
            include_str!(concat!("../../../../migrations/", $folder, "/", $name, ".sql")).into_sql_str(),
            false,
        )),*]
    };
}

/// A schema's migrations in their order. A node's database is always a file.
pub(super) fn migrations(schema: Schema, dialect: Dialect) -> Vec<Migration> {
    match (schema, dialect) {
        (Schema::Fulfillment, Dialect::Sqlite) => migrations!(
            "sqlite/fulfillment",
            1 "0001_changes", 2 "0002_centers", 3 "0003_retailers", 4 "0004_titles",
            5 "0005_purchase_uses", 6 "0006_licensing", 7 "0007_delegations",
            8 "0008_plugin_values", 10 "0010_plugins", 11 "0011_decisions",
            13 "0013_decisions_by_role", 14 "0014_nodes"
        ),
        (Schema::Fulfillment, Dialect::Postgres) => migrations!(
            "postgres/fulfillment",
            1 "0001_changes", 2 "0002_centers", 3 "0003_retailers", 4 "0004_titles",
            5 "0005_purchase_uses", 6 "0006_licensing", 7 "0007_delegations",
            8 "0008_plugin_values", 10 "0010_plugins", 11 "0011_decisions",
            13 "0013_decisions_by_role", 14 "0014_nodes"
        ),
        (Schema::Logging, Dialect::Sqlite) => {
            migrations!(
                "sqlite/logging",
                1 "0001_downloads", 2 "0002_server_events", 3 "0003_licenses",
                4 "0004_plugin_costs"
            )
        }
        (Schema::Logging, Dialect::Postgres) => {
            migrations!(
                "postgres/logging",
                1 "0001_downloads", 2 "0002_server_events", 3 "0003_licenses",
                4 "0004_plugin_costs"
            )
        }
        (Schema::Activation, Dialect::Sqlite) => {
            migrations!(
                "sqlite/activation",
                1 "0001_personas", 2 "0002_activations", 3 "0003_accounts",
                4 "0004_repository_orders", 5 "0005_repository_front_ends"
            )
        }
        (Schema::Activation, Dialect::Postgres) => {
            migrations!(
                "postgres/activation",
                1 "0001_personas", 2 "0002_activations", 3 "0003_accounts",
                4 "0004_repository_orders", 5 "0005_repository_front_ends"
            )
        }
        (Schema::Node, Dialect::Sqlite) => {
            migrations!("sqlite/node", 1 "0001_node", 2 "0002_rows_set_aside")
        }
        (Schema::Node, Dialect::Postgres) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(folder: &str, schema: Schema, dialect: Dialect) -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../migrations")
            .join(folder);
        let names = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let mut files: Vec<String> = names
            .map(|name| name.into_string().unwrap().replace(".sql", ""))
            .collect();
        files.sort();
        let embedded = migrations(schema, dialect);
        let names: Vec<String> = embedded
            .iter()
            .map(|one| one.description.to_string())
            .collect();
        assert_eq!(names, files, "{folder}");
        let numbers: Vec<i64> = embedded.iter().map(|one| one.version).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{folder}");
        for one in &embedded {
            assert!(
                one.description.starts_with(&format!("{:04}_", one.version)),
                "{folder}"
            );
        }
        files
    }

    #[test]
    fn every_file_is_embedded_and_both_engines_have_the_same() {
        let sqlite = check("sqlite/fulfillment", Schema::Fulfillment, Dialect::Sqlite);
        let postgres = check(
            "postgres/fulfillment",
            Schema::Fulfillment,
            Dialect::Postgres,
        );
        assert_eq!(sqlite, postgres);
        let sqlite = check("sqlite/logging", Schema::Logging, Dialect::Sqlite);
        let postgres = check("postgres/logging", Schema::Logging, Dialect::Postgres);
        assert_eq!(sqlite, postgres);
        let sqlite = check("sqlite/activation", Schema::Activation, Dialect::Sqlite);
        let postgres = check("postgres/activation", Schema::Activation, Dialect::Postgres);
        assert_eq!(sqlite, postgres);
        check("sqlite/node", Schema::Node, Dialect::Sqlite);
    }
}
