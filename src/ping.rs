//! Tells a monitor outside, such as healthchecks.io, that polling and mailing work: whoever watches there notices when
//! both die, and with them all mails about it.

use std::fmt;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::config::MonitorConfig;
use crate::tls;

/// Limit for a whole ping.
const LIMIT: Duration = Duration::from_secs(10);
/// Pings that may wait for their turn; a monitor that is slower than that misses some.
const MAX_WAITING: usize = 8;

/// What a monitor is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    /// A poll or a digest begins.
    Start,
    /// It went well, and so did the last one of everything else.
    Success,
    /// Something failed.
    Fail,
}

impl Ping {
    /// What follows the URL, as healthchecks.io and its kin have it.
    fn path(self) -> &'static str {
        match self {
            Self::Start => "/start",
            Self::Success => "",
            Self::Fail => "/fail",
        }
    }
}

/// Sends pings in their order beside everything else. A failure only warns: polling never waits for a monitor.
#[derive(Debug)]
pub struct Pinger {
    worker: Option<(mpsc::Sender<Ping>, JoinHandle<()>)>,
}

impl Pinger {
    /// One for the configured URL; without one, a pinger that does nothing.
    pub fn new(config: &MonitorConfig) -> Self {
        let target = config
            .ping_url
            .as_ref()
            .and_then(|url| Target::new(url.expose_secret()));
        let worker = target.map(|target| {
            let (sender, mut receiver) = mpsc::channel(MAX_WAITING);
            let worker = tokio::spawn(async move {
                while let Some(ping) = receiver.recv().await {
                    if let Err(problem) = target.ping(ping).await {
                        tracing::warn!(host = ?target.host, "the monitor was not told: {problem}; see monitor.ping_url");
                    }
                }
            });
            (sender, worker)
        });
        Self { worker }
    }

    /// Sends a ping as soon as those before it are sent.
    pub fn send(&self, ping: Ping) {
        if let Some((sender, _)) = &self.worker
            && sender.try_send(ping).is_err()
        {
            tracing::warn!("the monitor is too slow, it misses a ping; see monitor.ping_url");
        }
    }

    /// Waits until what was sent has gone out, or has failed; for verbs that end.
    pub async fn finish(self) {
        if let Some((sender, worker)) = self.worker {
            drop(sender);
            // Start and end, each within its limit.
            drop(timeout(LIMIT.saturating_mul(2), worker).await);
        }
    }
}

/// Tries whether the monitor can be reached, without telling it anything: connection and TLS. Gives its host.
///
/// # Errors
///
/// What went wrong, in words, without the URL.
pub async fn check(config: &MonitorConfig) -> Result<Option<String>, String> {
    let Some(url) = &config.ping_url else {
        return Ok(None);
    };
    let target = Target::new(url.expose_secret()).ok_or("ping_url is not a URL")?;
    timeout(LIMIT, target.connect())
        .await
        .map_err(|_| "no answer within 10 seconds".to_owned())??;
    Ok(Some(target.host))
}

/// Where pings go. Its URL may hold a token, so that only the host is ever shown.
struct Target {
    uri: Uri,
    host: String,
    port: u16,
    is_tls: bool,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// What a ping runs over.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

impl Target {
    fn new(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_tls = uri.scheme_str()? == "https";
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Some(Self {
            uri,
            host,
            port,
            is_tls,
        })
    }

    async fn ping(&self, ping: Ping) -> Result<(), String> {
        timeout(LIMIT, self.get(ping))
            .await
            .map_err(|_| "no answer within 10 seconds".to_owned())?
    }

    async fn get(&self, ping: Ping) -> Result<(), String> {
        let stream = self.connect().await?;
        // The errors of hyper name no URL.
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(sender.send_request(self.request(ping)?));
        let answer = tokio::select! {
            answer = &mut answer => answer,
            ended = &mut connection => match ended {
                Ok(()) => answer.await,
                Err(error) => Err(error),
            },
        };
        let status = answer.map_err(|error| error.to_string())?.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("it answered {status}"))
        }
    }

    fn request(&self, ping: Ping) -> Result<Request<Empty<Bytes>>, String> {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        // User and password in a URL are none of the Host field's business.
        let host = authority.rsplit('@').next().unwrap_or(authority);
        Request::get(self.path(ping))
            .header(HOST, host)
            .header(USER_AGENT, concat!("tlsrptd/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|_| "ping_url is not a URL".to_owned())
    }

    /// Path and query of a ping.
    fn path(&self, ping: Ping) -> String {
        let path = self.uri.path();
        let path = match ping {
            Ping::Success => path,
            Ping::Start | Ping::Fail => path.trim_end_matches('/'),
        };
        let query = self
            .uri
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        format!("{path}{}{query}", ping.path())
    }

    async fn connect(&self) -> Result<Box<dyn Wire>, String> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| format!("cannot connect: {error}"))?;
        if !self.is_tls {
            return Ok(Box::new(tcp));
        }
        let name =
            ServerName::try_from(self.host.clone()).map_err(|_| "its host is no host name".to_owned())?;
        let client = tls::client_config(None).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(client)
            .connect(name, tcp)
            .await
            .map_err(|error| format!("TLS failed: {error}"))?;
        Ok(Box::new(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ping_goes_to_the_url_with_its_query() {
        let target = Target::new("https://hc.example/ping/t0ken/?create=1").unwrap();
        assert_eq!(target.path(Ping::Start), "/ping/t0ken/start?create=1");
        assert_eq!(target.path(Ping::Success), "/ping/t0ken/?create=1");
        assert_eq!(target.path(Ping::Fail), "/ping/t0ken/fail?create=1");
        assert_eq!((target.host.as_str(), target.port), ("hc.example", 443));
    }

    #[test]
    fn url_is_not_in_debug_output() {
        let target = Target::new("http://[::1]:8000/t0ken").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 8000));
        assert!(!format!("{target:?}").contains("t0ken"));
    }
}
