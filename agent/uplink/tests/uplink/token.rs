//! One token for all: fetched once, renewed, replaced once, and never where it does not belong.
//! Never looks inside `uplink`.
//! Run by `main`.

use std::cell::Cell;
use std::rc::Rc;

use logic::api::Call;
use logic::fault::Code;
use logic::words::Outcome;
use uplink::{Secret, Uplink, UplinkConfig, surely_unsent};

use crate::central::*;

/// A central that keeps one live token and can be told to forget it.
async fn keeper() -> (ScriptedCentral, Rc<Cell<usize>>) {
    let live = Rc::new(Cell::new(0));
    let issued = Rc::new(Cell::new(0));
    let keeps = live.clone();
    let central = ScriptedCentral::plain(move |asked| {
        if asked.is_token() {
            issued.set(issued.get() + 1);
            keeps.set(issued.get());
            return ScriptedAnswer::token(issued.get());
        }
        match asked.field("Authorization") == Some(&format!("Bearer token{}", keeps.get())) {
            true => ScriptedAnswer::ok("{}"),
            false => ScriptedAnswer::unauthorized(),
        }
    })
    .await;
    (central, live)
}

async fn all(uplink: &Uplink, n: usize) -> Vec<Option<Code>> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..n {
        let uplink = uplink.clone();
        tasks
            .spawn_local(async move { uplink.call(&Call::versions()).await.err().map(|t| t.code) });
    }
    tasks.join_all().await
}

#[test]
fn calls_under_way_share_one_token_and_one_refresh() {
    run(async {
        let (central, live) = keeper().await;
        let uplink = uplink(&central.root());
        assert_eq!(all(&uplink, 8).await, vec![None; 8]);
        assert_eq!((central.tokens(), central.calls().len()), (1, 8));
        live.set(0);
        assert_eq!(all(&uplink, 4).await, vec![None; 4]);
        assert_eq!(central.tokens(), 2, "one refresh for four");
        assert_eq!(central.calls().len(), 8 + 4 + 4, "one retry each");
        assert_eq!(uplink.evicted(), 1);
        live.set(0);
        assert_eq!(all(&uplink, 4).await, vec![None; 4]);
        assert_eq!(uplink.evicted(), 2, "another box uses the same client");
    });
}

#[test]
fn a_second_refusal_is_final() {
    run(async {
        let central = ScriptedCentral::plain(|asked| match asked.is_token() {
            true => ScriptedAnswer::token(asked.nth),
            false => ScriptedAnswer::unauthorized(),
        })
        .await;
        let uplink = uplink(&central.root());
        let trouble = uplink.call(&Call::versions()).await.unwrap_err();
        assert_eq!(
            (trouble.code, trouble.outcome),
            (Code::AuthRefused, Outcome::Unauthorized)
        );
        assert_eq!((central.tokens(), central.calls().len()), (2, 2));
        assert_eq!(
            uplink.evicted(),
            0,
            "nothing worked before: nobody took it away"
        );
    });
}

#[test]
fn refused_credentials_are_asked_once_and_told_to_all() {
    run(async {
        // Exchange 025.
        let central = ScriptedCentral::plain(|_| {
            let body = r#"{"success":false,"errorCode":0,"errorMsg":"You are not authorized to perform this operation","version":"2022.11"}"#;
            ScriptedAnswer::whole(401, "Content-Type: application/json\r\n", body.as_bytes())
        })
        .await;
        let uplink = uplink(&central.root());
        assert_eq!(all(&uplink, 5).await, vec![Some(Code::AuthRefused); 5]);
        assert_eq!((central.tokens(), central.calls().len()), (1, 0));
        let trouble = uplink.call(&Call::versions()).await.unwrap_err();
        assert!(
            trouble.reason().contains("credentials refused")
                && !trouble.reason().contains("s3cret")
        );
        assert_eq!(central.tokens(), 2, "a later call asks again");
    });
}

