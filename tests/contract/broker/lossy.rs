//! A way to a broker on which one thing is lost that the broker says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use colophon_tests::nats::NatsServer;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Where to connect instead, so that the first message to a client that ends with `lost` is.
pub(crate) async fn losing(server: &NatsServer, lost: &'static str) -> String {
    let broker = server.address();
    let broker = broker.strip_prefix("nats://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("nats://{}", listener.local_addr().unwrap());
    let is_lost = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mut hears, says) = client.into_split();
            let (answers, mut asks) = TcpStream::connect(&broker).await.unwrap().into_split();
            tokio::spawn(async move { copy(&mut hears, &mut asks).await });
            tokio::spawn(pass(answers, says, lost, Arc::clone(&is_lost)));
        }
    });
    address
}

/// Passes on what a broker says until one of the two is gone.
async fn pass(
    answers: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    lost: &str,
    is_lost: Arc<AtomicBool>,
) -> Option<()> {
    let mut answers = BufReader::new(answers);
    loop {
        let mut said = Vec::new();
        if answers.read_until(b'\n', &mut said).await.ok()? == 0 {
            return None;
        }
        if said.starts_with(b"MSG") || said.starts_with(b"HMSG") {
            let line = std::str::from_utf8(&said).ok()?.trim_end();
            let length: usize = line.rsplit(' ').next()?.parse().ok()?;
            let begin = said.len();
            said.resize(begin + length + "\r\n".len(), 0);
            answers.read_exact(said.get_mut(begin..)?).await.ok()?;
        }
        let ends_so = said.trim_ascii_end().ends_with(lost.as_bytes());
        if ends_so && !is_lost.swap(true, Ordering::Relaxed) {
            continue;
        }
        client.write_all(&said).await.ok()?;
    }
}
