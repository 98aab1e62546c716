//! The first bytes of a connection, which tell HTTP/2 from HTTP/1.1.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::timeout;

/// What every HTTP/2 connection begins with (RFC 9113). No HTTP/1.1 method is called `PRI`.
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A protocol of the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Bytes already read, to be given out again before the stream's own.
#[derive(Debug)]
pub(super) struct Opening {
    protocol: Protocol,
    bytes: [u8; HTTP2_PREFACE.len()],
    given: usize,
    read: usize,
}

impl Opening {
    /// Reads until the protocol is clear, at least one byte and at most until the limit is over. A
    /// protocol agreed on in the TLS handshake is clear with the first byte.
    pub(super) async fn read<S: AsyncRead + Unpin>(
        stream: &mut S,
        agreed: Option<Protocol>,
        limit: Duration,
    ) -> io::Result<Self> {
        timeout(limit, Self::read_unhurried(stream, agreed)).await?
    }

    async fn read_unhurried<S: AsyncRead + Unpin>(
        stream: &mut S,
        agreed: Option<Protocol>,
    ) -> io::Result<Self> {
        let mut opening = Self {
            protocol: agreed.unwrap_or(Protocol::Http1),
            bytes: [0; HTTP2_PREFACE.len()],
            given: 0,
            read: 0,
        };
        loop {
            let room = opening.bytes.get_mut(opening.read..).unwrap_or_default();
            match stream.read(room).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => opening.read = opening.read.saturating_add(count),
            }
            if agreed.is_some() || !HTTP2_PREFACE.starts_with(opening.seen()) {
                return Ok(opening);
            }
            if opening.read == HTTP2_PREFACE.len() {
                opening.protocol = Protocol::Http2;
                return Ok(opening);
            }
        }
    }

    pub(super) fn is_http1(&self) -> bool {
        self.protocol == Protocol::Http1
    }

    fn seen(&self) -> &[u8] {
        self.bytes.get(..self.read).unwrap_or_default()
    }

    /// Gives out what is left of the bytes, as far as there is room; false once there are none.
    pub(super) fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = self.bytes.get(self.given..self.read).unwrap_or_default();
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..count).unwrap_or_default());
        self.given = self.given.saturating_add(count);
        count > 0
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    async fn read(pieces: &[&[u8]]) -> io::Result<Protocol> {
        let (mut client, mut server) = tokio::io::duplex(8);
        let write = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
            }
            client
        };
        let (client, opening) = tokio::join!(write, Opening::read(&mut server, None, LIMIT));
        drop(client);
        opening.map(|opening| opening.protocol)
    }

    #[tokio::test(start_paused = true)]
    async fn protocols() {
        assert_eq!(read(&[HTTP2_PREFACE]).await.unwrap(), Protocol::Http2);
        assert_eq!(
            read(&[b"P", b"RI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
                .await
                .unwrap(),
            Protocol::Http2
        );
        assert_eq!(read(&[b"GET "]).await.unwrap(), Protocol::Http1);
        assert_eq!(read(&[b"P", b"OST"]).await.unwrap(), Protocol::Http1);
        assert_eq!(read(&[b"PRI * HTTP/1"]).await.unwrap(), Protocol::Http1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_begin_is_not_waited_for() {
        let (_client, mut server) = tokio::io::duplex(8);
        let error = Opening::read(&mut server, None, LIMIT).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn nor_one_that_stops_within_the_preface() {
        let (mut client, mut server) = tokio::io::duplex(8);
        client.write_all(b"PRI").await.unwrap();
        let error = Opening::read(&mut server, None, LIMIT).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_goes_away_is_noticed() {
        let (client, mut server) = tokio::io::duplex(8);
        drop(client);
        let error = Opening::read(&mut server, None, LIMIT).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
