"""The work of benches/compare: each target is a function that measures and gives rows of the table."""

import argparse
import base64
import contextlib
import datetime
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from servers import MAIL_UID, PASSWORD, ROOT, Dovecot, Nsd, login_and_leave, plain_fetch

# What `generate` names its reporters after.
REPORTERS = 30


class Row:
    """A line of the table."""

    def __init__(self, number, what, target, measured, met):
        self.cells = [str(number), what, target, measured, "met" if met else "missed"]


# ---- Processes


class Ended:
    def __init__(self, wall, cpu, rss, stdout):
        self.wall, self.cpu, self.rss, self.stdout = wall, cpu, rss, stdout


class Peak(threading.Thread):
    """Looks at a process's peak memory again and again: what wait4 gives is never below that of this program."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.mib = pathlib.Path(f"/proc/{pid}/status"), 0.0
        self.start()

    def run(self):
        with contextlib.suppress(OSError, TypeError):
            while True:
                self.mib = int(re.search(r"VmHWM:\s*(\d+)", self.path.read_text())[1]) / 1024
                time.sleep(0.005)


def run(arguments, ok=(0,), with_peak=False):
    """Runs a program: wall and CPU seconds, peak memory in MiB, and what it printed."""
    arguments = [str(argument) for argument in arguments]
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=output, stderr=errors, stdin=subprocess.DEVNULL)
        peak = Peak(process.pid) if with_peak else None
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
        if process.returncode not in ok:
            errors.seek(0)
            sys.exit(f"{' '.join(arguments)} ended with {process.returncode}:\n{errors.read().decode()}")
    return Ended(wall, usage.ru_utime + usage.ru_stime, peak.mib if peak else None, text)


# ---- The bench


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.runs = options, folder, options.runs
        self.part = 10 if options.quick else 1
        self._dovecot = None
        self._nsd = None
        self._made = {}

    def close(self):
        for server in (self._dovecot, self._nsd):
            if server:
                server.stop()
        if self._dovecot:
            shutil.rmtree(self._dovecot.folder)

    @property
    def dovecot(self):
        if not self._dovecot:
            # Paths of sockets end at 107 characters.
            self._dovecot = Dovecot(pathlib.Path(tempfile.mkdtemp(prefix="tb", dir="/tmp")))
        return self._dovecot

    @property
    def keys(self):
        """An RSA key for each reporter, in files named after them; and a name server that has them."""

        def make():
            folder = self.folder / "keys"
            folder.mkdir(exist_ok=True)
            records = []
            for n in range(REPORTERS):
                path = folder / f"reporter{n}.example.pem"
                openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
                public = base64.b64encode(openssl("pkey", "-in", path, "-pubout", "-outform", "DER")).decode()
                records.append((f"reports._domainkey.reporter{n}", f"v=DKIM1; k=rsa; p={public}"))
            self._nsd = Nsd(self.folder / "nsd", "example", records)
            return folder, self._nsd.port

        return self.made("keys", make)

    def made(self, name, make):
        """What several targets share is made once."""
        if name not in self._made:
            print(f"... {name}", file=sys.stderr)
            self._made[name] = make()
        return self._made[name]

    def generate(self, what, target, reports, *more):
        return run([self.options.generate, what, target, "--reports", reports, *more])

    def mailbox(self, n_mails, name=None, more=()):
        """A user with so many mails."""

        def make():
            user = self.dovecot.add_user(
                lambda maildir: self.generate("maildir", maildir, n_mails, *more) if n_mails else None)
            login_and_leave(self.dovecot, user)  # Dovecot moves new mails to cur once
            return user

        return self.made(f"mailbox {name or n_mails}", make)

    def eml(self, n_mails, skip=0):
        def make():
            folder = self.folder / f"eml-{n_mails}-{skip}"
            self.generate("eml", folder, n_mails + skip, "--skip", skip)
            return folder

        return self.made(f"eml-{n_mails}-{skip}", make)

    def config(self, name, user=None, database=None, authentication='mode = "off"', maildir=None):
        """A configuration and a database of its own."""
        path = self.folder / f"{name}.toml"
        database = database or self.folder / f"{name}.db"
        mailbox = f"""