#[test]
fn a_token_at_its_end_is_renewed_before_the_call() {
    run(async {
        let central = ScriptedCentral::plain(|asked| match asked.is_token() {
            // By central's clock it ends now; the box's own clock has no say.
            true => {
                let body = format!(r#"{{"access_token":"t{}","expires":{TODAY}}}"#, asked.nth);
                ScriptedAnswer::whole(200, "", body.as_bytes())
            }
            false => ScriptedAnswer::ok("{}"),
        })
        .await;
        let mut dead = line(&central.root());
        dead.time = system::clock::Clock::standing(0);
        let uplink = Uplink::new(dead, Some(credentials(&central.root()))).unwrap();
        for _ in 0..2 {
            uplink.call(&Call::versions()).await.unwrap();
        }
        let sent: Vec<_> = central
            .calls()
            .iter()
            .map(|asked| asked.field("Authorization").unwrap().to_owned())
            .collect();
        assert_eq!(sent, ["Bearer t1", "Bearer t3"]);
    });
}

#[test]
fn a_failed_token_request_is_not_taken_for_the_call_itself() {
    run(async {
        let page = "<!doctype html><title>Currently Under Maintenance</title>";
        let script = r#"{"success":false,"message":"x","data":{"ExceptionType":"common_exception_SystemUnderMaintenance"}}"#;
        let database = r#"{"success":false,"version":"2022.11","errorCode":500,"errorMsg":""}"#;
        let table = [
            (
                ScriptedAnswer::raw as fn(&'static str, Then) -> ScriptedAnswer,
                "",
                Code::NetToken,
            ),
            (
                |body, _| ScriptedAnswer::ok(body),
                page,
                Code::CentralMaintenance,
            ),
            // A portal is no reason to enroll again, nor is PHP that died without a word.
            (
                |body, _| ScriptedAnswer::ok(body),
                "<html>Welcome",
                Code::CentralForeign,
            ),
            (
                |body, _| ScriptedAnswer::whole(401, "", body.as_bytes()),
                "<html>Log in",
                Code::CentralForeign,
            ),
            (
                |_, _| ScriptedAnswer::whole(302, "Location: http://portal.example/\r\n", b""),
                "",
                Code::CentralForeign,
            ),
            (
                |body, _| ScriptedAnswer::ok(body),
                "<br />\n<b>Notice</b>:  x in <b>/a</b> on line <b>1</b><br />\n{}",
                Code::CentralPhp,
            ),
            (
                |body, _| ScriptedAnswer::whole(404, "", body.as_bytes()),
                "<html>nginx",
                Code::CentralNotFound,
            ),
            (
                |body, _| ScriptedAnswer::ok(body),
                r#"{"token":"of another kind"}"#,
                Code::CentralToken,
            ),
            (
                |body, _| ScriptedAnswer::whole(500, "", body.as_bytes()),
                "",
                Code::CentralError,
            ),
            (
                |body, _| ScriptedAnswer::whole(500, "", body.as_bytes()),
                script,
                Code::CentralMaintenance,
            ),
            (
                |body, _| ScriptedAnswer::whole(500, "", body.as_bytes()),
                database,
                Code::CentralError,
            ),
            (
                |body, _| ScriptedAnswer::whole(503, "Retry-After: 7\r\n", body.as_bytes()),
                "",
                Code::CentralUnavailable,
            ),
        ];
        for (told, body, code) in table {
            let central = ScriptedCentral::plain(move |_| told(body, Then::Close)).await;
            let trouble = uplink(&central.root())
                .call(&Call::versions())
                .await
                .unwrap_err();
            assert_eq!(trouble.code, code, "{}", trouble.reason());
            assert!(surely_unsent(&trouble));
            assert_ne!(trouble.outcome, Outcome::Unauthorized);
            assert_eq!(
                trouble.retry_after.is_some(),
                code == Code::CentralUnavailable
            );
        }
        let anonymous = Uplink::new(line("http://127.0.0.1:1/"), None).unwrap();
        let trouble = anonymous.call(&Call::versions()).await.unwrap_err();
        assert_eq!(
            (trouble.code, trouble.outcome.exit()),
            (Code::AuthNotEnrolled, 3)
        );
    });
}

#[test]
fn the_secret_goes_elsewhere_only_where_allowed_and_comes_home_when_nobody_is_there() {
    run(async {
        let (central, _) = keeper().await;
        let other = ScriptedCentral::plain(|asked| match asked.is_token() {
            true => ScriptedAnswer::token(1),
            false => ScriptedAnswer::ok("{}"),
        })
        .await;
        let named = |root: &str| uplink::Credentials {
            token_url: format!("{root}taoOauth/TokenApi/requestToken"),
            ..credentials("")
        };
        let ask = |elsewhere: bool, root: String| {
            let line = UplinkConfig {
                token_elsewhere: elsewhere,
                ..line(&central.root())
            };
            let uplink = Uplink::new(line, Some(named(&root))).unwrap();
            async move {
                uplink
                    .call(&Call::versions())
                    .await
                    .map(|reply| reply.status)
            }
        };
        assert_eq!(ask(false, other.root()).await, Ok(200));
        assert_eq!((central.tokens(), other.tokens()), (1, 0));
        assert_eq!(ask(true, other.root()).await, Ok(200));
        assert_eq!((central.tokens(), other.tokens()), (1, 1));
        let nobody = "http://127.0.0.1:1/".to_owned();
        assert_eq!(ask(true, nobody).await, Ok(200));
        assert_eq!((central.tokens(), other.tokens()), (2, 1));
        assert_eq!(ask(true, "not a url".into()).await, Ok(200));
        assert_eq!((central.tokens(), other.tokens()), (3, 1));
    });
}

#[test]
fn secrets_are_not_shown() {
    let credentials = credentials("http://central.example/");
    assert!(!format!("{credentials:?}").contains("s3cret"));
    assert_eq!(format!("{:?}", Secret::new("x".into())), "Secret");
}
