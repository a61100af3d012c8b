//! Credentials and tokens: enrolled or not, refused, expired, shared.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Consumer, Fault, Kind, Options, Route, Rule};
use e2e::{Site, options};

#[test]
fn enrolment_stores_what_central_gives_and_tells_the_organisation() {
    let site = Site::new(options(2, 1, (4_000, 4_000)));
    let told = site.enroll().exits(0).object();
    assert_eq!(told["organisation_ids"][0], "1001");
    let key = told["key"].as_str().unwrap();
    let consumer = site
        .central
        .consumers()
        .into_iter()
        .find(|c| c.key == key)
        .unwrap();
    for file in site.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes
                .windows(consumer.secret.len())
                .any(|w| w == consumer.secret.as_bytes()),
            "{}",
            file.display()
        );
    }
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn the_organisation_of_the_enrolment_is_enough() {
    let mut site = Site::new(options(2, 1, (4_000, 4_000)));
    site.unset("box", "organisation_id");
    site.enroll().exits(0);
    assert_eq!(site.sync().exits(0).object()["organisation_id"], "1001");
    site.assert_equal_to_central();
}

#[test]
fn without_credentials_nothing_is_asked() {
    let site = Site::new(Options::default());
    site.sync().exits(3).code("auth.not_enrolled");
    assert_eq!(site.central.counters().requests, 0);
}

#[test]
fn a_wrong_password_a_plain_user_and_a_central_in_maintenance_are_told_apart() {
    let site = Site::new(Options::default());
    let (login, password) = site.central.manager("1001").unwrap();
    site.enroll_as(&login, "wrong")
        .exits(3)
        .code("auth.password");
    site.enroll_as("nobody", &password)
        .exits(3)
        .code("auth.password");
    let (plain, secret) = site.central.plain_user();
    site.enroll_as(&plain, &secret)
        .exits(3)
        .code("auth.not_sync_manager");
    site.central.set_maintenance(true);
    site.enroll().exits(1).code("central.maintenance");
    site.central.set_maintenance(false);
    site.run(&[
        "enroll",
        "--login",
        &login,
        "--password-file",
        "/nonexistent",
        "--json",
    ])
    .exits(2)
    .code("input.file");
    site.sync().exits(3).code("auth.not_enrolled");
    assert_eq!(site.central.consumers().len(), 1, "no handshake succeeded");
}

