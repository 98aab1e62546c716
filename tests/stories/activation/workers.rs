//! Repositories made by workers in processes of their own.

use std::process::Output;
use std::time::{Duration, Instant};

use colophon_tests::browser::Browser;
use colophon_tests::colophon::{Answer, Host, House, fail, succeed};
use colophon_tests::postgres::PostgresServer;
use serde_json::Value;

use super::people::{Reader, activate, approve, request, sign_up, text};

/// Longer than a few key pairs and repositories take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A machine that has nothing of the activation service but its master key.
fn workplace(service: &House) -> House {
    let place = House::empty();
    let key = "master.key";
    std::fs::copy(service.path().join(key), place.path().join(key)).unwrap();
    place
}

/// Starts a worker there, on the service's activation database.
fn start_worker(place: &House, service: &House, more: &[&str]) -> Host {
    let file = service.path().join("activation.db");
    start_worker_on(place, &format!("sqlite://{}", file.display()), more)
}

fn start_worker_on(place: &House, database: &str, more: &[&str]) -> Host {
    let database = format!("database.activation={database}");
    let mut arguments = vec!["--set", &database];
    arguments.extend(more);
    place.make_repositories(&arguments)
}

/// Asks once for an activation.
fn ask(host: &Host, token: &str, facts: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let body = request(facts).to_string();
    let answer = host.request_json("/activation/activations", &headers, &body);
    answer.unwrap()
}

/// The value of a metric without labels, 0 where nothing was counted yet.
fn metric(host: &Host, name: &str) -> f64 {
    let metrics = host.request("GET", "/metrics", &[], None).unwrap();
    let metrics = String::from_utf8(metrics.body).unwrap();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

fn until(what: &str, house: &House, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: {}", house.log());
    }
}

/// How the host finds the workers.
fn workers_ready(host: &Host) -> Value {
    let ready = host.request("GET", "/readyz", &[], None).unwrap();
    // Whatever becomes of repositories, a balancer leaves the host to its other requests.
    assert_eq!(ready.status, 200);
    let services = ready.json()["services"].clone();
    let services = services.as_array().unwrap().iter();
    let mut workers = services.filter(|service| service["service"] == "repository-workers");
    workers.next().unwrap()["ready"].clone()
}

/// Readers that one person has approved, by their access tokens.
fn approved_readers(host: &Host, browser: &mut Browser<'_>, count: usize) -> Vec<String> {
    let readers = (0..count).map(|number| {
        let reader = Reader::begin(host);
        approve(browser, &reader.user_code(), &format!("Desk {number}"));
        text(&reader.token(), "access_token")
    });
    readers.collect()
}

#[test]
fn a_reader_is_activated_when_a_worker_comes() {
    let house = House::new();
    let mut host = house.serve(&["--roles", "download,activation"]);
    host.says("Repositories are made by other hosts");
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let token = approved_readers(&host, &mut browser, 1).remove(0);

    // Nobody makes repositories: the reader is told to ask again, at once, and has its place.
    until("no key pair was made", &house, || {
        let answer = ask(&host, &token, "abcdef");
        assert_eq!(answer.status, 503, "{}", answer.json());
        assert_eq!(answer.json()["code"], "activation-busy");
        assert!(answer.header("retry-after").is_some());
        let detail = answer.json()["detail"].clone();
        detail
            .as_str()
            .is_some_and(|detail| detail.contains("its place"))
    });
    assert_eq!(workers_ready(&host), false);
    until("the order was not counted", &house, || {
        metric(&host, "colophon_repository_orders_waiting") == 1.0
    });
    until("the operator was not told", &house, || {
        house.log().contains("COL6004")
    });
    let said = text_of(&house.colophon().arg("doctor").output().unwrap());
    assert!(
        said.contains("no repository worker is at work; orders that wait: 1; start a host"),
        "{said}"
    );

    let place = workplace(&house);
    let worker = start_worker(&place, &house, &[]);
    let package = activate(&host, &token, "abcdef");
    assert_eq!(package.status, 200);
    assert_eq!(ask(&host, &token, "abcdef").body, package.body);
    browser
        .open("/activation/me")
        .expect(200, "1 of 5 activations used");
    assert_eq!(workers_ready(&host), true);
    assert_eq!(metric(&worker, "colophon_repositories_made_total"), 1.0);
    until("the order is still counted", &house, || {
        metric(&host, "colophon_repository_orders_waiting") == 0.0
    });

    let healthy = doctor(&place, &house);
    assert!(healthy.status.success(), "{}", text_of(&healthy));
    let said = text_of(&healthy);
    assert!(said.contains("only makes repositories"), "{said}");
    assert!(said.contains("1, under this master key"), "{said}");

    // It answers to whoever runs it, and to nobody else.
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/main/ds", 404),
        ("/activation", 404),
        ("/docs/errors", 404),
    ] {
        let answer = worker.request("GET", path, &[], None).unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    assert!(worker.stop());
    // It has left nothing behind, and taken nothing that it does not need.
    let left = std::fs::read_dir(place.path()).unwrap();
    assert_eq!(left.count(), 1, "the master key");
    assert!(place.log().contains("COL1002"), "{}", place.log());
    assert!(host.stop());
}

