//! The least client that hands a mail to a server, by SMTP or LMTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use super::wait::LONG;

/// How the client introduces itself.
#[derive(Clone, Copy)]
pub(crate) enum Dialect {
    /// RFC 5321.
    Smtp,
    /// RFC 2033.
    Lmtp,
}

/// Delivers a mail; the server must accept it.
pub(crate) fn deliver(port: u16, dialect: Dialect, from: &str, to: &str, mail: &[u8]) {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut session = BufReader::new(stream);
    expect(&mut session, "2");
    let hello = match dialect {
        Dialect::Smtp => "EHLO reporter.example",
        Dialect::Lmtp => "LHLO reporter.example",
    };
    for command in [hello, &format!("MAIL FROM:<{from}>"), &format!("RCPT TO:<{to}>")] {
        send(&mut session, format!("{command}\r\n").as_bytes());
        expect(&mut session, "2");
    }
    send(&mut session, b"DATA\r\n");
    expect(&mut session, "3");
    send(&mut session, &dot_stuffed(mail));
    expect(&mut session, "2");
    send(&mut session, b"QUIT\r\n");
}

fn send(session: &mut BufReader<TcpStream>, bytes: &[u8]) {
    session.get_mut().write_all(bytes).unwrap();
}

/// Reads a reply, which may have several lines.
fn expect(session: &mut BufReader<TcpStream>, class: &str) {
    loop {
        let mut line = String::new();
        session.read_line(&mut line).unwrap();
        assert!(line.starts_with(class), "the server says {line:?}");
        if line.as_bytes().get(3) != Some(&b'-') {
            return;
        }
    }
}

/// RFC 5321, Section 4.5.2.
fn dot_stuffed(mail: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(mail.len());
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    if !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}
