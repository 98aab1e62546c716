//! A machine with a reader on it. What the machine is made of is made up.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::colophon::{Host, House, binary, succeed};
use crate::person::Person;

/// A machine of its own, with the folders of the person who uses it.
pub struct Device {
    folder: tempfile::TempDir,
    name: String,
}

impl Device {
    /// A machine that differs from those of other names in every fact, with a reader that trusts
    /// the house's roots.
    pub fn new(name: &str, house: &House) -> Device {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let device = Device {
            folder,
            name: name.to_owned(),
        };
        device.state("sys/class/dmi/id/product_uuid", &format!("board of {name}"));
        device.state("etc/machine-id", &format!("system of {name}"));
        device.state("proc/sys/kernel/hostname", &format!("{name}.example"));
        device.state("proc/cpuinfo", &format!("model name : CPU of {name}"));
        let roots = house.path().join("trust/roots.pem");
        succeed(device.reader().args(["trust", "add"]).arg(roots));
        device
    }

    /// Another machine with a copy of this one's files: a clone, or a thief's.
    pub fn copied_to(&self, name: &str, house: &House) -> Device {
        let other = Device::new(name, house);
        for folder in ["config", "data", "state"] {
            let from = self.path(folder);
            if from.is_dir() {
                succeed(
                    Command::new("cp")
                        .arg("-a")
                        .arg(from)
                        .arg(other.folder.path()),
                );
            }
        }
        other
    }

    /// A folder or file of the person's.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has the machine state something.
    pub fn state(&self, file: &str, text: &str) {
        let path = self.path("machine").join(file);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// The `colophon-reader` command on this machine.
    pub fn reader(&self) -> Command {
        let mut command = Command::new(binary("colophon-reader"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COLOPHON_") {
                command.env_remove(name);
            }
        }
        command
            .env("COLOPHON_READER_MACHINE", self.path("machine"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the reader to its end, whatever comes of it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.reader().args(arguments).output();
        output.expect("the reader starts; build the workspace first")
    }

    /// Activates it as its person would: the reader shows a link, and `decide` is done with it.
    pub fn activate_with(&self, host: &Host, decide: impl FnOnce(&str)) -> Output {
        self.activating(host, &[], decide)
    }

    fn activating(&self, host: &Host, more: &[&str], decide: impl FnOnce(&str)) -> Output {
        let service = format!("http://{}/activation", host.address());
        let mut reader = self
            .reader()
            .args(["--json", "activate", "--no-browser", "--at", &service])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the reader starts");
        let mut said = BufReader::new(reader.stdout.take().expect("its output is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("its output can be read");
        if let Ok(code) = serde_json::from_str::<serde_json::Value>(&line) {
            decide(code["page_with_code"].as_str().expect("a link"));
        }
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut said, &mut rest).expect("its output can be read");
        let mut output = reader.wait_with_output().expect("it ends");
        output.stdout = rest;
        output
    }

    /// Activates it for a person, which must succeed.
    pub fn activate(&self, host: &Host, person: &mut Person<'_>) {
        self.check_activated(&self.activate_with(host, |link| person.approve(link, &self.name)));
    }

    /// Activates it once more, which must succeed.
    pub fn activate_again(&self, host: &Host, person: &mut Person<'_>) {
        let approve = |link: &str| person.approve(link, &self.name);
        self.check_activated(&self.activating(host, &["--again"], approve));
    }

    fn check_activated(&self, output: &Output) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", self.name);
    }

    /// The person's certificate, sealed to the center `main`.
    pub fn certificate(&self, host: &Host) -> String {
        let center = format!("http://{}/main", host.address());
        let mut command = self.reader();
        let form = succeed(command.args(["certificate", "--for", &center]));
        form.trim().to_owned()
    }

    /// Opens a file, which must succeed; gives its first page.
    pub fn open(&self, file: &Path) -> String {
        succeed(self.reader().arg("open").arg(file))
    }
}
