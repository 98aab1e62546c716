//! A machine with a reader on it.
//!
//! The machine is made up: a folder holds what it states about itself, and the reader on it is
//! told to look there. Everything else about it is real.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::demo::host::Host;
use crate::demo::programs::{Programs, json, member};
use crate::demo::said::Said;
use crate::workspace::output;

/// A machine with the folders of the person who uses it.
pub(crate) struct Device {
    name: String,
    folder: PathBuf,
}

impl Device {
    /// A machine that differs from those of other names in everything it states, with a reader
    /// that trusts these roots.
    pub(crate) fn new(
        programs: &Programs,
        place: &Path,
        name: &str,
        roots: &Path,
    ) -> Result<Device> {
        let device = Device {
            name: name.to_owned(),
            folder: place.join(name),
        };
        let made = device.make(programs.reader());
        made.with_context(|| format!("cannot make {}", device.folder.display()))?;
        output(device.reader().args(["trust", "add"]).arg(roots))?;
        Ok(device)
    }

    fn make(&self, reader: &Path) -> std::io::Result<()> {
        let name = &self.name;
        for (file, stated) in [
            ("sys/class/dmi/id/product_uuid", format!("board of {name}")),
            ("etc/machine-id", format!("system of {name}")),
            ("proc/sys/kernel/hostname", name.clone()),
            ("proc/cpuinfo", format!("model name : processor of {name}")),
        ] {
            let path = self.folder.join("machine").join(file);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, stated)?;
        }
        let reader = reader.display().to_string().replace('\'', r"'\''");
        let script = format!(
            "#!/bin/sh\n\
             # The reader of a made-up machine, with its folders beside this file.\n\
             here=$(CDPATH= cd -- \"$(dirname -- \"$0\")\" && pwd) || exit 1\n\
             export XDG_STATE_HOME=\"$here/state\"\n\
             exec '{reader}' --machine \"$here/machine\" --config \"$here/settings\" \
             --library \"$here/library\" \"$@\"\n"
        );
        fs::write(self.command(), script)?;
        fs::set_permissions(self.command(), fs::Permissions::from_mode(0o755))
    }

    /// What its person calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What its person types to run the reader.
    pub(crate) fn command(&self) -> PathBuf {
        self.folder.join("reader")
    }

    /// The reader's command.
    pub(crate) fn reader(&self) -> Command {
        Command::new(self.command())
    }

    /// Gets a copy of everything that the reader of another machine keeps.
    pub(crate) fn copy_from(&self, other: &Device) -> Result<()> {
        for kept in ["settings", "state"] {
            let from = other.folder.join(kept);
            if from.is_dir() {
                output(Command::new("cp").arg("-R").arg(from).arg(&self.folder))?;
            }
        }
        Ok(())
    }

    /// It is gone, with everything on it.
    pub(crate) fn lose(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).context("cannot lose a device")
    }

    /// Takes a copy into its library.
    pub(crate) fn add(&self, copy: &Path) -> Result<Said> {
        self.said(self.reader().arg("add").arg(copy))
    }

    /// Opens a copy.
    pub(crate) fn open(&self, copy: &Path) -> Result<Said> {
        self.said(self.reader().arg("open").arg(copy))
    }

    /// Writes what is in a copy to a folder of this machine.
    pub(crate) fn write_out(&self, copy: &Path) -> Result<Said> {
        let folder = self.folder.join("written");
        self.said(self.reader().arg("open").arg(copy).arg("--to").arg(folder))
    }

    fn said(&self, reader: &mut Command) -> Result<Said> {
        let ran = reader.arg("--json").stdin(Stdio::null()).output();
        Said::of(&ran.with_context(|| format!("cannot start the reader of {}", self.name))?)
    }

    /// The persona it is activated for.
    pub(crate) fn persona(&self) -> Result<String> {
        member(&json(self.reader().arg("persona"))?, "persona")
    }

    /// The persona's certificate, sealed to the center that shops sell for.
    pub(crate) fn certificate(&self, host: &Host) -> Result<Certificate> {
        let mut reader = self.reader();
        let center = format!("{}/main", host.address());
        let made = json(reader.args(["certificate", "--for", &center]))?;
        Ok(Certificate {
            form: member(&made, "form")?,
            persona: member(&made, "persona")?,
            center: member(&made, "center")?,
            until: member(&made, "until")?,
        })
    }
}

/// A persona's certificate in the form that shops keep.
pub(crate) struct Certificate {
    /// The form, which only the center can read.
    pub(crate) form: String,
    /// Whose it is.
    pub(crate) persona: String,
    /// The center.
    pub(crate) center: String,
    /// The last day on which it is taken.
    pub(crate) until: String,
}
