//! Central that is ill, or set up otherwise than the box expects: said as what it is, with the right exit, and no waste.
//! Never trusts what the box says of itself: requests are counted at central.
//! Its makers of results are those of `results`.

use central::{Fault, Kind, Route, Rule, uri};
use e2e::{Site, options, status};
use serde_json::{Value, json};

use crate::results::{
    answers, assert_home, execution, owing, result, results, send, state, submit,
};

/// As recorded with `X-Requested-With`, and as some proxies make of it.
const MAINTENANCE: &str = r#"{"success":false,"type":"Exception","message":"TAO is under maintenance","data":{"ExceptionType":"common_exception_SystemUnderMaintenance"}}"#;

#[test]
fn enrolment_while_central_is_ill_is_not_the_login_s_fault() {
    let dead = || Fault::TypeError;
    for (fault, code) in [
        (Fault::DatabaseDown, "central.error"),
        (status(500, MAINTENANCE, None), "central.maintenance"),
        (Fault::Maintenance, "central.maintenance"),
        (status(503, "<html>busy", None), "central.unavailable"),
        (dead(), "central.rejected"),
    ] {
        let site = Site::new(options(1, 1, (4_000, 4_000)));
        site.central
            .script(Rule::on(Route::Handshake, fault).always());
        let ran = site.enroll().exits(1);
        assert!(
            !ran.err.contains("synchronisation manager"),
            "{}",
            ran.story()
        );
        assert!(
            ran.err.contains(code) || ran.out.contains(code),
            "{}",
            ran.story()
        );
        site.central.clear_script();
        site.enroll().exits(0);
    }
}

#[test]
fn maintenance_in_json_ends_the_run_as_its_page_does() {
    for code in [500, 503] {
        let site = Site::synchronized();
        site.central.reset_log();
        site.central
            .script(Rule::any(status(code, MAINTENANCE, None)).always());
        site.sync().exits(1).code("central.maintenance");
        let asked = site.central.requests().len();
        assert!(asked <= 2, "{asked} requests");
        site.central.clear_script();
        site.sync().exits(0);
    }
}

#[test]
fn php_that_speaks_before_the_data_is_named_and_costs_little() {
    let site = Site::enrolled(options(300, 1, (4_000, 4_000)));
    let warning = "<br />\n<b>Warning</b>:  Undefined array key in <b>/var/www/jane.php</b> on line <b>12</b><br />\n{\"entities\":[]}";
    site.central
        .script(Rule::on(Route::Details, status(200, warning, None)).always());
    let ran = site.sync().exits(1);
    let object = ran.object();
    let findings = object["findings"].as_array().unwrap();
    let php = findings
        .iter()
        .find(|finding| finding["code"] == "central.php");
    let php = php.unwrap_or_else(|| panic!("{}", ran.story()));
    assert!(!php.to_string().contains("jane"), "{php}");
    assert!(site.asked(Route::Details) <= 20);
    site.central.clear_script();
    site.sync().exits(0);
    site.assert_equal_to_central();
}

/// A central with taoEncryption: its deliveries carry the key, and it dies of a plain result (protocol 7.7), not of an
/// entry without variables.
fn encrypted() -> Site {
    let site = owing();
    for id in site.ids(Kind::Delivery) {
        assert!(
            site.central
                .set_property(&id, uri::APPLICATION_KEY, &["7TI8ugLGBf4="])
        );
    }
    site.sync().exits(0);
    site.central.script(
        results(Fault::TypeError)
            .containing("candidateResponse")
            .always(),
    );
    site
}

#[test]
fn an_encrypted_central_refuses_no_result_and_is_told() {
    let site = encrypted();
    let ids: Vec<String> = (0..12).map(execution).collect();
    for id in &ids {
        let document = json!({ id: result(&site, id, &answers(id, 2)) });
        submit(&site, "results", &document);
    }
    for _ in 0..3 {
        site.central.reset_log();
        let ran = send(&site).exits(1);
        let object: Value = ran.object();
        let findings = object["findings"].as_array().unwrap();
        let codes: Vec<&str> = findings.iter().filter_map(|f| f["code"].as_str()).collect();
        assert!(codes.contains(&"central.encrypted"), "{codes:?}");
        assert_eq!(object["results"]["refused"], 0);
        let asked = site.asked(Route::Results);
        assert!(asked <= 3, "{asked} requests: each leaves an orphan");
    }
    for id in &ids {
        assert_eq!(state(&site, id).0, "queued");
    }
    let status = site.run(&["status", "--json"]).ends().object();
    assert_eq!(status["held_up"]["code"], "central.encrypted");
    // Decided otherwise there, everything goes.
    site.central.clear_script();
    send(&site).exits(0);
    for id in &ids {
        assert_home(&site, id, &answers(id, 2));
    }
}
