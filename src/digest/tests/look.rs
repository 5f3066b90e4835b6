//! How mails look: as reviewed, no wider than a terminal, the same in HTML.

use super::*;

#[test]
fn text_of_a_full_weekly_mail_is_as_reviewed() {
    let (facts, outlook) = all_at_once();
    insta::assert_snapshot!("text", rendered(MailKind::Weekly, &facts, &outlook).text);
}

#[test]
fn html_of_a_full_weekly_mail_is_as_reviewed() {
    let (facts, outlook) = all_at_once();
    insta::assert_snapshot!("html", rendered(MailKind::Weekly, &facts, &outlook).html);
}

#[test]
fn json_of_a_full_weekly_mail_is_as_documented() {
    let (facts, outlook) = all_at_once();
    let digest = Digest::build(MailKind::Weekly, &facts, &outlook, &options());
    insta::assert_snapshot!("json", digest.to_json().unwrap());
}

#[test]
fn text_keeps_to_72_columns() {
    for (name, rendered) in all() {
        for line in rendered.text.lines() {
            let words = line.trim_start_matches("Check").trim().trim_end_matches(" \\");
            assert!(
                line.chars().count() <= 72 || !words.contains(' '),
                "{name}: {line}"
            );
        }
    }
}

#[test]
fn html_says_what_the_text_says() {
    for (name, rendered) in all() {
        let html = rendered.html.split("<body>").nth(1).unwrap();
        let html = html
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#38;", "&")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace('\u{a0}', " ")
            .to_lowercase();
        for word in rendered.text.to_lowercase().split_whitespace() {
            let word = word.trim_matches(|c: char| "-\\:".contains(c));
            if !word.ends_with("...") {
                assert!(html.contains(word), "{name}: {word:?}");
            }
        }
    }
}

#[test]
fn html_has_nothing_remote_and_no_script() {
    for (name, rendered) in all() {
        for forbidden in [
            "<script", "<img", "<link", "<iframe", "<a ", "@import", "url(", "src=", "href=",
        ] {
            assert!(!rendered.html.contains(forbidden), "{name}: {forbidden}");
        }
    }
}

#[test]
fn labels_stand_in_their_order() {
    let text = daily(vec![(expired(), Some(Event::New))]).text;
    let labels: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' ').map(|(label, _)| label))
        .filter(|label| ["Mail", "Seen", "Whose", "Cause", "Check", "Fix", "More"].contains(label))
        .collect();
    assert_eq!(labels, ["Mail", "Seen", "Whose", "Cause", "Check", "Fix", "More"]);
}

#[test]
fn five_problems_are_told_in_full_and_twenty_in_a_line() {
    let problems = (0..30_u32).map(|n| {
        let mut problem = expired();
        problem.id = format!("{n:04x}");
        problem.place = Place::Mx(format!("mx{n}.example.com"));
        (problem, Some(Event::New))
    });
    let text = daily(problems.collect()).text;
    assert_eq!(text.matches("\nNEW  #").count(), 5);
    assert_eq!(text.matches("\n- #").count(), 20);
    assert!(text.contains("\n- and 5 more:\n  tlsrptd problems\n"), "{text}");
    assert_eq!(
        text.matches("openssl x509").count(),
        1,
        "the same advice stands once"
    );
}

#[test]
fn first_look_holds_to_some_forty_lines_with_hundreds_of_problems() {
    let causes = [
        Cause::Expired,
        Cause::WrongName,
        Cause::NoStarttls,
        Cause::TlsaMismatch,
    ];
    for n_causes in 1..=causes.len() {
        let problem = |(n, cause): (u32, &Cause)| {
            let mut problem = expired();
            (problem.id, problem.cause) = (format!("{n:04x}"), *cause);
            problem.place = Place::Mx(format!("mx{n}.customer{n}.example.com"));
            (
                problem,
                Some(if n % 3 == 0 { Event::LateNews } else { Event::New }),
            )
        };
        let mut outlook = outlook(
            (0..300)
                .zip(causes.iter().take(n_causes).cycle())
                .map(problem)
                .collect(),
        );
        outlook.domains = (0..40)
            .map(|n| DomainLine {
                domain: format!("customer{n}.example.com"),
                policy: "enforce".to_owned(),
                total: exactly(100),
                failed: exactly(7),
                ..DomainLine::default()
            })
            .collect();
        outlook.not_listed = 5;
        let facts = DigestFacts {
            previous_at: None,
            ..two_reports()
        };
        let first = rendered(MailKind::FirstLook, &facts, &outlook);
        let n_lines = first.text.lines().count();
        assert!(n_lines <= 52, "{n_lines} lines:\n{}", first.text);
        assert!(first.text.contains("tlsrptd problems\n"), "{}", first.text);
        assert!(
            joined(&first).contains("Over (no action): 100 problems"),
            "{}",
            first.text
        );
    }
}

#[test]
fn no_word_of_a_table_is_cut() {
    let mut outlook = outlook(vec![]);
    let domain = "a-rather-long-customer-name.department-of-mail.example.com";
    outlook.domains = vec![DomainLine {
        domain: domain.to_owned(),
        policy: "enforce + DANE since 21 Jul".to_owned(),
        total: exactly(48_210),
        failed: exactly(866),
        verdict: "no: #3d0f and #d6ea".to_owned(),
        ..DomainLine::default()
    }];
    let text = rendered(MailKind::Weekly, &two_reports(), &outlook).text;
    let column: String = text
        .lines()
        .skip_while(|line| !line.starts_with("a-rather"))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(column, domain, "{text}");
}

#[test]
fn commands_in_the_text_are_the_same_for_a_shell() {
    let text = daily(vec![(expired(), Some(Event::New))]).text;
    let joined = text.replace(" \\\n         ", " ");
    let whole = "openssl s_client -starttls smtp -connect mx2.example.com:25 -servername mx2.example.com </dev/null \
                 2>/dev/null | openssl x509 -noout -enddate";
    assert!(joined.contains(whole), "{joined}");
}
