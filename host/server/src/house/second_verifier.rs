//! A verifier of XML signatures that shares no code with ours: xmlsec1, where it is installed.
//!
//! Our own verifier would agree with a mistake that signing makes as well. An operator who changes
//! rights or a licensor is told whether somebody else was asked.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use colophon_keys::certificates_to_pem;

/// The program, looked for on the search path.
const PROGRAM: &str = "xmlsec1";

/// How much of the program's own words an operator is shown.
const WORDS_MAX: usize = 400;

/// What the second verifier said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecondOpinion {
    /// It accepts the license, and refuses one with a changed byte.
    Agrees,
    /// The program is not installed: only our own verifiers were asked.
    NotInstalled,
}

impl SecondOpinion {
    /// For the operator, in one sentence.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Agrees => "A license on trial verifies, here and with xmlsec1.",
            Self::NotInstalled => {
                "A license on trial verifies here. Install xmlsec1 to have it judged by a program \
                 that is not Colophon's as well."
            }
        }
    }
}

/// Has a license judged under these roots, and a changed copy of it, which has to be refused.
pub(super) fn second_opinion(license: &[u8], roots: &[Vec<u8>]) -> Result<SecondOpinion> {
    ask(Path::new(PROGRAM), license, roots)
}

fn ask(program: &Path, license: &[u8], roots: &[Vec<u8>]) -> Result<SecondOpinion> {
    let folder = tempfile::tempdir().context("no temporary folder for a license on trial")?;
    let mut trusted = Vec::with_capacity(roots.len());
    for (number, root) in roots.iter().enumerate() {
        let file = folder.path().join(format!("root-{number}.pem"));
        fs::write(&file, certificates_to_pem(std::slice::from_ref(root)))?;
        trusted.push(file);
    }
    let file = folder.path().join("license.xml");
    let Some(intact) = run(program, &file, license, &trusted)? else {
        return Ok(SecondOpinion::NotInstalled);
    };
    if !intact.status.success() {
        bail!(
            "{PROGRAM} does not accept a license on trial: {}",
            words(&intact)
        );
    }
    let changed = with_another_time(license).context("a license tells when it was issued")?;
    let changed = run(program, &file, &changed, &trusted)?;
    ensure!(
        changed.is_some_and(|output| !output.status.success()),
        "{PROGRAM} accepts a license that was changed after it was signed, so it cannot judge one"
    );
    Ok(SecondOpinion::Agrees)
}

/// Runs the program over a document; nothing if there is no such program.
fn run(
    program: &Path,
    file: &Path,
    document: &[u8],
    trusted: &[PathBuf],
) -> Result<Option<Output>> {
    fs::write(file, document)?;
    let mut command = Command::new(program);
    command.arg("--verify").args(["--enabled-key-data", "x509"]);
    for root in trusted {
        command.arg("--trusted-pem").arg(root);
    }
    match command.arg(file).stdin(Stdio::null()).output() {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("{} cannot be started", program.display()))
        }
    }
}

/// The license with one digit of its time of issue changed.
fn with_another_time(license: &[u8]) -> Option<Vec<u8>> {
    const ISSUED: &[u8] = b" issued=\"";
    let found = license.windows(ISSUED.len()).position(|at| at == ISSUED)?;
    let mut changed = license.to_vec();
    let digit = changed.get_mut(found.checked_add(ISSUED.len())?)?;
    *digit = if *digit == b'1' { b'2' } else { b'1' };
    Some(changed)
}

/// What the program said, shortened and on one line.
fn words(output: &Output) -> String {
    let said = [output.stderr.as_slice(), &output.stdout].concat();
    let said = String::from_utf8_lossy(&said).replace(char::is_control, " ");
    said.chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const LICENSE: &[u8] = br#"<license issued="1800000000"/>"#;

    /// A program that answers every document the same.
    fn program(folder: &Path, answer: &str) -> PathBuf {
        let file = folder.join("verifier");
        fs::write(&file, format!("#!/bin/sh\n{answer}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn a_missing_program_is_no_opinion() {
        let nowhere = Path::new("/nonexistent/xmlsec1");
        let opinion = ask(nowhere, LICENSE, &[]).unwrap();
        assert_eq!(opinion, SecondOpinion::NotInstalled);
    }

    #[test]
    fn a_program_that_refuses_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), "echo no key found >&2; exit 1");
        let refused = ask(&program, LICENSE, &[]).unwrap_err().to_string();
        assert!(refused.contains("no key found"), "{refused}");
    }

    #[test]
    fn a_program_that_accepts_everything_judges_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), "exit 0");
        let refused = ask(&program, LICENSE, &[]).unwrap_err().to_string();
        assert!(refused.contains("cannot judge"), "{refused}");
    }

    #[test]
    fn a_program_that_notices_a_change_agrees() {
        let folder = tempfile::tempdir().unwrap();
        let checks = r#"for file; do :; done; grep -q 'issued="1' "$file""#;
        let program = program(folder.path(), checks);
        let opinion = ask(&program, LICENSE, &[]).unwrap();
        assert_eq!(opinion, SecondOpinion::Agrees);
    }

    #[test]
    fn a_license_without_a_time_cannot_be_tried() {
        assert_eq!(with_another_time(b"<license/>"), None);
        let changed = with_another_time(LICENSE).unwrap();
        assert_eq!(changed, br#"<license issued="2800000000"/>"#);
    }
}
