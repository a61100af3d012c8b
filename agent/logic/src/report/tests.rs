//! Accounts of runs: how they end, and what is added to them.
//! Never a clock or a file.
//! Run with the crate.

use super::*;

fn empty() -> Report {
    let params = SyncParams {
        organisation_id: "1".into(),
        sync_id: 1,
        box_id: "b".into(),
        tao_version: "2022.11".into(),
    };
    Report::new(&params, 0)
}

#[test]
fn a_rate_that_nothing_was_measured_of_is_not_told() {
    let mut report = empty();
    let told = |report: &Report| {
        let state = client_state(report, &Survey::default());
        let nodes = state["children"].as_array().unwrap().clone();
        let statistics = |node: &Json| node["data"].get("connection_statistics").cloned();
        nodes.iter().find_map(statistics).unwrap()
    };
    report.connection.requests = 9;
    report.connection.download_mbit_s = 7.5;
    assert_eq!(
        told(&report),
        json!({ "download_mbit_s": 7.5, "requests": 9 })
    );
    report.connection.upload_mbit_s = 0.4;
    assert_eq!(told(&report)["upload_mbit_s"], 0.4);
}

#[test]
fn every_node_of_the_client_state_is_complete_and_none_is_an_error() {
    let mut report = empty();
    report.find(&Fault::new(Code::PackageMissing, "none"));
    let state = client_state(
        &report,
        &Survey {
            disk: Some((1, 2)),
            database: None,
            clients: vec![
                confirmed(
                    true,
                    r#"{"params":{"sync_id":12,"box_id":"b","client_state":{"type":"error","message":"x","data":{"disk_space_utilization":{}},"children":[7,{"message":"y"}]}}}"#,
                ),
                confirmed(false, r#"{"failure-reason":[{"type":"error"}]}"#),
            ],
        },
    );
    let mut nodes = vec![&state];
    while let Some(node) = nodes.pop() {
        assert!(node["message"].is_string() && node.get("data").is_some());
        assert!(["info", "success", "warning"].contains(&node["type"].as_str().unwrap()));
        nodes.extend(node["children"].as_array().unwrap());
    }
}

#[test]
fn packages_under_way_are_a_warning_and_no_finding() {
    let mut packages = PackageCount::default();
    assert_eq!(under_way(&packages), None);
    packages.waiting = 2;
    packages.waiting_for = Some(Waiting {
        reason: super::super::package_lane::WaitReason::Window,
        until: Some(7),
    });
    let node = under_way(&packages).unwrap();
    assert_eq!(node["type"], "warning");
    assert_eq!(
        node["message"],
        "2 test packages are still under way, waiting for the next download window (package.waiting)"
    );
    let text = serde_json::to_value(packages).unwrap();
    assert_eq!(
        text["waiting_for"],
        json!({ "reason": "window", "until": 7 })
    );
    assert_eq!(
        serde_json::from_value::<PackageCount>(text).unwrap(),
        packages
    );
}

#[test]
fn the_store_keeps_the_shape_of_earlier_versions() {
    let packages = PackageCount {
        downloaded: 1,
        unchanged: 2,
        failed: 3,
        bytes_on_wire: 4,
        bytes_stored: 5,
        waiting: 6,
        waiting_for: None,
    };
    let stored = postcard::to_allocvec(&(packages, 9u64)).unwrap();
    assert_eq!(stored, [1, 2, 3, 4, 5, 9]);
    let (read, after): (PackageCount, u64) = postcard::from_bytes(&stored).unwrap();
    assert_eq!((read.bytes_stored, read.waiting, after), (5, 0, 9));
}

fn confirmed(finished: bool, body: &str) -> Confirmation {
    let voice = super::super::gateway::AnswerSigner {
        version: "2022.11".into(),
    };
    Confirmation::read(finished, body.as_bytes(), 5, &voice).unwrap()
}

#[test]
fn a_client_of_the_gateway_is_told_in_the_words_it_used() {
    let finished = confirmed(
        true,
        r#"{"params":{"sync_id":12,"box_id":"b","tao_version":"1","client_state":
           {"type":"info","message":"usage","data":null,"children":[
             {"type":"info","message":"Disk","data":{"disk_space_utilization":{"used":1,"free":2}}},
             {"type":"error","message":"no\u0000 space","data":null}]}}}"#,
    );
    assert_eq!(
        client(&finished),
        json!({
            "type": "info",
            "message": "Synchronization 12 of the TAO on this box finished",
            "data": { "client_sync_12": { "box_id": "b", "finished": true, "at": 5, "tao_version": "1" } },
            "children": [{ "type": "warning", "message": "no space", "data": null, "children": [] }],
        })
    );
    let reports =
        r#"{"failure-reason":[{"type":"error","message":"a","children":[{"message":"b"}]}]}"#;
    for (body, message) in [
        (reports, "failed: a; b"),
        (r#"{"failure-reason":"Disk full"}"#, "failed: Disk full"),
        (r#"{"failure-reason":[1]}"#, "failed: [1]"),
        ("{}", "failed"),
    ] {
        let told = client(&confirmed(false, body));
        let expected = format!("Synchronization of the TAO on this box {message}");
        assert_eq!(
            told,
            json!({ "type": "warning", "message": expected, "data": null, "children": [] })
        );
    }
}

#[test]
fn what_seems_to_be_one_thing_is_told_as_what_it_is() {
    let mut report = empty();
    report.packages.unchanged = 1;
    for _ in 0..2 {
        report.find(&Fault::new(Code::PackageMissing, "none"));
    }
    report.find(&Fault::new(Code::DiskFull, "full"));
    assert_eq!(Report::absent(&[report.clone()]), 2);
    report.retell(Code::PackageMissing, |count| {
        Fault::new(Code::CarryChanged, format!("{count} lack"))
    });
    assert_eq!(Report::absent(&[report.clone()]), 0);
    assert_eq!(
        (report.code.as_str(), &*report.reason),
        ("carry.changed", "2 lack")
    );
    report.retell(Code::PackageMissing, |_| unreachable!());
    report.rename(Code::PackageMissing, &Fault::new(Code::DiskFull, "full"));
    assert_eq!(report.code, Code::CarryChanged);
    assert_eq!(report.findings.len(), 2);
}
