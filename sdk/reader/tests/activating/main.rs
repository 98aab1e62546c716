//! The device flow, against a small service of the test's own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/platform.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod platform;
#[path = "../support/service.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod service;

mod approvals;
mod device_flow;
mod kept;
mod refusals;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use colophon_activation::FactSalt;
use colophon_reader::repository::Activated;
use colophon_reader::{
    ActivateError, Activating, ActivationFolder, ActivationService, Address, Attendant, DeviceCode,
    Fetched, Machine, Network, Step, TlsRoots,
};
use colophon_title::TrustRoots;
use serde_json::{Value, json};
use tempfile::TempDir;

use platform::Platform;
use service::{Reply, Service};

const NOW: i64 = 1_800_000_000;

/// The salt in the answers of the service.
const SALT: FactSalt = FactSalt::from_bytes([7; 16]);

/// Somebody for whom time passes at once.
struct Bystander {
    now: i64,
    waited: Vec<u64>,
    codes: Vec<String>,
    steps: Vec<&'static str>,
}

impl Attendant for Bystander {
    fn now_unix_s(&self) -> i64 {
        self.now
    }

    fn wait(&mut self, how_long: Duration) {
        self.waited.push(how_long.as_secs());
        self.now += i64::try_from(how_long.as_secs()).unwrap();
    }

    fn show_code(&mut self, code: &DeviceCode) {
        self.codes.push(code.user_code.clone());
    }

    fn tell(&mut self, step: Step<'_>) {
        self.steps.push(match step {
            Step::Approved { .. } => "approved",
            Step::Resumed { .. } => "resumed",
            Step::Unreachable { .. } => "unreachable",
            Step::Busy { .. } => "busy",
        });
    }
}

fn bystander() -> Bystander {
    Bystander {
        now: NOW,
        waited: Vec::new(),
        codes: Vec::new(),
        steps: Vec::new(),
    }
}

/// A reader's folder, machine and roots.
struct Reader {
    folder: TempDir,
    roots: TrustRoots,
}

impl Reader {
    fn new() -> Reader {
        let folder = TempDir::new().unwrap();
        let reader = Reader {
            folder,
            roots: Platform::new().roots(),
        };
        reader.state("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4");
        reader.state("etc/hostname", "desk");
        reader.state("proc/cpuinfo", "model name : Some CPU");
        reader
    }

    /// Has the machine state something.
    fn state(&self, file: &str, text: &str) {
        let path = self.folder.path().join("machine").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn grant(&self) -> PathBuf {
        self.folder.path().join("activation/grant.json")
    }

    /// Files of the activation whose names begin like this.
    fn kept(&self, beginning: &str) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder.path().join("activation")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let begins = |path: &PathBuf| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(beginning)
        };
        files.filter(begins).collect()
    }

    fn machine(&self) -> Machine {
        Machine::linux_under(&self.folder.path().join("machine"))
    }

    fn activation_folder(&self) -> ActivationFolder {
        let folder = self.folder.path();
        ActivationFolder::new(&folder.join("activation"), &folder.join("witnesses"))
    }

    fn fetch(&self, service: &Service, by: &mut Bystander) -> Result<Fetched, ActivateError> {
        self.fetch_at(&service.url("http", "/activation"), by)
    }

    /// Activates, with what becomes of the package.
    fn run(&self, service: &Service) -> Result<Activated, ActivateError> {
        let network = Network::new(&TlsRoots::of_system());
        let address: Address = service.url("http", "/activation").parse().unwrap();
        self.activating(&network, &address, |activating| {
            activating.run(&mut bystander())
        })
    }

    fn fetch_at(&self, address: &str, by: &mut Bystander) -> Result<Fetched, ActivateError> {
        let network = Network::new(&TlsRoots::of_system());
        let address: Address = address.parse().unwrap();
        self.activating(&network, &address, |activating| activating.fetch(by))
    }

    fn activating<T>(
        &self,
        network: &Network,
        address: &Address,
        run: impl FnOnce(&Activating<'_>) -> T,
    ) -> T {
        run(&Activating {
            service: ActivationService::new(network, address),
            folder: &self.activation_folder(),
            roots: &self.roots,
            machine: &self.machine(),
            device_name: Some("Ada's desk"),
        })
    }
}

fn code() -> Reply {
    code_with(&json!(5))
}

fn code_with(interval: &Value) -> Reply {
    Reply::json(
        200,
        &json!({
            "device_code": "device-code-1", "user_code": "ABCD-EFGH",
            "verification_uri": "http://127.0.0.1:1/activation",
            "verification_uri_complete": "http://127.0.0.1:1/activation?code=ABCD-EFGH",
            "expires_in": 1800, "interval": interval,
        }),
    )
}

fn error(error: &str) -> Reply {
    Reply::json(400, &json!({ "error": error }))
}

fn token() -> Reply {
    Reply::json(
        200,
        &json!({
            "access_token": "secret-token-1", "token_type": "Bearer", "expires_in": 86400,
            "persona": "ada@people.example", "fact_salt": "BwcHBwcHBwcHBwcHBwcHBw",
        }),
    )
}

fn package() -> Reply {
    Reply::Full(200, "", b"the package".to_vec())
}

fn problem(status: u16, more: &'static str, problem: &Value) -> Reply {
    Reply::Full(status, more, problem.to_string().into_bytes())
}

fn busy() -> Reply {
    let busy = json!({ "code": "activation-busy", "title": "Busy" });
    problem(503, "Retry-After: 7\r\n", &busy)
}
