//! The connection under an SMTP session: TCP, TLS where configured, and bounds on what a server may say.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use super::send::{SendError, printable};
use crate::config::{SmtpConfig, TlsMode};
use crate::tls;

/// Most bytes that a server may send in a session: its answers are some kilobytes, and lettre buffers a line without
/// end for as long as it comes.
const MAX_SESSION_BYTES: usize = 1024 * 1024;
/// Most bytes of an answer before TLS.
const MAX_REPLY_BYTES: usize = 64 * 1024;
/// The greeting has been read when TLS begins, and a client that starts on an encrypted stream waits for one.
const GREETING_AFTER_STARTTLS: &[u8] = b"220 TLS is on\r\n";
/// Addresses of a server that are tried.
const MAX_ADDRESSES: usize = 8;
/// What to do about a connection that can't be had.
const CHECK_SERVER: &str = "check smtp.host, smtp.port and smtp.tls";
/// What to do about TLS that can't be had.
const CHECK_TLS: &str = "check smtp.tls and the server's certificate; nothing is sent without TLS";

/// What SMTP runs over: TCP or TLS.
trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> Wire for T {}

/// Connects as configured; `hello` is our name for EHLO. The stream begins with the server's greeting.
///
/// STARTTLS (RFC 3207) is done here and not by lettre, which keeps in its buffer what an attacker put behind the
/// answer to STARTTLS and takes it for an answer within TLS. Here nothing is read beyond that answer, so that the TLS
/// handshake fails on anything else.
pub(super) async fn connect(
    config: &SmtpConfig,
    server: &str,
    hello: &str,
) -> Result<Box<dyn AsyncTokioStream>, SendError> {
    let at = |step, way_out| At {
        server,
        step,
        way_out,
        limit: config.timeout,
    };
    let (tcp, peer) = tcp(config, at("connect", CHECK_SERVER)).await?;
    let (wire, greeting): (Box<dyn Wire>, &'static [u8]) = match config.tls {
        TlsMode::None => (Box::new(tcp), b""),
        TlsMode::Implicit => (encrypt(config, at("TLS", CHECK_TLS), tcp).await?, b""),
        TlsMode::Starttls => {
            let tcp = ask_for_tls(tcp, at("STARTTLS", CHECK_TLS), hello).await?;
            let wire = encrypt(config, at("STARTTLS", CHECK_TLS), tcp).await?;
            (wire, GREETING_AFTER_STARTTLS)
        }
    };
    Ok(Box::new(Bounded {
        wire,
        peer,
        greeting,
        n_left: MAX_SESSION_BYTES,
    }))
}

/// Tries the server's addresses one after another, each for its share of the time.
async fn tcp(config: &SmtpConfig, at: At<'_>) -> Result<(TcpStream, SocketAddr), SendError> {
    let lookup = tokio::net::lookup_host((config.host.as_str(), config.port()));
    let addresses: Vec<SocketAddr> = at.run(lookup).await?.take(MAX_ADDRESSES).collect();
    let share =
        u32::try_from(addresses.len()).map_or(at.limit, |n| at.limit.checked_div(n).unwrap_or(at.limit));
    let mut problem = at.failed(&format!("{} has no address", config.host));
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok((tcp, address)),
            Ok(Err(error)) => problem = at.failed(&format!("{address}: {error}")),
            Err(_) => problem = at.timed_out(),
        }
    }
    Err(problem)
}

async fn encrypt(config: &SmtpConfig, at: At<'_>, tcp: TcpStream) -> Result<Box<dyn Wire>, SendError> {
    let name = config.tls_server_name.as_ref().unwrap_or(&config.host);
    let server_name = ServerName::try_from(name.clone()).map_err(|_| {
        At {
            way_out: "correct smtp.host or smtp.tls_server_name",
            ..at
        }
        .failed(&format!("{name:?} is no host name"))
    })?;
    let client = tls::client_config(config.ca_file.as_deref()).map_err(|error| {
        At {
            way_out: "check smtp.ca_file",
            ..at
        }
        .failed(&error.to_string())
    })?;
    let handshake = TlsConnector::from(client).connect(server_name, tcp);
    match timeout(at.limit, handshake).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(handshake_failed(at, name, &error)),
        Err(_) => Err(at.timed_out()),
    }
}

