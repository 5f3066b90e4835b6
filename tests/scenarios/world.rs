//! A team with a database, reports that arrive when the scenario says, and the mails that come of it.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use mail_parser::MessageParser;
use serde_json::{Value, json};
use tempfile::TempDir;
use tlsrptd::assess::history::{Remark, Saying};
use tlsrptd::authenticate::{Fault, KeyService, Reason, Verdict};
use tlsrptd::config::{Audience, Config, SendWhen, Span, Unauthenticated};
use tlsrptd::deliver;
use tlsrptd::digest::schedule;
use tlsrptd::prepare::{Input, Judged, prepare, prepare_judged};
use tlsrptd::store::{Delivery, FixedDigest, Origin, Store, Tally};

/// A day of November 2026.
pub(crate) fn nov(day: i8) -> Date {
    date(2026, 11, day)
}

/// A day so many days after the first of November 2026.
pub(crate) fn day(n: i64) -> Date {
    nov(1).checked_add(n.days()).unwrap()
}

/// A moment in UTC: `"2026-11-19 13:31"`.
pub(crate) fn utc(text: &str) -> Timestamp {
    format!("{}:00Z", text.replace(' ', "T")).parse().unwrap()
}

/// When a reporter's report about a day usually comes in.
fn usual_arrival(reporter: &str, day: Date) -> Timestamp {
    let after_midnight = match reporter {
        "google.com" => SignedDuration::from_mins(13 * 60 + 31),
        "microsoft.com" => SignedDuration::from_mins(20 * 60 + 4),
        "mail.ru" => SignedDuration::from_mins(3 * 60 + 40),
        _ => SignedDuration::from_mins(4 * 60 + 57),
    };
    day.tomorrow()
        .unwrap()
        .to_zoned(TimeZone::UTC)
        .unwrap()
        .timestamp()
        .checked_add(after_midnight)
        .unwrap()
}

/// An entry of "policies".
#[derive(Debug, Clone)]
pub(crate) struct Entry(Value);

/// An `sts` entry with a whole policy text.
pub(crate) fn sts(domain: &str, mode: &str, mx: &[&str], max_age: u32, ok: u64, failed: u64) -> Entry {
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
    lines.extend(mx.iter().map(|mx| format!("mx: {mx}")));
    lines.push(format!("max_age: {max_age}"));
    entry("sts", domain, &lines, ok, failed)
}

/// An `sts` entry that shows no policy.
pub(crate) fn bare_sts(domain: &str, ok: u64, failed: u64) -> Entry {
    entry("sts", domain, &[], ok, failed)
}

/// A `tlsa` entry.
pub(crate) fn tlsa(domain: &str, records: &[&str], ok: u64, failed: u64) -> Entry {
    let records: Vec<String> = records.iter().map(|&record| record.to_owned()).collect();
    entry("tlsa", domain, &records, ok, failed)
}

/// A `no-policy-found` entry.
pub(crate) fn no_policy(domain: &str, ok: u64, failed: u64) -> Entry {
    entry("no-policy-found", domain, &[], ok, failed)
}

fn entry(kind: &str, domain: &str, lines: &[String], ok: u64, failed: u64) -> Entry {
    let mut policy = json!({ "policy-type": kind, "policy-domain": domain });
    if !lines.is_empty() {
        policy["policy-string"] = json!(lines);
    }
    Entry(json!({
        "policy": policy,
        "summary": { "total-successful-session-count": ok, "total-failure-session-count": failed },
    }))
}

impl Entry {
    /// With a detail: result type, MX, receiving address, count, reason; empty texts are absent.
    pub(crate) fn detail(
        mut self,
        kind: &str,
        mx: &str,
        ip: &str,
        count: impl Into<Value>,
        reason: &str,
    ) -> Self {
        let mut detail = json!({ "result-type": kind, "failed-session-count": count.into() });
        for (key, text) in [
            ("receiving-mx-hostname", mx),
            ("receiving-ip", ip),
            ("failure-reason-code", reason),
        ] {
            if !text.is_empty() {
                detail[key] = json!(text);
            }
        }
        match self.0.get_mut("failure-details").and_then(Value::as_array_mut) {
            Some(details) => details.push(detail),
            None => self.0["failure-details"] = json!([detail]),
        }
        self
    }

