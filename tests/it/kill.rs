//! SIGKILL at random moments: nothing is lost, nothing is counted twice, every new failure is announced.
//!
//! 21 kills over 300 mails; the long form by `./test --kills 200`. `TLSRPTD_KILL_SEED` repeats a campaign.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mail_parser::MessageParser;

use super::support::mixture::{N_FAILURE_TYPES, failing_domain, mixture};
use super::support::*;

/// Campaigns, one for each `after`.
const N_CAMPAIGNS: usize = 3;
/// What a campaign does with mails after the first half of the mailbox was read.
const N_PORTIONS: usize = 20;

#[test]
fn killed_at_random_moments_while_mails_are_left() {
    Campaign::new("leave").run();
}

#[test]
fn killed_at_random_moments_while_mails_are_moved() {
    Campaign::new("move:Archive").run();
}

#[test]
fn killed_at_random_moments_while_mails_are_deleted() {
    Campaign::new("delete").run();
}

struct Campaign {
    world: World,
    after: &'static str,
    random: fastrand::Rng,
    /// Not yet delivered, in portions.
    portions: Vec<Vec<Vec<u8>>>,
    /// The program that is killed.
    killed: Tlsrptd,
    /// The program that reads the same mailbox undisturbed.
    undisturbed: Tlsrptd,
    /// How long a verb took at most.
    longest: BTreeMap<&'static str, Duration>,
    n_kills: usize,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

impl Campaign {
    fn new(after: &'static str) -> Self {
        let seed = number("TLSRPTD_KILL_SEED", fastrand::u64(..));
        println!("after = {after:?}: to repeat it, set TLSRPTD_KILL_SEED={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let n_mails = usize::try_from(number("TLSRPTD_KILL_MAILS", 300)).unwrap();
        let mut mails = mixture(&mut random, n_mails);
        let late = mails.split_off(n_mails / 2);
        let portions = late
            .chunks(late.len().div_ceil(N_PORTIONS))
            .rev()
            .map(<[_]>::to_vec)
            .collect();

        let world = World::with_postfix();
        world.dovecot.plant(RUA, mails);
        world.dovecot.plant(OPS, []);
        let limits = "[limits]\nbatch_mails = 10\n";
        let announce = "[digest]\nannounce_days = 0\nat = \"00:00\"";
        let mailbox = world.mailbox(&format!("after = {after:?}\npoll_interval = \"1s\""));
        let sending = world.sending("").replace("[digest]", announce);
        let killed = world.tlsrptd(&format!("{mailbox}{sending}{limits}"));
        let outbox = world.path("outbox");
        let sending = format!(
            "{announce}\nfrom = \"tlsrptd@example.org\"\nto = [{OPS:?}]\n[smtp]\ntransport = \"file\"\npath = {}\n",
            quoted(&outbox)
        );
        let mailbox = world.mailbox("");
        let undisturbed = Tlsrptd::new(&world.path("u"), &format!("{mailbox}{sending}"));
        Self {
            world,
            after,
            random,
            portions,
            killed,
            undisturbed,
            longest: BTreeMap::new(),
            n_kills: 0,
        }
    }

    fn run(mut self) {
        let wanted = usize::try_from(number("TLSRPTD_KILLS", 20))
            .unwrap()
            .div_ceil(N_CAMPAIGNS);
        self.undisturbed_poll();
        let every = wanted.div_ceil(N_PORTIONS).max(1);
        while self.n_kills < wanted {
            // What is there when a folder is first seen is old; both must see the same.
            let may_go_on = self.knows_the_folder();
            let n_portions = if wanted < N_PORTIONS {
                N_PORTIONS / wanted
            } else {
                1
            };
            if may_go_on && self.n_kills.is_multiple_of(every) {
                for _ in 0..n_portions {
                    self.deliver_a_portion();
                }
            }
            self.start_and_kill();
            self.nothing_is_gone_unstored();
        }
        // At the latest now the folder is known.
        if !self.knows_the_folder() {
            self.finish();
        }
        while !self.portions.is_empty() {
            self.deliver_a_portion();
        }
        self.finish();
        self.undisturbed_digest();
        println!("after = {:?}: {} kills", self.after, self.n_kills);
        tables::assert_same(&self.killed, &self.undisturbed);
        self.mailbox_is_as_it_should_be();
        self.every_failure_is_announced();
    }

    fn knows_the_folder(&self) -> bool {
        let query = ["sql", "SELECT count(*) AS n FROM mails", "--format", "csv"];
        // A kill may come before the schema is made.
        let ended = self.killed.run(&query);
        ended.code == Some(0) && ended.stdout.lines().nth(1) != Some("0")
    }

    fn deliver_a_portion(&mut self) {
        if let Some(mails) = self.portions.pop() {
            self.world.dovecot.plant(RUA, mails);
            self.undisturbed_poll();
        }
    }

    /// Must come before the other program may take mails away.
    fn undisturbed_poll(&mut self) {
        let ended = self.undisturbed.run(&["poll"]);
        assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    }

    fn undisturbed_digest(&self) {
        self.undisturbed.run(&["digest", "--send"]).exits(0);
    }

    /// Starts a verb and kills it after a random time, unless it has ended by then.
    fn start_and_kill(&mut self) {
        let verbs: [&[&str]; 3] = [&["poll"], &["run"], &["digest", "--send"]];
        let verb = *self.random.choice(&verbs).unwrap();
        let longest = self.longest.entry(verb[0]).or_insert(Duration::from_millis(400));
        let limit = longest.mul_f64(self.random.f64());
        let mut running = self.killed.spawn(verb);
        if running.ends_within(limit) {
            // On a slow machine later kills find it at work, too.
            *longest = running.wait(LONG).took.mul_f64(1.1).max(*longest);
            return;
        }
        running.kill();
        self.n_kills += 1;
    }

    /// Whatever has left INBOX is stored.
    fn nothing_is_gone_unstored(&self) {
        let present: BTreeSet<u32> = self.uids("INBOX");
        let n_all = self.undisturbed.count("SELECT max(uid) AS n FROM mails");
        let gone: BTreeSet<u32> = (1..=u32::try_from(n_all).unwrap())
            .filter(|uid| !present.contains(uid))
            .collect();
        let lost: BTreeSet<u32> = gone
            .difference(&self.settled())
            .filter(|uid| !self.overtaken().contains(uid))
            .copied()
            .collect();
        assert!(
            lost.is_empty(),
            "{lost:?} are gone from the server, but not stored"
        );
    }

    fn uids(&self, folder: &str) -> BTreeSet<u32> {
        self.world.dovecot.login(RUA).uids(folder).into_iter().collect()
    }

    /// UIDs of the mails that `after` is for.
    fn settled(&self) -> BTreeSet<u32> {
        if !self.knows_the_folder() {
            return BTreeSet::new();
        }
        let query = "SELECT uid FROM mails WHERE outcome IN ('stored', 'duplicate', 'too-old')";
        Self::uids_of(&self.killed, query)
    }

    /// UIDs of the mails that were stored, and whose report is kept but no longer counts, for another one won.
    fn overtaken(&self) -> BTreeSet<u32> {
        if !self.knows_the_folder() {
            return BTreeSet::new();
        }
        let query = "SELECT uid FROM mails
                     WHERE outcome = 'conflict' AND id IN (SELECT mail FROM mail_report WHERE outcome = 'stored')
                       AND id IN (SELECT mail FROM reports_all WHERE json IS NOT NULL)";
        Self::uids_of(&self.killed, query)
    }

    fn uids_of(tlsrptd: &Tlsrptd, query: &str) -> BTreeSet<u32> {
        let rows = tlsrptd.sql(query);
        rows.iter()
            .map(|row| row["uid"].as_u64().unwrap().try_into().unwrap())
            .collect()
    }

    /// Undisturbed at last.
    fn finish(&self) {
        let ended = self.killed.run(&["poll"]);
        assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
        // The one that waited, then what came after it.
        for _ in 0..2 {
            self.killed.run(&["digest", "--send"]).exits(0);
        }
    }

    fn mailbox_is_as_it_should_be(&self) {
        let all = Self::uids_of(&self.undisturbed, "SELECT uid FROM mails");
        let present = self.uids("INBOX");
        if self.after == "leave" {
            assert_eq!(present, all);
            return;
        }
        let unsettled: BTreeSet<u32> = all.difference(&self.settled()).copied().collect();
        let overtaken = self.overtaken();
        // A mail that was stored may have been taken away before another report contradicted it.
        let astray: BTreeSet<&u32> = unsettled.symmetric_difference(&present).collect();
        assert!(astray.iter().all(|uid| overtaken.contains(uid)), "{astray:?}");
        let n_gone = all.len() - present.len();
        if self.after != "delete" {
            assert_eq!(self.uids("Archive").len(), n_gone);
        }
    }

    /// Every digest has arrived, each attempt with the same contents, and each failure type was in one of them.
    fn every_failure_is_announced(&self) {
        let digests = self.killed.sql("SELECT message_id, due_at FROM digests");
        let arrived = until("all digests to arrive", LONG, || {
            let mails = self.world.dovecot.login(OPS).mails("INBOX");
            let mut arrived: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
            for mail in mails {
                arrived
                    .entry(message_id(&mail))
                    .or_default()
                    .insert(as_sent(&mail));
            }
            let is_here =
                |digest: &serde_json::Value| arrived.contains_key(digest["message_id"].as_str().unwrap());
            digests.iter().all(is_here).then_some(arrived)
        });
        for (id, contents) in &arrived {
            assert_eq!(contents.len(), 1, "{id} was sent with different contents");
        }
        assert_eq!(
            arrived.len(),
            digests.len(),
            "a digest was sent that is not on record"
        );
        let types = self
            .killed
            .sql("SELECT policy_domain, announced_at FROM failure_types");
        assert!(types.len() >= N_FAILURE_TYPES, "{types:?}");
        for nth in 0..N_FAILURE_TYPES {
            let domain = failing_domain(nth);
            let announced_at = types
                .iter()
                .find_map(|kind| (kind["policy_domain"] == *domain).then(|| kind["announced_at"].clone()));
            let announced_at = announced_at.unwrap_or_else(|| panic!("no failure of {domain} was stored"));
            let in_a_mail = digests
                .iter()
                .filter(|digest| digest["due_at"] == announced_at)
                .flat_map(|digest| &arrived[digest["message_id"].as_str().unwrap()])
                .any(|mail| text_of(mail).contains(&domain));
            assert!(in_a_mail, "no digest of {announced_at} tells of {domain}");
        }
        println!(
            "after = {:?}: {} digests in {} mails",
            self.after,
            digests.len(),
            self.world.dovecot.login(OPS).uids("INBOX").len()
        );
    }
}

fn message_id(mail: &[u8]) -> String {
    let parsed = MessageParser::default().parse(mail).unwrap();
    parsed.message_id().unwrap().to_owned()
}

fn text_of(mail: &[u8]) -> String {
    let parsed = MessageParser::default().parse(mail).unwrap();
    parsed.body_text(0).unwrap().into_owned()
}

/// The mail without what the servers on its way wrote on top.
fn as_sent(mail: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(mail).into_owned();
    let mut rest = text.as_str();
    loop {
        let ours = !["Return-Path:", "Delivered-To:", "Received:"]
            .iter()
            .any(|name| rest.starts_with(name));
        if ours && !rest.starts_with([' ', '\t']) {
            return rest.as_bytes().to_vec();
        }
        rest = rest.split_once('\n').unwrap().1;
    }
}
