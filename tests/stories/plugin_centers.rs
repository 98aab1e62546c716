//! Centers with plug-ins of their own: published, promoted and gone back from while downloads run.

mod beside;
mod costing;
mod deciding;
mod failing;
mod granting;
mod keeping;
mod publishing;
mod replacing;
mod signing;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use colophon_tests::book::epub;
use colophon_tests::colophon::{Answer, Host, House, succeed};
use serde_json::Value;

/// News reach a host within its lease of five seconds; the rest is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A house with a title and a retailer.
pub(crate) struct Shop {
    pub(crate) house: House,
    secret: String,
}

impl Shop {
    fn open() -> Self {
        let house = House::new();
        let file = house.path().join("book.epub");
        fs::write(&file, epub("Emma", "Jane", 2)).unwrap();
        house.add_title(&file, "b-1", &["--level", "1"]);
        let secret = house.add_retailer("shop", &[]);
        Self { house, secret }
    }

    /// A receipt for a purchase of its own.
    fn receipt(&self, transaction: &str) -> String {
        self.house.mint(&self.secret, "b-1", transaction, &[])
    }

    fn plugin(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["plugin"];
        all.extend(arguments);
        self.house.json(&all)
    }

    /// Writes a plug-in's folder: a component with its manifest.
    fn write(&self, component: &[u8], manifest: &str) -> PathBuf {
        let folder = self
            .house
            .path()
            .join(format!("plug-in-{}", digest(component, manifest)));
        fs::create_dir_all(folder.join("build")).unwrap();
        fs::write(folder.join("build/plugin.wasm"), component).unwrap();
        fs::write(folder.join("plugin.toml"), manifest).unwrap();
        folder
    }

    /// Publishes a version without cases.
    fn publish(&self, component: &[u8], manifest: &str) {
        let folder = self.write(component, manifest);
        let folder = folder.to_str().unwrap();
        self.plugin(&["publish", folder, "--without-cases"]);
    }

    /// The command that would publish a version.
    fn publishing(&self, component: &[u8], manifest: &str) -> std::process::Command {
        let folder = self.write(component, manifest);
        let mut command = self.house.colophon();
        command.args(["plugin", "publish"]).arg(folder);
        command.arg("--without-cases");
        command
    }

    /// Whether an event of this name is in the log.
    fn has_told(&self, name: &str) -> bool {
        let found = self.house.json(&["log", "events", "--name", name]);
        !found["events"].as_array().unwrap().is_empty()
    }

    fn state(&self, plugin: &str, version: &str) -> Value {
        let shown = self.plugin(&["show", plugin]);
        let versions = shown["versions"].as_array().unwrap().iter();
        let mut of_name = versions.filter(|one| one["version"] == version);
        of_name.next().unwrap()["state"].clone()
    }
}

/// Tells folders apart.
fn digest(component: &[u8], manifest: &str) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (component, manifest).hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

fn manifest(id: &str, version: &str, role: &str) -> String {
    format!("id = \"{id}\"\nversion = \"{version}\"\napi = \"1.0\"\nroles = [\"{role}\"]\n")
}

/// What the answer calls the file.
fn file_name(answer: &Answer) -> String {
    let header = answer.header("content-disposition").unwrap_or_default();
    header.to_owned()
}

/// Asks until the answer is as wanted, and takes no failed one meanwhile unless one is wanted.
fn until(host: &Host, house: &House, receipt: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = host.download(receipt);
        if wanted(&answer) {
            return answer;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "the change did not arrive: {} {}\n{}",
            answer.status,
            file_name(&answer),
            house.log()
        );
    }
}

fn until_named(host: &Host, house: &House, receipt: &str, name: &str) {
    until(host, house, receipt, |answer| {
        assert_eq!(answer.status, 200);
        file_name(answer).contains(name)
    });
}

/// A second host on the same databases, with a node database of its own.
fn second_host(house: &House) -> Host {
    let node = house.path().join("second.db");
    let node = format!("database.node=sqlite://{}", node.display());
    house.serve(&["--set", &node])
}

/// A center beside `main` that sells the same book.
fn add_center(shop: &Shop, center: &str) -> String {
    let house = &shop.house;
    succeed(house.colophon().args(["center", "add", center]));
    let file = house.path().join("book.epub");
    house.add_title(&file, "b-1", &["--level", "1", "--center", center]);
    house.add_retailer("shop", &["--center", center])
}

fn download_at(host: &Host, center: &str, receipt: &str) -> Answer {
    let form = format!("action=download&value={receipt}");
    let path = format!("/{center}/ds");
    host.request("POST", &path, &[], Some(&form)).unwrap()
}
