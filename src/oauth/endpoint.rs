//! One question to a token endpoint (RFC 6749), and what its answer means.

use std::pin::Pin;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicTokenResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};

use super::refresh::RefreshFile;
use super::{OAuthError, keep, memory};
use crate::config::{Grant, OAuth2Config, Provider};
use crate::http::{self, Server};

/// Largest answer of an endpoint, in bytes; tokens reach a few kilobytes.
const MAX_ANSWER: usize = 64 * 1024;
/// Longest piece of an endpoint's text in an error, in characters.
const MAX_TEXT: usize = 200;

/// What is sent, besides the client's id.
struct Secrets {
    client: Option<SecretString>,
    refresh: Option<SecretString>,
}

/// Why there is no usable answer, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unusable(String);

type Answer = Pin<Box<dyn Future<Output = Result<HttpResponse, Unusable>> + Send>>;
type RequestError = RequestTokenError<Unusable, BasicErrorResponse>;

/// The endpoint as errors name it: without a query, which may hold anything.
pub(super) fn shown(section: &OAuth2Config) -> String {
    let endpoint = section.endpoint();
    endpoint.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Fetches a token and keeps it, and a new refresh token if one comes with it.
pub(super) async fn fetch(section: &OAuth2Config) -> Result<SecretString, OAuthError> {
    let ours = |text: String| OAuthError::Ours(text);
    let source = section.client_secret().map_err(|error| ours(error.to_string()))?;
    let client = match source {
        Some(source) => Some(source.read().await.map_err(|error| ours(error.to_string()))?),
        None => None,
    };
    let file = match (section.grant, &section.refresh_token_file) {
        (Grant::RefreshToken, Some(path)) => Some(RefreshFile::open(path).await?),
        _ => None,
    };
    let unsaved = memory(section).unsaved.clone();
    let refresh = file
        .as_ref()
        .map(|file| unsaved.unwrap_or_else(|| file.token.clone()));
    let secrets = Secrets { client, refresh };
    let answer = ask(section, &secrets)
        .await
        .map_err(|error| explain(section, &secrets, error))?;
    let renewed = answer.refresh_token().map(|token| token.secret().clone().into());
    // One that could not be written the last time is written now.
    if let (Some(file), Some(token)) = (file, renewed.or(secrets.refresh))
        && token.expose_secret() != file.token.expose_secret()
    {
        save(section, file, token);
    }
    let later = |what: &str| OAuthError::Later(format!("{}: {what}; check token_url", shown(section)));
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(later("the token is no bearer token"));
    }
    let token = answer.access_token().secret();
    // It becomes part of a line with separators of its own.
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(later("the token is empty or has characters that no token has"));
    }
    let token = SecretString::from(token.clone());
    keep(section, token.clone(), answer.expires_in());
    tracing::debug!(oauth2 = %section.name, life = ?answer.expires_in(), "access token fetched");
    Ok(token)
}

/// Writes a new refresh token. One that can't be written is used from memory and written the next time.
fn save(section: &OAuth2Config, file: RefreshFile, token: SecretString) {
    let is_usable = |c: char| !c.is_control();
    if token.expose_secret().is_empty() || !token.expose_secret().chars().all(is_usable) {
        tracing::warn!(oauth2 = %section.name, "the new refresh token is unusable, the old one is kept");
        return;
    }
    let path = section.refresh_token_file.as_deref().unwrap_or("".as_ref());
    let saved = file.replace(&token);
    memory(section).unsaved = match saved {
        Ok(()) => {
            tracing::info!(oauth2 = %section.name, "the provider gave a new refresh token, which was written");
            None
        }
        Err(error) => {
            tracing::error!(
                oauth2 = %section.name,
                "cannot write the new refresh token to {}: {error}; make room, or tlsrptd must be authorised anew \
                 after its next start",
                path.display()
            );
            Some(token)
        }
    };
}

