//! The examples in `deploy/`, held against the programs that they are for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use colophon_tests::colophon::{House, binary, fail, succeed};
use colophon_tests::tool::{on_path, skipped, workspace};

/// Everything in the folder and below it, in the order of names.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

fn deploy() -> PathBuf {
    workspace().join("deploy")
}

/// Its files whose names end like this.
fn examples(ending: &str) -> Vec<PathBuf> {
    let mut files = files_below(&deploy());
    files.retain(|file| file.to_str().unwrap().ends_with(ending));
    assert!(!files.is_empty(), "{ending}");
    files
}

/// What stands after `key=` in a unit.
fn values<'a>(unit: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = unit.lines();
    lines.filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
}

/// Asserts that `colophon` knows a command line, without doing what it says.
fn is_understood(house: &House, arguments: &[&str]) {
    let mut command = Command::new(house.colophon().get_program());
    succeed(command.args(arguments).arg("--help"));
}

#[test]
fn every_configuration_can_be_used() {
    let house = House::empty();
    let configurations = examples(".toml");
    assert_eq!(configurations.len(), 6);
    for file in configurations {
        let mut check = house.colophon();
        check.arg("--config").arg(&file).args(["config", "check"]);
        let said = succeed(&mut check);
        assert!(said.contains("can be used"), "{}: {said}", file.display());
    }
    // It is read by the same rules as any other.
    let file = house.path().join("typo.toml");
    let text = fs::read_to_string(deploy().join("one-machine/colophon.toml")).unwrap();
    fs::write(&file, text.replace("public_url", "pulbic_url")).unwrap();
    let mut check = house.colophon();
    let said = fail(check.arg("--config").arg(&file).args(["config", "check"]));
    assert!(
        said.contains("did you mean `activation.public_url`"),
        "{said}"
    );
}

#[test]
fn every_file_is_told_of() {
    let told = fs::read_to_string(deploy().join("README.md")).unwrap();
    for file in files_below(&deploy()) {
        let name = file.strip_prefix(deploy()).unwrap().to_str().unwrap();
        if name != "README.md" {
            assert!(
                told.contains(&format!("`{name}`")),
                "{name} is not in README.md"
            );
        }
    }
}

#[test]
fn every_command_line_is_understood() {
    let house = House::empty();
    let mut roles = Vec::new();
    for file in examples(".service") {
        let unit = fs::read_to_string(&file).unwrap();
        let commands: Vec<&str> = values(&unit, "ExecStart").collect();
        let [command] = commands.as_slice() else {
            panic!("{}: {commands:?}", file.display());
        };
        let mut words = command.split(' ');
        assert_eq!(words.next(), Some("/usr/bin/colophon"));
        let arguments: Vec<&str> = words.collect();
        is_understood(&house, &arguments);
        if let [.., "--roles", role] = arguments.as_slice() {
            roles.push((*role).to_owned());
        }
    }
    roles.sort();
    assert_eq!(
        roles,
        ["activation", "download", "fulfillment", "repository"]
    );

    let compose = fs::read_to_string(deploy().join("container/compose.yaml")).unwrap();
    let commands = compose.lines().filter_map(|line| {
        let list = line.trim().strip_prefix("command: ")?;
        let words: Vec<String> = serde_json::from_str(list).unwrap();
        (words[0] == "serve").then_some(words)
    });
    let commands: Vec<Vec<String>> = commands.collect();
    assert_eq!(commands.len(), 4);
    for words in commands {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        is_understood(&house, &words);
    }
    // What is not understood is noticed.
    fail(
        house
            .colophon()
            .args(["serve", "--roles", "nobody", "--help"]),
    );
}

#[test]
fn sockets_have_names_that_a_host_knows_and_belong_to_services() {
    let folder = deploy().join("systemd");
    let mut handed = Vec::new();
    for file in examples(".socket") {
        let unit = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let purpose = values(&unit, "FileDescriptorName").next().unwrap();
        let is_private = name.ends_with("-admin.socket");
        assert_eq!(
            purpose,
            if is_private { "admin" } else { "public" },
            "{name}"
        );
        let address = values(&unit, "ListenStream").next().unwrap();
        assert_eq!(address.starts_with("127.0.0.1:"), is_private, "{name}");
        let service = values(&unit, "Service").next().unwrap();
        let template = folder.join(service.replace("@one", "@"));
        let service = fs::read_to_string(template).unwrap();
        let sockets = values(&service, "Sockets").next().unwrap();
        assert!(sockets.split(' ').any(|socket| socket == name), "{name}");
        handed.push(name);
    }
    for file in examples(".service") {
        let unit = fs::read_to_string(&file).unwrap();
        for socket in values(&unit, "Sockets").flat_map(|list| list.split(' ')) {
            assert!(handed.iter().any(|name| name == socket), "{socket}");
        }
    }
}

#[test]
fn systemd_takes_the_units_and_finds_little_exposed() {
    let Some(analyze) = on_path("systemd-analyze") else {
        return skipped(
            "the examples for systemd",
            "systemd-analyze is not installed",
        );
    };
    // Where the units say, the program need not be.
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for file in files_below(&deploy().join("systemd")) {
        let name = file.strip_prefix(deploy().join("systemd")).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let program = binary("colophon").display().to_string();
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text.replace("/usr/bin/colophon", &program)).unwrap();
        let name = name.to_str().unwrap();
        match name.split_once("@.") {
            Some((template, kind)) => {
                units
                    .extend(["one", "two"].map(|instance| format!("{template}@{instance}.{kind}")));
            }
            None if name.ends_with(".service") || name.ends_with(".socket") => {
                units.push(name.to_owned());
            }
            None => {}
        }
    }
    // The folder before the system's own.
    let places = format!("{}:", folder.path().display());
    let mut verify = Command::new(&analyze);
    verify.env("SYSTEMD_UNIT_PATH", &places);
    verify.arg("--man=no").arg("verify").args(&units);
    let out = verify.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    // A key that systemd does not know is no failure to it; what it says of others' units is not ours.
    let ours = said.lines().filter(|line| line.contains("colophon"));
    assert_eq!(ours.collect::<Vec<_>>(), Vec::<&str>::new());

    units.retain(|unit| unit.ends_with(".service"));
    assert_eq!(units.len(), 8);
    let mut security = Command::new(&analyze);
    security.env("SYSTEMD_UNIT_PATH", &places);
    security.args(["security", "--offline=true", "--threshold=20"]);
    let said = succeed(security.args(&units));
    assert_eq!(said.matches("Overall exposure level").count(), units.len());
}