#[test]
fn credentials_made_on_central_can_be_brought() {
    let site = Site::new(options(3, 1, (4_000, 4_000)));
    let consumer = site.central.add_consumer(true);
    site.import(&consumer.key, &consumer.secret, "not a url")
        .exits(2)
        .code("input.token_url");
    let wrong = Consumer {
        key: "two words".into(),
        ..consumer.clone()
    };
    site.import_client(&wrong).exits(2).code("input.key");
    site.import_client(&consumer).exits(0);
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn a_client_that_central_no_longer_knows_is_refused_and_nothing_is_lost() {
    let site = Site::synchronized();
    let before = site.entities();
    for consumer in site.central.consumers() {
        site.central.revoke_consumer(&consumer.key);
    }
    let ran = site.sync().exits(3).code("auth.refused");
    assert_eq!(ran["outcome"], "unauthorized");
    assert_eq!(site.entities(), before);
    site.enroll().exits(0);
    site.sync().exits(0);
}

#[test]
fn a_client_without_the_role_is_told_so() {
    let site = Site::new(options(3, 1, (4_000, 4_000)));
    let consumer = site.central.add_consumer(false);
    site.import_client(&consumer).exits(0);
    site.sync().exits(3).code("auth.role");
}

#[test]
fn a_refused_token_costs_one_refresh_and_one_retry_of_each_call() {
    let site = Site::small();
    site.central
        .script(Rule::on(Route::Checksums, Fault::Unauthorized).containing("type=test-taker"));
    site.sync().exits(0).code("ok");
    assert_eq!(site.asked(Route::Token), 2);
    let lists = site.central.requests_on(Route::Checksums);
    assert_eq!(lists.len(), 7);
    site.assert_equal_to_central();
}

#[test]
fn many_calls_under_way_share_one_refresh() {
    let mut site = Site::enrolled(options(100, 1, (4_000, 4_000)));
    site.set("sync", "lanes", "8");
    // One page becomes four calls at once; each of them is refused once, its second attempt is not.
    for taker in site.ids(Kind::TestTaker).iter().skip(5).step_by(25) {
        let refusal = Rule::on(Route::Details, Fault::Unauthorized);
        site.central
            .script(refusal.containing(&format!("{taker}\"")));
    }
    site.central.set_latency(150);
    site.sync().exits(0).code("ok");
    assert_eq!(site.central.firings(), (4, 0));
    // All were sent with the first token, or the last of them came after the refresh: then it is a second one.
    let tokens = site.asked(Route::Token);
    assert!((2..=3).contains(&tokens), "{tokens} tokens");
    site.central.set_latency(0);
    site.assert_equal_to_central();
}

#[test]
fn a_token_that_is_always_refused_is_not_tried_for_ever() {
    let site = Site::synchronized();
    site.central
        .script(Rule::on(Route::SupportedVm, Fault::Unauthorized).always());
    site.sync().exits(3).code("auth.refused");
    assert_eq!(
        (site.asked(Route::Token), site.asked(Route::SupportedVm)),
        (2, 2)
    );
}

#[test]
fn a_token_that_ends_in_the_middle_of_a_package_is_renewed() {
    let mut site = Site::enrolled(options(2, 1, (3_000_000, 3_000_000)));
    site.set("download", "connections", "1");
    site.central
        .script(Rule::on(Route::Package, Fault::Unauthorized).nth(3));
    site.sync().exits(0).code("ok");
    assert_eq!(site.asked(Route::Token), 2);
    site.assert_equal_to_central();
}

#[test]
fn short_lived_tokens_are_renewed_before_they_end_whatever_central_s_clock_says() {
    for offset in [0, 86_400 * 400, -86_400 * 400] {
        let site = Site::enrolled(Options {
            clock_offset: offset,
            token_lifetime: 2,
            ..options(40, 1, (4_000, 4_000))
        });
        site.sync().exits(0).code("ok");
        let refused = site
            .central
            .requests()
            .iter()
            .filter(|seen| seen.status == Some(401))
            .count();
        assert_eq!(refused, 0, "central's clock is {offset} s off");
    }
}

#[test]
fn two_boxes_with_one_client_are_named() {
    let site = Site::enrolled(options(300, 1, (4_000, 4_000)));
    // Central gave the token to somebody else again and again: each time a token that worked dies early.
    site.central
        .script(Rule::on(Route::Details, Fault::Unauthorized).nth(2));
    site.central.script(
        Rule::on(Route::Details, Fault::Unauthorized)
            .nth(8)
            .always(),
    );
    let ran = site.sync().exits(3).code("auth.shared");
    assert!(
        ran["reason"].as_str().unwrap().contains("another box"),
        "{ran}"
    );
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn the_box_id_of_header_and_parameters_is_one() {
    let site = Site::synchronized();
    site.central.touch("1001", Kind::TestTaker, 1);
    let id = site.sync().exits(0).object()["box_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!((1..=50).contains(&id.len()));
    for seen in site.central.requests() {
        let header = seen
            .headers
            .iter()
            .find(|(name, _)| name == "x-tao-box-id")
            .map(|(_, value)| value.clone());
        match seen.route {
            Route::Checksums | Route::Details | Route::Finished => {
                assert_eq!(header.as_deref(), Some(&*id), "{:?}", seen.route);
                let text = format!("{}{}", seen.query, String::from_utf8_lossy(&seen.body));
                assert!(text.contains(&id), "{:?}: {text}", seen.route);
            }
            Route::Token => assert!(!String::from_utf8_lossy(&seen.body).contains(&id)),
            _ => {}
        }
    }
}
