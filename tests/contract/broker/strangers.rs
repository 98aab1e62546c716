//! A broker that belongs to somebody.

use std::fs;
use std::path::Path;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, Source as OtherStream};
use colophon_pipeline::jetstream::{Broker, Credentials};
use colophon_tests::nats::NatsServer;
use futures_util::{FutureExt as _, StreamExt as _};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::time::timeout;

use crate::ground::{
    LoggingDatabase, PATIENCE, Source, access, all_arrived, connect, entering, eventually,
    forgetful, held, settings, stranger, writer,
};

/// A server like this one with other settings.
pub(crate) fn another(server: &NatsServer, more: &str) -> NatsServer {
    let release = server.release();
    NatsServer::start_with("a server with a guard", release, |_| more.to_owned()).unwrap()
}

pub(crate) async fn wrong_credentials_are_told_plainly(server: NatsServer) {
    let server = another(&server, "authorization { user: ada, password: \"s3cret\" }");
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let file = log.folder().join("password");
    fs::write(&file, "wrong\n").unwrap();
    let with_password = Credentials::Password {
        user: "ada".to_owned(),
        file: file.clone(),
    };
    source.submit(10).await;
    for credentials in [Credentials::Anonymous, with_password.clone()] {
        let settings = entering(access(&server.address(), credentials, None));
        let told = Broker::inspect(&settings).await.unwrap_err().to_string();
        assert!(told.contains("refuses the credentials"), "{told}");
        let broker = connect(&settings).await;
        let relay = source.relay(&broker);
        eventually("it is told", async || {
            let problem = broker.standing().problem();
            problem.is_some_and(|problem| problem.contains("refuses the credentials"))
        })
        .await;
        relay.stop().await;
    }
    fs::write(&file, "s3cret\n").unwrap();
    let settings = entering(access(&server.address(), with_password, None));
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    all_arrived(&source, &log, 10).await;
}

pub(crate) async fn files_without_a_secret_are_named(server: NatsServer) {
    let folder = server.folder();
    let (nothing, empty) = (folder.join("nothing"), folder.join("empty"));
    fs::write(&empty, "\n").unwrap();
    let told = async |credentials, authority: Option<&Path>| {
        let settings = entering(access(&server.address(), credentials, authority));
        let refused = Broker::connect(&settings).await.err().unwrap();
        refused.to_string()
    };
    let by = |file: &Path| {
        let (user, file) = ("ada".to_owned(), file.to_owned());
        [
            Credentials::File(file.clone()),
            Credentials::Token(file.clone()),
            Credentials::Password { user, file },
        ]
    };
    for credentials in by(&nothing) {
        let told = told(credentials, None).await;
        assert!(told.contains("nothing cannot be used"), "{told}");
    }
    for credentials in by(&empty) {
        let told = told(credentials, None).await;
        assert!(told.contains("empty is empty"), "{told}");
    }
    for authority in [&empty, &nothing] {
        let told = told(Credentials::Anonymous, Some(authority)).await;
        let expected = format!("{} holds no certificate", authority.display());
        assert!(told.contains(&expected), "{told}");
    }
}

pub(crate) async fn tls_is_believed_by_its_authority_alone(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let folder = server.folder();
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.join(name);
        fs::write(&file, certificate.pem()).unwrap();
        (Issuer::new(params, key), file)
    };
    let (issuer, believed) = authority("authority.pem");
    let (_, other) = authority("other.pem");
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    let guard = format!(
        "tls {{ cert_file: {:?}, key_file: {:?} }}",
        folder.join("server.pem"),
        folder.join("server.key")
    );
    let guarded = another(&server, &guard);
    let at =
        |address: &str, authority| entering(access(address, Credentials::Anonymous, authority));
    for address in [guarded.address(), guarded.tls_address()] {
        for authority in [None, Some(other.as_path())] {
            let inspected = Broker::inspect(&at(&address, authority)).await;
            assert!(inspected.is_err());
        }
        let believing = at(&address, Some(&believed));
        Broker::inspect(&believing).await.unwrap();
    }
    source.submit(10).await;
    let broker = connect(&at(&guarded.tls_address(), Some(&believed))).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    all_arrived(&source, &log, 10).await;
    // A server that speaks no TLS is not spoken to where an address or an authority insists on it.
    for (address, authority) in [
        (server.tls_address(), None),
        (server.tls_address(), Some(believed.as_path())),
        (server.address(), Some(believed.as_path())),
    ] {
        let inspected = Broker::inspect(&at(&address, authority)).await;
        assert!(inspected.is_err(), "{address} {authority:?}");
    }
}

