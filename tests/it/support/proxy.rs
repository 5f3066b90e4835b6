//! A proxy between the program and a server that lets a connection fail at a chosen byte.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    n_stalled: u32,
    /// How often the fault has struck.
    n_struck: u32,
    n_connections: u32,
    /// What the server has said in the newest connection, in bytes.
    n_bytes: usize,
}

impl Proxy {
    /// Stands in front of a server on loopback.
    pub(crate) fn to(upstream: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            fault: Fault::None,
            n_stalled: 0,
            n_struck: 0,
            n_connections: 0,
            n_bytes: 0,
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)) else {
                    continue; // dropping the client says that nobody is there
                };
                let fault = {
                    let mut state = shared.0.lock().unwrap();
                    state.n_connections += 1;
                    state.n_bytes = 0;
                    state.fault
                };
                join(&client, &server, fault, &shared).unwrap();
            }
        });
        Self { port, state }
    }

    /// Chooses what happens to connections made from now on, and lets those that stand still go on.
    pub(crate) fn set(&self, fault: Fault) {
        let mut state = self.state.0.lock().unwrap();
        state.fault = fault;
        state.n_stalled = 0;
        state.n_struck = 0;
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

    /// What the server said in the newest connection that is over, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        until("a connection to end", LONG, || {
            let n_bytes = self.state.0.lock().unwrap().n_bytes;
            (n_bytes > 0).then_some(n_bytes)
        })
    }

    /// How often the fault chosen last has struck.
    pub(crate) fn n_struck(&self) -> u32 {
        self.state.0.lock().unwrap().n_struck
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
        self.state.1.notify_all();
    }
}

fn join(
    client: &TcpStream,
    server: &TcpStream,
    fault: Fault,
    shared: &Arc<(Mutex<State>, Condvar)>,
) -> io::Result<()> {
    let (mut to_server, mut from_client) = (server.try_clone()?, client.try_clone()?);
    let from_client_on = Arc::clone(shared);
    std::thread::spawn(move || {
        let _n_bytes = match fault {
            Fault::CutBefore(words) | Fault::StallBefore(words) => {
                copy_until(words, fault, &mut from_client, &mut to_server, &from_client_on)
            }
            _ => io::copy(&mut from_client, &mut to_server).map(drop),
        };
        let _closed = to_server.shutdown(Shutdown::Write);
    });
    let (mut to_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
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
        let passed = (&mut from_server).take(limit as u64);
        let whole = match copy(passed, &mut to_client, &mut say) {
            Ok(n_bytes) => {
                let mut state = shared.0.lock().unwrap();
                state.n_bytes = usize::try_from(n_bytes).unwrap();
                let is_whole = n_bytes < limit as u64;
                state.n_struck += u32::from(!is_whole);
                is_whole
            }
            Err(_) => false,
        };
        if !whole {
            // The client may hang up first.
            let _done = misbehave(fault, from_server, &mut to_client, &shared);
        }
        let how = match fault {
            // No farewell: the socket is reset when its last handle goes, which ending the other thread's read brings.
            Fault::ResetAfter(_) if !whole => Shutdown::Read,
            _ => Shutdown::Both,
        };
        let _closed = to_client.shutdown(how);
    });
    Ok(())
}

/// What comes after the byte up to which all went well.
fn misbehave(
    fault: Fault,
    mut from_server: TcpStream,
    to_client: &mut TcpStream,
    shared: &(Mutex<State>, Condvar),
) -> io::Result<()> {
    match fault {
        Fault::None
        | Fault::CutAfter(_)
        | Fault::SayAfter(..)
        | Fault::CutBefore(_)
        | Fault::StallBefore(_) => {}
        Fault::StallAfter(_) => {
            let mut state = shared.0.lock().unwrap();
            state.n_stalled += 1;
            shared.1.notify_all();
            drop(shared.1.wait_while(state, |state| state.fault == fault).unwrap());
            copy(from_server, to_client, &mut None)?;
        }
        Fault::ResetAfter(_) => rustix::net::sockopt::set_socket_linger(&*to_client, Some(Duration::ZERO))?,
        Fault::GarbageAfter(_) => {
            to_client.write_all(b"\x00* ((((\xff)}{99}\r\n\x17\x03")?;
            copy(from_server, to_client, &mut None)?;
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
fn copy_until(
    words: &str,
    fault: Fault,
    from: &mut TcpStream,
    to: &mut TcpStream,
    shared: &(Mutex<State>, Condvar),
) -> io::Result<()> {
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
    let mut state = shared.0.lock().unwrap();
    state.n_struck += 1;
    if matches!(fault, Fault::StallBefore(_)) {
        state.n_stalled += 1;
        shared.1.notify_all();
        drop(shared.1.wait_while(state, |state| state.fault == fault).unwrap());
    }
    to.shutdown(Shutdown::Both)?;
    from.shutdown(Shutdown::Both)
}

/// As `io::copy`, which may hold bytes back on Linux where the kernel copies.
fn copy(mut from: impl io::Read, to: &mut TcpStream, say: &mut Option<(&str, &str)>) -> io::Result<u64> {
    let mut buffer = vec![0; 64 * 1024];
    let mut n_copied = 0;
    loop {
        let n_bytes = from.read(&mut buffer)?;
        if n_bytes == 0 {
            return Ok(n_copied);
        }
        let piece = &buffer[..n_bytes];
        match say.take_if(|(beginning, _)| piece.starts_with(beginning.as_bytes())) {
            // In one piece, as an attacker on the line would.
            Some((_, words)) => to.write_all(&[piece, words.as_bytes()].concat())?,
            None => to.write_all(piece)?,
        }
        n_copied += n_bytes as u64;
    }
}
