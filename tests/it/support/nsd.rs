//! A real name server (NSD) with zones of the test, and one that never answers.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

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
