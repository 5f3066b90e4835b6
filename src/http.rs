//! HTTP/1.1 to one server, a request a connection, over TLS where the URL says so. Redirects are never followed.

use std::fmt;
use std::path::Path;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::tls;

/// What a request runs over.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// The server of a URL. The URL may hold a token, so that `Debug` shows the host only.
pub(crate) struct Server {
    uri: Uri,
    host: String,
    port: u16,
    is_tls: bool,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// `None` unless it is a URL with a host.
    pub(crate) fn new(url: &str) -> Option<Self> {
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

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Its name or address, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Adds what every request says.
    pub(crate) fn request(&self, builder: Builder) -> Builder {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        // User and password in a URL are none of the Host field's business.
        let host = authority.rsplit('@').next().unwrap_or(authority);
        builder
            .header(HOST, host)
            .header(USER_AGENT, concat!("tlsrptd/", env!("CARGO_PKG_VERSION")))
    }

    /// Connects, with TLS where the URL says so; `ca_file` has further authorities. The caller bounds the time.
    ///
    /// # Errors
    ///
    /// What went wrong, in words, without the URL.
    pub(crate) async fn connect(&self, ca_file: Option<&Path>) -> Result<Box<dyn Wire>, String> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| format!("cannot connect: {error}"))?;
        if !self.is_tls {
            return Ok(Box::new(tcp));
        }
        let name =
            ServerName::try_from(self.host.clone()).map_err(|_| "its host is no host name".to_owned())?;
        let client = tls::client_config(ca_file).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(client)
            .connect(name, tcp)
            .await
            .map_err(|error| format!("TLS failed: {error}"))?;
        Ok(Box::new(stream))
    }
}

/// Sends a request and hands its answer to `read`, which may read the body.
///
/// # Errors
///
/// What went wrong, in words; hyper's errors name no URL.
pub(crate) async fn exchange<B, T>(
    stream: Box<dyn Wire>,
    request: Request<B>,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, String>,
) -> Result<T, String>
where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let mut connection = std::pin::pin!(connection);
    let talking = async {
        let answer = sender.send_request(request).await;
        read(answer.map_err(|error| error.to_string())?).await
    };
    let mut talking = std::pin::pin!(talking);
    tokio::select! {
        result = &mut talking => result,
        // Some servers hang up without TLS's farewell once the answer is out; it counts if it is whole.
        ended = &mut connection => match (talking.await, ended) {
            (Err(_), Err(error)) => Err(error.to_string()),
            (result, _) => result,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_follows_from_the_scheme_unless_it_is_given() {
        for (url, host, port) in [
            ("https://hc.example/ping", "hc.example", 443),
            ("http://localhost/", "localhost", 80),
            ("http://[::1]:8000/t0ken", "::1", 8000),
        ] {
            let server = Server::new(url).unwrap();
            assert_eq!((server.host(), server.port), (host, port));
        }
    }
}