fn handshake_failed(at: At<'_>, name: &str, error: &io::Error) -> SendError {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => At {
            way_out: "the certificate must be valid for this name and from an authority that the system or \
                      smtp.ca_file knows: check smtp.host, smtp.tls_server_name and smtp.ca_file",
            ..at
        }
        .failed(&format!("{name:?}: {error}")),
        Some(rustls::Error::InvalidMessage(_)) => At {
            way_out: "check smtp.port and smtp.tls (\"starttls\" on port 587, \"implicit\" on port 465)",
            ..at
        }
        .failed(&format!("the server sends something else than TLS: {error}")),
        _ => at.failed(&error.to_string()),
    }
}

/// Greeting, EHLO and STARTTLS in clear text.
async fn ask_for_tls(mut tcp: TcpStream, at: At<'_>, hello: &str) -> Result<TcpStream, SendError> {
    let talk = async {
        let greeting = reply(&mut tcp).await?;
        if !greeting.is_positive() {
            return Ok(Err(format!("the server greets with {}", greeting.text)));
        }
        tcp.write_all(format!("EHLO {hello}\r\n").as_bytes()).await?;
        let answer = reply(&mut tcp).await?;
        if !answer.is_positive() || !answer.offers("STARTTLS") {
            return Ok(Err("STARTTLS is not supported on this server".to_owned()));
        }
        tcp.write_all(b"STARTTLS\r\n").await?;
        let answer = reply(&mut tcp).await?;
        if !answer.is_positive() {
            return Ok(Err(format!("the server refuses it with {}", answer.text)));
        }
        Ok(Ok(()))
    };
    at.run(talk).await?.map_err(|problem| at.failed(&problem))?;
    Ok(tcp)
}

/// An answer of the server in clear text.
struct Reply {
    text: String,
}

impl Reply {
    fn is_positive(&self) -> bool {
        self.text.starts_with('2')
    }

    fn offers(&self, extension: &str) -> bool {
        let word = |line: &str| line.get(4..).map(|rest| rest.trim().to_ascii_uppercase());
        self.text
            .lines()
            .any(|line| word(line).as_deref() == Some(extension))
    }
}

/// Reads an answer (RFC 5321, Section 4.2.1) and not one byte more.
async fn reply(tcp: &mut TcpStream) -> io::Result<Reply> {
    let mut text = Vec::new();
    let mut line_start = 0_usize;
    loop {
        let byte = tcp.read_u8().await.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "the server closed the connection"),
            _ => error,
        })?;
        text.push(byte);
        if text.len() > MAX_REPLY_BYTES {
            return Err(io::Error::other("the server's answer is longer than 64 KiB"));
        }
        if byte != b'\n' {
            continue;
        }
        let line = text.get(line_start..).unwrap_or_default();
        if line.get(3) != Some(&b'-') {
            let text = String::from_utf8_lossy(&text).into_owned();
            return Ok(Reply { text });
        }
        line_start = text.len();
    }
}

/// A step of connecting, for messages.
#[derive(Clone, Copy)]
struct At<'a> {
    server: &'a str,
    step: &'static str,
    way_out: &'static str,
    limit: Duration,
}

impl At<'_> {
    async fn run<T>(&self, step: impl Future<Output = io::Result<T>>) -> Result<T, SendError> {
        let result = timeout(self.limit, step).await.map_err(|_| self.timed_out())?;
        self.result(result)
    }

    fn result<T>(&self, result: io::Result<T>) -> Result<T, SendError> {
        result.map_err(|error| self.failed(&error.to_string()))
    }

    fn timed_out(&self) -> SendError {
        self.failed(&format!("no answer within {} s", self.limit.as_secs()))
    }

    fn failed(&self, problem: &str) -> SendError {
        SendError::Step {
            server: self.server.to_owned(),
            step: self.step,
            problem: printable(problem),
            way_out: self.way_out,
        }
    }
}

/// A stream that begins with a greeting of our own where the server's was read already, and ends in an error when the
/// server talks without end.
#[derive(Debug)]
struct Bounded {
    wire: Box<dyn Wire>,
    peer: SocketAddr,
    greeting: &'static [u8],
    n_left: usize,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let n_bytes = buffer.remaining().min(self.greeting.len());
            let (now, later) = self.greeting.split_at(n_bytes);
            buffer.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        if self.n_left == 0 {
            return Poll::Ready(Err(io::Error::other(
                "the server's answers are longer than 1 MiB",
            )));
        }
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.wire).poll_read(context, buffer))?;
        let n_bytes = buffer.filled().len().saturating_sub(before);
        self.n_left = self.n_left.saturating_sub(n_bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
