//! The device flow, against a small service of the test's own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/platform.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod platform;
#[path = "support/service.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod service;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use colophon_activation::{ActivationPackage, FactSalt, PersonaId};
use colophon_reader::repository::Activated;
use colophon_reader::{
    ActivateError, Activating, ActivationFolder, ActivationService, ActivationUnusable, Address,
    Attendant, DeviceCode, Fetched, FolderError, Limit, Machine, Network, ServiceError, Step,
    TlsRoots,
};
use colophon_title::TrustRoots;
use platform::{PERSONA, Platform};
use serde_json::{Value, json};
use service::{Reply, Service};
use tempfile::TempDir;

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

#[test]
fn a_person_approves_and_the_package_comes() {
    let service = Service::start(vec![
        code(),
        error("authorization_pending"),
        token(),
        package(),
    ]);
    let (reader, mut by) = (Reader::new(), bystander());
    let fetched = reader.fetch(&service, &mut by).unwrap();
    assert_eq!(fetched.package, b"the package");
    assert_eq!(fetched.grant.persona.as_str(), "ada@people.example");
    assert_eq!(
        (by.codes, by.waited),
        (vec!["ABCD-EFGH".to_owned()], vec![5, 5])
    );
    let asked = service.asked();
    assert!(
        asked[1].body.contains("device_code=device-code-1"),
        "{asked:?}"
    );
    assert!(
        asked[1]
            .body
            .contains("grant_type=urn%3Aietf%3Aparams%3Aoauth"),
        "{asked:?}"
    );
    assert_eq!(asked[3].line, "POST /activation/activations");
    assert_eq!(
        asked[3].header("authorization"),
        Some("Bearer secret-token-1")
    );
    let request: Value = serde_json::from_str(&asked[3].body).unwrap();
    assert_eq!(
        (&request["v"], &request["device_name"]),
        (&json!(1), &json!("Ada's desk"))
    );
    let facts = request["facts"].as_object().unwrap();
    let mut kinds: Vec<_> = facts.keys().map(String::as_str).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["host-name", "processor", "system", "v"]);
    // Digests only: what the machine is made of stays on it.
    assert!(!asked[3].body.contains("3d1219c7") && !asked[3].body.contains("Some CPU"));
}

#[test]
fn who_asks_too_often_asks_more_slowly() {
    let slow = || error("slow_down");
    let service = Service::start(vec![code(), slow(), slow(), token(), package()]);
    let (reader, mut by) = (Reader::new(), bystander());
    reader.fetch(&service, &mut by).unwrap();
    assert_eq!(by.waited, [5, 10, 15]);
}

#[test]
fn an_interval_without_reason_is_not_followed() {
    for (told, waited) in [(json!(0), 1), (json!(1_000_000), 300), (Value::Null, 5)] {
        let service = Service::start(vec![code_with(&told), token(), package()]);
        let (reader, mut by) = (Reader::new(), bystander());
        reader.fetch(&service, &mut by).unwrap();
        assert_eq!(by.waited, [waited], "{told}");
    }
}

#[test]
fn denied_and_expired_are_told_apart() {
    let service = Service::start(vec![code(), error("access_denied")]);
    let refused = Reader::new().fetch(&service, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Denied), "{refused:?}");
    let service = Service::start(vec![code(), error("expired_token")]);
    let refused = Reader::new().fetch(&service, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Expired), "{refused:?}");
}

#[test]
fn a_service_that_never_decides_is_left_in_the_end() {
    let mut replies = vec![code_with(&json!(300))];
    replies.extend((0..6).map(|_| error("authorization_pending")));
    let service = Service::start(replies);
    let mut by = bystander();
    let refused = Reader::new().fetch(&service, &mut by).unwrap_err();
    assert!(matches!(refused, ActivateError::Expired), "{refused:?}");
    assert_eq!(by.now, NOW + 1800);
}

