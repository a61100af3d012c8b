//! Tables of what is let in and what is not, against what a real central did with it.
//! Never a made-up rule: each has its line in protocol 7 or 8.
//! Run by `cargo test -p logic`.

use super::*;
use crate::api::answer::PhpMap as Pairs;
use crate::fault::Code;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const ID: &str = "https://box.example/tao.rdf#i5001";

fn everything(_: EntityType, _: &str) -> bool {
    true
}

/// The example of protocol 7.1, with a trace.
fn example() -> Json {
    json!({
        "deliveryId": "https://central.example/tao.rdf#i4001",
        "deliveryExecutionId": ID,
        "details": {
            "identifier": ID,
            "label": "Algebra B1",
            "test-taker": "https://central.example/tao.rdf#i2201",
            "starttime": "0.10000000 1795000000",
            "finishtime": null,
            "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished"
        },
        "variables": [
            {"type":"taoResultServer_models_classes_ResponseVariable","callIdTest":null,"callIdItem":format!("{ID}.item-1.0"),
             "test":"https://central.example/tao.rdf#test-algebra","item":"https://central.example/tao.rdf#item-sum",
             "data":{"identifier":"RESPONSE","cardinality":"single","baseType":"identifier","epoch":"0.50000000 1795000300","correctResponse":null,"candidateResponse":"Y2hvaWNlXzI="}},
            {"type":"taoResultServer_models_classes_OutcomeVariable","callIdTest":ID,"callIdItem":null,
             "test":"https://central.example/tao.rdf#test-algebra","item":null,
             "data":{"identifier":"LtiOutcome","cardinality":"single","baseType":"float","epoch":"0.90000000 1795003600","normalMinimum":null,"normalMaximum":1.5,"value":"MC41"}},
            {"type":"taoResultServer_models_classes_TraceVariable","callIdTest":ID,"callIdItem":null,"test":"t","item":null,
             "data":{"identifier":"TRACE","cardinality":"single","baseType":"string","epoch":"0.9 1795003600","trace":"{}"}}
        ]
    })
}

fn submit(result: &Json) -> Result<ParsedDocument, Fault> {
    let body = json!({ "results": { ID: result }, "sync_params": { "sync_id": 1 } });
    read(
        ItemKind::Results,
        body.to_string().as_bytes(),
        ITEM_LIMIT,
        &everything,
    )
}

#[test]
fn what_is_put_by_its_id_is_let_in_under_no_other_rule() {
    for id in ["", "e\u{0}1", "e\n1", "e\u{85}1"] {
        let mut result = example();
        result["deliveryExecutionId"] = id.into();
        let map = json!({ id: &result }).to_string();
        let all = read(ItemKind::Results, map.as_bytes(), ITEM_LIMIT, &everything);
        assert_eq!(all.unwrap_err().code, Code::IntakeMalformed, "{id:?}");
        if !id.is_empty() {
            let users = json!([{ "id": id }]).to_string();
            let all = read(
                ItemKind::LtiUsers,
                users.as_bytes(),
                ITEM_LIMIT,
                &everything,
            );
            assert_eq!(all.unwrap_err().code, Code::IntakeMalformed, "user {id:?}");
        }
        for kind in ItemKind::ALL {
            let one = result.to_string();
            let one = read_one(kind, id, one.as_bytes(), ITEM_LIMIT, &everything);
            assert_eq!(
                one.unwrap_err().code,
                Code::IntakeMalformed,
                "{kind:?} {id:?}"
            );
        }
    }
}

#[test]
fn the_example_of_the_protocol_is_let_in_whole() {
    let intake = submit(&example()).unwrap();
    assert_eq!(intake.warnings, []);
    let item = &intake.items[0];
    assert_eq!((item.id.as_str(), item.parts.len()), (ID, 3));
    assert_eq!(
        item.test_taker.as_deref(),
        Some("https://central.example/tao.rdf#i2201")
    );
    let payload: Json = serde_json::from_slice(&item.payload).unwrap();
    assert_eq!(payload, example());
}

#[test]
fn body_bare_map_and_single_item_are_the_same() {
    let whole = submit(&example()).unwrap();
    let bare = json!({ ID: example() }).to_string();
    assert_eq!(
        read(ItemKind::Results, bare.as_bytes(), ITEM_LIMIT, &everything).unwrap(),
        whole
    );
    let one = example().to_string();
    let one = read_one(
        ItemKind::Results,
        ID,
        one.as_bytes(),
        ITEM_LIMIT,
        &everything,
    )
    .unwrap();
    assert_eq!(one, whole);
}

