//! The list of settings: name, default, meaning. Everything else about configuration follows from
//! this one table: the file's grammar, the environment's names, `config show` and its help.

/// A setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.key`, as in the file.
    pub(crate) name: &'static str,
    /// The value where nothing else is said; `{data}` stands for the data folder.
    pub(crate) default: &'static str,
    /// Meaning and unit.
    pub(crate) meaning: &'static str,
}

const fn key(name: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key {
        name,
        default,
        meaning,
    }
}

/// Every setting there is.
pub(crate) const KEYS: &[Key] = &[
    key(
        "listen.address",
        "127.0.0.1:8480",
        "address and port of the download service",
    ),
    key(
        "listen.admin",
        "",
        "address and port for /metrics and /readyz, which are at no other; empty: 127.0.0.1:8481, or any free port where listen.address has port 0",
    ),
    key(
        "listen.tls_certificate",
        "",
        "PEM file with the certificate chain; empty: no TLS",
    ),
    key(
        "listen.tls_key",
        "",
        "PEM file with the certificate's private key",
    ),
    key(
        "listen.trusted_proxies",
        "",
        "networks (CIDR, comma-separated) whose X-Forwarded-For is believed",
    ),
    key("listen.connections_max", "4096", "connections open at once"),
    key(
        "listen.connections_per_address_max",
        "512",
        "connections open at once from one address",
    ),
    key(
        "listen.downloads_max",
        "1024",
        "downloads under way at once",
    ),
    key(
        "listen.drain_s",
        "30",
        "seconds that downloads may go on after a stop was asked for",
    ),
    key(
        "database.fulfillment",
        "sqlite://{data}/colophon.db",
        "URL of the fulfillment database (sqlite:// or postgres://)",
    ),
    key(
        "database.logging",
        "sqlite://{data}/log.db",
        "URL of the logging database (sqlite:// or postgres://)",
    ),
    key(
        "database.activation",
        "sqlite://{data}/activation.db",
        "URL of the activation database (sqlite:// or postgres://)",
    ),
    key(
        "database.node",
        "sqlite://{data}/node.db",
        "URL of this node's own database (sqlite:// only)",
    ),
    key(
        "node.name",
        "",
        "what people call this node; empty: the machine's name",
    ),
    key(
        "node.renew_ms",
        "5000",
        "how often this node says that it is there, in milliseconds; without news for four times as long, and 5 seconds at least, it counts as silent",
    ),
    key(
        "node.kept_days",
        "30",
        "days after which a node goes that nobody has seen, whoever it is; the same on all hosts",
    ),
    key(
        "content.roots",
        "main={data}/content",
        "content-store roots, name=directory, comma-separated",
    ),
    key(
        "cache.bytes",
        "auto",
        "memory for popular titles, in bytes, or auto: 80 % of the memory free at start",
    ),
    key(
        "cache.lease_ms",
        "5000",
        "how long a cached record may be used without news of changes, in milliseconds",
    ),
    key(
        "cache.poll_ms",
        "100",
        "how often changes are asked for, in milliseconds",
    ),
    key(
        "outbox.rows_max",
        "1000000",
        "log rows that may wait for the logging database, or for the log writer's confirmation",
    ),
    key(
        "outbox.free_bytes_min",
        "67108864",
        "free disk space below which no download is admitted, in bytes",
    ),
    key(
        "nats.url",
        "",
        "NATS servers that log rows go through (comma-separated; tls:// at all of them, or nats:// at all, which shows no credentials beyond this machine); empty: none, and each host writes its own",
    ),
    key(
        "nats.credentials_file",
        "",
        "file with the credentials of a NATS user (*.creds)",
    ),
    key("nats.token_file", "", "or: file with a token"),
    key("nats.user", "", "or: name of a user with a password"),
    key("nats.password_file", "", "file with that password"),
    key(
        "nats.authority",
        "",
        "PEM file with the authority behind the servers' TLS certificates, and TLS is insisted on; empty: those that the system believes",
    ),
    key(
        "nats.prefix",
        "colophon",
        "what subjects and streams begin with; another for each installation on one NATS account",
    ),
    key(
        "nats.stream_bytes",
        "1073741824",
        "bytes that the stream may hold of rows no log writer has taken yet, where a host makes it",
    ),
    key(
        "nats.stream_age_s",
        "604800",
        "how long a row lies in the stream at most, in seconds, where a host makes it",
    ),
    key(
        "nats.replicas",
        "1",
        "on how many servers of a cluster a stream is kept, where a host makes it",
    ),
    key(
        "nats.confirm_ms",
        "30000",
        "how long a row that was handed over waits for its confirmation before it is asked for, and handed over again if the broker has lost it, in milliseconds",
    ),
    key(
        "keys.master_file",
        "{data}/master.key",
        "file with the master key",
    ),
    key(
        "keys.engine",
        "aws-lc",
        "cryptographic engine: aws-lc or portable",
    ),
    key(
        "trust.folder",
        "{data}/trust",
        "folder with trusted roots (*.pem, *.crt) and revocation lists (*.crl); read again when it changes",
    ),
    key(
        "trust.poll_ms",
        "1000",
        "how often that folder is looked at for changes, in milliseconds",
    ),
    key(
        "registration.url",
        "",
        "server that activation certificates are fetched from where nobody supplied one (http:// or https://); empty: none",
    ),
    key(
        "registration.authority",
        "",
        "PEM file with the authority behind that server's TLS certificate; needed for https://",
    ),
    key(
        "plugins.compiled",
        "{data}/compiled",
        "folder for compiled plug-ins; must belong to the server alone",
    ),
    key(
        "plugins.deadline_ms",
        "200",
        "time one call of the built-in plug-in may take, in milliseconds; others have what manifest and grant say",
    ),
    key(
        "plugins.decisions_kept",
        "1000",
        "decisions of each of a center's own plug-ins in each of its roles that are kept, the latest",
    ),
    key(
        "plugins.decisions_sampled",
        "0",
        "of their other decisions, how many in a thousand are kept as well; 1000: all",
    ),
    key(
        "plugins.decisions_days",
        "30",
        "days after which a decision goes; 0: none is kept",
    ),
    key(
        "plugins.costs_days",
        "400",
        "days after which what plug-ins have cost goes, of all hosts; 0: this host books none, and lets none go",
    ),
    key(
        "activation.public_url",
        "",
        "scheme, host and port under which people reach this host; empty: the first address it listens on",
    ),
    key(
        "activation.service",
        "Colophon",
        "what the activation service calls itself on its pages",
    ),
    key(
        "activation.accounts",
        "true",
        "whether people can have accounts here: true or false",
    ),
    key(
        "activation.namespace",
        "localhost",
        "what stands after the @ in the persona ids of these accounts; a host name that is yours for good",
    ),
    key(
        "activation.oidc_issuer",
        "",
        "issuer of the OpenID Connect provider that people can sign in at; empty: none",
    ),
    key(
        "activation.oidc_client_id",
        "",
        "what the provider knows this host by",
    ),
    key(
        "activation.oidc_client_secret",
        "",
        "the secret the provider gave this host, if it did",
    ),
    key(
        "activation.oidc_name",
        "",
        "what people know the provider by; empty: its host",
    ),
    key(
        "activation.return_addresses",
        "",
        "pages of shops, comma-separated, that people may be led back to",
    ),
    key(
        "activation.mail_folder",
        "{data}/mail",
        "folder that letters are put into; must belong to the server alone",
    ),
    key(
        "activation.hashes_max",
        "2",
        "passwords hashed at once; each takes 19 MiB for a moment",
    ),
    key(
        "repository.at_once",
        "auto",
        "secure repositories made at once, or auto: one for each processor",
    ),
    key(
        "repository.lease_ms",
        "20000",
        "how long an order is left to the worker that took it, unless it says that it is still at it, in milliseconds: an hour at most",
    ),
    key(
        "log.filter",
        "info,async_nats=off",
        "which events are logged (tracing filter)",
    ),
    key("log.format", "text", "how events are logged: text or json"),
    key(
        "runtime.workers",
        "auto",
        "worker threads, or auto: one for each processor",
    ),
];

/// Finds a setting by name, or the name most like it.
pub(crate) fn find(name: &str) -> Result<&'static Key, Option<&'static str>> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return Ok(key);
    }
    let near = KEYS
        .iter()
        .map(|key| (strsim::jaro_winkler(key.name, name), key.name));
    let best = near.max_by(|a, b| a.0.total_cmp(&b.0));
    Err(best
        .filter(|(likeness, _)| *likeness > 0.8)
        .map(|(_, name)| name))
}
