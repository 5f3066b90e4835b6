//! A proxy between the program and a server that lets a connection fail at a chosen byte.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::wait::LONG;

/// What happens to connections made from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// After so many bytes from the server, both directions stand still.
    StallAfter(usize),
    /// After so many bytes from the server, the connection ends without a word.
    CutAfter(usize),
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
    n_connections: u32,
}

impl Proxy {
    /// Stands in front of a server on loopback.
    pub(crate) fn to(upstream: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            fault: Fault::None,
            n_stalled: 0,
            n_connections: 0,
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
    std::thread::spawn(move || {
        let _n_bytes = io::copy(&mut from_client, &mut to_server);
        let _closed = to_server.shutdown(Shutdown::Write);
    });
    let (mut to_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        let limit = match fault {
            Fault::None => usize::MAX,
            Fault::StallAfter(n_bytes) | Fault::CutAfter(n_bytes) => n_bytes,
        };
        let passed = (&mut from_server).take(limit as u64);
        let whole = copy(passed, &mut to_client).is_ok_and(|n_bytes| n_bytes < limit as u64);
        if !whole && matches!(fault, Fault::StallAfter(_)) {
            let mut state = shared.0.lock().unwrap();
            state.n_stalled += 1;
            shared.1.notify_all();
            let _state = shared.1.wait_while(state, |state| state.fault == fault).unwrap();
            let _n_bytes = copy(from_server, &mut to_client);
        }
        let _closed = to_client.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// As `io::copy`, which may hold bytes back on Linux where the kernel copies.
fn copy(mut from: impl io::Read, to: &mut TcpStream) -> io::Result<u64> {
    let mut buffer = vec![0; 64 * 1024];
    let mut n_copied = 0;
    loop {
        let n_bytes = from.read(&mut buffer)?;
        if n_bytes == 0 {
            return Ok(n_copied);
        }
        to.write_all(&buffer[..n_bytes])?;
        n_copied += n_bytes as u64;
    }
}