    /// With a summary whose failures can't be read.
    pub(crate) fn unreadable(mut self) -> Self {
        self.0["summary"]["total-failure-session-count"] = json!(-1);
        self
    }
}

/// What arrives, and what must come of it.
#[derive(Debug, Clone)]
enum Arrival {
    /// A report that is stored.
    Report(String),
    /// A report that is there already.
    Duplicate(String),
    /// A mail that is no report.
    Other(String),
    /// A mail with a report that can't be read.
    Unreadable(String),
}

/// What is found of a report's origin.
fn verdict(report: &str, holds: bool) -> Verdict {
    let report: Value = serde_json::from_str(report).unwrap();
    let contact = report["contact-info"].as_str().unwrap();
    let (domain, selector) = (contact.rsplit_once('@').unwrap().1.to_owned(), "s1".to_owned());
    if holds {
        Verdict::Verified {
            domain,
            selector,
            service: KeyService::Any,
        }
    } else {
        Verdict::Unauthenticated {
            reason: Reason::Signature {
                domain,
                selector,
                fault: Fault::Body,
            },
        }
    }
}

impl Arrival {
    fn input(&self) -> Input<'_> {
        match self {
            Self::Report(text) | Self::Duplicate(text) => Input::File {
                bytes: text.as_bytes(),
                name: None,
            },
            Self::Other(mail) | Self::Unreadable(mail) => Input::Mail(mail.as_bytes()),
        }
    }

    fn count(&self, tally: &mut Tally) {
        tally.mails += 1;
        match self {
            Self::Report(_) => tally.stored += 1,
            Self::Duplicate(_) => tally.duplicates += 1,
            Self::Other(_) => tally.not_reports += 1,
            Self::Unreadable(_) => tally.rejected += 1,
        }
    }
}

/// A team's database and what is still to arrive.
pub(crate) struct World {
    pub(crate) config: Config,
    store: Store,
    arrivals: BTreeMap<(Timestamp, u64), (Arrival, bool)>,
    n_arrivals: u64,
    subjects: BTreeMap<String, String>,
    /// Every report is signed; from then on, no signature holds.
    pub(crate) broken_from: Option<Timestamp>,
    organisations: BTreeMap<String, String>,
    _folder: TempDir,
}

impl World {
    /// A team in this zone with these domains and MX hosts.
    pub(crate) fn new(zone: &str, domains: &[&str], mx: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config: Config = toml::from_str(&format!(
            "[authentication]\nmode = \"off\"\n[store]\npath = '{}'\n[digest]\nfrom = \"tlsrptd@example.com\"\nto = [\"ops@example.com\"]\n",
            folder.path().join("tlsrptd.db").display()
        ))
        .unwrap();
        zone.clone_into(&mut config.digest.timezone);
        config.digest.send = SendWhen::New;
        config.domains.mail = domains.iter().map(|&name| name.to_owned()).collect();
        config.domains.mx = mx.iter().map(|&name| name.to_owned()).collect();
        Self {
            store: Store::open(&config.store).unwrap(),
            config,
            arrivals: BTreeMap::new(),
            n_arrivals: 0,
            subjects: BTreeMap::new(),
            broken_from: None,
            organisations: BTreeMap::new(),
            _folder: folder,
        }
    }

    /// A report that comes in when it usually does.
    pub(crate) fn report(&mut self, reporter: &str, day: Date, entries: &[Entry]) {
        self.report_at(usual_arrival(reporter, day), reporter, day, entries);
    }

    /// A report that comes in at a moment.
    pub(crate) fn report_at(&mut self, at: Timestamp, reporter: &str, day: Date, entries: &[Entry]) {
        let organisation = self.organisations.get(reporter).map_or(reporter, String::as_str);
        let entries: Vec<&Value> = entries.iter().map(|entry| &entry.0).collect();
        let report = json!({
            "organization-name": organisation,
            "report-id": format!("{day}-{}", self.n_arrivals + 1),
            "contact-info": format!("tls-reports@{reporter}"),
            "date-range": {
                "start-datetime": format!("{day}T00:00:00Z"), "end-datetime": format!("{day}T23:59:59Z"),
            },
            "policies": entries,
        });
        self.arrive(at, Arrival::Report(report.to_string()));
    }

