//! A server that says what the test tells it to say, for what real servers won't do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

/// A scripted server in clear text on loopback.
pub(crate) struct Script {
    /// Its port.
    pub(crate) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// Says `greeting`, then for each line what `answer` gives for it; hangs up at `None`.
    pub(crate) fn new(
        greeting: &'static str,
        answer: impl Fn(&str) -> Option<String> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let mut session = BufReader::new(stream);
                // A client may hang up whenever it likes.
                let mut alive = session.get_mut().write_all(greeting.as_bytes()).is_ok();
                while alive {
                    let mut line = String::new();
                    if session.read_line(&mut line).is_ok_and(|n_bytes| n_bytes > 0) {
                        lines.lock().unwrap().push(line.trim_end().to_owned());
                    } else {
                        break;
                    }
                    alive = answer(line.trim_end())
                        .is_some_and(|reply| session.get_mut().write_all(reply.as_bytes()).is_ok());
                }
            }
        });
        Self { port, heard }
    }

    /// All lines that clients have sent.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}
