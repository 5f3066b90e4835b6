//! From a configuration to a guarded connection that has been greeted.

use std::net::SocketAddr;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{Response, Status};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, InvalidMessage};

use crate::config::{MailboxConfig, TlsMode};
use crate::tls;

use super::MailboxError;
use super::error::{Place, explain, shown};
use super::guard::{Allowance, Guard};

/// What IMAP runs over: TCP, TLS, or a pipe in tests.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Wire for T {}

/// async-imap writes a command in four pieces; the buffer makes one packet of them.
pub(super) type Stream = Guard<BufWriter<Box<dyn Wire>>>;

/// Addresses of a server that are tried.
const MAX_ADDRESSES: usize = 8;

/// Connects, with TLS as configured, and reads the greeting. `limit` holds for each step.
pub(super) async fn open(
    config: &MailboxConfig,
    server: &str,
    limit: Duration,
) -> Result<Client<Stream>, MailboxError> {
    let tcp = tcp(config, server, limit).await?;
    match config.tls {
        TlsMode::Implicit => greeted(encrypt(config, server, tcp, limit).await?, server, limit).await,
        TlsMode::Starttls => starttls(config, server, tcp, limit).await,
        TlsMode::None => greeted(Box::new(tcp), server, limit).await,
    }
}

async fn tcp(config: &MailboxConfig, server: &str, limit: Duration) -> Result<TcpStream, MailboxError> {
    let place = Place {
        server,
        step: "connect",
    };
    let deadline = Instant::now().checked_add(limit).unwrap_or_else(Instant::now);
    let addresses: Vec<SocketAddr> = timeout(
        limit,
        tokio::net::lookup_host((config.host.as_str(), config.port())),
    )
    .await
    .map_err(|_| place.timed_out(limit))?
    .map_err(|error| {
        place.retry(format!(
            "failed: {} has no address: {}",
            config.host,
            shown(&error.to_string())
        ))
    })?
    .take(MAX_ADDRESSES)
    .collect();
    let mut problem = place.retry(format!("failed: {} has no address", config.host));
    let mut n_left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        // A share of the time for each, so that one dead address does not use up all of it.
        let share = deadline
            .saturating_duration_since(Instant::now())
            .checked_div(n_left)
            .unwrap_or_default();
        n_left = n_left.saturating_sub(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // Commands are small and each is waited for; without it some answers take 40 ms longer.
                if tcp.set_nodelay(true).is_ok() {
                    return Ok(tcp);
                }
            }
            Ok(Err(error)) => {
                problem = place.retry(format!("failed: {address}: {}", shown(&error.to_string())));
            }
            Err(_) => problem = place.timed_out(limit),
        }
    }
    Err(problem)
}

async fn encrypt(
    config: &MailboxConfig,
    server: &str,
    stream: impl Wire + 'static,
    limit: Duration,
) -> Result<Box<dyn Wire>, MailboxError> {
    let place = Place { server, step: "TLS" };
    let name = config.tls_server_name.as_deref().unwrap_or(&config.host);
    let server_name = ServerName::try_from(name.to_owned()).map_err(|_| {
        place.person(format!(
            "failed: {name:?} is no host name; correct host or tls_server_name"
        ))
    })?;
    let client = tls::client_config(config.ca_file.as_deref())
        .map_err(|error| place.person(format!("failed: {error}")))?;
    let handshake = TlsConnector::from(client).connect(server_name, stream);
    let stream = timeout(limit, handshake)
        .await
        .map_err(|_| place.timed_out(limit))?
        .map_err(|error| handshake_failed(place, name, &error))?;
    Ok(Box::new(stream))
}

fn handshake_failed(place: Place<'_>, name: &str, error: &std::io::Error) -> MailboxError {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => place.person(format!(
            "failed: {}; the certificate must be valid for {name:?} and from an authority that the system \
             or ca_file knows: check host, tls_server_name and ca_file",
            inner.map(|error| shown(&error.to_string())).unwrap_or_default()
        )),
        Some(rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        )) => {
            place.person("failed: the server does not speak TLS here; check port, or set tls = \"starttls\"")
        }
        _ => place.io(error, None),
    }
}

/// STARTTLS (RFC 9051, Section 6.2.1). There is no way back to clear text, and nothing that was sent in
/// clear text is believed: the guard and parser that saw it are dropped with all they have buffered.
async fn starttls(
    config: &MailboxConfig,
    server: &str,
    tcp: TcpStream,
    limit: Duration,
) -> Result<Client<Stream>, MailboxError> {
    let mut client = greeted(Box::new(tcp), server, limit).await?;
    let place = Place {
        server,
        step: "STARTTLS",
    };
    timeout(limit, client.run_command_and_check_ok("STARTTLS", None))
        .await
        .map_err(|_| place.timed_out(limit))?
        .map_err(|error| match error {
            async_imap::error::Error::No(_) | async_imap::error::Error::Bad(_) => place.person(format!(
                "refused: {}; the connection stays unused without TLS: try tls = \"implicit\" (port 993)",
                shown(&client.get_ref().heard().tagged)
            )),
            async_imap::error::Error::Io(error) => place.io(&error, client.get_ref().heard().bye.as_deref()),
            _ => place.lost(client.get_ref().heard().bye.as_deref()),
        })?;
    let stream = client.into_inner().into_inner().into_inner();
    let stream = encrypt(config, server, stream, limit).await?;
    // There is no second greeting.
    Ok(client_over(stream, limit))
}

pub(super) fn client_over(stream: Box<dyn Wire>, silence: Duration) -> Client<Stream> {
    let mut guard = Guard::new(BufWriter::new(stream), silence);
    guard.begin(Allowance::default());
    Client::new(guard)
}

/// Reads the greeting, which must be OK.
pub(super) async fn greeted(
    stream: Box<dyn Wire>,
    server: &str,
    limit: Duration,
) -> Result<Client<Stream>, MailboxError> {
    let place = Place {
        server,
        step: "greeting",
    };
    let mut client = client_over(stream, limit);
    let response = timeout(limit.saturating_mul(2), client.read_response())
        .await
        .map_err(|_| place.timed_out(limit))?
        .map_err(|error| place.retry(format!("failed: {}; check port and tls", explain(&error))))?
        .ok_or_else(|| place.lost(None))?;
    let bye = client.get_ref().heard().bye.clone();
    match response.parsed() {
        Response::Data {
            status: Status::Ok, ..
        } => Ok(client),
        Response::Data {
            status: Status::PreAuth,
            ..
        } => Err(place.person(
            "failed: the server takes us as logged in already (PREAUTH), perhaps as another user and without \
             TLS; check host and port",
        )),
        Response::Data {
            status: Status::Bye, ..
        } => Err(place.lost(bye.as_deref())),
        _ => Err(place.retry("failed: the server did not greet as an IMAP server does; check host and port")),
    }
}
