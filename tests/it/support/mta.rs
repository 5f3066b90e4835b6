//! A mail server that misbehaves where the test says so.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::wait::{LONG, until};

/// What the server does at a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It gives this reply.
    Says(&'static str),
    /// It ends the connection without a reply.
    HangsUp,
    /// It gives this reply after this time.
    SaysLate(&'static str, Duration),
    /// It gives this reply once the rules are changed.
    SaysWhenTold(&'static str),
    /// It gives no reply and keeps the connection.
    IsSilent,
}

/// A mail server in clear text on loopback.
pub(crate) struct Mta {
    /// Its port.
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    rules: Vec<(&'static str, Answer)>,
    received: Vec<Received>,
    n_connections: usize,
    heard: Vec<String>,
}

/// A mail that the server took; whether it said so is the rules' affair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// The recipients that it accepted, as in `RCPT TO`.
    pub(crate) to: Vec<String>,
    /// The mail.
    pub(crate) mail: String,
}

impl Mta {
    /// One that accepts everything.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                shared.lock().unwrap().n_connections += 1;
                let shared = Arc::clone(&shared);
                // A client may hang up whenever it likes.
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Self { port, state }
    }

    /// From now on, the first rule whose text begins a command decides; `.` is the end of a mail, no text
    /// the greeting.
    pub(crate) fn set(&self, rules: &[(&'static str, Answer)]) {
        self.state.lock().unwrap().rules = rules.to_vec();
    }

    /// The mails that came as far as their final dot.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// How many connections were made.
    pub(crate) fn n_connections(&self) -> usize {
        self.state.lock().unwrap().n_connections
    }

    /// Whether a client has given this command, as in [`Mta::set`].
    pub(crate) fn has_heard(&self, beginning: &str) -> bool {
        let state = self.state.lock().unwrap();
        state
            .heard
            .iter()
            .any(|command| command.starts_with(beginning) && command.is_empty() == beginning.is_empty())
    }

    /// The keys of `[smtp]` for this server.
    pub(crate) fn keys(&self) -> String {
        format!(
            "transport = \"smtp\"\nhost = \"localhost\"\nport = {}\ntls = \"none\"\n",
            self.port
        )
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut session = BufReader::new(stream);
    let mut mail = Received::default();
    let mut command = String::new();
    loop {
        let rule = {
            let mut state = state.lock().unwrap();
            state.heard.push(command.clone());
            let begins = |(text, _): &&(&str, Answer)| match *text {
                "" => command.is_empty(),
                text => command.starts_with(text),
            };
            state.rules.iter().find(begins).map(|(_, answer)| *answer)
        };
        let usual = match command.as_str() {
            "" => "220 localhost\r\n",
            "DATA" => "354 go on\r\n",
            _ => "250 well\r\n",
        };
        let reply = match rule {
            None => usual,
            Some(Answer::Says(reply)) => reply,
            Some(Answer::HangsUp) => return Ok(()),
            Some(Answer::IsSilent) => "",
            Some(Answer::SaysLate(reply, pause)) => {
                std::thread::sleep(pause);
                reply
            }
            Some(Answer::SaysWhenTold(reply)) => until("other rules", LONG, || {
                let state = state.lock().unwrap();
                (!state.rules.iter().any(|(_, answer)| Some(*answer) == rule)).then_some(reply)
            }),
        };
        session.get_mut().write_all(reply.as_bytes())?;
        if reply.starts_with("354") {
            mail.mail = read_mail(&mut session)?;
            state.lock().unwrap().received.push(std::mem::take(&mut mail));
            ".".clone_into(&mut command);
            continue;
        }
        if let Some(to) = command
            .strip_prefix("RCPT TO:")
            .filter(|_| reply.starts_with('2'))
        {
            mail.to.push(to.trim_matches(['<', '>']).to_owned());
        }
        command.clear();
        if session.read_line(&mut command)? == 0 {
            return Ok(());
        }
        command.truncate(command.trim_end().len());
    }
}

fn read_mail(session: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let start = mail.len();
        if session.read_line(&mut mail)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if mail.get(start..) == Some(".\r\n") {
            mail.truncate(start);
            return Ok(mail);
        }
    }
}