#[test]
fn a_network_that_fails_for_a_moment_is_waited_for() {
    let service = Service::start(vec![code(), Reply::Nothing, token(), package()]);
    let mut by = bystander();
    Reader::new().fetch(&service, &mut by).unwrap();
    assert_eq!(by.steps, ["unreachable", "approved"]);
    assert_eq!(by.waited, [5, 10]);
}

#[test]
fn a_download_that_broke_off_is_begun_again_with_the_same_token() {
    let cut = || Reply::Cut(b"the pack".to_vec());
    let service = Service::start(vec![code(), token(), cut(), cut(), package()]);
    let mut by = bystander();
    let fetched = Reader::new().fetch(&service, &mut by).unwrap();
    assert_eq!(fetched.package, b"the package");
    assert_eq!(by.codes.len(), 1);
    assert_eq!(by.waited, [5, 2, 4]);
    let asked = service.asked();
    let tokens: Vec<_> = asked[2..]
        .iter()
        .map(|asked| asked.header("authorization"))
        .collect();
    assert_eq!(tokens, [Some("Bearer secret-token-1"); 3]);
}

#[test]
fn an_approval_outlives_the_program_for_a_day() {
    let reader = Reader::new();
    let cut = || Reply::Cut(b"the pack".to_vec());
    let service = Service::start(vec![code(), token(), cut(), cut(), cut(), cut(), package()]);
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    assert!(
        matches!(refused, ActivateError::Service(ServiceError::Network(_))),
        "{refused:?}"
    );
    let mode = fs::metadata(reader.grant()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let folder = reader.grant().parent().unwrap().metadata().unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let mut by = bystander();
    by.now += 86_000;
    reader.fetch(&service, &mut by).unwrap();
    assert_eq!((by.steps, by.codes.len()), (vec!["resumed"], 0));
}

#[test]
fn an_approval_that_is_not_good_here_any_more_is_not_used() {
    let forget = |spoil: &dyn Fn(&Path, &mut Bystander)| {
        let reader = Reader::new();
        let busy = (0..11).map(|_| busy());
        let replies = [code(), token()].into_iter().chain(busy);
        let service = Service::start(replies.chain([code(), token(), package()]).collect());
        let mut by = bystander();
        let refused = reader.fetch(&service, &mut by).unwrap_err();
        assert!(matches!(refused, ActivateError::Busy), "{refused:?}");
        let mut by = bystander();
        spoil(&reader.grant(), &mut by);
        reader.fetch(&service, &mut by).unwrap();
        assert_eq!(by.steps, ["approved"]);
    };
    forget(&|_, by| by.now += 86_500);
    forget(&|grant, _| fs::write(grant, "{}").unwrap());
    forget(&|grant, _| {
        let text = fs::read_to_string(grant).unwrap();
        fs::write(
            grant,
            text.replace("http://127.0.0.1", "https://other.example"),
        )
        .unwrap();
    });
    forget(&|grant, _| {
        let text = fs::read_to_string(grant).unwrap();
        fs::write(grant, text.replace("secret-token-1", "secret\\r\\nX: y")).unwrap();
    });
}

#[test]
fn an_approval_the_service_has_forgotten_is_asked_for_again() {
    let reader = Reader::new();
    let service = Service::start(vec![
        code(),
        token(),
        Reply::Nothing,
        Reply::Nothing,
        Reply::Nothing,
        Reply::Nothing,
        Reply::json(401, &json!({})),
        code(),
        token(),
        package(),
    ]);
    reader.fetch(&service, &mut bystander()).unwrap_err();
    let mut by = bystander();
    reader.fetch(&service, &mut by).unwrap();
    assert_eq!(by.steps, ["resumed", "approved"]);
}

#[test]
fn a_fresh_approval_that_is_not_honored_ends_it() {
    let service = Service::start(vec![code(), token(), Reply::json(401, &json!({}))]);
    let reader = Reader::new();
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Forgotten), "{refused:?}");
    assert!(!reader.grant().exists());
}

