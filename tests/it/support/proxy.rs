//! A proxy between the program and a server that lets a connection fail at a chosen byte.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::wait::{LONG, until};

/// What happens to connections made from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// After so many bytes from the server, both directions stand still.
    StallAfter(usize),
    /// After so many bytes from the server, the connection ends without a word.
    CutAfter(usize),
    /// After so many bytes from the server, the connection is reset.
    ResetAfter(usize),
    /// After so many bytes from the server come bytes that nobody has sent, and the rest.
    GarbageAfter(usize),
    /// From so many bytes on, the server's bytes come one a second.
    CrawlAfter(usize),
    /// Before the client says these words, the connection ends without a word; over clear text only.
    CutBefore(&'static str),
    /// Before the client says these words, both directions stand still.
    StallBefore(&'static str),
    /// Behind what the server says in one piece with this beginning come these words as if it had said them.
    SayAfter(&'static str, &'static str),
}

/// A proxy on loopback.
pub(crate) struct Proxy {
    /// The port to connect to.
    pub(crate) port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    fault: Fault,
    /// How often a fault was chosen; a connection made before that counts for nothing any more.
    n_set: u32,
    n_stalled: u32,
    /// How often the fault has struck.
    n_struck: u32,
    n_connections: u32,
    /// Connections since the fault was chosen,
    n_since: u32,
    /// and of those, the ones that may still be struck.
    n_undecided: u32,
    /// What the server has said in the newest connection, in bytes.
    n_bytes: usize,
}

/// What both directions of a connection know.
#[derive(Clone)]
struct Line {
    fault: Fault,
    /// As in [`State`], when the connection was made.
    n_set: u32,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Line {
    /// Changes what is known of the fault, unless another was chosen since.
    fn note(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.0.lock().unwrap();
        if state.n_set == self.n_set {
            change(&mut state);
            self.shared.1.notify_all();
        }
    }

    /// Stands still until another fault is chosen.
    fn stall(&self) {
        self.note(|state| state.n_stalled += 1);
        let state = self.shared.0.lock().unwrap();
        drop(
            self.shared
                .1
                .wait_while(state, |state| state.n_set == self.n_set)
                .unwrap(),
        );
    }
}

impl Proxy {
    /// Stands in front of a server on loopback.
    pub(crate) fn to(upstream: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            fault: Fault::None,
            n_set: 0,
            n_stalled: 0,
            n_struck: 0,
            n_connections: 0,
            n_since: 0,
            n_undecided: 0,
            n_bytes: 0,
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)) else {
                    continue; // dropping the client says that nobody is there
                };
                let (fault, n_set) = {
                    let mut state = shared.0.lock().unwrap();
                    state.n_connections += 1;
                    state.n_since += 1;
                    state.n_undecided += 1;
                    state.n_bytes = 0;
                    (state.fault, state.n_set)
                };
                let shared = Arc::clone(&shared);
                join(&client, &server, &Line { fault, n_set, shared }).unwrap();
            }
        });
        Self { port, state }
    }

    /// Chooses what happens to connections made from now on, and lets those that stand still go on.
    pub(crate) fn set(&self, fault: Fault) {
        let mut state = self.state.0.lock().unwrap();
        state.fault = fault;
        state.n_set += 1;
        state.n_stalled = 0;
        state.n_struck = 0;
        state.n_since = 0;
        state.n_undecided = 0;
        self.state.1.notify_all();
    }

    /// Waits until a connection stands still.
    #[track_caller]
    pub(crate) fn wait_for_stall(&self) {
        let state = self.state.0.lock().unwrap();
        let (_state, waited) = self
            .state
            .1
            .wait_timeout_while(state, LONG, |state| state.n_stalled == 0)
            .unwrap();
        assert!(
            !waited.timed_out(),
            "no connection came as far as the byte at which it should stand still"
        );
    }

    /// What the server said in the newest connection, once it is over, as far as it was handed on, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.decided().n_bytes
    }

    /// How often the fault chosen last has struck, once each connection since then is over or was struck. A client
    /// that has what it wants may hang up before the byte at which the fault lies in wait.
    pub(crate) fn n_struck(&self) -> u32 {
        self.decided().n_struck
    }

    /// Waits for what the program knows already: it may end before a thread of ours has had its turn.
    fn decided(&self) -> MutexGuard<'_, State> {
        until("a connection to end or to be struck", LONG, || {
            let state = self.state.0.lock().unwrap();
            (state.n_since > 0 && state.n_undecided == 0).then_some(state)
        })
    }

    /// How many connections were made.
    pub(crate) fn n_connections(&self) -> u32 {
        self.state.0.lock().unwrap().n_connections
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.fault = Fault::None;
        state.n_set += 1;
        self.state.1.notify_all();
    }
}