pub(crate) async fn another_ones_stream_is_used_as_it_is(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = stranger(&server).await;
    let theirs = Config {
        name: "COLOPHON_LOG".to_owned(),
        subjects: vec!["colophon.log.rows.*".to_owned()],
        max_bytes: 1 << 20,
        ..Config::default()
    };
    stranger.create_stream(theirs).await.unwrap();
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(100).await;
    all_arrived(&source, &log, 100).await;
    let inspection = Broker::inspect(&settings).await.unwrap();
    let told = inspection.differences.join("\n");
    assert!(
        told.contains("COLOPHON_LOG has max_bytes 1048576 instead of 67108864"),
        "{told}"
    );
    assert!(told.contains("discard"), "{told}");
    let stream = stranger.get_stream("COLOPHON_LOG").await.unwrap();
    assert_eq!(stream.cached_info().config.max_bytes, 1 << 20);
}

pub(crate) async fn a_stream_for_something_else_is_not_touched(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = stranger(&server).await;
    let settings = settings(&server);
    let mut theirs = Config {
        name: "COLOPHON_LOG".to_owned(),
        subjects: vec!["orders.>".to_owned()],
        ..Config::default()
    };
    let stream = stranger.create_stream(&theirs).await.unwrap();
    for _ in 0..5 {
        let order = stranger.publish("orders.new", "order".into());
        order.await.unwrap().await.unwrap();
    }
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(10).await;
    let untouched = async |theirs: &Config| {
        let expected = format!("is for {} and not", theirs.subjects.join(", "));
        eventually("it is told", async || {
            let problem = broker.standing().problem();
            problem.is_some_and(|problem| problem.contains(&expected))
        })
        .await;
        let told = Broker::inspect(&settings).await.unwrap_err().to_string();
        assert!(told.contains(&expected), "{told}");
        let state = stream.get_info().await.unwrap().state;
        assert_eq!((state.messages, state.consumer_count), (5, 0));
    };
    untouched(&theirs).await;
    // One that would take rows as well.
    theirs.subjects.push("colophon.log.rows.*".to_owned());
    stranger.update_stream(&theirs).await.unwrap();
    untouched(&theirs).await;
    stranger.delete_stream("COLOPHON_LOG").await.unwrap();
    all_arrived(&source, &log, 10).await;
}

/// A stream of rows that another one's orders come into as well.
async fn with_orders(server: &NatsServer) -> Context {
    let stranger = stranger(server).await;
    let orders = Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["orders.>".to_owned()],
        ..Config::default()
    };
    stranger.create_stream(orders).await.unwrap();
    let theirs = Config {
        name: "COLOPHON_LOG".to_owned(),
        subjects: vec!["colophon.log.rows.*".to_owned()],
        sources: Some(vec![OtherStream {
            name: "ORDERS".to_owned(),
            ..OtherStream::default()
        }]),
        ..forgetful()
    };
    stranger.create_stream(theirs).await.unwrap();
    stranger
}

pub(crate) async fn what_else_comes_into_the_stream_stays_there(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = with_orders(&server).await;
    let held = async || held(&stranger).await;
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    for times in 1..=3 {
        let order = stranger.publish("orders.new", "order".into());
        order.await.unwrap().await.unwrap();
        eventually("the order has come", async || held().await >= times).await;
        source.submit(10).await;
        all_arrived(&source, &log, 10 * times as usize).await;
        eventually("the rows are gone", async || held().await == times).await;
    }
    let inspection = Broker::inspect(&settings).await.unwrap();
    assert_eq!((inspection.dead_letters, inspection.waiting), (0, Some(0)));
}

