//! What makes a mail, and what else than problems it tells.

use super::*;

#[test]
fn where_most_reports_are_set_aside_the_subject_says_so_and_it_is_news() {
    let mut facts = friday();
    assert_eq!(crate::digest::trouble::blind(&facts), None);
    facts.unproven = Some(crate::store::rows::Unproven {
        failing: 12,
        all: 13,
        counted: false,
    });
    let digest = Digest::build(MailKind::Daily, &facts, &Outlook::default(), &options());
    assert_eq!(
        digest.subject,
        "[tlsrptd] 12 of 13 daily reports set aside, not proven"
    );
    assert!(digest.lead.iter().any(|line| line.contains("unauthenticated")));
    assert!(digest.to_text().contains("docs/authentication.md"));
    assert!(news(&facts, &Outlook::default()));
}

#[test]
fn nothing_to_tell_is_no_news() {
    assert!(!news(
        &two_reports(),
        &outlook(vec![(expired(), Some(Event::Ongoing))])
    ));
    assert!(!news(&two_reports(), &outlook(vec![(expired(), None)])));
    assert!(news(
        &two_reports(),
        &outlook(vec![(expired(), Some(Event::Resolved))])
    ));
}

#[test]
fn silence_of_one_reporter_makes_no_mail() {
    let mut outlook = outlook(vec![]);
    outlook.silent = all_at_once().1.silent;
    assert!(!news(&two_reports(), &outlook));
    outlook.no_reports_days = Some(3);
    outlook.no_reports_is_new = true;
    assert!(news(&two_reports(), &outlook));
}

#[test]
fn failing_mailbox_alone_makes_the_subject() {
    let mut facts = two_reports();
    facts.failing = all_at_once().0.failing;
    let outlook = outlook(vec![]);
    assert_eq!(
        rendered(MailKind::Daily, &facts, &outlook).subject,
        "[tlsrptd] mailbox old-rua not read since 18 Nov"
    );
    assert!(news(&facts, &outlook));
    facts.failing[0].new = false;
    assert!(!news(&facts, &outlook));
    assert_eq!(
        rendered(MailKind::Weekly, &facts, &outlook).subject,
        "[tlsrptd] mailbox old-rua still not read since 18 Nov"
    );
}

#[test]
fn unreadable_mails_alone_make_the_subject() {
    let mut facts = two_reports();
    facts.rejected = all_at_once().0.rejected;
    facts.mails.rejected = 2;
    let outlook = outlook(vec![]);
    assert_eq!(
        rendered(MailKind::Daily, &facts, &outlook).subject,
        "[tlsrptd] 2 mails could not be read"
    );
    assert!(news(&facts, &outlook));
}

#[test]
fn first_look_is_news_and_says_what_comes_next() {
    let facts = DigestFacts {
        previous_at: None,
        ..two_reports()
    };
    let outlook = outlook(vec![]);
    assert!(news(&facts, &outlook));
    let first = rendered(MailKind::FirstLook, &facts, &outlook);
    assert_eq!(
        first.subject,
        "[tlsrptd] First look: 2 reports, 1 reporter, no open problem"
    );
    assert!(
        joined(&first).ends_with("a summary on Mondays, the next on 23 Nov."),
        "{}",
        first.text
    );
}

#[test]
fn changed_mailbox_is_not_called_unchanged() {
    let mut facts = two_reports();
    facts.mails.read = 2;
    let options = Options {
        mailbox_unchanged: false,
        ..options()
    };
    let digest = Digest::build(MailKind::FirstLook, &facts, &outlook(vec![]), &options);
    assert!(!digest.to_text().contains("Nothing was changed"));
}
