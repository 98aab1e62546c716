//! A broker that belongs to somebody.

use std::fs;

use async_nats::jetstream::stream::Config;
use colophon_pipeline::jetstream::{Broker, Credentials};
use colophon_tests::nats::NatsServer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::ground::{
    LoggingDatabase, Source, all_arrived, connect, eventually, settings, stranger, writer,
};

/// A server like this one with other settings.
fn another(server: &NatsServer, more: &str) -> NatsServer {
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
        let mut settings = settings(&server);
        settings.credentials = credentials;
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
    let mut settings = settings(&server);
    settings.credentials = with_password;
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    all_arrived(&source, &log, 10).await;

    settings.credentials = Credentials::Token(log.folder().join("nothing"));
    let told = Broker::connect(&settings).await.err().unwrap().to_string();
    assert!(told.contains("nothing cannot be used"), "{told}");
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
    let mut settings = settings(&guarded);
    for address in [guarded.address(), guarded.tls_address()] {
        settings.servers = vec![address.parse().unwrap()];
        for authority in [None, Some(other.clone())] {
            settings.authority = authority;
            assert!(Broker::inspect(&settings).await.is_err());
        }
        settings.authority = Some(believed.clone());
        Broker::inspect(&settings).await.unwrap();
    }
    source.submit(10).await;
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    all_arrived(&source, &log, 10).await;
    // A server that speaks no TLS is not spoken to where it is insisted on.
    settings.servers = vec![server.tls_address().parse().unwrap()];
    assert!(Broker::inspect(&settings).await.is_err());
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
