//! Contents of executions that are not finished, and the later ones that supersede them.
//! Never takes a person's word for more than it says.
//! Makers of unfinished results serve `power` too.

use central::Route;
use e2e::Site;
use serde_json::{Value, json};

use crate::results::{answers, assert_home, execution, listed, owing, result, send, submit};

/// The document of one execution, in this state.
pub(crate) fn document(site: &Site, id: &str, state: &str, answers: &[String]) -> Value {
    let mut document = result(site, id, answers);
    let uri =
        format!("http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatus{state}");
    document["details"]["state"] = json!(uri);
    json!({ id: document })
}

/// State of each edition of a result.
fn editions(site: &Site, id: &str) -> Vec<String> {
    let own = |(kind, of, _): &(String, String, u64)| kind == "results" && of == id;
    let all = listed(site).into_iter().filter(|(key, _)| own(key));
    all.map(|(_, (state, _))| state).collect()
}

/// A box with an unfinished result, its id, and the answers that its final content will have.
fn unfinished() -> (Site, String, Vec<String>) {
    let site = owing();
    site.sync().exits(0);
    let id = execution(1);
    let former = [answers(&id, 1)[0].replace("answer", "former answer")];
    let last = answers(&id, 3);
    submit(&site, "results", &document(&site, &id, "Active", &former));
    (site, id, last)
}

/// Set aside while it is open; the final content comes beside it. Nothing that is said then has the former one sent, and
/// nothing of the execution waits for it.
#[test]
fn a_result_that_a_later_content_superseded_is_never_sent() {
    let (site, id, last) = unfinished();
    site.run(&["results", "set-aside", &id]).exits(0);
    submit(&site, "results", &document(&site, &id, "Finished", &last));
    submit(&site, "sessions", &json!([id]));
    for home in ["queued", "acknowledged"] {
        assert_eq!(editions(&site, &id), ["set-aside", home]);
        for _ in 0..2 {
            let ran = site.run(&["results", "retry", &id]).exits(1);
            assert!(
                ran.story().contains("results.superseded"),
                "{}",
                ran.story()
            );
        }
        assert_eq!(editions(&site, &id), ["set-aside", home]);
        // Nor without a name, nor as what is held.
        site.run(&["results", "retry"]).exits(0);
        site.run(&["results", "release"]).exits(0);
        send(&site).exits(0);
        assert_home(&site, &id, &last);
        assert!(site.central.execution(&id).unwrap().has_session);
    }
    assert_eq!(site.central.executions().len(), 1);
    assert_eq!(site.asked(Route::Results), 1);
    let daemon = site.start_daemon();
    let told = site.api().get(&format!("/v1/results/{id}")).unwrap().json();
    let first = &told["editions"][0];
    let advice = first["what_to_do"].as_str().unwrap();
    assert!(advice.starts_with("Nothing to do"), "{told}");
    daemon.kill().was_killed();
}

/// A person has an unfinished content sent as it is, and the finished one comes before the next run.
#[test]
fn of_an_order_to_send_it_as_it_is_nothing_is_left_once_it_is_finished() {
    let (site, id, last) = unfinished();
    site.run(&["results", "retry", &id]).exits(0);
    submit(&site, "results", &document(&site, &id, "Finished", &last));
    assert_eq!(editions(&site, &id), ["set-aside", "queued"]);
    send(&site).exits(0);
    assert_home(&site, &id, &last);
    assert_eq!(editions(&site, &id), ["set-aside", "acknowledged"]);
}
