//! The layering table. Everything it does not list is forbidden.
//!
//! A change here is a change of the design: say in the commit why the arrow is needed.

/// One package or one folder of packages, and what it may depend on.
pub(crate) struct Rule {
    from: &'static str,
    to: &'static [&'static str],
}

impl Rule {
    /// Whether the package in this folder may be depended on.
    pub(crate) fn allows(&self, folder: &str) -> bool {
        self.to.iter().any(|pattern| matches(pattern, folder))
    }
}

/// `folder/*` stands for each package in the folder; `*` for every package.
const RULES: [Rule; 18] = [
    Rule {
        from: "sdk/crypto",
        to: &[],
    },
    Rule {
        from: "sdk/claims",
        to: &["sdk/crypto"],
    },
    // For tests and vector programs alone; it forges without the crate that reads.
    Rule {
        from: "sdk/forge",
        to: &["sdk/crypto"],
    },
    // Receipts and activation speak in the same compact forms and name the same things; neither
    // needs the other for it.
    Rule {
        from: "sdk/receipt",
        to: &["sdk/claims", "sdk/crypto"],
    },
    Rule {
        from: "sdk/activation",
        to: &["sdk/claims", "sdk/crypto"],
    },
    Rule {
        from: "sdk/title",
        to: &["sdk/crypto"],
    },
    Rule {
        from: "sdk/repository",
        to: &["sdk/title", "sdk/activation", "sdk/crypto"],
    },
    // The engine is chosen by whoever opens a file, so a reader names one of sdk/crypto.
    Rule {
        from: "sdk/reader",
        to: &["sdk/title", "sdk/receipt", "sdk/activation", "sdk/crypto"],
    },
    Rule {
        from: "sdk/plugin",
        to: &[],
    },
    Rule {
        from: "plugins/*",
        to: &["sdk/plugin"],
    },
    // Core hands the engine and the keys through to the formats and therefore knows the seam.
    Rule {
        from: "host/core",
        to: &["sdk/title", "sdk/receipt", "sdk/activation", "sdk/crypto"],
    },
    // The key ring signs titles and holds receipt keys: the formats' types, not their flows.
    Rule {
        from: "host/keys",
        to: &[
            "host/core",
            "sdk/crypto",
            "sdk/title",
            "sdk/receipt",
            "sdk/activation",
        ],
    },
    Rule {
        from: "host/server",
        to: &["host/*", "sdk/*"],
    },
    // An adapter keeps core's promises; core's types are made of the formats' types.
    Rule {
        from: "host/http",
        to: &[
            "host/core",
            "sdk/receipt",
            "sdk/title",
            "sdk/activation",
            "sdk/crypto",
        ],
    },
    // The console is a client of the provider that people sign in at.
    Rule {
        from: "host/console",
        to: &[
            "host/core",
            "host/outbound",
            "sdk/receipt",
            "sdk/title",
            "sdk/activation",
            "sdk/crypto",
        ],
    },
    Rule {
        from: "host/*",
        to: &[
            "host/core",
            "sdk/receipt",
            "sdk/title",
            "sdk/activation",
            "sdk/crypto",
        ],
    },
    Rule {
        from: "tests",
        to: &["*"],
    },
    Rule {
        from: "xtask",
        to: &["*"],
    },
];

/// The first row that fits: single packages stand above their folder's row.
pub(crate) fn rule(folder: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| matches(rule.from, folder))
}

/// In tests a package may use what stands below it and its own neighbors, never the other way.
pub(crate) fn allowed_in_tests(from: &str, to: &str) -> bool {
    let outward = from.starts_with("sdk/") && !to.starts_with("sdk/");
    !outward && to != "xtask" && to != "tests"
}