pub(crate) async fn a_row_removed_behind_something_else_comes_again(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = with_orders(&server).await;
    let order = stranger.publish("orders.new", "order".into());
    order.await.unwrap().await.unwrap();
    let held = async || held(&stranger).await;
    eventually("the order has come", async || held().await == 1).await;
    let broker = connect(&settings(&server)).await;
    let _relay = source.relay(&broker);
    source.submit(10).await;
    eventually("the broker has the rows", async || held().await == 11).await;
    let stream = stranger.get_stream("COLOPHON_LOG").await.unwrap();
    assert!(stream.delete_message(5).await.unwrap());
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 10).await;
}

pub(crate) async fn a_stream_that_may_not_be_purged_is_not(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let theirs = Config {
        deny_purge: true,
        ..forgetful()
    };
    stranger(&server).await.create_stream(theirs).await.unwrap();
    let client = async_nats::connect(server.address()).await.unwrap();
    let mut looks = client.subscribe("$JS.API.CONSUMER.INFO.>").await.unwrap();
    let mut purges = client.subscribe("$JS.API.STREAM.PURGE.>").await.unwrap();
    client.flush().await.unwrap();
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(10).await;
    all_arrived(&source, &log, 10).await;
    for _ in 0..3 {
        timeout(PATIENCE, looks.next()).await.unwrap().unwrap();
    }
    assert!(purges.next().now_or_never().is_none());
    let inspection = Broker::inspect(&settings).await.unwrap();
    let told = inspection.differences.join("\n");
    assert!(told.contains("deny_purge true instead of false"), "{told}");
}

pub(crate) async fn a_stream_that_lets_nothing_be_removed_is_told_of(server: NatsServer) {
    let theirs = Config {
        deny_delete: true,
        ..forgetful()
    };
    stranger(&server).await.create_stream(theirs).await.unwrap();
    let inspection = Broker::inspect(&settings(&server)).await.unwrap();
    let told = inspection.differences.join("\n");
    assert!(
        told.contains("deny_delete true instead of false, so that a message"),
        "{told}"
    );
}

pub(crate) async fn a_row_under_another_name_is_none(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = stranger(&server).await;
    let mut stream = stranger.create_stream(forgetful()).await.unwrap();
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    source.submit(3).await;
    eventually("the broker has the rows", async || {
        stream.info().await.unwrap().state.messages == 3
    })
    .await;
    // Somebody moves them: to another node, to another number, to another event.
    let own = format!("colophon.log.rows.{}", source.node.id());
    let another = format!("colophon.log.rows.{}", "ab".repeat(16));
    for (number, subject, header, value) in [
        (1, another, "Other", "x".to_owned()),
        (2, own.clone(), "Colophon-Sequence", "77".to_owned()),
        (3, own, "Nats-Msg-Id", "cd".repeat(16)),
    ] {
        let row = stream.get_raw_message(number).await.unwrap();
        let mut headers = row.headers;
        headers.insert(header, value);
        let moved = async || {
            let sent = stranger.publish_with_headers(
                subject.clone(),
                headers.clone(),
                row.payload.clone(),
            );
            sent.await.unwrap().await.unwrap()
        };
        eventually("it is taken", async || !moved().await.duplicate).await;
    }
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 3).await;
    eventually("they are buried", async || {
        let inspection = Broker::inspect(&settings).await.unwrap();
        inspection.dead_letters == 3 && inspection.waiting == Some(0)
    })
    .await;
    let [progress] = log.store.node_progress().await.unwrap().try_into().unwrap();
    let of_source = (source.node.id(), 3, 3);
    assert_eq!(
        (progress.node, progress.complete, progress.highest),
        of_source
    );
}
