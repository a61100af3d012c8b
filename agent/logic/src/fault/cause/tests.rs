//! Causes travel as values, tell both languages, and let nothing of outside move a cursor.
//! Never a sentence of every variant: the compiler holds those.
//! Run by `cargo test`.

use serde_json::json;

use super::*;
use crate::fault::{Code, Fault, Finding};
use crate::outside::Outside;
use crate::resolver::LookupFailure;

fn refused() -> Cause {
    let place = "central.example:443".to_owned();
    NetCause::Refused { place }.into()
}

/// One of each kind of argument.
fn samples() -> Vec<Cause> {
    let id = Id::from("Zoé \u{202e}");
    let error = serde_json::from_str::<u8>("\"READY\"").unwrap_err();
    let said = Outside::new("a “b”\u{1b}[2J");
    vec![
        refused(),
        NetCause::GivenUp {
            why: Box::new(refused()),
            seconds: 60,
        }
        .into(),
        NetCause::NoAddress {
            host: "x".into(),
            why: LookupFailure::Refused(3),
        }
        .into(),
        NetCause::ProxyScheme {
            proxy: "p:3128".into(),
            schemes: vec![
                Scheme::Unknown,
                Scheme::Named {
                    name: "NTLM".into(),
                },
            ],
        }
        .into(),
        NetCause::Unreachable {
            place: "x:1".into(),
            why: OsCause::of(113),
        }
        .into(),
        AnswerCause::Failed {
            status: 500,
            says: Quote::of(&said).map(|words| Says::Said { words }),
        }
        .into(),
        AnswerCause::NotFound { says: None }.into(),
        AnswerCause::Entity {
            id,
            found: (&error).into(),
        }
        .into(),
        AnswerCause::LeftAlone {
            why: Box::new("words of a library".into()),
            wait: Duration::from_secs(7200).into(),
        }
        .into(),
    ]
}

#[test]
fn a_cause_travels_as_a_value_and_its_sentences_come_out_the_same() {
    for cause in samples() {
        let finding = Finding::new(Code::NetRefused, cause.clone());
        let text = serde_json::to_string(&finding).unwrap();
        assert!(text.contains("\"cause\":["), "{text}");
        let read: Finding = serde_json::from_str(&text).unwrap();
        assert_eq!(read, finding);
        assert_eq!(read.cause.fr(), cause.fr());
        let fault = Fault::new(Code::NetRefused, cause);
        let text = serde_json::to_string(&fault).unwrap();
        assert_eq!(serde_json::from_str::<Fault>(&text).unwrap(), fault);
    }
}

#[test]
fn what_an_older_or_a_newer_boxsync_wrote_is_read_by_its_sentence() {
    let older = json!({ "code": "net.refused", "reason": "x refused the connection" });
    let newer = json!({ "code": "net.refused", "reason": "x refused it", "cause": ["Net", ["Later", "x"]] });
    let longer =
        json!({ "code": "net.refused", "reason": "x", "cause": ["Net", ["Refused", "x", 7]] });
    for (record, reason) in [
        (older, "x refused the connection"),
        (newer, "x refused it"),
        (longer, "x"),
    ] {
        let read: Finding = serde_json::from_value(record).unwrap();
        assert_eq!(read.cause, Cause::from(reason));
        assert_eq!(read.reason(), reason);
    }
}

#[test]
fn the_rows_of_the_store_hold_code_and_sentence_alone() {
    for cause in samples() {
        let sentence = cause.en();
        let row = postcard::to_allocvec(&Finding::new(Code::NetRefused, cause)).unwrap();
        let before = postcard::to_allocvec(&("net.refused", &sentence)).unwrap();
        assert_eq!(row, before, "{sentence}");
        let (read, after): (Finding, u8) = postcard::from_bytes(&[row, vec![9]].concat()).unwrap();
        assert_eq!((read.reason(), after), (sentence, 9));
    }
}

#[test]
fn nothing_of_outside_moves_a_cursor_in_either_language() {
    let odd = "a\u{1b}]0;READY\u{7}\u{202e}\u{2}b\u{3}".to_owned();
    let causes = [
        Cause::Said(odd.clone()),
        NetCause::Refused { place: odd.clone() }.into(),
        AnswerCause::RedirectedTo {
            place: odd.as_str().into(),
            status: 302,
        }
        .into(),
        Cause::LastRun(Outcome::Failed, Box::new(odd.into())),
    ];
    for cause in causes {
        for told in [cause.en(), cause.fr(), cause.to_string()] {
            assert!(!told.chars().any(char::is_control), "{told:?}");
            assert!(!told.contains('\u{202e}'), "{told:?}");
        }
    }
}

#[test]
fn a_forged_value_shows_no_words_of_its_own_as_a_quotation() {
    let forged = json!(["Answer", ["RedirectedTo", "” READY “", 302]]);
    assert_eq!(Cause::read(&forged), None);
}

#[test]
fn a_french_sentence_says_which_of_its_words_are_english() {
    let cause = Cause::LastRun(
        Outcome::Failed,
        Box::new(
            AnswerCause::NoToken {
                why: Box::new("an odd thing".into()),
            }
            .into(),
        ),
    );
    let french = "la dernière synchronisation a échoué : aucun jeton n’a pu être obtenu : ";
    assert_eq!(
        cause.fr_words(),
        [
            Wording::French(french.into()),
            Wording::English("an odd thing".into())
        ]
    );
    assert_eq!(cause.fr(), format!("{french}an odd thing"));
    assert_eq!(refused().fr(), "central.example:443 a refusé la connexion");
}

/// What boxsync itself says of a file goes through an error of the standard library.
#[test]
fn an_error_of_the_system_is_words_and_no_number() {
    for number in 1..134 {
        let error = std::io::Error::from_raw_os_error(number);
        let cause = OsCause::from(&error);
        let known = !matches!(cause, OsCause::Number { .. });
        assert_eq!(cause.en().contains(&number.to_string()), !known, "{cause}");
        assert!(!cause.en().contains("os error"), "{cause}");
    }
    let own = std::io::Error::other(OsCause::NotUtf8);
    assert_eq!(OsCause::from(&own), OsCause::NotUtf8);
    let foreign = std::io::Error::other("Custom { kind: Other }");
    assert_eq!(OsCause::from(&foreign), OsCause::Unknown);
}