#[test]
fn a_limit_says_when_the_next_is_granted_and_whom_to_ask() {
    let limit = json!({
        "code": "activation-limit", "title": "All activations are used", "status": 403,
        "next_grant": "2027-04-15T00:00:00Z", "support": "help@books.example",
    });
    let service = Service::start(vec![code(), token(), problem(403, "", &limit)]);
    let reader = Reader::new();
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    let ActivateError::LimitReached(limit) = refused else {
        panic!("{refused:?}");
    };
    let expected = Limit {
        next_grant_unix_s: Some(1_807_747_200),
        support: Some("help@books.example".to_owned()),
    };
    assert_eq!(limit, expected);
    assert!(
        !reader.grant().exists(),
        "next time somebody else may approve"
    );
}

#[test]
fn a_busy_service_is_asked_again_when_it_says_so() {
    let service = Service::start(vec![code(), token(), busy(), busy(), package()]);
    let mut by = bystander();
    Reader::new().fetch(&service, &mut by).unwrap();
    assert_eq!(by.waited, [5, 7, 7]);
}

#[test]
fn a_refusal_keeps_the_words_of_the_service() {
    let withdrawn = json!({
        "code": "persona-withdrawn", "title": "This persona was withdrawn", "next": "Ask support",
    });
    let service = Service::start(vec![code(), token(), problem(403, "", &withdrawn)]);
    let reader = Reader::new();
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    assert!(!reader.grant().exists());
    let ActivateError::Service(ServiceError::Refused { code, next, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (code.as_str(), next.as_deref()),
        ("persona-withdrawn", Some("Ask support"))
    );
}

#[test]
fn tokens_that_are_none_are_refused() {
    let good = json!({
        "access_token": "t", "token_type": "Bearer", "expires_in": 60,
        "persona": "ada", "fact_salt": "BwcHBwcHBwcHBwcHBwcHBw",
    });
    for (member, bad) in [
        ("access_token", json!("")),
        ("access_token", json!("a\r\nX-Evil: b")),
        ("token_type", json!("DPoP")),
        ("expires_in", json!("soon")),
        ("persona", json!("two\nlines")),
        ("fact_salt", json!("BwcHBwc")),
    ] {
        let mut answer = good.clone();
        answer[member] = bad;
        let service = Service::start(vec![code(), Reply::json(200, &answer)]);
        let refused = Reader::new().fetch(&service, &mut bystander()).unwrap_err();
        assert!(
            matches!(
                refused,
                ActivateError::Service(ServiceError::NotUnderstood { .. })
            ),
            "{answer}: {refused:?}"
        );
    }
}

/// Activates against a service that gives out this package.
fn receive(reader: &Reader, package: &ActivationPackage) -> Result<Activated, ActivateError> {
    let package = Reply::Full(200, "", package.to_json());
    reader.run(&Service::start(vec![code(), token(), package]))
}

#[test]
fn what_a_trusted_authority_sends_is_kept_and_judged_again() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let good = platform.package(&PERSONA.parse().unwrap(), SALT);
    let activated = receive(&reader, &good).unwrap();
    assert_eq!(activated.persona().as_str(), PERSONA);
    assert!(!reader.grant().exists(), "an approval is used up");
    let folder = reader.activation_folder();
    assert!(folder.activated(&reader.roots).unwrap().is_some());
    let [file] = reader.kept("package-").try_into().unwrap();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Trust can be withdrawn, and files can be changed.
    assert!(folder.activated(&TrustRoots::new()).is_err());
    for damage in [&b""[..], b"{}", b"{\"v\":1}"] {
        fs::write(&file, damage).unwrap();
        assert!(folder.activated(&reader.roots).is_err());
    }
}

