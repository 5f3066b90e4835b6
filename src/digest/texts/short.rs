//! The shortest words for how a problem stands: in lists, on the page of `report --html`, and within sentences.

use crate::assess::impact::Impact;
use crate::assess::problem::State;

/// A state in words, after "it is".
pub fn state_in_short(state: State) -> &'static str {
    match state {
        State::BelowGate => "too little to speak of",
        State::New => "new",
        State::Returned => "back after it was over",
        State::Ongoing => "going on",
        State::Fading => "perhaps over: clean since, but not for long enough",
        State::Resolved => "over, by clean days",
        State::Past => "closed without proof",
    }
}

/// What happened to mail, in a word or two, after "mail".
pub fn impact_in_short(impact: Impact) -> &'static str {
    match impact {
        Impact::Held => "held back",
        Impact::BySender => "held by sender",
        Impact::Unknown => "mode unknown",
        Impact::Plain => "plain text",
        Impact::Unprotected => "unprotected",
        Impact::Cached => "cached copy",
        Impact::Passed | Impact::Delivered | Impact::InSpite => "delivered",
    }
}