/// Sets a field by its path (a JSON pointer); `None` removes it.
fn with(pointer: &str, value: Option<Json>) -> Json {
    let mut result = example();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = result.pointer_mut(parent).unwrap();
    match value {
        Some(value) => parent[key] = value,
        None => {
            parent.as_object_mut().unwrap().remove(key);
        }
    }
    result
}

#[test]
fn every_wrong_field_is_refused_by_its_path() {
    let v = "variables[0]";
    let table = [
        ("/deliveryId", None, "deliveryId"),
        ("/deliveryId", Some(json!("")), "deliveryId"),
        (
            "/deliveryExecutionId",
            Some(json!("other")),
            "deliveryExecutionId",
        ),
        ("/details", Some(json!("x")), "details"),
        ("/details/identifier", None, "details.identifier"),
        ("/details/label", None, "details.label"),
        (
            "/details/test-taker",
            Some(json!(null)),
            "details.test-taker",
        ),
        ("/details/starttime", Some(json!(17)), "details.starttime"),
        ("/details/finishtime", None, "details.finishtime"),
        ("/details/state", None, "details.state"),
        ("/details/state", Some(json!("Finished")), "details.state"),
        ("/variables", Some(json!({"a": 1})), "variables.a"),
        ("/variables", Some(json!({"a": ""})), "variables.a"),
        ("/variables", Some(json!("a")), "variables"),
        ("/variables", None, "variables"),
        (
            "/variables/0/type",
            Some(json!("Response")),
            &format!("{v}.type"),
        ),
        ("/variables/0/callIdItem", None, &format!("{v}.callIdItem")),
        ("/variables/0/item", None, &format!("{v}.item")),
        ("/variables/1/callIdTest", None, "variables[1].callIdTest"),
        (
            "/variables/1/callIdTest",
            Some(json!(null)),
            "variables[1].callIdTest",
        ),
        ("/variables/0/test", Some(json!(3)), &format!("{v}.test")),
        (
            "/variables/0/data",
            Some(json!("str")),
            &format!("{v}.data"),
        ),
        (
            "/variables/0/data/identifier",
            None,
            &format!("{v}.data.identifier"),
        ),
        (
            "/variables/0/data/identifier",
            Some(json!("a\u{0}")),
            &format!("{v}.data.identifier"),
        ),
        (
            "/variables/0/data/baseType",
            Some(json!(null)),
            &format!("{v}.data.baseType"),
        ),
        (
            "/variables/0/data/cardinality",
            Some(json!("many")),
            &format!("{v}.data.cardinality"),
        ),
        (
            "/variables/0/data/epoch",
            Some(json!(1.5)),
            &format!("{v}.data.epoch"),
        ),
        (
            "/variables/0/data/epoch",
            Some(json!("1795000300")),
            &format!("{v}.data.epoch"),
        ),
        (
            "/variables/0/data/candidateResponse",
            Some(json!("a b")),
            &format!("{v}.data.candidateResponse"),
        ),
        (
            "/variables/1/data/value",
            Some(json!(null)),
            "variables[1].data.value",
        ),
        (
            "/variables/1/data/normalMaximum",
            Some(json!("1")),
            "variables[1].data.normalMaximum",
        ),
        (
            "/variables/2/data/trace",
            Some(json!({})),
            "variables[2].data.trace",
        ),
    ];
    for (pointer, value, path) in table {
        let trouble = submit(&with(pointer, value)).unwrap_err();
        assert_eq!(trouble.code, Code::IntakeMalformed);
        let start = format!("results[\"{ID}\"].{path}: expected ");
        assert!(trouble.reason().starts_with(&start), "{}", trouble.reason());
    }
}

#[test]
fn nul_in_a_text_is_refused_by_its_path_and_only_where_it_is_sent() {
    for (pointer, path) in [
        ("/details/label", "details.label"),
        ("/variables/0/item", "variables[0].item"),
        (
            "/variables/1/data/identifier",
            "variables[1].data.identifier",
        ),
    ] {
        let trouble = submit(&with(pointer, Some(json!("a\0b")))).unwrap_err();
        let expected = format!("results[\"{ID}\"].{path}: expected ");
        assert!(
            trouble.reason().starts_with(&expected),
            "{}",
            trouble.reason()
        );
        assert!(
            trouble.reason().contains("NUL") || path.ends_with("item"),
            "{}",
            trouble.reason()
        );
    }
    submit(&with("/note", Some(json!("\0")))).unwrap();
}