/// Who the persona is, is told without the package, which is a thousand times as long.
#[test]
fn the_persona_is_known_without_its_package() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona = PERSONA.parse().unwrap();
    let folder = reader.activation_folder();
    let told = || folder.persona(&reader.machine()).unwrap();
    assert_eq!(told(), None);
    let package = platform.package(&persona, SALT);
    receive(&reader, &package).unwrap();
    let [file] = reader.kept("package-").try_into().unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(told(), Some(persona));
    let gone = folder.activated(&reader.roots).unwrap_err();
    let gone_file =
        matches!(&gone, ActivationUnusable::Folder(FolderError::Damaged { path }) if *path == file);
    assert!(gone_file, "{gone:?}");
    // A name that is none is damaged, whatever path it would lead to.
    for damage in ["", "../machine/etc/ho", "0123456789abcdef\n"] {
        fs::write(reader.folder.path().join("activation/activation"), damage).unwrap();
        assert!(folder.persona(&reader.machine()).is_err(), "{damage:?}");
        assert!(folder.activated(&reader.roots).is_err(), "{damage:?}");
    }
    // Activated again, everything is as it should be.
    receive(&reader, &package).unwrap();
    assert!(told().is_some() && folder.activated(&reader.roots).unwrap().is_some());
}

#[test]
fn an_activation_leaves_nothing_of_the_one_before_but_its_counts() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona = PERSONA.parse().unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let first = reader.kept("p");
    fs::write(reader.folder.path().join("activation/counts-0"), "counted").unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let second = reader.kept("p");
    assert_eq!((first.len(), second.len()), (2, 2));
    assert!(first.iter().all(|file| !second.contains(file)));
    assert_eq!(reader.kept("counts-").len(), 1);
}

/// Readers kept the package under one name once.
#[test]
fn an_activation_without_a_name_is_one_until_the_next() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona: PersonaId = PERSONA.parse().unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let [file] = reader.kept("package-").try_into().unwrap();
    let unnamed = reader.folder.path().join("activation/package.json");
    fs::rename(file, &unnamed).unwrap();
    fs::remove_file(reader.folder.path().join("activation/activation")).unwrap();
    let folder = reader.activation_folder();
    let told = || folder.persona(&reader.machine()).unwrap();
    assert_eq!(told(), Some(persona.clone()));
    assert!(folder.activated(&reader.roots).unwrap().is_some());
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    assert!(!unnamed.exists());
    assert_eq!(told(), Some(persona));
}

#[test]
fn what_nobody_trusted_has_signed_replaces_nothing() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona = PERSONA.parse().unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let refused = |package: &ActivationPackage| {
        let refused = receive(&reader, package).unwrap_err();
        let kept = reader.activation_folder().activated(&reader.roots).unwrap();
        assert_eq!(kept.unwrap().persona().as_str(), PERSONA);
        refused
    };
    let stranger = refused(&Platform::new().package(&persona, SALT));
    assert!(
        matches!(stranger, ActivateError::Refused(_)),
        "{stranger:?}"
    );
    let mut changed = platform.package(&persona, SALT);
    changed.module.push(0);
    let changed = refused(&changed);
    assert!(matches!(changed, ActivateError::Refused(_)), "{changed:?}");
    // Genuine, and not what was asked for.
    let bob = platform.package(&"bob@people.example".parse().unwrap(), SALT);
    assert!(matches!(refused(&bob), ActivateError::NotAskedFor));
    let salted = platform.package(&persona, FactSalt::from_bytes([8; 16]));
    assert!(matches!(refused(&salted), ActivateError::NotAskedFor));
}

#[test]
fn nobody_is_asked_where_it_would_be_in_vain() {
    // Nothing listens there: an attempt would fail in another way.
    let nowhere = "http://127.0.0.1:9/activation";
    let mut reader = Reader::new();
    fs::remove_file(reader.folder.path().join("machine/etc/hostname")).unwrap();
    let refused = reader.fetch_at(nowhere, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Machine(_)), "{refused:?}");
    reader.roots = TrustRoots::new();
    let refused = reader.fetch_at(nowhere, &mut bystander()).unwrap_err();
    assert!(
        matches!(refused, ActivateError::NobodyTrusted),
        "{refused:?}"
    );
}
