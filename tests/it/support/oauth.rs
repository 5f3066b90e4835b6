//! A token endpoint (RFC 6749) that behaves as the test says, for what real ones won't do on demand.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, ServerConnection, StreamOwned};

use super::dovecot::token_for;
use super::{Ca, RUA, World, quoted, section};

/// The application that may ask.
pub(crate) const CLIENT: &str = "tlsrptd-app";
/// Its secret.
pub(crate) const CLIENT_SECRET: &str = "client&sesame=4 2";
/// The refresh token that is good at first.
pub(crate) const REFRESH: &str = "refresh-0-sesame";

/// What the endpoint says to a question that it understands.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A token for `user` that Dovecot takes for `valid` seconds, said to live for `told` seconds.
    Token {
        user: &'static str,
        valid: i64,
        told: i64,
    },
    /// An error code and its description.
    Error(&'static str, String),
    /// A status line's end, further header fields, and a body.
    Raw(&'static str, &'static str, String),
    /// Nothing, and the connection stays.
    Silence,
    /// A byte of an answer now and then, without end.
    Drip,
}

/// An hour for `RUA`.
pub(crate) const GOOD: Reply = Reply::Token {
    user: RUA,
    valid: 3600,
    told: 3600,
};

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The fields of its body.
    pub(crate) form: BTreeMap<String, String>,
    /// User and password of its header, as sent.
    pub(crate) basic: Option<String>,
}

struct State {
    reply: Reply,
    /// Each question gets a new refresh token, and the old one is void.
    rotates: bool,
    refresh: String,
    asked: Vec<Asked>,
    issued: Vec<String>,
}

/// The endpoint.
pub(crate) struct Provider {
    /// Its port on loopback.
    pub(crate) port: u16,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

impl Provider {
    /// One in clear text.
    pub(crate) fn new() -> Self {
        Self::start(None)
    }

    /// One over TLS with the server's certificate of `ca`.
    pub(crate) fn over_tls(ca: &Ca) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificate = CertificateDer::from_pem_file(&ca.server).unwrap();
        let key = PrivateKeyDer::from_pem_file(&ca.server_key).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::start(Some(Arc::new(config)))
    }

    fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(Mutex::new(State {
            reply: GOOD,
            rotates: false,
            refresh: REFRESH.to_owned(),
            asked: Vec::new(),
            issued: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                std::thread::spawn(move || {
                    let mut wire: Box<dyn Wire> = match tls {
                        None => Box::new(stream),
                        Some(tls) => Box::new(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream)),
                    };
                    // A client may hang up whenever it likes.
                    drop(serve(&mut *wire, &shared));
                });
            }
        });
        Self { port, scheme, state }
    }

    /// What it says from now on.
    pub(crate) fn says(&self, reply: Reply) {
        self.state.lock().unwrap().reply = reply;
    }

    /// From now on each question gets a new refresh token, and the old one is void.
    pub(crate) fn rotates(&self) {
        self.state.lock().unwrap().rotates = true;
    }

    /// Makes this the one good refresh token.
    pub(crate) fn grants(&self, refresh: &str) {
        refresh.clone_into(&mut self.state.lock().unwrap().refresh);
    }

    /// The one good refresh token.
    pub(crate) fn refresh_token(&self) -> String {
        self.state.lock().unwrap().refresh.clone()
    }

    /// All questions so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// All access tokens and refresh tokens so far.
    pub(crate) fn issued(&self) -> Vec<String> {
        self.state.lock().unwrap().issued.clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}/token", self.scheme, self.port)
    }

    /// The file of [`Provider::section`] with the refresh token.
    pub(crate) fn file(world: &World) -> PathBuf {
        world.path("refresh-token")
    }

    /// An `[[oauth2]]` named `idp` for this endpoint with the first refresh token, with further or other keys.
    pub(crate) fn section(&self, world: &World, keys: &str) -> String {
        let file = Self::file(world);
        if !file.exists() {
            fs::write(&file, format!("{REFRESH}\n")).unwrap();
        }
        let mut defaults = vec![
            ("name", "\"idp\"".to_owned()),
            ("token_url", format!("{:?}", self.url())),
            ("client_id", format!("{CLIENT:?}")),
            ("client_secret", format!("{CLIENT_SECRET:?}")),
        ];
        if !keys.contains("client-credentials") {
            defaults.push(("refresh_token_file", quoted(&file)));
        }
        section("[[oauth2]]", &defaults, keys)
    }
}

fn serve(wire: &mut dyn Wire, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(wire);
    let (mut length, mut basic, mut line) = (0, None, String::new());
    reader.read_line(&mut line)?;
    assert!(line.starts_with("POST /token HTTP/1.1"), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => {
                let encoded = value.strip_prefix("Basic ").unwrap();
                basic = Some(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap());
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let form: BTreeMap<String, String> = String::from_utf8(body)
        .unwrap()
        .split('&')
        .map(|field| field.split_once('=').unwrap())
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    let answer = answer(&mut state.lock().unwrap(), Asked { form, basic });
    let wire = reader.get_mut();
    match answer {
        Reply::Raw(status, fields, body) => {
            let length = body.len();
            wire.write_all(
                format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}").as_bytes(),
            )?;
            wire.flush()
        }
        Reply::Drip => {
            wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")?;
            loop {
                wire.write_all(b" ")?;
                wire.flush()?;
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        // Until the client hangs up.
        _ => wire.read(&mut [0; 1]).map(drop),
    }
}

/// The answer in bytes, or silence.
fn answer(state: &mut State, asked: Asked) -> Reply {
    let field = |name: &str| asked.form.get(name).cloned().unwrap_or_default();
    let (grant, refresh) = (field("grant_type"), field("refresh_token"));
    let client = match &asked.basic {
        Some(basic) => basic
            .split_once(':')
            .map(|(id, secret)| (decoded(id), decoded(secret))),
        None => Some((field("client_id"), field("client_secret"))),
    };
    state.asked.push(asked);
    let json = "Content-Type: application/json\r\n";
    let error = |status, code: &str, description: &str| {
        let body = serde_json::json!({"error": code, "error_description": description});
        Reply::Raw(status, json, body.to_string())
    };
    if client != Some((CLIENT.to_owned(), CLIENT_SECRET.to_owned())) {
        return error("401 Unauthorized", "invalid_client", "who are you?");
    }
    match state.reply.clone() {
        Reply::Error(code, description) => error("400 Bad Request", code, &description),
        Reply::Token { .. } if grant == "refresh_token" && refresh != state.refresh => {
            error("400 Bad Request", "invalid_grant", "the refresh token is void")
        }
        Reply::Token { user, valid, told } => {
            let token = token_for(user, valid);
            state.issued.push(token.clone());
            let mut body =
                serde_json::json!({"access_token": token, "token_type": "Bearer", "expires_in": told});
            if state.rotates {
                state.refresh = format!("refresh-{}-sesame", state.asked.len());
                state.issued.push(state.refresh.clone());
                body["refresh_token"] = state.refresh.clone().into();
            }
            Reply::Raw("200 OK", json, body.to_string())
        }
        other => other,
    }
}

/// A field of a form as it was meant.
fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}