#[test]
fn identical_variables_are_refused_and_null_variables_are_none() {
    let mut twice = example();
    let mut copy = twice["variables"][0].clone();
    // What central ignores makes no other variable.
    copy["data"]["externallyGraded"] = json!(false);
    copy["callIdTest"] = json!(ID);
    twice["variables"].as_array_mut().unwrap().push(copy);
    let reason = submit(&twice).unwrap_err().reason();
    assert!(reason.contains(".variables[3]: expected another variable than variables[0]"));
    let none = submit(&with("/variables", Some(json!(null)))).unwrap();
    assert_eq!(none.items[0].parts, []);
}

#[test]
fn equal_content_has_one_print_whatever_its_spelling() {
    let plain = submit(&example()).unwrap().items.remove(0);
    let unpadded = with(
        "/variables/0/data/candidateResponse",
        Some(json!("Y2hvaWNlXzI")),
    );
    assert_eq!(submit(&unpadded).unwrap().items[0], plain);
    let other = with(
        "/variables/0/data/epoch",
        Some(json!("0.50000001 1795000300")),
    );
    let other = submit(&other).unwrap().items.remove(0);
    assert_ne!(other.parts[0], plain.parts[0]);
    assert_eq!(other.parts[1..], plain.parts[1..]);
    let extra = with("/note", Some(json!("kept out")));
    let extra = submit(&extra).unwrap();
    assert_eq!(extra.items[0], plain);
    assert_eq!(extra.warnings[0].code, Code::IntakeUnknownKey);
}

#[test]
fn what_the_catalogue_does_not_know_is_a_warning() {
    let nothing = |_: EntityType, _: &str| false;
    let body = json!({ ID: example() }).to_string();
    let intake = read(ItemKind::Results, body.as_bytes(), ITEM_LIMIT, &nothing).unwrap();
    let reasons: Vec<_> = intake.warnings.iter().map(Finding::reason).collect();
    assert_eq!(
        reasons,
        [
            format!("results[\"{ID}\"].deliveryId: the box holds no such delivery"),
            format!("results[\"{ID}\"].details.test-taker: the box holds no such test-taker"),
        ]
    );
}

#[test]
fn an_entry_never_vanishes_behind_an_equal_key() {
    let body = format!(
        r#"{{"results":{{"{ID}":{},"{ID}":{}}}}}"#,
        example(),
        example()
    );
    let reason = read(ItemKind::Results, body.as_bytes(), ITEM_LIMIT, &everything)
        .unwrap_err()
        .reason();
    assert_eq!(reason, format!("results[\"{ID}\"]: expected this key once"));
    for odd in [
        "",
        "{",
        "[1]",
        "7",
        r#"{"results":{},"x":1}"#,
        r#"{"results":[{}]}"#,
    ] {
        let trouble = read(ItemKind::Results, odd.as_bytes(), ITEM_LIMIT, &everything).unwrap_err();
        assert_eq!(trouble.code, Code::IntakeMalformed, "{odd}");
    }
    for empty in ["{}", "[]", r#"{"results":[]}"#] {
        let intake = read(ItemKind::Results, empty.as_bytes(), ITEM_LIMIT, &everything).unwrap();
        assert_eq!(intake, ParsedDocument::default());
    }
}

#[test]
fn an_item_above_the_limit_is_a_clear_refusal() {
    let body = json!({ ID: example() }).to_string();
    let trouble = read(ItemKind::Results, body.as_bytes(), 300, &everything).unwrap_err();
    assert_eq!(trouble.code, Code::IntakeTooLong);
    assert!(trouble.reason().contains("expected at most 300"));
}

fn row() -> Json {
    json!({"is_synced":"0","id":"41","delivery_execution_id":ID,"event_id":"TEST_AUTHORISE","data":{"z":1,"a":null},
           "created_at":"1795000010.1234","created_by":"https://central.example/tao.rdf#i2101"})
}

fn submit_rows(rows: &[Json]) -> Result<ParsedDocument, Fault> {
    let body = json!({ "delivery_logs": { ID: rows } }).to_string();
    read(ItemKind::Logs, body.as_bytes(), ITEM_LIMIT, &everything)
}