[[mailbox]]
name = "reports"
host = "127.0.0.1"
port = {self.dovecot.port}
user = "{user}"
password = "{PASSWORD}"
ca_file = "{self.dovecot.folder / 'ca.pem'}"
since = "forever"
""" if user else f"""
[[mailbox]]
name = "reports"
kind = "maildir"
path = "{maildir}"
since = "forever"
""" if maildir else ""
        (self.folder / "outbox").mkdir(exist_ok=True)
        path.write_text(f"""
[authentication]
{authentication}

[store]
path = "{database}"
retention = "forever"
[digest]
from = "tlsrptd@example.org"
to = ["ops@example.org"]
[smtp]
transport = "file"
path = "{self.folder / 'outbox'}"
{mailbox}""")
        path.chmod(0o600)
        return path, database

    def tlsrptd(self, config, *arguments, ok=(0,), with_peak=False):
        return run([self.options.tlsrptd, *arguments, "--config", config], ok=ok, with_peak=with_peak)

    def forget(self, database):
        for ending in ("", "-wal", "-shm", ".lock"):
            pathlib.Path(f"{database}{ending}").unlink(missing_ok=True)

    def first_polls(self, n_mails, runs, with_peak=False):
        user = self.mailbox(n_mails)
        polls, fetches = [], []
        plain_fetch(self.dovecot, user)  # warms the server's caches
        for _ in range(runs):
            config, database = self.config("poll", user)
            self.forget(database)
            fetches.append(plain_fetch(self.dovecot, user))
            polls.append(self.tlsrptd(config, "poll", with_peak=with_peak))
            n_stored = sqlite3.connect(database).execute("SELECT count(*) FROM reports").fetchone()[0]
            assert n_stored >= n_mails * 0.999, n_stored
        return polls, fetches

    def imports(self, n_mails, runs, with_peak=False):
        folder, imports, reads = self.eml(n_mails), [], []
        for _ in range(runs):
            config, database = self.config("import")
            self.forget(database)
            reads.append(self.generate("read", folder, 0))
            imports.append(self.tlsrptd(config, "import", folder, with_peak=with_peak))
        return imports, reads

    @property
    def large_database(self):
        """A million reports of two years as a daemon leaves them: all but the last day's told by digests, and assessed."""

        def make():
            n_reports = 1_000_000 // self.part
            n_day = n_reports // 730
            database = self.folder / "large.db"
            self.forget(database)
            maildir = self.folder / "large-maildir"
            config, _ = self.config("large", database=database, maildir=maildir)
            gzipped = int(self.generate("database", database, n_reports - 2 * n_day).stdout)
            first = self.tlsrptd(config, "digest")
            self.tlsrptd(config, "digest", "--send")
            for skip in (n_reports - 2 * n_day, n_reports - n_day):
                gzipped += int(self.generate("database", database, skip + n_day, "--skip", skip).stdout)
                if skip + n_day < n_reports:
                    self.tlsrptd(config, "digest", "--send")
            # As `generate` doesn't, a poll assesses what it has stored.
            self.generate("maildir", maildir, 9_000_010, "--skip", 9_000_000)
            self.tlsrptd(config, "poll")
            connection = sqlite3.connect(database)
            n_stored = connection.execute("SELECT count(*) FROM reports").fetchone()[0]
            assert n_stored >= n_reports * 0.999 + 10, n_stored
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            return config, database, n_reports, gzipped, first.wall

        return self.made("large database", make)


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def median(values):
    return statistics.median(values)


def walls(runs):
    return median([one.wall for one in runs])