fn join(client: &TcpStream, server: &TcpStream, line: &Line) -> io::Result<()> {
    let (mut to_server, mut from_client) = (server.try_clone()?, client.try_clone()?);
    let there = line.clone();
    std::thread::spawn(move || {
        let _done = match there.fault {
            Fault::CutBefore(words) | Fault::StallBefore(words) => {
                copy_until(words, &mut from_client, &mut to_server, &there)
            }
            _ => copy(&mut from_client, &mut to_server, &mut None, &mut 0),
        };
        let _closed = to_server.shutdown(Shutdown::Write);
    });
    let (mut to_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
    let back = line.clone();
    std::thread::spawn(move || {
        let fault = back.fault;
        let limit = match fault {
            Fault::None | Fault::SayAfter(..) | Fault::CutBefore(_) | Fault::StallBefore(_) => usize::MAX,
            Fault::StallAfter(n_bytes)
            | Fault::CutAfter(n_bytes)
            | Fault::ResetAfter(n_bytes)
            | Fault::GarbageAfter(n_bytes)
            | Fault::CrawlAfter(n_bytes) => n_bytes,
        };
        let mut say = match fault {
            Fault::SayAfter(beginning, words) => Some((beginning, words)),
            _ => None,
        };
        let mut n_bytes = 0;
        let passed = (&mut from_server).take(limit as u64);
        // Either end may hang up at any time; what was handed on before that counts.
        let _done = copy(passed, &mut to_client, &mut say, &mut n_bytes);
        let is_struck = n_bytes == limit;
        back.note(|state| {
            state.n_bytes = n_bytes;
            state.n_struck += u32::from(is_struck);
            state.n_undecided -= 1;
        });
        if is_struck {
            let _done = misbehave(from_server, &mut to_client, &back);
        }
        let how = match fault {
            // No farewell: the socket is reset when its last handle goes, which ending the other thread's read brings.
            Fault::ResetAfter(_) if is_struck => Shutdown::Read,
            _ => Shutdown::Both,
        };
        let _closed = to_client.shutdown(how);
    });
    Ok(())
}

/// What comes after the byte up to which all went well.
fn misbehave(mut from_server: TcpStream, to_client: &mut TcpStream, line: &Line) -> io::Result<()> {
    match line.fault {
        Fault::None
        | Fault::CutAfter(_)
        | Fault::SayAfter(..)
        | Fault::CutBefore(_)
        | Fault::StallBefore(_) => {}
        Fault::StallAfter(_) => {
            line.stall();
            copy(from_server, to_client, &mut None, &mut 0)?;
        }
        Fault::ResetAfter(_) => rustix::net::sockopt::set_socket_linger(&*to_client, Some(Duration::ZERO))?,
        Fault::GarbageAfter(_) => {
            to_client.write_all(b"\x00* ((((\xff)}{99}\r\n\x17\x03")?;
            copy(from_server, to_client, &mut None, &mut 0)?;
        }
        Fault::CrawlAfter(_) => {
            let mut byte = [0];
            while from_server.read(&mut byte)? > 0 {
                to_client.write_all(&byte)?;
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
    Ok(())
}

/// Hands on what the client says up to the piece with these words, at which the connection ends, or stands still first.
fn copy_until(words: &str, from: &mut TcpStream, to: &mut TcpStream, line: &Line) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n_bytes = from.read(&mut buffer)?;
        let piece = &buffer[..n_bytes];
        if n_bytes == 0 {
            return Ok(());
        }
        if String::from_utf8_lossy(piece).contains(words) {
            break;
        }
        to.write_all(piece)?;
    }
    line.note(|state| state.n_struck += 1);
    if matches!(line.fault, Fault::StallBefore(_)) {
        line.stall();
    }
    to.shutdown(Shutdown::Both)?;
    from.shutdown(Shutdown::Both)
}

/// As `io::copy`, which may hold bytes back on Linux where the kernel copies; also counts what it has handed on when an
/// error ends it.
fn copy(
    mut from: impl io::Read,
    to: &mut TcpStream,
    say: &mut Option<(&str, &str)>,
    n_copied: &mut usize,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n_bytes = from.read(&mut buffer)?;
        if n_bytes == 0 {
            return Ok(());
        }
        let piece = &buffer[..n_bytes];
        match say.take_if(|(beginning, _)| piece.starts_with(beginning.as_bytes())) {
            // In one piece, as an attacker on the line would.
            Some((_, words)) => to.write_all(&[piece, words.as_bytes()].concat())?,
            None => to.write_all(piece)?,
        }
        *n_copied += n_bytes;
    }
}