#[test]
fn rows_leave_with_the_same_keys_in_the_same_order() {
    let mut second = row();
    second["id"] = json!(42);
    second["log_is_after_session_sync"] = json!(true);
    second.as_object_mut().unwrap().remove("is_synced");
    let intake = submit_rows(&[row(), second, row()]).unwrap();
    assert_eq!(intake.warnings[0].code, Code::IntakeRepeatedRow);
    let item = &intake.items[0];
    assert_eq!(item.parts.len(), 2);
    let rows: Vec<Pairs> = serde_json::from_slice(&item.payload).unwrap();
    let keys = |row: &Pairs| row.0.iter().map(|(k, _)| k.to_string()).collect::<Vec<_>>();
    assert_eq!(keys(&rows[0]), keys(&rows[1]));
    assert_eq!(keys(&rows[0])[0], "id");
    assert_eq!(submit_rows(&[]).unwrap().items, []);
}

#[test]
fn every_wrong_row_is_refused_by_its_path() {
    let table = [
        ("id", json!(null), "id"),
        ("id", json!(1.5), "id"),
        ("delivery_execution_id", json!("x"), "delivery_execution_id"),
        ("event_id", json!(""), "event_id"),
        ("created_at", json!("yesterday"), "created_at"),
        ("created_by", json!(7), "created_by"),
        (
            "log_is_after_session_sync",
            json!(0),
            "log_is_after_session_sync",
        ),
        ("foo", json!("bar"), "foo"),
    ];
    for (key, value, path) in table {
        let mut wrong = row();
        wrong[key] = value;
        let reason = submit_rows(&[row(), wrong]).unwrap_err().reason();
        let start = format!("delivery_logs[\"{ID}\"][1].{path}: expected ");
        assert!(reason.starts_with(&start), "{reason}");
    }
    for key in [
        "id",
        "delivery_execution_id",
        "event_id",
        "data",
        "created_at",
        "created_by",
    ] {
        let mut wrong = row();
        wrong.as_object_mut().unwrap().remove(key);
        let reason = submit_rows(&[wrong]).unwrap_err().reason();
        assert!(reason.ends_with(&format!("[0].{key}: expected this key, found none")));
    }
    let mut other = row();
    other["event_id"] = json!("TEST_PAUSE");
    assert!(submit_rows(&[row(), other]).is_err());
}

