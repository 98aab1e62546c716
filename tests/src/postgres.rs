//! A private PostgreSQL server for one test.
//!
//! It lives in a folder of its own, listens on a socket in that folder only, and ends with the
//! value that stands for it. PostgreSQL refuses to run as root, so a test that does hands the
//! folder to the system's own PostgreSQL user.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::server_process::ready;
use crate::tool::skipped;

/// Where Debian puts the binaries that are not on the search path.
const BINARIES: &str = "/usr/lib/postgresql/15/bin";

const SYSTEM_USER: &str = "postgres";

/// The role that databases belong to; no superuser, as on a server that others look after.
const ROLE: &str = "colophon";

/// A running server.
pub struct PostgresServer {
    folder: TempDir,
    process: Child,
}

impl PostgresServer {
    /// Starts a server for `test`, or says that it is skipped.
    pub fn start(test: &str) -> Option<Self> {
        if !Path::new(BINARIES).join("postgres").is_file() {
            skipped(test, "PostgreSQL 15 binaries not found");
            return None;
        }
        // A socket's path has at most 107 bytes, so not in a folder that may be deep.
        let folder = tempfile::Builder::new()
            .prefix("pg")
            .tempdir_in("/tmp")
            .expect("a folder");
        if is_root() {
            run(Command::new("chown").arg(SYSTEM_USER).arg(folder.path()));
        }
        // The database's own order of words differs from that of bytes: a column whose order
        // matters must say so itself.
        let data = folder.path().join("data");
        let settings = [
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--locale-provider=icu",
        ];
        let mut make = unprivileged("initdb");
        make.args(settings).args([
            "--icu-locale=en-US",
            "--auth=trust",
            "--no-sync",
            "-U",
            "admin",
        ]);
        run(make.arg("-D").arg(&data));
        let process = serve(folder.path(), &data);
        let server = Self { folder, process };
        server.order(&format!("CREATE ROLE {ROLE} LOGIN IN ROLE pg_checkpoint"));
        Some(server)
    }

    /// Makes a database and returns its address.
    pub fn create(&self, name: &str) -> String {
        self.order(&format!(
            "CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0"
        ));
        self.address(name)
    }

    /// Makes a role that may do what is granted in a database and nothing else, and returns the
    /// address of the database for it.
    pub fn restrict(&self, name: &str, role: &str, grants: &[&str]) -> String {
        self.order(&format!("CREATE ROLE {role} LOGIN"));
        for grant in grants {
            self.order_in(name, &format!("GRANT {grant} TO {role}"));
        }
        self.address_for(role, name)
    }

    /// Runs a statement in a database, as somebody else's program with every right.
    pub fn run(&self, database: &str, sql: &str) {
        self.order_in(database, sql);
    }

    /// The address of a database on this server.
    pub fn address(&self, name: &str) -> String {
        self.address_for(ROLE, name)
    }

    fn address_for(&self, role: &str, name: &str) -> String {
        let folder = self
            .folder
            .path()
            .to_str()
            .expect("a folder in /tmp")
            .replace('/', "%2F");
        format!("postgres://{role}@localhost/{name}?host={folder}")
    }

    /// The folder that holds every file of the server.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn order(&self, sql: &str) {
        self.order_in("postgres", sql);
    }

    fn order_in(&self, database: &str, sql: &str) {
        let mut psql = unprivileged("psql");
        psql.arg("-h").arg(self.folder.path());
        run(psql.args([
            "-U",
            "admin",
            "-d",
            database,
            "-v",
            "ON_ERROR_STOP=1",
            "-qc",
            sql,
        ]));
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // At once and without a last word to the files, which go with the folder.
        let stopped = Command::new("kill")
            .arg("-QUIT")
            .arg(self.process.id().to_string())
            .status();
        if stopped.is_ok_and(|status| status.success()) {
            let _ = self.process.wait();
        }
        if is_root() {
            // The folder's owner is another user, who must not keep this one from removing it.
            let _ = Command::new("chown")
                .args(["-R", "root"])
                .arg(self.folder.path())
                .status();
        }
    }
}

/// Starts the server and waits until it says that it is ready.
fn serve(folder: &Path, data: &Path) -> Child {
    let mut serve = unprivileged("postgres");
    serve
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(folder)
        .args(["-c", "listen_addresses="]);
    for setting in [
        "fsync=off",
        "lc_messages=C",
        "max_connections=100",
        "logging_collector=off",
    ] {
        serve.args(["-c", setting]);
    }
    let words = "database system is ready to accept connections";
    let (process, _) = ready(&mut serve, words);
    process
}

/// One of PostgreSQL's programs, run as a user it accepts, ending with this process.
fn unprivileged(program: &str) -> Command {
    let path = Path::new(BINARIES).join(program);
    let mut command = Command::new("setpriv");
    if is_root() {
        command
            .arg(format!("--reuid={SYSTEM_USER}"))
            .arg(format!("--regid={SYSTEM_USER}"));
        command.arg("--init-groups");
    }
    command.args(["--pdeathsig", "QUIT", "--"]).arg(path);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/tmp");
    command
}

fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().expect("id is there");
    out.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let out = command
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {error}");
}
