//! A real name server (NSD) with zones of the test, one that never answers, and one that finds each answer forged.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::ports::own_ports;
use super::process::{Server, retry};

/// A name server on loopback, gone when the test ends.
pub(crate) struct Nsd {
    pub(crate) port: u16,
    _server: Server,
}

impl Nsd {
    /// One with these zones: name and records. A zone without records fails (SERVFAIL); one that isn't named is refused.
    pub(crate) fn start(folder: &Path, zones: &[(&str, &str)]) -> Self {
        fs::create_dir_all(folder).unwrap();
        let log = folder.join("output");
        retry("NSD", &log, || {
            let [port] = own_ports();
            let shown = folder.display();
            let mut config = format!(
                "server:\n  ip-address: 127.0.0.1@{port}\n  port: {port}\n  username: \"\"\n  chroot: \"\"\n  \
                 zonesdir: \"{shown}\"\n  database: \"\"\n  pidfile: \"{shown}/pid\"\n  logfile: \"{shown}/log\"\n  \
                 xfrdfile: \"{shown}/xfrd\"\n  zonelistfile: \"{shown}/list\"\n  xfrdir: \"{shown}\"\n  \
                 server-count: 1\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n"
            );
            for (name, records) in zones {
                write!(config, "zone:\n  name: {name}\n  zonefile: {name}.zone\n").unwrap();
                if !records.is_empty() {
                    let head = format!(
                        "$ORIGIN {name}.\n$TTL 300\n@ SOA ns.{name}. h.{name}. 1 3600 600 86400 60\n@ NS ns.{name}.\n\
                         ns A 127.0.0.1\n"
                    );
                    fs::write(folder.join(format!("{name}.zone")), format!("{head}{records}\n")).unwrap();
                }
            }
            fs::write(folder.join("nsd.conf"), config).unwrap();
            let mut command = Command::new("/usr/sbin/nsd");
            command
                .arg("-d")
                .arg("-c")
                .arg(folder.join("nsd.conf"))
                .process_group(0);
            let server = Server::start_silent(&mut command, &log, port)?;
            Some(Self {
                port,
                _server: server,
            })
        })
    }
}

/// A TXT record's data, cut into strings of 255 bytes at most.
pub(crate) fn txt(text: &str) -> String {
    let strings: Vec<String> = text
        .as_bytes()
        .chunks(250)
        .map(|part| format!("\"{}\"", std::str::from_utf8(part).unwrap()))
        .collect();
    format!("TXT {}", strings.join(" "))
}

/// A name server that takes questions and never answers.
pub(crate) struct Mute {
    pub(crate) port: u16,
    _udp: UdpSocket,
    _tcp: TcpListener,
}

impl Mute {
    pub(crate) fn new() -> Self {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        Self {
            port,
            _udp: udp,
            _tcp: tcp,
        }
    }
}

/// A resolver that validates and finds each answer bogus: SERVFAIL with the reason (RFC 4035, Section 5.5; RFC 8914,
/// Section 4.7).
pub(crate) struct Bogus {
    pub(crate) port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bogus {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut question = [0; 4096];
            while !is_over.load(Ordering::Relaxed) {
                if let Ok((length, peer)) = socket.recv_from(&mut question) {
                    socket.send_to(&bogus(&question[..length]), peer).unwrap();
                }
            }
        });
        Self {
            port,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Bogus {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// The answer: the question as it was asked, and an OPT record (RFC 6891) with Extended DNS Error 6.
fn bogus(question: &[u8]) -> Vec<u8> {
    let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let mut answer = Vec::from(&question[..2]);
    // A response, recursion desired and available, SERVFAIL; one question, one additional record.
    answer.extend([0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 1]);
    answer.extend(&question[12..name_end + 4]);
    answer.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 6]);
    answer
}