#[test]
fn sessions_and_users_take_the_shape_of_their_routes() {
    let body = json!({ "test_sessions": [ID], "sync_params": {} }).to_string();
    let intake = read(ItemKind::Sessions, body.as_bytes(), ITEM_LIMIT, &everything).unwrap();
    assert_eq!(intake.items[0].id, ID);
    let one = read_one(ItemKind::Sessions, ID, b"", ITEM_LIMIT, &everything).unwrap();
    assert_eq!(one, intake);
    let wrong = read(ItemKind::Sessions, br#"[{"x":1}]"#, ITEM_LIMIT, &everything).unwrap_err();
    assert_eq!(
        wrong.reason(),
        "test_sessions[0]: expected an execution id, found an object"
    );
    let users = br#"{"lti_users":[{"id":5,"b":1,"a":2},{"x":1}]}"#;
    let users = read(ItemKind::LtiUsers, users, ITEM_LIMIT, &everything).unwrap();
    assert_eq!(users.items[0].id, "5");
    assert_eq!(users.items[0].payload, br#"{"a":2,"b":1,"id":5}"#);
    assert_eq!(users.items[1].id.len(), 32);
}

/// What a real central took with `success` 1, and what it choked on, judged by the same requests.
#[test]
fn the_recorded_exchanges_agree() {
    let dir = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/exchanges/"
    );
    let table = [
        ("243-results-ok", ItemKind::Results, true),
        ("247-results-missing-state", ItemKind::Results, false),
        (
            "250-results-variable-missing-keys",
            ItemKind::Results,
            false,
        ),
        ("251-results-variable-not-array", ItemKind::Results, false),
        ("252-results-variables-null", ItemKind::Results, true),
        ("253-results-details-string", ItemKind::Results, false),
        ("264-results-binary-response", ItemKind::Results, true),
        ("265-logs-ok", ItemKind::Logs, true),
        ("269-logs-bad-row-with-good", ItemKind::Logs, false),
        ("270-logs-extra-column", ItemKind::Logs, false),
        ("273-logs-no-after-flag", ItemKind::Logs, true),
        ("274-logs-with-client-columns", ItemKind::Logs, true),
        ("286-sessions-ok", ItemKind::Sessions, true),
        ("292-sessions-object", ItemKind::Sessions, false),
        ("281-ltiusers-ok", ItemKind::LtiUsers, true),
    ];
    for (name, kind, good) in table {
        let file = std::fs::read(format!("{dir}{name}.json")).unwrap();
        let exchange: Json = serde_json::from_slice(&file).unwrap();
        let body = exchange["request"]["body"].as_str().unwrap();
        let intake = read(kind, body.as_bytes(), ITEM_LIMIT, &everything);
        assert_eq!(intake.is_ok(), good, "{name}: {intake:?}");
    }
}

/// A number of 200 digits, which no double holds and no parser reads twice alike.
fn long_number() -> String {
    format!("9{}", "6".repeat(199))
}

#[test]
fn a_number_leaves_as_the_text_that_it_came_as() {
    for number in [
        long_number().as_str(),
        "1.50",
        "0.1000000000000000055511151231257827",
        "1E5",
        "-0",
    ] {
        // Whatever is read again is the same, and says what the candidate's engine said.
        let same = |kind, id: &str, document: &str| {
            let all = read_one(kind, id, document.as_bytes(), ITEM_LIMIT, &everything).unwrap();
            let item = all.items.into_iter().next().unwrap();
            let again = read_one(kind, id, &item.payload, ITEM_LIMIT, &everything).unwrap();
            assert_eq!(
                again.items,
                std::slice::from_ref(&item),
                "{kind:?} {number}"
            );
            let text = String::from_utf8(item.payload.clone()).unwrap();
            assert!(text.contains(&format!(":{number}")), "{kind:?} {text}");
            item
        };
        let users = format!(r#"[{{"d": {number}}}]"#);
        let read = read(
            ItemKind::LtiUsers,
            users.as_bytes(),
            ITEM_LIMIT,
            &everything,
        )
        .unwrap();
        same(
            ItemKind::LtiUsers,
            &read.items[0].id,
            &users[1..users.len() - 1],
        );
        let marked = with("/variables/1/data/normalMaximum", Some(json!("@")));
        let result = marked.to_string().replace("\"@\"", number);
        same(ItemKind::Results, ID, &result);
        let mut marked = row();
        marked["created_at"] = json!("@");
        let rows = json!([marked]).to_string().replace("\"@\"", number);
        same(ItemKind::Logs, ID, &rows);
    }
}

#[test]
fn one_double_written_in_two_ways_is_one_variable_and_one_row() {
    let of = |number: &str| {
        let marked = with("/variables/1/data/normalMaximum", Some(json!("@")));
        let result = marked.to_string().replace("\"@\"", number);
        let read = read_one(
            ItemKind::Results,
            ID,
            result.as_bytes(),
            ITEM_LIMIT,
            &everything,
        );
        let item = read.unwrap().items.remove(0);
        (item.parts, item.content)
    };
    assert_eq!(
        of("1.50"),
        of("1.5"),
        "as it was kept before numbers were texts"
    );
    assert_ne!(of("1.50"), of("1.51"));
}

fn json_tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        "[a-z\"\\\\\u{e9}]{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_document_makes_intake_panic(kind in prop::sample::select(&ItemKind::ALL[..]), tree in json_tree(), cut in any::<usize>()) {
        let body = json!({ kind.key(): tree }).to_string();
        let _ = read(kind, body.as_bytes(), ITEM_LIMIT, &everything);
        let cut = cut % (body.len() + 1);
        let _ = read(kind, &body.as_bytes()[..cut], ITEM_LIMIT, &everything);
    }

    #[test]
    fn an_odd_value_anywhere_is_refused_or_kept_in_one_form(at in 0usize..30, odd in json_tree()) {
        let mut result = example();
        let mut pointers = Vec::new();
        collect(&result, String::new(), &mut pointers);
        let pointer = &pointers[at % pointers.len()];
        *result.pointer_mut(pointer).unwrap() = odd;
        if let Ok(intake) = submit(&result) {
            let payload: Json = serde_json::from_slice(&intake.items[0].payload).unwrap();
            let again = submit(&payload).unwrap();
            prop_assert_eq!(&again.items, &intake.items);
        }
    }
}

fn collect(value: &Json, path: String, out: &mut Vec<String>) {
    match value {
        Json::Object(map) => map
            .iter()
            .for_each(|(key, value)| collect(value, format!("{path}/{key}"), out)),
        Json::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(at, value)| collect(value, format!("{path}/{at}"), out)),
        _ => out.push(path),
    }
}