async fn ask(section: &OAuth2Config, secrets: &Secrets) -> Result<BasicTokenResponse, RequestError> {
    let wrong = |_| RequestError::Other("token_url is not a URL".to_owned());
    let url = TokenUrl::new(section.endpoint()).map_err(wrong)?;
    // RFC 6749, Section 2.3.1 has every endpoint take the header; these two document the body.
    let auth_type = match section.provider {
        Provider::Google | Provider::Microsoft => AuthType::RequestBody,
        Provider::Custom => AuthType::BasicAuth,
    };
    let mut client = BasicClient::new(ClientId::new(section.client_id.clone()))
        .set_auth_type(auth_type)
        .set_token_uri(url);
    if let Some(secret) = &secrets.client {
        client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    let scopes = || {
        let words = section.scope().unwrap_or_default().split_whitespace();
        words.map(|word| Scope::new(word.to_owned()))
    };
    let sender = Sender(section.clone());
    if let Some(refresh) = &secrets.refresh {
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let request = client.exchange_refresh_token(&refresh).add_scopes(scopes());
        request.request_async(&sender).await
    } else {
        let request = client.exchange_client_credentials().add_scopes(scopes());
        request.request_async(&sender).await
    }
}

/// How the oauth2 crate sends its requests; a closure would not be general enough for a task of its own.
struct Sender(OAuth2Config);

impl<'c> AsyncHttpClient<'c> for Sender {
    type Error = Unusable;
    type Future = Answer;

    fn call(&'c self, request: HttpRequest) -> Answer {
        send(self.0.clone(), request)
    }
}

fn no_url() -> Unusable {
    Unusable("token_url is not a URL".to_owned())
}

/// Sends a request of the oauth2 crate, and reads no more than a token's worth.
fn send(section: OAuth2Config, request: HttpRequest) -> Answer {
    Box::pin(async move {
        let server = Server::new(&section.endpoint()).ok_or_else(no_url)?;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut builder = server.request(Request::post(path));
        for (name, value) in &parts.headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(Full::new(Bytes::from(body))).map_err(|_| no_url())?;
        let stream = server
            .connect(section.ca_file.as_deref())
            .await
            .map_err(Unusable)?;
        http::exchange(stream, request, async |answer| {
            let (parts, body) = answer.into_parts();
            let status = parts.status;
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status.is_redirection()
            {
                return Err(format!("it answered {status}"));
            }
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    format!("its answer is larger than {MAX_ANSWER} bytes")
                } else {
                    "its answer broke off".to_owned()
                }
            })?;
            Ok(HttpResponse::from_parts(parts, body.to_bytes().to_vec()))
        })
        .await
        .map_err(Unusable)
    })
}

/// The crate's own texts are not used: its parse errors hold the answer, which may hold a token.
fn explain(section: &OAuth2Config, secrets: &Secrets, error: RequestError) -> OAuthError {
    let endpoint = shown(section);
    match error {
        RequestTokenError::ServerResponse(answer) => refusal(section, secrets, &answer),
        RequestTokenError::Request(Unusable(problem)) => OAuthError::Later(format!(
            "{endpoint}: {problem}; check that this machine reaches it"
        )),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => OAuthError::Later(format!(
            "{endpoint}: its answer is none of a token endpoint; check provider and token_url"
        )),
    }
}

fn refusal(section: &OAuth2Config, secrets: &Secrets, answer: &BasicErrorResponse) -> OAuthError {
    let code = printable(answer.error().as_ref(), secrets);
    let said = answer
        .error_description()
        .map(|text| format!(" ({})", printable(text, secrets)))
        .unwrap_or_default();
    let said = format!("{} answers {code}{said}", shown(section));
    match code.as_str() {
        "temporarily_unavailable" | "server_error" | "slow_down" => OAuthError::Later(said),
        code => OAuthError::Refused(format!("{said}; {}", way_out(section, code))),
    }
}

/// What to do about an error code (RFC 6749, Section 5.2).
fn way_out(section: &OAuth2Config, code: &str) -> String {
    let file = section.refresh_token_file.as_deref();
    match (code, file) {
        ("invalid_client", _) => {
            "check client_id, and whether the client secret is right and has not expired (docs/oauth.md)"
                .to_owned()
        }
        ("unauthorized_client", _) => {
            "let the application use this grant, and check client_id and tenant (docs/oauth.md)".to_owned()
        }
        ("invalid_scope", _) => {
            "scope must be what was granted at first: correct it, or authorise tlsrptd anew (docs/oauth.md)"
                .to_owned()
        }
        ("unsupported_grant_type" | "invalid_request", _) => {
            "check provider, grant, scope and token_url (docs/oauth.md)".to_owned()
        }
        (_, Some(file)) => format!(
            "authorise tlsrptd anew and put the new refresh token into {} (docs/oauth.md)",
            file.display()
        ),
        (_, None) => "check the application's rights (docs/oauth.md)".to_owned(),
    }
}

/// An endpoint's text as it may stand in an error: its first line, bounded, without what we sent to it.
fn printable(text: &str, secrets: &Secrets) -> String {
    let mut line = text.lines().next().unwrap_or_default().to_owned();
    for secret in [&secrets.client, &secrets.refresh].into_iter().flatten() {
        line = line.replace(secret.expose_secret(), "…");
    }
    let is_plain =
        |c: &char| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
    line.trim()
        .trim_end_matches('.')
        .chars()
        .filter(is_plain)
        .take(MAX_TEXT)
        .collect()
}
