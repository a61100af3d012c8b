//! New credentials replace others only when central took them, and when they are for the organisation of the box.
//! Never believes what the box says of its credentials: a synchronization shows it.
//! Central makes one more client for each enrolment, whatever becomes of it.

use central::{Consumer, Organisation, Route};
use e2e::{Ran, Site, options, status};

fn tiny() -> Site {
    Site::enrolled(options(1, 1, (4_000, 4_000)))
}

/// Imports a client, also when central cannot be reached.
fn import_untried(site: &Site, client: &Consumer) -> Ran {
    let file = site.secret(&client.secret);
    let url = format!("{}taoOauth/TokenApi/requestToken", site.central.url());
    let words = [
        "credentials",
        "import",
        "--json",
        "--untried",
        "--key",
        &client.key,
    ];
    site.run(
        &[
            &words[..],
            &["--secret-file", file.to_str().unwrap(), "--token-url", &url],
        ]
        .concat(),
    )
}

fn wrong() -> Consumer {
    Consumer {
        secret: "0123456789abcdef0123456789abcdef01234567".into(),
        ..Site::new(options(1, 1, (4_000, 4_000)))
            .central
            .add_consumer(true)
    }
}

#[test]
fn wrong_credentials_replace_no_good_ones() {
    let site = tiny();
    let told = site.import_client(&wrong()).exits(3).code("auth.refused");
    assert!(told.to_string().contains("stay in force"), "{told}");
    site.sync().exits(0);
    // A client that lacks the role is no better.
    let client = site.central.add_consumer(false);
    site.import_client(&client).exits(3).code("auth.role");
    site.sync().exits(0);
    // Good ones are taken, and said to be.
    let client = site.central.add_consumer(true);
    let told = site.import_client(&client).exits(0).object();
    assert_eq!(
        (&told["key"], &told["tried"]),
        (&client.key.as_str().into(), &true.into())
    );
    for consumer in site.central.consumers() {
        if consumer.key != client.key {
            site.central.revoke_consumer(&consumer.key);
        }
    }
    site.sync().exits(0);
}

#[test]
fn wrong_credentials_are_not_stored_on_a_new_box_either() {
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    let told = site.import_client(&wrong()).exits(3).code("auth.refused");
    assert!(told.to_string().contains("nothing was stored"), "{told}");
    site.sync().exits(3).code("auth.not_enrolled");
}

#[test]
fn credentials_that_cannot_be_tried_replace_none_unless_somebody_insists() {
    let site = tiny();
    let client = site.central.add_consumer(true);
    site.central.set_listening(false);
    let told = site.import_client(&client).exits(4).code("auth.untried");
    assert!(told.to_string().contains("stay in force"), "{told}");
    site.central.set_listening(true);
    site.sync().exits(0);
    // Central's own trouble is no answer either.
    for fault in [status(503, "", None), central::Fault::Maintenance] {
        site.central
            .script(central::Rule::on(Route::SupportedVm, fault).always());
        let ran = site.import_client(&client).ends();
        assert!(ran.exit != Some(0), "{}", ran.story());
        let _ = ran.code("auth.untried");
        site.central.clear_script();
    }
    site.sync().exits(0);
    site.central.set_listening(false);
    let told = import_untried(&site, &client).exits(0).object();
    assert_eq!(told["tried"], false, "{told}");
    // Insisting is for a central that cannot be asked, not for one that says no.
    site.central.set_listening(true);
    import_untried(&site, &wrong())
        .exits(3)
        .code("auth.refused");
    site.sync().exits(0);
    let keys = site.central.requests_on(Route::Token);
    assert!(!keys.is_empty());
}

#[test]
fn a_new_box_takes_credentials_without_a_line_and_says_that_they_are_untried() {
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    let client = site.central.add_consumer(true);
    site.central.set_listening(false);
    let told = site.import_client(&client).exits(0).object();
    assert_eq!(told["tried"], false, "{told}");
    site.central.set_listening(true);
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn an_enrolment_for_another_organisation_replaces_nothing() {
    for configured in [true, false] {
        let mut options = options(1, 1, (4_000, 4_000));
        let other = Organisation::small("2002");
        options.dataset.organisations.push(other);
        let mut site = Site::enrolled(options);
        if !configured {
            site.unset("box", "organisation_id");
        }
        site.sync().exits(0);
        let (login, password) = site.central.manager("2002").expect("a second organisation");
        let told = site
            .enroll_as(&login, &password)
            .exits(3)
            .code("auth.other_organisation");
        let told = told.to_string();
        assert!(told.contains("2002") && told.contains("1001"), "{told}");
        site.sync().exits(0).code("ok");
        site.assert_equal_to_central();
        // The box's own organisation is welcome again.
        site.enroll().exits(0);
        site.sync().exits(0);
    }
}

#[test]
fn an_import_keeps_what_the_box_knows_of_its_sync_manager() {
    let mut site = tiny();
    site.unset("box", "organisation_id");
    let client = site.central.add_consumer(true);
    let told = site.import_client(&client).exits(0).object();
    assert_eq!(told["organisation_ids"], serde_json::json!(["1001"]));
    site.sync().exits(0);
    site.assert_equal_to_central();
}

#[test]
fn of_two_enrolments_at_once_one_wins_and_the_box_stays_known() {
    let site = tiny();
    let (login, password) = site.central.manager("1001").unwrap();
    let file = site.secret(&password);
    let file = file.to_str().unwrap();
    let words = [
        "enroll",
        "--login",
        &login,
        "--password-file",
        file,
        "--json",
    ];
    for _ in 0..4 {
        let made = site.central.consumers().len();
        let ended = [0; 2]
            .map(|_| site.start(&words))
            .map(|running| running.end().ends());
        let won = ended.iter().filter(|ran| ran.exit == Some(0)).count();
        assert!(won > 0, "{}", ended[0].story());
        for ran in &ended {
            if ran.exit != Some(0) {
                let _ = ran.code("state.busy");
            }
        }
        // No client is made on central for an enrolment that was refused here.
        assert_eq!(site.central.consumers().len(), made + won);
        site.sync().exits(0);
    }
}