    fn arrive(&mut self, at: Timestamp, arrival: Arrival) {
        self.n_arrivals += 1;
        self.arrivals.insert((at, self.n_arrivals), (arrival, false));
    }

    /// So many of the reports that are still to arrive come once more, an hour later.
    pub(crate) fn duplicates(&mut self, n: usize) {
        let again: Vec<_> = self
            .arrivals
            .iter()
            .filter_map(|((at, _), (arrival, _))| match arrival {
                Arrival::Report(text) => Some((*at, text.clone())),
                _ => None,
            })
            .take(n)
            .collect();
        assert_eq!(again.len(), n);
        for (at, text) in again {
            let at = at.checked_add(SignedDuration::from_hours(1)).unwrap();
            self.arrive(at, Arrival::Duplicate(text));
        }
    }

    /// A mail that is no report.
    pub(crate) fn other_mail(&mut self, at: Timestamp) {
        let mail = format!(
            "From: Ann <ann@example.net>\r\nTo: tls-reports@example.com\r\nMessage-ID: <other-{n}@example.net>\r\n\
             Subject: Hello\r\n\r\nIs this the right address for letter {n}?\r\n",
            n = self.n_arrivals
        );
        self.arrive(at, Arrival::Other(mail));
    }

    /// A mail with a report that breaks off.
    pub(crate) fn unreadable_mail(&mut self, at: Timestamp) {
        let mail = format!(
            "From: tls-reports@example.net\r\nTo: tls-reports@example.com\r\nMessage-ID: <cut-{n}@example.net>\r\n\
             Subject: Report Domain: example.com Submitter: example.net\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n--b\r\n\
             Content-Type: application/tlsrpt+json\r\n\r\n{{\"report-id\": \"{n}\", \"polic\r\n--b--\r\n",
            n = self.n_arrivals
        );
        self.arrive(at, Arrival::Unreadable(mail));
    }

    /// A reporter that calls itself otherwise from now on.
    pub(crate) fn rename(&mut self, reporter: &str, organisation: &str) {
        self.organisations
            .insert(reporter.to_owned(), organisation.to_owned());
    }

    /// All that has been said to arrive so far was there before the mailbox was first read.
    pub(crate) fn all_so_far_is_old(&mut self) {
        self.arrivals
            .values_mut()
            .for_each(|(_, backfill)| *backfill = true);
    }

    /// Ann says something about a problem, a domain or an MX by one of the verbs, as the line shows.
    pub(crate) fn said(&mut self, out: &mut String, at: Timestamp, verb: &str, about: &str, saying: Saying) {
        let remark = Remark {
            about: about.to_owned(),
            day: at.to_zoned(TimeZone::UTC).date(),
            by: "ann".to_owned(),
            saying,
        };
        self.store.remark(&remark).unwrap();
        self.store.assess(remark.day, &self.config.domains).unwrap();
        let now = at.to_zoned(deliver::zone(&self.config));
        writeln!(
            out,
            "\n== {} ann: tlsrptd {verb}\n",
            now.strftime("%a %-d %b, %H:%M")
        )
        .unwrap();
    }

    /// Lives from `from` to `to` and gives all mails, with the mornings on which none came.
    pub(crate) fn live(&mut self, from: Timestamp, to: Timestamp) -> String {
        let mut out = String::new();
        let audience = self.audience();
        let mut may_be_urgent = true;
        for moment in self.moments(from, to) {
            may_be_urgent |= self.receive(moment);
            let now = moment.to_zoned(deliver::zone(&self.config));
            if now.time() == self.config.digest.at {
                self.morning(&mut out, &now);
            }
            if may_be_urgent && schedule::urgent_may_go(&now, self.config.digest.at).unwrap() {
                if let Some(urgent) =
                    deliver::fix_urgent(&self.config, &mut self.store, &audience, &now).unwrap()
                {
                    self.sent(&mut out, &now, &urgent);
                }
                may_be_urgent = false;
            }
        }
        out
    }