#[test]
fn a_worker_that_is_killed_loses_no_activation() {
    const READERS: usize = 4;
    let house = House::new();
    let host = house.serve(&["--roles", "download,activation"]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let tokens = approved_readers(&host, &mut browser, READERS);
    let facts = ["abcdef", "ghijkl", "mnopqr", "stuvwx"];
    // A worker with room for one order has others waiting when it dies.
    let settings = [
        "--set",
        "repository.at_once=1",
        "--set",
        "repository.lease_ms=1000",
    ];
    let place = workplace(&house);
    let first = start_worker(&place, &house, &settings);
    let host_of_all = &host;
    let packages: Vec<Answer> = std::thread::scope(|scope| {
        let asking: Vec<_> = tokens
            .iter()
            .zip(facts)
            .map(|(token, facts)| scope.spawn(move || activate(host_of_all, token, facts)))
            .collect();
        until("nothing was made", &place, || {
            metric(&first, "colophon_repositories_made_total") >= 1.0
        });
        first.kill();
        let heir = workplace(&house);
        let second = start_worker(&heir, &house, &settings);
        let packages = asking.into_iter().map(|asked| asked.join().unwrap());
        let packages = packages.collect();
        assert!(second.stop());
        packages
    });
    for ((token, facts), package) in tokens.iter().zip(facts).zip(&packages) {
        assert_eq!(package.status, 200, "{}", package.json());
        assert_eq!(ask(&host, token, facts).body, package.body);
    }
    browser
        .open("/activation/me")
        .expect(200, "4 of 5 activations used");
    assert!(host.stop());
    let healthy = succeed(house.colophon().arg("doctor"));
    assert!(healthy.contains("repository orders"), "{healthy}");
}

/// What `doctor` finds at a worker.
fn doctor(place: &House, service: &House) -> Output {
    let file = service.path().join("activation.db");
    let mut doctor = place.colophon();
    doctor.env(
        "COLOPHON_DATABASE__ACTIVATION",
        format!("sqlite://{}", file.display()),
    );
    doctor.arg("doctor").output().unwrap()
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A worker with another installation's master key can read nothing that is ordered. It is no use
/// to anybody, everybody is told, and the activation is only waiting for the right one.
#[test]
fn a_worker_with_another_master_key_is_told_from_one_that_works() {
    let house = House::new();
    let host = house.serve(&["--roles", "download,activation"]);
    let place = workplace(&House::new());
    let wrong = start_worker(&place, &house, &[]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let token = approved_readers(&host, &mut browser, 1).remove(0);
    until("no order was placed", &house, || {
        let answer = ask(&host, &token, "abcdef");
        assert_eq!(answer.json()["code"], "activation-busy");
        let detail = answer.json()["detail"].clone();
        detail
            .as_str()
            .is_some_and(|detail| detail.contains("its place"))
    });
    assert_eq!(workers_ready(&host), false);
    until("the front end's operator was not told", &house, || {
        house.log().contains("COL6004")
    });
    until("the worker's operator was not told", &place, || {
        place
            .log()
            .contains("copy the master key of the activation service here")
    });
    assert_eq!(workers_ready(&wrong), false);
    let front_end = house.colophon().arg("doctor").output().unwrap();
    let said = text_of(&front_end);
    assert!(said.contains("1 under another master key"), "{said}");
    let worker = doctor(&place, &house);
    assert!(!worker.status.success());
    let said = text_of(&worker);
    assert!(
        said.contains("they work under another master key"),
        "{said}"
    );
    assert!(!said.contains("restore the database"), "{said}");

    let right = workplace(&house);
    let right = start_worker(&right, &house, &[]);
    let package = activate(&host, &token, "abcdef");
    assert_eq!(package.status, 200);
    assert_eq!(
        metric(&right, "colophon_repository_attempts_failed_total"),
        0.0
    );
    assert_eq!(
        metric(&wrong, "colophon_repository_attempts_failed_total"),
        0.0
    );
    assert_eq!(metric(&wrong, "colophon_repositories_made_total"), 0.0);
    assert_eq!(workers_ready(&host), true);
    assert!(wrong.stop() && right.stop() && host.stop());
}

/// Somebody spoils every order on its way into the database.
const SPOIL: &str = "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS \
    'BEGIN NEW.machine := NEW.activation; RETURN NEW; END'; \
    CREATE TRIGGER spoil BEFORE INSERT ON repository_orders FOR EACH ROW EXECUTE FUNCTION spoil()";

/// An order that is not what was ordered is given up with its cause: the operators of both hosts
/// learn of it, and the reader that asks again is activated.
#[test]
fn an_order_that_is_given_up_is_an_event() {
    let Some(server) = PostgresServer::start("a spoiled order on PostgreSQL") else {
        return;
    };
    let house = on_server(&server);
    let host = house.serve(&["--roles", "download,activation"]);
    server.run("activation", SPOIL);
    let place = workplace(&house);
    let worker = start_worker_on(&place, &server.address("activation"), &[]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let token = approved_readers(&host, &mut browser, 1).remove(0);
    until("the order was not given up", &house, || {
        let answer = ask(&host, &token, "abcdef");
        assert_eq!(answer.status, 503);
        answer.json()["code"] == "unavailable"
    });
    assert!(house.log().contains("COL6002"), "{}", house.log());
    assert!(house.log().contains("given up after 3 attempts"));
    assert!(place.log().contains("a repository order is damaged"));
    assert!(metric(&worker, "colophon_repository_attempts_failed_total") >= 3.0);
    until("it is not known", &house, || workers_ready(&host) == false);
    let said = text_of(&house.colophon().arg("doctor").output().unwrap());
    assert!(said.contains("repository orders given up: 1"), "{said}");
    until("it was not told", &house, || {
        house.log().contains("COL6004")
    });

    // It is placed anew when its reader asks again.
    server.run("activation", "DROP TRIGGER spoil ON repository_orders");
    let package = activate(&host, &token, "abcdef");
    assert_eq!(package.status, 200, "{}", house.log());
    until("it is not over", &house, || workers_ready(&host) == true);
    assert!(worker.stop() && host.stop());
}

/// What a worker's role may do in the activation database, as the README says.
const GRANTS: [&str; 5] = [
    "SELECT ON activation_migrations",
    "SELECT ON repository_front_ends",
    "SELECT ON repository_orders",
    "UPDATE (worker, claim, lease_until, attempts, problem, made_at, module, sealed_key, \
     private_key) ON repository_orders",
    "SELECT, INSERT, UPDATE, DELETE ON repository_workers",
];

/// A house whose databases are a server's.
fn on_server(server: &PostgresServer) -> House {
    let house = House::empty();
    let names = ["fulfillment", "logging", "activation"];
    let settings = names.map(|name| format!("{name} = {:?}\n", server.create(name)));
    let settings = format!("[database]\n{}", settings.concat());
    std::fs::write(house.path().join("colophon.toml"), settings).unwrap();
    house
}

#[test]
fn a_worker_needs_two_tables_of_a_server_and_no_other() {
    let Some(server) = PostgresServer::start("a worker with a role of its own on PostgreSQL")
    else {
        return;
    };
    let house = on_server(&server);
    let host = house.serve(&["--roles", "download,activation"]);
    let database = server.restrict("activation", "repository", &GRANTS);
    let place = workplace(&house);
    let worker = start_worker_on(&place, &database, &[]);

    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let token = approved_readers(&host, &mut browser, 1).remove(0);
    let package = activate(&host, &token, "abcdef");
    assert_eq!(package.status, 200, "{}\n{}", house.log(), place.log());
    assert_eq!(ask(&host, &token, "abcdef").body, package.body);
    std::fs::write(
        place.path().join("colophon.toml"),
        format!("[database]\nactivation = {database:?}\n"),
    )
    .unwrap();
    let healthy = place.colophon().arg("doctor").output().unwrap();
    assert!(healthy.status.success(), "{}", text_of(&healthy));
    assert!(worker.stop());
    assert!(!place.log().contains("ERROR"), "{}", place.log());
    assert!(host.stop());
}

#[test]
fn a_worker_says_what_it_lacks() {
    let house = House::empty();
    let serve = |more: &[&str]| {
        let roles = ["serve", "--roles", "repository"];
        fail(house.colophon().args(roles).args(more))
    };
    let said = serve(&["--listen", "127.0.0.1:0"]);
    assert!(said.contains("leave --listen out"), "{said}");
    let said = serve(&[]);
    assert!(said.contains("keys.master_file"), "{said}");
    let service = House::new();
    let key = service.path().join("master.key");
    std::fs::copy(key, house.path().join("master.key")).unwrap();
    let said = serve(&[]);
    assert!(said.contains("set database.activation"), "{said}");
    let left = std::fs::read_dir(house.path()).unwrap();
    assert_eq!(left.count(), 1, "nothing was made");
}
