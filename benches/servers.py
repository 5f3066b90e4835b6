"""The servers that benches/compare measures with, on loopback, and the plain clients that are the yardsticks."""

import contextlib
import imaplib
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASSWORD, MAIL_UID = "sesame-7131", 5000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def make_certificates(folder):
    """An authority and a server certificate of it."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    (folder / "ext").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
    )
    for command in (
        ["req", "-x509", *curve, "-days", "30", "-subj", "/CN=bench CA", "-keyout", "ca.key", "-out", "ca.pem"],
        ["req", *curve, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
         "-extfile", "ext", "-out", "server.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)


def stop(process):
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()


class Nsd:
    """A name server with one zone, whose records are `(name, TXT record)`."""

    def __init__(self, folder, zone, records):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        lines = [f"$ORIGIN {zone}.", "$TTL 86400", "@ SOA ns h 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1"]
        for name, text in records:
            strings = " ".join(f'"{text[at:at + 250]}"' for at in range(0, len(text), 250))
            lines.append(f"{name} TXT {strings}")
        (folder / "zone").write_text("\n".join(lines) + "\n")
        (folder / "nsd.conf").write_text(f"""server:
  ip-address: 127.0.0.1@{self.port}
  port: {self.port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/pid"
  logfile: "{folder}/log"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/list"
  xfrdir: "{folder}"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {zone}
  zonefile: zone
""")
        self.process = subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", folder / "nsd.conf"], start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        sys.exit("nsd did not start; see " + str(folder / "log"))

    def stop(self):
        stop(self.process)


class Dovecot:
    """A throw-away Dovecot with the configuration of the tests."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("run", "state", "mail", "keys"):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        os.chown(folder / "mail", MAIL_UID, MAIL_UID)
        make_certificates(folder)
        (folder / "oauth.conf.ext").write_text(
            "introspection_mode = local\nusername_attribute = sub\n"
            f"local_validation_key_dict = fs:posix:prefix={folder}/keys/\n"
        )
        self.port = free_port()
        text = (ROOT / "tests/it/support/dovecot.conf").read_text()
        values = {"dir": folder, "cert": folder / "server.pem", "key": folder / "server.key", "mail_uid": MAIL_UID,
                  "separator": "/", "prefix": "", "imap": free_port(), "imaps": self.port, "lmtp": free_port(),
                  "extra": ""}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        (folder / "dovecot.conf").write_text(text)
        # Dovecot looks at this file once a second, so that all users stand in it from the start.
        self.free_users = [f"u{n}@example.org" for n in range(100)]
        (folder / "passwd").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}::::::\n" for user in self.free_users))
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", folder / "dovecot.conf"],
                                        start_new_session=True)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        sys.exit("dovecot did not start; see " + str(folder / "log"))

    def stop(self):
        stop(self.process)

    def add_user(self, maildir_of=None):
        """A user, with the mails that `maildir_of(path)` makes."""
        user = self.free_users.pop()
        home = self.folder / "mail" / user
        maildir = home / "Maildir"
        for name in ("cur", "new", "tmp"):
            (maildir / name).mkdir(parents=True)
        if maildir_of:
            maildir_of(maildir)
        subprocess.run(["chown", "-R", f"{MAIL_UID}:{MAIL_UID}", home], check=True)
        return user

    def client(self, user):
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port, ssl_context=context)
        client.login(user, PASSWORD)
        return client


def plain_fetch(dovecot, user):
    """All bodies in batches of 500; seconds."""
    start = time.perf_counter()
    client = dovecot.client(user)
    _, [n_mails] = client.select("INBOX", readonly=True)
    n_bytes = 0
    for first in range(1, int(n_mails) + 1, 500):
        _, answers = client.fetch(f"{first}:{min(first + 499, int(n_mails))}", "(UID BODY.PEEK[])")
        n_bytes += sum(len(answer[1]) for answer in answers if isinstance(answer, tuple))
    client.logout()
    return time.perf_counter() - start


def login_and_leave(dovecot, user):
    """Login, EXAMINE, LOGOUT; seconds."""
    start = time.perf_counter()
    client = dovecot.client(user)
    client.select("INBOX", readonly=True)
    client.logout()
    return time.perf_counter() - start