    /// Every arrival, and of every day 06:00 and the digest's time.
    fn moments(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let zone = deliver::zone(&self.config);
        let mut moments: Vec<Timestamp> = self
            .arrivals
            .keys()
            .map(|(at, _)| *at)
            .filter(|at| (from..=to).contains(at))
            .collect();
        let mut day = from.to_zoned(zone.clone()).date();
        while day <= to.to_zoned(zone.clone()).date() {
            for time in [jiff::civil::time(6, 0, 0, 0), self.config.digest.at] {
                moments.push(day.to_datetime(time).to_zoned(zone.clone()).unwrap().timestamp());
            }
            day = day.tomorrow().unwrap();
        }
        moments.retain(|at| (from..=to).contains(at));
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// Records everything that has arrived by now; whether there was something.
    fn receive(&mut self, now: Timestamp) -> bool {
        self.store.admit_by(&self.config, now).unwrap();
        let later = self.arrivals.split_off(&(now, u64::MAX));
        let arrived = std::mem::replace(&mut self.arrivals, later);
        let mut expected = Tally::default();
        let (broken_from, limits) = (self.broken_from, self.config.limits.clone());
        let mails: Vec<_> = arrived
            .into_iter()
            .map(|((_, uid), (arrival, backfill))| {
                arrival.count(&mut expected);
                let origin = Origin {
                    source: "reports".to_owned(),
                    locator: format!("INBOX;UIDVALIDITY=1;UID={uid}"),
                    backfill,
                    ..Origin::default()
                };
                match (&arrival, broken_from) {
                    (Arrival::Report(text), Some(from)) => {
                        let verdict = verdict(text, now < from);
                        let judged = Judged {
                            verdict: &verdict,
                            unauthenticated: Unauthenticated::SetAside,
                        };
                        if now >= from {
                            (expected.stored, expected.set_aside) =
                                (expected.stored - 1, expected.set_aside + 1);
                        }
                        prepare_judged(origin, arrival.input(), judged, &limits, now)
                    }
                    _ => prepare(origin, arrival.input(), &limits, now),
                }
            })
            .collect();
        let mut tally = self.store.record(&mails, None, Span::Forever, now).unwrap();
        assert_eq!(tally, expected);
        self.store.look_again(&mut tally, &self.config, now).unwrap();
        tally.stored > 0
    }

    /// The one that is told of everything.
    fn audience(&self) -> Audience {
        self.config.digest.audiences().remove(0)
    }

    fn morning(&mut self, out: &mut String, now: &Zoned) {
        let past = deliver::past(&self.store, "default").unwrap();
        let (send, weekly) = (self.config.digest.send, self.config.digest.weekly);
        let audience = self.audience();
        let fixed = deliver::fix(
            &self.config,
            &mut self.store,
            &audience,
            now,
            now,
            |_, has_news| Ok(schedule::decide(now, past, send, weekly, has_news)?.kind()),
        );
        match fixed.unwrap() {
            Some(digest) => self.sent(out, now, &digest),
            None => writeln!(out, "== {} {NO_MAIL}", now.strftime("%a %-d %b, %H:%M")).unwrap(),
        }
    }

    /// The mail is sent; what it says is kept.
    fn sent(&mut self, out: &mut String, now: &Zoned, digest: &FixedDigest) {
        for recipient in &digest.waiting {
            self.store
                .delivered(digest.id, recipient, Delivery::Accepted, now.timestamp())
                .unwrap();
        }
        assert!(self.store.end_round(digest.id, now.timestamp()).unwrap());
        let mail = MessageParser::default().parse(&digest.mail).unwrap();
        let text = mail.body_text(0).unwrap().replace('\r', "");
        for line in text.lines() {
            assert!(line.chars().count() <= 72, "{line}");
        }
        let subject = mail.subject().unwrap();
        assert!(subject.len() <= 70, "{subject}");
        write!(
            out,
            "\n== {} ==\nSubject: {subject}\n",
            now.strftime("%a %-d %b, %H:%M")
        )
        .unwrap();
        if let Some(first) = mail.in_reply_to().as_text() {
            let first = self.subjects.get(first).map_or("?", String::as_str);
            writeln!(out, "Continues: {first}").unwrap();
        }
        write!(out, "\n{text}\n").unwrap();
        self.subjects
            .insert(digest.message_id.clone(), subject.to_owned());
    }
}

const NO_MAIL: &str = "no mail";