/// Packages that belong to one adapter, with the folders that may name them in their manifests.
const OWNED: [(&str, &[&str]); 9] = [
    ("sqlx", &["host/store", "tests"]),
    ("wasmtime", &["host/plugin_host", "sdk/reader", "tests"]),
    ("async-nats", &["host/pipeline", "tests"]),
    ("object_store", &["host/origin", "tests"]),
    ("axum", &["host/http", "host/console", "tests"]),
    ("hyper", &["host/http", "host/outbound", "tests"]),
    ("openidconnect", &["host/console", "tests"]),
    // Server private keys and bulk ciphers; everybody else goes through the engine's seam.
    ("aws-lc-rs", &["host/keys", "tests"]),
    ("rcgen", &["host/keys", "tests"]),
];

/// Who may name this package in a manifest; none where anybody may.
pub(crate) fn owners(name: &str) -> Option<&'static [&'static str]> {
    OWNED
        .iter()
        .find(|(owned, _)| *owned == name)
        .map(|(_, owners)| *owners)
}

/// Packages without clock, randomness, files, network and database.
pub(crate) const PURE: [&str; 7] = [
    "sdk/crypto",
    "sdk/claims",
    "sdk/receipt",
    "sdk/activation",
    "sdk/title",
    "sdk/repository",
    "host/core",
];

/// What no pure package may reach, however indirectly.
pub(crate) const IMPURE: [&str; 17] = [
    "async-nats",
    "async-std",
    "aws-lc-rs",
    "axum",
    "chrono",
    "hyper",
    "jiff",
    "mio",
    "native-tls",
    "object_store",
    "reqwest",
    "rustls",
    "socket2",
    "sqlx",
    "tempfile",
    "tokio",
    "wasmtime",
];

/// What no pure package may name in its manifest. The archive and big-number packages do reach
/// these for purposes we do not use (encrypted archives, making keys).
pub(crate) const CHANCE: [&str; 3] = ["getrandom", "rand", "uuid"];

/// Whether a folder is meant by a pattern of the table.
pub(crate) fn matches(pattern: &str, folder: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    match pattern.strip_suffix("/*") {
        Some(parent) => folder
            .strip_prefix(parent)
            .is_some_and(|rest| rest.starts_with('/')),
        None => pattern == folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, allowed: bool) {
        let rule = rule(from).expect("a row for the package");
        assert_eq!(rule.allows(to), allowed, "{from} → {to}");
    }

    #[test]
    fn formats_know_only_the_primitives_and_what_claims_share() {
        check("sdk/claims", "sdk/crypto", true);
        check("sdk/claims", "sdk/receipt", false);
        check("sdk/claims", "sdk/activation", false);
        check("sdk/receipt", "sdk/crypto", true);
        check("sdk/receipt", "sdk/claims", true);
        check("sdk/receipt", "sdk/activation", false);
        check("sdk/receipt", "sdk/forge", false);
        check("sdk/forge", "sdk/claims", false);
        check("sdk/receipt", "sdk/title", false);
        check("sdk/title", "host/core", false);
        check("sdk/title", "sdk/claims", false);
        check("sdk/activation", "sdk/crypto", true);
        check("sdk/activation", "sdk/claims", true);
        check("sdk/activation", "sdk/receipt", false);
    }

    #[test]
    fn adapters_know_core_and_not_each_other() {
        check("host/store", "host/core", true);
        check("host/store", "host/http", false);
        check("host/http", "host/store", false);
        check("host/server", "host/store", true);
    }

    #[test]
    fn core_knows_no_adapter() {
        check("host/core", "host/keys", false);
        check("host/core", "sdk/title", true);
    }

    #[test]
    fn plug_ins_know_only_their_kit() {
        check("plugins/catalog", "sdk/plugin", true);
        check("plugins/catalog", "sdk/receipt", false);
    }

    #[test]
    fn a_package_without_a_row_is_refused() {
        assert!(rule("extra").is_none());
    }

    #[test]
    fn tests_never_point_outward() {
        assert!(allowed_in_tests("sdk/reader", "sdk/crypto"));
        assert!(!allowed_in_tests("sdk/title", "host/keys"));
    }
}
