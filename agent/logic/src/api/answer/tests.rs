//! Each answer of central has one meaning, and what is none is told as what it is.
//! Never takes a status for a success before the body says so.
//! Run by `cargo test`.

use super::*;
use crate::words::FaultClass;

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        body: body.into(),
        ..Reply::default()
    }
}

fn code<T: fmt::Debug>(result: Result<T, Fault>) -> Code {
    result.unwrap_err().code
}

#[test]
fn an_empty_map_may_be_a_list() {
    let page = ChecksumPage::read(&reply(200, r#"{"type":"proctor","entities":[]}"#)).unwrap();
    assert_eq!(page, ChecksumPage::default());
    assert_eq!(
        Details::read(&reply(200, "[]")).unwrap(),
        Details::default()
    );
    assert_eq!(
        code(Details::read(&reply(200, "[1]"))),
        Code::CentralForeign
    );
}

#[test]
fn a_list_is_no_object_whose_keys_stand_in_their_order() {
    let page = reply(200, r#"[null,{"a":{"id":"a","checksum":"c"}}]"#);
    assert_eq!(code(ChecksumPage::read(&page)), Code::CentralForeign);
    assert_eq!(
        code(versions(&reply(200, r#"[["2022.11"]]"#))),
        Code::CentralForeign
    );
    assert_eq!(
        code(confirmation(&reply(200, r#"["received"]"#))),
        Code::CentralForeign
    );
}

#[test]
fn a_maintenance_page_with_status_200_is_no_success() {
    let page = "<!doctype html><title>Currently Under Maintenance</title>";
    assert_eq!(
        code(ChecksumPage::read(&reply(200, page))),
        Code::CentralMaintenance
    );
    assert_eq!(
        code(ChecksumPage::read(&reply(
            200,
            "<html>Welcome to the airport"
        ))),
        Code::CentralForeign
    );
    assert_eq!(
        code(ChecksumPage::read(&reply(200, ""))),
        Code::CentralForeign
    );
    let script = r#"{"success":false,"type":"Exception","message":"TAO is under maintenance","data":{"ExceptionType":"common_exception_SystemUnderMaintenance"}}"#;
    for (status, body) in [(500, script), (200, script), (503, page)] {
        let trouble = ChecksumPage::read(&reply(status, body)).unwrap_err();
        let met = (trouble.code, trouble.class);
        assert_eq!(
            met,
            (Code::CentralMaintenance, FaultClass::GiveUp),
            "{status}"
        );
        let status = format!("(status {status})");
        assert!(trouble.reason().contains(&status), "{}", trouble.reason());
        assert_eq!(
            code(Handshake::read(&reply(500, body))),
            Code::CentralMaintenance
        );
    }
}

#[test]
fn words_of_php_are_central_s_and_not_a_portal_s() {
    let page = r#"{"entities":{}}"#;
    assert!(ChecksumPage::read(&reply(203, page)).is_ok());
    for body in [
        format!("<br />\n<b>Warning</b>:  a\u{1b} in <b>/x</b> on line <b>1</b><br />\n{page}"),
        format!("\nNotice: a in /x on line 1\n{page}"),
    ] {
        let trouble = ChecksumPage::read(&reply(200, &body)).unwrap_err();
        assert_eq!(trouble.code, Code::CentralPhp);
        assert!(!trouble.reason().contains("/x"), "{}", trouble.reason());
    }
}

#[test]
fn a_redirection_says_where_to_and_nothing_more() {
    let told = |to: &str| {
        let reply = Reply {
            headers: vec![("location".into(), to.into())],
            ..reply(301, "")
        };
        ChecksumPage::read(&reply).unwrap_err().reason()
    };
    assert_eq!(
        told("https://other.example/tao/?user=jane#x"),
        "central redirected to “https://other.example/tao/” (status 301)"
    );
    assert_eq!(told(""), "central redirected to another page (status 301)");
    let odd = told("/a\u{1b}]0;READY\u{7}\u{202e}");
    assert!(!odd.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{odd}");
    assert!(told(&"a".repeat(5000)).chars().count() < 240);
}

#[test]
fn each_status_has_its_own_trouble() {
    let failure = |message| {
        format!(r#"{{"success":false,"errorCode":0,"errorMsg":"{message}","version":"2022.11"}}"#)
    };
    let table = [
        (401, String::new(), Code::AuthRefused),
        (403, failure("Access denied."), Code::AuthRole),
        (404, failure("x"), Code::CentralNotFound),
        (413, "<html>".into(), Code::CentralTooLong),
        (500, String::new(), Code::CentralRejected),
        (500, failure("Unexpected error."), Code::CentralError),
        (
            500,
            failure("Provided version of TAO VM is not supported by server: 9"),
            Code::VersionUnsupported,
        ),
        (502, "<html>".into(), Code::CentralUnavailable),
        (302, String::new(), Code::CentralForeign),
        (511, "log in".into(), Code::CentralForeign),
        (408, "<html>".into(), Code::CentralUnavailable),
        (425, String::new(), Code::CentralUnavailable),
        (204, String::new(), Code::CentralForeign),
        (203, "<html>".into(), Code::CentralForeign),
        (406, String::new(), Code::CentralRefused),
        (
            200,
            r#"{"error":"You do not have the required rights to edit this resource."}"#.into(),
            Code::CentralRefused,
        ),
    ];
    for (status, body, expected) in table {
        assert_eq!(
            code(versions(&reply(status, &body))),
            expected,
            "status {status} {body}"
        );
    }
}

#[test]
fn a_refused_handshake_arrives_as_200() {
    let body =
        r#"{"success":false,"errorCode":"401","errorMsg":"You are not authorized","version":"x"}"#;
    assert_eq!(code(Handshake::read(&reply(200, body))), Code::AuthPassword);
    let body = r#"{"success":false,"errorCode":0,"errorMsg":"Unexpected error.","version":"x"}"#;
    assert_eq!(
        code(Handshake::read(&reply(500, body))),
        Code::AuthNotSyncManager
    );
    // As recorded while PostgreSQL was stopped.
    let body = r#"{"success":false,"version":"2022.11","errorCode":500,"errorMsg":""}"#;
    let trouble = Handshake::read(&reply(500, body)).unwrap_err();
    let met = (trouble.code, trouble.outcome.exit(), trouble.class);
    assert_eq!(met, (Code::CentralError, 1, FaultClass::Retry));
    assert_eq!(
        code(Handshake::read(&reply(500, ""))),
        Code::CentralRejected
    );
}

#[test]
fn odd_entries_are_told_and_the_others_are_kept() {
    let body = r#"{"entities":{"a":{"id":"a","checksum":"c","properties":[]},"b":{"checksum":"c"},"d":7}}"#;
    let page = ChecksumPage::read(&reply(200, body)).unwrap();
    assert_eq!(page.listed, [("a".to_owned(), "c".to_owned())]);
    assert_eq!(page.odd.len(), 2);
    assert_eq!(page.doubtful, ["b", "d"]);
}

#[test]
fn a_next_page_elsewhere_is_foreign() {
    let read = |next: &str| {
        let body = serde_json::json!({"nextCallUrl": next, "entities": []}).to_string();
        ChecksumPage::read(&reply(200, &body)).map(|page| page.next)
    };
    let good =
        "/taoSync/SynchronisationApi/fetchEntityChecksums?type=proctor&params%5Boffset%5D=100";
    assert_eq!(read(good).unwrap().as_deref(), Some(good));
    for astray in [
        "",
        "x",
        "//evil.example/x",
        "http://evil.example/taoSync/fetchEntityChecksums",
        "/taoSync/HandShake",
    ] {
        assert_eq!(code(read(astray)), Code::CentralForeign, "{astray}");
    }
}
