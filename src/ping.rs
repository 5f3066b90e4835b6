//! Tells a monitor outside, such as healthchecks.io, that polling and mailing work: whoever watches there notices when
//! both die, and with them all mails about it.

use std::time::Duration;

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::MonitorConfig;
use crate::http;

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
                        tracing::warn!(host = ?target.0.host(), "the monitor was not told: {problem}; see monitor.ping_url");
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
    timeout(LIMIT, target.0.connect(None))
        .await
        .map_err(|_| "no answer within 10 seconds".to_owned())??;
    Ok(Some(target.0.host().to_owned()))
}

/// Where pings go.
#[derive(Debug)]
struct Target(http::Server);

impl Target {
    fn new(url: &str) -> Option<Self> {
        http::Server::new(url).map(Self)
    }

    async fn ping(&self, ping: Ping) -> Result<(), String> {
        timeout(LIMIT, self.get(ping))
            .await
            .map_err(|_| "no answer within 10 seconds".to_owned())?
    }

    async fn get(&self, ping: Ping) -> Result<(), String> {
        let stream = self.0.connect(None).await?;
        let status = http::exchange(stream, self.request(ping)?, async |answer| Ok(answer.status())).await?;
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("it answered {status}"))
        }
    }

    fn request(&self, ping: Ping) -> Result<Request<Empty<Bytes>>, String> {
        self.0
            .request(Request::get(self.path(ping)))
            .body(Empty::new())
            .map_err(|_| "ping_url is not a URL".to_owned())
    }

    /// Path and query of a ping.
    fn path(&self, ping: Ping) -> String {
        let uri = self.0.uri();
        let path = match ping {
            Ping::Success => uri.path(),
            Ping::Start | Ping::Fail => uri.path().trim_end_matches('/'),
        };
        let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
        format!("{path}{}{query}", ping.path())
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
    }

    #[test]
    fn url_is_not_in_debug_output() {
        let target = Target::new("http://[::1]:8000/t0ken").unwrap();
        assert!(!format!("{target:?}").contains("t0ken"));
    }
}
