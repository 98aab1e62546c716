//! Debian packages: real servers, judges and real books for the tests.

use std::path::Path;
use std::process::Command;

use crate::setup::{Missing, first_line};
use crate::workspace::{on_path, output};

/// How the presence of a package is seen, whoever installed it.
enum Probe {
    /// A program on the search path.
    Program(&'static str),
    /// A file or folder.
    Path(&'static str),
}

struct Package {
    name: &'static str,
    probe: Probe,
    untested: &'static str,
}

const PACKAGES: [Package; 15] = [
    Package {
        name: "postgresql",
        probe: Probe::Path("/usr/lib/postgresql"),
        untested: "the store is not tested on PostgreSQL",
    },
    Package {
        name: "nats-server",
        probe: Probe::Path("/usr/sbin/nats-server"),
        untested: "log rows do not go through Debian's NATS server",
    },
    Package {
        name: "xmlsec1",
        probe: Probe::Program("xmlsec1"),
        untested: "signatures are not judged by xmlsec1",
    },
    Package {
        name: "nginx-light",
        probe: Probe::Path("/usr/sbin/nginx"),
        untested: "downloads are not measured against nginx",
    },
    Package {
        name: "wrk",
        probe: Probe::Program("wrk"),
        untested: "downloads are not measured under load",
    },
    Package {
        name: "p7zip-full",
        probe: Probe::Program("7z"),
        untested: "title files are not read by 7-Zip",
    },
    Package {
        name: "unzip",
        probe: Probe::Program("unzip"),
        untested: "title files are not read by unzip",
    },
    Package {
        name: "default-jre-headless",
        probe: Probe::Program("java"),
        untested: "EPUBCheck does not run and title files are not read by Java",
    },
    Package {
        name: "chromium",
        probe: Probe::Program("chromium"),
        untested: "the pages are not shown by a browser",
    },
    Package {
        name: "desktop-file-utils",
        probe: Probe::Program("desktop-file-validate"),
        untested: "the reader's application file is not judged",
    },
    Package {
        name: "shared-mime-info",
        probe: Probe::Program("update-mime-database"),
        untested: "the title file's media type is not found by a desktop",
    },
    Package {
        name: "debian-policy",
        probe: Probe::Path("/usr/share/doc/debian-policy/policy.epub"),
        untested: "one real book fewer",
    },
    Package {
        name: "developers-reference",
        probe: Probe::Path("/usr/share/developers-reference/developers-reference.epub"),
        untested: "one real book fewer",
    },
    Package {
        name: "debmake-doc",
        probe: Probe::Path("/usr/share/doc/debmake-doc/debmake-doc.en.epub"),
        untested: "six real books fewer",
    },
    Package {
        name: "live-manual-epub",
        probe: Probe::Path("/usr/share/doc/live-manual/epub/live-manual.en.epub"),
        untested: "ten real books fewer",
    },
];

/// Installs the missing packages where this user may, and returns what stays missing.
pub(crate) fn install() -> Vec<Missing> {
    let wanted: Vec<&Package> = PACKAGES
        .iter()
        .filter(|package| !present(package))
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let cause = match attempt(&wanted) {
        Ok(()) => "the package did not bring what was expected".to_owned(),
        Err(cause) => cause,
    };
    let still_absent = wanted.into_iter().filter(|package| !present(package));
    still_absent
        .map(|package| Missing {
            name: package.name.to_owned(),
            untested: package.untested,
            cause: cause.clone(),
        })
        .collect()
}

fn present(package: &Package) -> bool {
    match package.probe {
        Probe::Program(name) => on_path(name),
        Probe::Path(path) => Path::new(path).exists(),
    }
}

fn attempt(wanted: &[&Package]) -> Result<(), String> {
    if !on_path("apt-get") {
        return Err("no apt-get here".to_owned());
    }
    if !is_root() {
        let names: Vec<&str> = wanted.iter().map(|package| package.name).collect();
        return Err(format!(
            "not root; run: apt-get install {}",
            names.join(" ")
        ));
    }
    eprintln!("── setup: system packages");
    output(apt().arg("update")).map_err(|error| first_line(&error))?;
    // One by one, so that a package this system does not know costs only itself.
    for package in wanted {
        let install = ["install", "--yes", "--no-install-recommends", package.name];
        if let Err(error) = output(apt().args(install)) {
            eprintln!("setup: {}: {}", package.name, first_line(&error));
        }
    }
    Ok(())
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt.args([
        "-qq",
        "-o",
        "Acquire::Retries=1",
        "-o",
        "Acquire::http::Timeout=30",
    ]);
    apt
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