def target_1(bench):
    n_mails = 10_000 // bench.part
    polls, fetches = bench.first_polls(n_mails, bench.runs)
    ratio = walls(polls) / median(fetches)
    cpu = median([one.cpu for one in polls])
    yield Row(1, f"first poll of {n_mails:,} mails against a plain fetch", "<= 2.5 times (aim 1.5)",
              f"{ratio:.2f} times: {walls(polls):.2f} s (CPU {cpu:.2f} s), plain fetch {median(fetches):.2f} s",
              ratio <= 2.5)


def target_2(bench):
    n_mails = 10_000 // bench.part
    imports, reads = bench.imports(n_mails, bench.runs)
    ratio = walls(imports) / walls(reads)
    cpu = median([one.cpu for one in imports])
    yield Row(2, f"import of {n_mails:,} .eml files against reading and parsing them", "<= 1.5 times",
              f"{ratio:.2f} times: {walls(imports):.2f} s (CPU {cpu:.2f} s), plain reading {walls(reads):.2f} s",
              ratio <= 1.5)


def target_3(bench):
    """parsedmarc's quickest way: files, no look-ups, JSON on one line."""
    n_mails = 1000  # fewer show how long both take to start
    folder = bench.eml(n_mails)
    parsedmarc = pathlib.Path(sys.executable).with_name("parsedmarc")
    files = sorted(folder.iterdir())
    theirs = [run([parsedmarc, "--offline", "--silent", "--no-prettify-json", *files]).cpu for _ in range(bench.runs)]
    ours = []
    for _ in range(bench.runs):
        config, database = bench.config("against")
        bench.forget(database)
        ours.append(bench.tlsrptd(config, "import", folder).cpu)
    ratio = median(theirs) / median(ours)
    yield Row(3, f"CPU of an import of {n_mails:,} mails against parsedmarc", "<= 1/40",
              f"1/{ratio:.0f}: {median(ours):.3f} s against {median(theirs):.1f} s", ratio >= 40)


