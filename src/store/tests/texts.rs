//! Texts come back as they were, whatever they are.

#![expect(
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "the ranges are what is tested"
)]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::batch::Batch;
use super::super::texts::{is_join, pieces, scalars, template};
use super::super::{Content, IncomingMail, IncomingReport};
use super::{Place, at, failing, mail};
use crate::config::Span;

/// A mail with one report, of which another text is kept.
fn mail_with(id: &str, text: &str) -> IncomingMail {
    let mut mail = mail(&[failing(id, "2026-11-20", "certificate-expired")]);
    let Content::Reports(reports) = &mut mail.content else {
        panic!("no report");
    };
    let IncomingReport::Read { json, .. } = &mut reports[0] else {
        panic!("unread");
    };
    text.clone_into(json);
    mail
}

fn kept(texts: &[&str]) -> Place {
    let mut place = Place::new();
    for (n, text) in texts.iter().enumerate() {
        place.record(&[mail_with(&n.to_string(), text)]);
    }
    assert_eq!(place.rows("SELECT json FROM reports ORDER BY id"), texts);
    place
}

const ONE: &str = r#"{"report-id": "a1", "n": [1, -2.5e3], "t\"x" : "é…\\\"\n", "b": true}"#;

#[test]
fn values_are_what_is_no_key() {
    let values: Vec<&str> = scalars(ONE).into_iter().map(|range| &ONE[range]).collect();
    assert_eq!(values, ["a1", "1", "-2.5e3", r#"é…\\\"\n"#]);
}

#[test]
fn the_first_text_of_a_shape_is_kept_whole_and_the_second_makes_it_a_template() {
    let other = ONE.replace("a1", "a27");
    let place = kept(&[ONE]);
    assert_eq!(place.row("SELECT count(*) FROM json_template"), "0");
    drop(place);
    let place = kept(&[ONE, &other, &other.replace("true", "false")]);
    assert_eq!(place.row("SELECT text FROM json_template"), ONE);
    let n = ONE.chars().count();
    assert_eq!(
        place.rows("SELECT template, text FROM report_json WHERE template IS NOT NULL"),
        [
            format!("1|[[0,{n}]]"),
            format!(r#"1|[[0,16],"27",[17,{}]]"#, n - 17)
        ]
    );
}

#[test]
fn differences_are_found_between_characters_and_counted_in_them() {
    kept(&[
        r#"{"a":"äöü€","b":"x"}"#,
        r#"{"a":"äöûú€","b":"𝄞"}"#,
        r#"{"a":"","b":"x€"}"#,
    ]);
}

#[test]
fn texts_that_are_no_json_come_back_too() {
    for text in [
        "",
        "\"",
        "\"\\",
        "1",
        "--1",
        "{'a':1}",
        "\u{feff}[1] rest\u{1}\t\r\n",
        "a\0b",
        r#""\ud800""#,
    ] {
        kept(&[text, text, &format!("{text}2"), &text.replace('1', "\u{7}")]);
    }
}

#[test]
fn a_long_text_is_kept_whole() {
    let long = format!("[{}1]", "1,".repeat(10_000));
    let place = kept(&[&long, &long]);
    assert_eq!(
        place.row("SELECT count(*) FROM report_json WHERE template IS NULL"),
        "2"
    );
}

#[test]
fn a_text_with_many_differences_is_kept_whole() {
    let zeros = format!("[{}0]", "0,".repeat(500));
    let place = kept(&[&zeros, &zeros, &zeros.replace('0', "1")]);
    assert_eq!(
        place.row("SELECT report FROM report_json WHERE template IS NULL AND shape IS NULL"),
        "3"
    );
}

#[test]
fn two_shapes_of_one_hash_do_not_mix() {
    let place = kept(&[ONE, ONE]);
    let shape: i64 = place.row("SELECT shape FROM json_template").parse().unwrap();
    let (_, base) = Batch::run(&place.store.db, at("2026-11-21T00:00:00Z"), |batch| {
        template(batch, shape)
    })
    .unwrap()
    .unwrap();
    let other = ONE.replace("true", "null");
    let pieces = pieces(&base, &other, &scalars(&other)).unwrap();
    assert!(!is_join(&base, &pieces, &other));
}

#[test]
fn retention_removes_a_template_with_its_last_report() {
    let mut place = Place::new();
    for day in ["2026-11-10", "2026-11-11", "2026-11-20"] {
        place.record(&[mail(&[failing("1", day, "certificate-expired")])]);
    }
    let before = place.row("SELECT json FROM reports WHERE id = 3");
    for (now, left) in [("2026-11-25T00:00:00Z", "1|1"), ("2026-12-20T00:00:00Z", "0|0")] {
        place.store.retain(Span::Days(10), at(now)).unwrap();
        assert_eq!(
            place.row("SELECT (SELECT count(*) FROM json_template), count(*) FROM report_json"),
            left
        );
        if left == "1|1" {
            assert_eq!(place.row("SELECT json FROM reports"), before);
        }
    }
}

#[test]
fn forgetting_a_domain_takes_its_template_and_leaves_others_that_shared_it_whole() {
    let mut place = Place::new();
    for day in ["2026-11-10", "2026-11-11", "2026-11-12"] {
        place.record(&[mail(&[failing("1", day, "certificate-expired")])]);
    }
    // Reports about several domains never share one; should they do so nonetheless, none is lost.
    place
        .store
        .db
        .execute_batch(
            "INSERT INTO policy VALUES (9, 'sts', 'example.net', '', '[]', '[]');
             UPDATE policy_result SET policy = 9 WHERE report = 2;
             UPDATE failure SET failure_type = NULL WHERE policy_result = 2",
        )
        .unwrap();
    let before = place.row("SELECT json FROM reports WHERE id = 2");
    place.store.forget("example.org").unwrap();
    assert_eq!(place.rows("SELECT json FROM reports_all"), [before]);
    assert_eq!(place.row("SELECT count(*) FROM json_template"), "0");
}

/// Reports of all fixtures, as far as they are text.
fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut texts = Vec::new();
    for kind in ["deviant", "hostile", "rfc"] {
        for entry in fs::read_dir(folder.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "json") {
                texts.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
            }
        }
    }
    assert!(texts.len() > 30, "only {} fixtures", texts.len());
    texts.sort();
    texts
}

static FIXTURES: LazyLock<Vec<String>> = LazyLock::new(fixtures);

const TOKENS: &[&str] = &[
    "\"", "\\", "\\\"", ":", ",", "{", "}", "[", "]", "1", "-", "é", "€", "𝄞", "a", "b", " ", "\n", "\u{1}",
    "\u{7f}", "\0", "true", "\\ud800", "\"k\":", "\"v\"", "'",
];

/// A text of any signs, or a fixture.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(select(TOKENS), 0..30).prop_map(|tokens| tokens.concat()),
        any::<Index>().prop_map(|which| which.get(&FIXTURES).clone()),
    ]
}

