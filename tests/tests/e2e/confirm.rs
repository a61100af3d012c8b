//! What central is told: versions, finish and failure, numbers that grow for ever.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use central::{Fault, Kind, Route, Rule};
use e2e::{Site, options, status};

#[test]
fn a_finished_run_is_a_success_on_central_with_the_client_state() {
    let site = Site::small();
    let ran = site.sync().exits(0).object();
    let rows = site.central.sync_rows();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row.status, "Success");
    assert_eq!(
        (row.sync_id, row.box_id.as_str()),
        (1, ran["box_id"].as_str().unwrap())
    );
    assert_eq!(row.organization_id, "1001");
    assert!(row.finished_at.is_some());
    assert_eq!(row.client_state["tao_version"], "2022.11");
    for key in [
        "disk_space_utilization",
        "database_space_utilization",
        "connection_statistics",
    ] {
        assert!(
            row.client_state.contains_key(key),
            "{key}: {:?}",
            row.client_state
        );
    }
    let finished = site.central.requests_on(Route::Finished);
    assert_eq!(finished.len(), 1);
    assert_eq!(site.asked(Route::Failed), 0);
}

#[test]
fn a_version_that_central_does_not_support_stops_the_run_and_is_told() {
    let site = Site::synchronized();
    let before = site.entities();
    site.central.set_versions(&["2024.01", "3.4"]);
    let ran = site.sync().exits(5).code("version.unsupported");
    assert_eq!(ran["outcome"], "unsupported");
    let reason = ran["reason"].as_str().unwrap();
    assert!(
        reason.contains("2022.11") && reason.contains("2024.01, 3.4"),
        "{reason}"
    );
    assert_eq!(site.asked(Route::Checksums), 0);
    let failed = site.central.requests_on(Route::Failed);
    assert_eq!(failed.len(), 1);
    let body: serde_json::Value = serde_json::from_slice(&failed[0].body).unwrap();
    assert!(
        body["failure-reason"].as_str().unwrap().contains("2022.11"),
        "the reason is a string: {body}"
    );
    assert_eq!(site.entities(), before);
    site.central.set_versions(&[]);
    site.sync().exits(5).code("version.unsupported");
}

#[test]
fn a_failed_run_is_told_when_central_can_be_reached() {
    let site = Site::small();
    site.central.script(
        Rule::on(Route::Details, Fault::Unauthorized)
            .containing("delivery")
            .always(),
    );
    site.sync().exits(3);
    // Whoever is refused cannot tell.
    assert_eq!(
        (site.asked(Route::Failed), site.asked(Route::Finished)),
        (0, 0)
    );
    site.central.clear_script();
    site.central.set_versions(&["1"]);
    site.sync().exits(5);
    let row = site.central.sync_rows().pop().unwrap();
    assert_eq!((row.sync_id, row.status.as_str()), (2, "Failed"));
}

#[test]
fn a_confirmation_that_central_does_not_take_is_said_again_without_the_state() {
    let site = Site::small();
    let empty = status(500, "", None);
    site.central.script(Rule::on(Route::Finished, empty));
    site.sync().exits(0).code("ok");
    let finished = site.central.requests_on(Route::Finished);
    assert_eq!(finished.len(), 2);
    let text = |n: usize| String::from_utf8_lossy(&finished[n].body).into_owned();
    assert!(text(0).contains("client_state") && !text(1).contains("client_state"));
    assert_eq!(site.central.sync_rows()[0].status, "Success");
}

#[test]
fn the_number_of_a_synchronization_is_never_used_twice() {
    let site = Site::enrolled(options(2, 1, (2_000_000, 2_000_000)));
    let mut last = 0;
    for round in 0..4 {
        // Killed in a package, with the lists under way, before anything was answered, in the confirmation.
        let route = [
            Route::Package,
            Route::Checksums,
            Route::SupportedVm,
            Route::Finished,
        ][round];
        site.central.script(Rule::on(route, Fault::Silence));
        let mut running = site.start(&["sync", "--json"]);
        let asked = site.asked(route);
        assert!(
            running.until("a request that is not answered", || site.asked(route)
                > asked)
        );
        running.kill().was_killed();
        site.central.clear_script();
        let id = site.sync().exits(0).object()["sync_id"].as_u64().unwrap();
        assert!(id >= last + 2, "after {route:?}: {id}, before {last}");
        last = id;
    }
    let mut ids: Vec<_> = site
        .central
        .sync_rows()
        .iter()
        .map(|row| (row.box_id.clone(), row.sync_id))
        .collect();
    let rows = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), rows);
    assert_eq!(
        ids.iter()
            .map(|(id, _)| id)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        1
    );
}

#[test]
fn an_id_of_the_operator_is_kept() {
    let mut site = Site::small();
    site.set("box", "id", "\"5e0b1c2d3f4a5\"");
    assert_eq!(site.sync().exits(0).object()["box_id"], "5e0b1c2d3f4a5");
    assert_eq!(site.central.sync_rows()[0].box_id, "5e0b1c2d3f4a5");
    site.unset("box", "id");
    assert_eq!(site.sync().exits(0).object()["box_id"], "5e0b1c2d3f4a5");
}

#[test]
fn some_types_alone_and_history_of_all_runs() {
    let site = Site::small();
    let ran = site.sync_with(&["--type", "test-taker"]).exits(0).object();
    assert_eq!(ran["entities"]["test-taker"]["created"], 20);
    assert!(
        ran["entities"]
            .get("delivery")
            .is_none_or(|count| count["created"] == 0)
    );
    assert_eq!(site.ids(Kind::TestTaker).len(), site.entities().len());
    site.sync().exits(0);
    site.central.set_versions(&["1"]);
    site.sync().exits(5);
    let told: Vec<_> = site
        .run(&["history", "--json"])
        .exits(0)
        .objects()
        .iter()
        .map(|run| {
            (
                run["sync_id"].as_u64().unwrap(),
                run["outcome"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let told: Vec<_> = told.iter().map(|(id, word)| (*id, word.as_str())).collect();
    assert_eq!(told, [(3, "unsupported"), (2, "finished"), (1, "finished")]);
    let status = site.run(&["status", "--json"]).exits(0).object();
    assert_eq!(status["last"]["outcome"], "unsupported");
    assert_eq!(status["entities"]["test-taker"], 20);
    assert_eq!(status["packages"]["held"], 3);
}
