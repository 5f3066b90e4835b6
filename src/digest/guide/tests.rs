use super::*;
use crate::assess::cause::refine;

#[test]
fn what_senders_say_is_read_as_the_cause_it_stands_under() {
    let mut wrong = Vec::new();
    for cause in Cause::ALL {
        // No sender has a word for it.
        let is_silent = cause == Cause::StalePolicy;
        assert_eq!(guide(cause).said.is_empty(), is_silent, "{cause}");
        for said in guide(cause).said {
            let found = refine(&said.record());
            if found != cause {
                wrong.push(format!("{cause}: {said:?} is read as {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_old_policy_leaves_those_alone_who_know_the_new_one() {
    let outcomes = outcomes(Cause::StalePolicy);
    let [(under, words)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert!(
        under == "always" && words.contains("the sender goes by the old policy"),
        "{words}"
    );
}

#[test]
fn every_result_type_leads_to_a_cause() {
    for result_type in RESULT_TYPES {
        assert!(!causes_of(result_type).is_empty(), "{result_type}");
        assert!(texts::meaning(result_type).is_some(), "{result_type}");
    }
}

#[test]
fn combinations_are_numbered_in_order() {
    for (number, combination) in (1..).zip(COMBINATIONS) {
        assert_eq!(combination.number, format!("C{number}"));
    }
}

#[test]
fn every_gap_of_a_guide_is_known() {
    for cause in Cause::ALL {
        let known = guide(cause);
        let signs = known.signs.iter().flat_map(|sign| [sign.what, sign.signs]);
        let texts: Vec<&str> = signs
            .chain(commands(cause))
            .chain(known.remarks.iter().copied())
            .chain([known.lasting, known.others, known.urgency])
            .collect();
        for text in texts {
            for gap in text.split('{').skip(1) {
                let name = gap.split('}').next().unwrap();
                assert!(["mx", "domain"].contains(&name), "{cause}: {text}");
            }
        }
    }
}

#[test]
fn no_command_stands_twice_under_a_cause() {
    for cause in Cause::ALL {
        let mut shown: Vec<&str> = commands(cause).collect();
        let n_shown = shown.len();
        shown.sort_unstable();
        shown.dedup();
        assert_eq!(shown.len(), n_shown, "{cause}");
    }
}