/// A text, the same with other values, and the same with a change anywhere.
fn alike() -> impl Strategy<Value = Vec<String>> {
    let values = prop::collection::vec("[ab1é€𝄞\"\u{7}]{0,4}", 1..9);
    (text(), values, any::<Index>(), select(TOKENS)).prop_map(|(text, values, place, token)| {
        let (mut other, mut at) = (String::new(), 0);
        for (range, value) in scalars(&text).into_iter().zip(values.iter().cycle()) {
            other.push_str(&text[at..range.start]);
            other.push_str(value);
            at = range.end;
        }
        other.push_str(&text[at..]);
        let mut changed: Vec<char> = text.chars().collect();
        changed.splice(place.index(changed.len() + 1).., []);
        changed.extend(token.chars());
        changed.extend(text.chars().skip(changed.len()));
        vec![
            text.clone(),
            other.clone(),
            text,
            changed.into_iter().collect(),
            other,
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back_as_it_was(texts in prop::collection::vec(alike(), 1..40)) {
        let mut texts = texts.concat();
        texts.extend([ONE.to_owned(), ONE.to_owned()]);
        let mails: Vec<IncomingMail> =
            texts.iter().enumerate().map(|(n, text)| mail_with(&n.to_string(), text)).collect();
        let mut place = Place::new();
        place.record(&mails);
        let kept = place.rows("SELECT json FROM reports ORDER BY id");
        prop_assert_eq!(kept.len(), texts.len());
        for (kept, text) in kept.iter().zip(&texts) {
            prop_assert_eq!(kept, text);
        }
        prop_assert_ne!(place.row("SELECT count(*) FROM json_template"), "0");
    }
}