def target_4(bench):
    few, many = 1000 // bench.part, 100_000 // bench.part
    for what, function in (("first poll", bench.first_polls), ("import", bench.imports)):
        peak = {n: max(one.rss for one in function(n, 1, with_peak=True)[0]) for n in (few, 10_000 // bench.part, many)}
        ratio = peak[many] / peak[few]
        yield Row(4, f"peak memory, {what}", "<= 32 MiB, and at 100,000 mails <= 1.2 times that at 1,000",
                  ", ".join(f"{n:,}: {mib:.1f} MiB" for n, mib in peak.items()) + f" ({ratio:.2f} times)",
                  max(peak.values()) <= 32 and ratio <= 1.2)


def sessions_logged(bench):
    """What Dovecot logged of the sessions that ended: their bytes and mails."""
    log = (bench.dovecot.folder / "log").read_text(errors="replace")
    return re.findall(r"Logged out in=(\d+) out=(\d+).*?hdr_count=(\d+).*?body_count=(\d+)", log)


def target_5(bench):
    user = bench.mailbox(100_000 // bench.part)
    config, _ = bench.config("unchanged", user)
    bench.tlsrptd(config, "poll")
    polls, bare = [], []
    for _ in range(bench.runs):
        bare.append(login_and_leave(bench.dovecot, user))
        polls.append(bench.tlsrptd(config, "poll"))
    time.sleep(0.2)  # for the log
    session = sessions_logged(bench)[-1]
    ratio = walls(polls) / median(bare)
    yield Row(5, f"poll of an unchanged mailbox of {100_000 // bench.part:,} mails",
              "no FETCH, < 10 kB read, <= 2 times login, EXAMINE, LOGOUT",
              f"{session[3]} bodies, {session[1]} bytes, {ratio:.2f} times: {walls(polls) * 1000:.0f} ms, "
              f"bare {median(bare) * 1000:.0f} ms",
              ratio <= 2 and session[3] == "0" and int(session[1]) < 10_000)


def target_6(bench):
    """The server's own EXAMINE is what a bare session takes longer with the large mailbox than with the small one."""
    n_large = 100_000 // bench.part
    large, beyond = [], []
    user = bench.mailbox(n_large)
    config, _ = bench.config("unchanged", user)
    bench.tlsrptd(config, "poll")
    maildir = bench.dovecot.folder / "mail" / user / "Maildir"
    small = []
    for n in range(bench.runs):
        empty = bench.mailbox(0, f"empty{n}")
        empty_config, database = bench.config(f"empty{n}", empty)
        bench.forget(database)
        bench.tlsrptd(empty_config, "poll")
        for path in (maildir, bench.dovecot.folder / "mail" / empty / "Maildir"):
            skip = 3_000_000 + 10 * n
            bench.generate("maildir", path, skip + 10, "--skip", skip)
            subprocess.run(["chown", "-R", f"{MAIL_UID}:{MAIL_UID}", path / "new"], check=True)
        # The first to look makes the server index the new mails.
        login_and_leave(bench.dovecot, user)
        login_and_leave(bench.dovecot, empty)
        examine = login_and_leave(bench.dovecot, user) - login_and_leave(bench.dovecot, empty)
        large.append(bench.tlsrptd(config, "poll").wall)
        small.append(bench.tlsrptd(empty_config, "poll").wall)
        beyond.append(large[-1] - max(examine, 0))
    ratio = median(beyond) / median(small)
    yield Row(6, f"10 new mails in a mailbox of {n_large:,}", "<= 2 times 10 mails in an empty one, beyond EXAMINE",
              f"{ratio:.2f} times: {median(large) * 1000:.0f} ms, {median(beyond) * 1000:.0f} ms of it beyond "
              f"EXAMINE, empty {median(small) * 1000:.0f} ms", ratio <= 2)


def target_7(bench):
    config, database, n_reports, _, _ = bench.large_database
    n_mails = 10_000 // bench.part
    copy = bench.folder / "rate.db"
    shutil.copy(database, copy)
    full_config, _ = bench.config("rate", database=copy)
    empty, full = [], []
    for n in range(bench.runs):
        folder = bench.eml(n_mails, 5_000_000 + n * n_mails)
        empty_config, empty_database = bench.config("rate-empty")
        bench.forget(empty_database)
        empty.append(bench.tlsrptd(empty_config, "import", folder))
        full.append(bench.tlsrptd(full_config, "import", folder))
    bench.forget(copy)
    ratio = walls(empty) / walls(full)
    yield Row(7, f"rate with {n_reports:,} reports stored against an empty database", ">= 0.8",
              f"{ratio:.2f}: {n_mails / walls(full):,.0f} against {n_mails / walls(empty):,.0f} mails a second",
              ratio >= 0.8)


def documented_queries():
    text = (ROOT / "docs/sql.md").read_text()
    queries = re.findall(r"### ([^\n]*\?)\n.*?```sql\n(.*?)```", text, re.S)
    return [(title, query.strip().rstrip(";")) for title, query in queries]


def target_8(bench):
    config, _, n_reports, _, first = bench.large_database
    digest = walls([bench.tlsrptd(config, "digest") for _ in range(bench.runs)])
    status = walls([bench.tlsrptd(config, "status", ok=(0, 1, 3)) for _ in range(bench.runs)])
    yield Row(8, f"digest of a day and status after a poll, {n_reports:,} reports", "< 0.3 s",
              f"digest {digest:.3f} s, status {status:.3f} s (a first digest over all: {first:.1f} s)",
              max(digest, status) < 0.3)
    for verb in (["problems"], ["ready"], ["domains"], ["reporters"], ["report", "--html", bench.folder / "page.html"]):
        seconds = walls([bench.tlsrptd(config, *verb, ok=(0, 1, 3)) for _ in range(min(bench.runs, 3))])
        yield Row(8, f"`{verb[0]}`", "no target", f"{seconds:.2f} s", True)
    seconds, share = assessment(bench)
    yield Row(8, "import of ten mails, with the assessment after it", "no target", f"{seconds:.2f} s, {share}", True)
    for title, query in documented_queries():
        seconds = walls([bench.tlsrptd(config, "sql", "--format", "csv", query) for _ in range(bench.runs)])
        yield Row(8, f"“{title}”", "< 1 s", f"{seconds:.2f} s", seconds < 1)


def assessment(bench):
    """What a poll that brings little costs with much stored, and how much of that is the assessment."""
    _, database, _, _, _ = bench.large_database
    copy = bench.folder / "assess.db"
    shutil.copy(database, copy)
    config, _ = bench.config("assess", database=copy)
    folder = bench.eml(10, 8_000_000)
    ended = bench.tlsrptd(config, "import", folder, with_peak=True)
    bench.forget(copy)
    return ended.wall, f"CPU {ended.cpu:.2f} s, {ended.rss:.0f} MiB"


def target_9(bench):
    _, database, n_reports, gzipped, _ = bench.large_database
    beyond = database.stat().st_size / n_reports - 1.2 * gzipped / n_reports
    yield Row(9, f"database size, {n_reports:,} reports", "<= 1.2 times the gzipped reports + 900 bytes a report (aim 600)",
              f"1.2 times {gzipped / n_reports:.0f} + {beyond:.0f} bytes = {database.stat().st_size / n_reports:.0f} "
              "bytes a report", beyond <= 900)


def target_10(bench):
    _, database, n_reports, _, _ = bench.large_database
    copy = bench.folder / "retention.db"
    shutil.copy(database, copy)
    days = 73  # a tenth
    process = subprocess.Popen([str(bench.options.generate), "retain", str(copy), "--days", str(730 - days)],
                               stdout=subprocess.PIPE)
    connection = sqlite3.connect(copy, timeout=0, isolation_level=None)
    longest, since, start = 0.0, None, time.perf_counter()
    while process.poll() is None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            if since:
                longest = max(longest, time.perf_counter() - since)
            since = None
        except sqlite3.OperationalError:
            since = since or time.perf_counter()
        time.sleep(0.0005)
    wall = time.perf_counter() - start
    removed = int(process.stdout.read())
    bench.forget(copy)
    yield Row(10, f"retention removing {removed:,} of {n_reports:,} reports", "in slices, no write lock > 100 ms",
              f"longest {longest * 1000:.0f} ms, {wall:.1f} s in all", longest <= 0.1)


def target_11(bench):
    path = bench.folder / "reporter.example.net!d0.example!1!2.json.gz"
    bench.generate("large", path, 1, "--details", 100_000)
    runs = []
    for _ in range(bench.runs):
        config, database = bench.config("details")
        bench.forget(database)
        runs.append(bench.tlsrptd(config, "import", path, with_peak=True))
    stored = sqlite3.connect(database).execute("SELECT count(*) FROM failure_details").fetchone()[0]
    rss = max(one.rss for one in runs)
    yield Row(11, "one report with 100,000 failure details", "stored whole, <= 120 MiB, < 1.5 s",
              f"{stored:,} stored, {rss:.0f} MiB, {walls(runs):.2f} s",
              stored == 100_000 and rss <= 120 and walls(runs) < 1.5)


def first_command(bench):
    """From start to the first command at a server that answers at once."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = bench.folder / "start.toml"
    database = bench.folder / "start.db"
    bench.forget(database)
    config.write_text(f"""
[[mailbox]]
name = "reports"
host = "127.0.0.1"
port = {listener.getsockname()[1]}
tls = "none"
user = "u"
password = "p"
[authentication]
mode = "off"

[store]
path = "{database}"
[digest]
from = "tlsrptd@example.org"
to = ["ops@example.org"]
[smtp]
transport = "file"
path = "{bench.folder}"
""")
    config.chmod(0o600)
    start = time.perf_counter()
    process = subprocess.Popen([bench.options.tlsrptd, "run", "--config", config], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    connection, _ = listener.accept()
    connection.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    connection.recv(100)
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    return seconds


def switches(pid):
    """How often the threads of a process were woken."""
    texts = [path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", text)[1]) for text in texts)


def target_12(bench):
    user = bench.mailbox(1000 // bench.part)
    config, database = bench.config("rest", user)
    bench.forget(database)
    process = subprocess.Popen([bench.options.tlsrptd, "run", "--config", config], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(sqlite3.Error):
            if sqlite3.connect(database).execute("SELECT count(*) FROM mailbox_state").fetchone()[0]:
                break
        time.sleep(0.2)
    time.sleep(2)
    seconds = 60 // bench.part
    before = switches(process.pid)
    time.sleep(seconds)
    woken = switches(process.pid) - before
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    rss = int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1024
    process.terminate()
    process.wait()
    first_command(bench)
    start = median([first_command(bench) for _ in range(bench.runs)]) * 1000
    size = pathlib.Path(bench.options.tlsrptd).stat().st_size / 2**20
    yield Row(12, "daemon at rest", "<= 16 MiB, no wake-ups but timers", f"{rss:.1f} MiB, woken {woken} times in {seconds} s",
              rss <= 16 and woken <= 8)  # of its timers
    yield Row(12, "start to first command, binary", "< 50 ms, < 12 MiB", f"{start:.0f} ms, {size:.1f} MiB",
              start < 50 and size < 12)


def target_13(bench):
    """What it takes to prove where reports are from. The keys are asked for once each, with the first batch."""
    n_mails = 10_000 // bench.part
    folder, port = bench.keys
    user = bench.mailbox(n_mails, f"signed {n_mails}", ["--keys", folder])
    plain_fetch(bench.dovecot, user)
    polls = {}
    for _ in range(bench.runs):
        for name, authentication in (("off", 'mode = "off"'), ("verify", f'nameservers = ["127.0.0.1:{port}"]')):
            config, database = bench.config(f"signed-{name}", user, authentication=authentication)
            bench.forget(database)
            polls.setdefault(name, []).append(bench.tlsrptd(config, "poll"))
    with contextlib.closing(sqlite3.connect(database)) as connection:
        query = "SELECT count(*) FROM reports WHERE authentication = 'dkim'"
        n_proven = connection.execute(query).fetchone()[0]
    assert n_proven >= n_mails * 0.999, n_proven
    off, verify = polls["off"], polls["verify"]
    ratio = walls(verify) / walls(off)
    cpu = [median([one.cpu for one in runs]) for runs in (verify, off)]
    yield Row(13, f"first poll of {n_mails:,} signed mails (RSA-2048) against the same without verification",
              "<= 2 times", f"{ratio:.2f} times: {walls(verify):.2f} s (CPU {cpu[0]:.2f} s), without {walls(off):.2f} s "
              f"(CPU {cpu[1]:.2f} s)", ratio <= 2)


TARGETS = [target_1, target_2, target_3, target_4, target_5, target_6, target_7, target_8, target_9, target_10,
           target_11, target_12, target_13]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tlsrptd", type=pathlib.Path, required=True)
    parser.add_argument("--generate", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--targets", default=",".join(str(n) for n in range(1, len(TARGETS) + 1)))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    options.tlsrptd, options.generate = options.tlsrptd.resolve(), options.generate.resolve()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="tlsrptd-bench."))
    folder.mkdir(exist_ok=True)
    bench = Bench(options, folder)
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
          f"median of {options.runs}{', quick' if options.quick else ''}\n")
    print("| # | what | target | measured | |\n|---|---|---|---|---|")
    try:
        for number in options.targets.split(","):
            for row in TARGETS[int(number) - 1](bench):
                print("| " + " | ".join(row.cells) + " |", flush=True)
    finally:
        bench.close()
        if not options.keep:
            shutil.rmtree(folder)


main()
