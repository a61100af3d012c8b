//! Validates one result against what central needs and writes it in one form (protocol 7.1).
//! Never lets a wrong type pass: one costs the whole request a 500 and leaves an orphan on central (protocol 7.5).
//! Called by `intake`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::exact::{Exact, ObjectFields};
use super::path::{At, field, object, text};
use super::{Enclosure, EntityLookup, ExecutionState, IntakeItem, ItemKind, ParsedDocument, Print};
use crate::entity::EntityType;
use crate::fault::{Code, Fault};
use crate::fault::{Finding, IntakeFlaw, IntakeValue};

/// Prefix of the states that central knows (protocol A.4).
const STATE: &str = "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatus";
/// All six must exist (protocol 7.1).
const DETAILS: [&str; 6] = [
    "identifier",
    "label",
    "test-taker",
    "starttime",
    "finishtime",
    "state",
];
const TOP: [&str; 4] = ["deliveryId", "deliveryExecutionId", "details", "variables"];
const VARIABLE: [&str; 6] = ["type", "callIdItem", "callIdTest", "test", "item", "data"];
const CARDINALITIES: [&str; 4] = ["single", "multiple", "ordered", "record"];
/// Fields that newer clients send and central ignores: they pass, but make no other variable (protocol 7.1).
const IGNORED: [&str; 2] = ["type", "externallyGraded"];
/// Central's storage keeps identifiers in columns of this many characters.
const COLUMN: usize = 255;

/// PHP takes text with or without padding; equal bytes must become equal text here.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn read(
    id: &str,
    value: &Exact,
    at: &At<'_>,
    known: EntityLookup<'_>,
    intake: &mut ParsedDocument,
) -> Result<IntakeItem, Fault> {
    let result = object(value, at, IntakeValue::Result)?;
    let warnings = &mut intake.warnings;
    unknown_keys(result, &TOP, at, warnings);
    let delivery = text(
        field(result, "deliveryId", at)?,
        &at.key("deliveryId"),
        IntakeValue::Delivery,
    )?;
    let own = field(result, "deliveryExecutionId", at)?;
    if own.as_str() != Some(id) {
        let what = IntakeValue::ResultExecution;
        return Err(at.key("deliveryExecutionId").expected(what, own));
    }
    let details_at = at.key("details");
    let (details, test_taker, execution) =
        details(field(result, "details", at)?, &details_at, warnings)?;
    let entities = [
        (EntityType::Delivery, &delivery, at.key("deliveryId")),
        (
            EntityType::TestTaker,
            &test_taker,
            details_at.key("test-taker"),
        ),
    ];
    for (kind, uri, at) in &entities {
        if !known(*kind, uri) {
            warn(
                warnings,
                Code::IntakeUnknownEntity,
                at,
                IntakeFlaw::UnknownEntity {
                    kind: kind.word().to_owned(),
                },
            );
        }
    }
    let variables_at = at.key("variables");
    let none = Vec::new();
    let enclosed = match field(result, "variables", at)? {
        Exact::Object(map) => Some(map),
        _ => None,
    };
    let list = match field(result, "variables", at)? {
        Exact::Array(list) => list,
        Exact::Null | Exact::Object(_) => &none,
        other => return Err(variables_at.expected(IntakeValue::Variables, other)),
    };
    let mut parts: BTreeMap<Print, usize> = BTreeMap::new();
    let mut order = Vec::with_capacity(list.len());
    let mut variables = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let at = variables_at.index(index);
        let variable = variable(id, value, &at, warnings)?;
        let print = print(&variable);
        if let Some(first) = parts.insert(print, index) {
            // Central stores the first, fails at the second and forgets the whole entry (protocol 7.5).
            return Err(at.malformed(IntakeFlaw::Identical { first }));
        }
        order.push(print);
        variables.push(Exact::Object(variable));
    }
    let variables = match enclosed {
        Some(map) => references(map, &variables_at)?,
        None => Exact::Array(variables),
    };
    let payload = Exact::from([
        ("deliveryId", delivery.as_str().into()),
        ("deliveryExecutionId", id.into()),
        ("details", details),
        ("variables", variables),
    ]);
    Ok(IntakeItem {
        kind: ItemKind::Results,
        id: id.to_owned(),
        delivery: Some(delivery),
        test_taker: Some(test_taker),
        content: Print::of(&payload.as_doubles()),
        payload: payload.canonical(),
        parts: order,
        execution: Some(execution),
        open: false,
        enclosure: Enclosure {
            enclosed: enclosed.is_some(),
            ..Enclosure::default()
        },
    })
}

/// Encrypted rows by reference (protocol 7.7): they pass unread, since nobody here can read them. Anything but texts
/// would be the end of the whole request on central.
fn references(map: &ObjectFields, at: &At<'_>) -> Result<Exact, Fault> {
    for (reference, row) in map {
        if !matches!(row, Exact::String(text) if !text.is_empty()) {
            return Err(at.key(reference).expected(IntakeValue::EncryptedRow, row));
        }
    }
    Ok(Exact::Object(map.clone()))
}

fn details(
    value: &Exact,
    at: &At<'_>,
    warnings: &mut Vec<Finding>,
) -> Result<(Exact, String, ExecutionState), Fault> {
    let details = object(value, at, IntakeValue::Object)?;
    unknown_keys(details, &DETAILS, at, warnings);
    whole_texts(details, &DETAILS, at)?;
    for key in ["identifier", "label", "starttime", "finishtime"] {
        match field(details, key, at)? {
            Exact::Null | Exact::String(_) => {}
            other => return Err(at.key(key).expected(IntakeValue::TextOrNull, other)),
        }
    }
    let test_taker = text(
        field(details, "test-taker", at)?,
        &at.key("test-taker"),
        IntakeValue::TestTaker,
    )?;
    let state = field(details, "state", at)?;
    let execution = state
        .as_str()
        .and_then(|uri| uri.strip_prefix(STATE))
        .and_then(|name| name.parse().ok());
    let Some(execution) = execution else {
        let what = IntakeValue::State {
            prefix: STATE.to_owned(),
            states: ExecutionState::words(),
        };
        return Err(at.key("state").expected(what, state));
    };
    Ok((
        Exact::Object(pick(details, &DETAILS)),
        test_taker,
        execution,
    ))
}

fn variable(
    id: &str,
    value: &Exact,
    at: &At<'_>,
    warnings: &mut Vec<Finding>,
) -> Result<ObjectFields, Fault> {
    let variable = object(value, at, IntakeValue::Variable)?;
    unknown_keys(variable, &VARIABLE, at, warnings);
    whole_texts(variable, &VARIABLE, at)?;
    let mut out = ObjectFields::new();
    let class = field(variable, "type", at)?;
    let sort = class
        .as_str()
        .and_then(|name| name.strip_prefix("taoResultServer_models_classes_"));
    let Some(sort @ ("ResponseVariable" | "OutcomeVariable" | "TraceVariable")) = sort else {
        // Central takes any other text for an outcome.
        let what = IntakeValue::Class;
        return Err(at.key("type").expected(what, class));
    };
    out.insert("type".into(), class.clone());
    calls(id, variable, at, &mut out, warnings)?;
    let test = text(
        field(variable, "test", at)?,
        &at.key("test"),
        IntakeValue::Test,
    )?;
    column(&test, &at.key("test"), warnings);
    out.insert("test".into(), test.into());
    out.insert(
        "data".into(),
        Exact::Object(data(
            sort,
            field(variable, "data", at)?,
            &at.key("data"),
            warnings,
        )?),
    );
    Ok(out)
}

/// Which item or test the variable belongs to.
fn calls(
    id: &str,
    variable: &ObjectFields,
    at: &At<'_>,
    out: &mut ObjectFields,
    warnings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let call_item = optional(
        field(variable, "callIdItem", at)?,
        &at.key("callIdItem"),
        IntakeValue::CallItem,
    )?;
    if let Some(call) = &call_item {
        let item = optional(
            field(variable, "item", at)?,
            &at.key("item"),
            IntakeValue::ItemOrNull,
        )?;
        let formed = call
            .strip_prefix(id)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.rsplit_once('.'))
            .is_some_and(|(item, occurrence)| {
                !item.is_empty() && occurrence.parse::<u32>().is_ok()
            });
        if !formed {
            warn(
                warnings,
                Code::IntakeCallId,
                &at.key("callIdItem"),
                IntakeFlaw::CallForm,
            );
        }
        column(call, &at.key("callIdItem"), warnings);
        if let Some(item) = &item {
            column(item, &at.key("item"), warnings);
        }
        out.insert("item".into(), item.into());
        let call_test = variable.get("callIdTest").unwrap_or(&Exact::Null);
        let call_test = optional(
            call_test,
            &at.key("callIdTest"),
            IntakeValue::ExecutionOrNull,
        )?;
        out.insert("callIdTest".into(), call_test.into());
    } else {
        let call = field(variable, "callIdTest", at)?;
        let call = text(call, &at.key("callIdTest"), IntakeValue::ExecutionForNull)?;
        if call != id {
            warn(
                warnings,
                Code::IntakeCallId,
                &at.key("callIdTest"),
                IntakeFlaw::CallTest,
            );
        }
        column(&call, &at.key("callIdTest"), warnings);
        let item = variable.get("item").unwrap_or(&Exact::Null);
        let item = optional(item, &at.key("item"), IntakeValue::ItemOrNull)?;
        out.insert("item".into(), item.into());
        out.insert("callIdTest".into(), call.into());
    }
    out.insert("callIdItem".into(), call_item.into());
    Ok(())
}

fn data(
    sort: &str,
    value: &Exact,
    at: &At<'_>,
    warnings: &mut Vec<Finding>,
) -> Result<ObjectFields, Fault> {
    let data = object(value, at, IntakeValue::Object)?;
    let own: &[&str] = match sort {
        "ResponseVariable" => &["candidateResponse", "correctResponse"],
        "OutcomeVariable" => &["value", "normalMinimum", "normalMaximum"],
        _ => &["trace"],
    };
    let common = ["identifier", "cardinality", "baseType", "epoch"];
    let keys = [&common[..], own, &IGNORED[..]].concat();
    unknown_keys(data, &keys, at, warnings);
    let identifier = text(
        field(data, "identifier", at)?,
        &at.key("identifier"),
        IntakeValue::Identifier,
    )?;
    column(&identifier, &at.key("identifier"), warnings);
    text(
        field(data, "baseType", at)?,
        &at.key("baseType"),
        IntakeValue::BaseType,
    )?;
    let cardinality = field(data, "cardinality", at)?;
    if !cardinality
        .as_str()
        .is_some_and(|text| CARDINALITIES.contains(&text))
    {
        return Err(at.key("cardinality").expected(
            IntakeValue::OneOf {
                words: CARDINALITIES.join(", "),
            },
            cardinality,
        ));
    }
    let epoch = field(data, "epoch", at)?;
    if !epoch.as_str().is_some_and(is_microtime) {
        let what = IntakeValue::Epoch;
        return Err(at.key("epoch").expected(what, epoch));
    }
    let mut out = pick(data, &keys);
    for key in own {
        let here = at.key(key);
        let value = match *key {
            "candidateResponse" | "value" => base64(field(data, key, at)?, &here)?,
            "trace" => match field(data, key, at)? {
                text @ Exact::String(_) => text.clone(),
                other => return Err(here.expected(IntakeValue::Text, other)),
            },
            "correctResponse" => data.get(*key).cloned().unwrap_or(Exact::Null),
            _ => match data.get(*key).unwrap_or(&Exact::Null) {
                number @ (Exact::Null | Exact::Number(_)) => number.clone(),
                other => return Err(here.expected(IntakeValue::NumberOrNull, other)),
            },
        };
        out.insert((*key).to_owned(), value);
    }
    Ok(out)
}

fn base64(value: &Exact, at: &At<'_>) -> Result<Exact, Fault> {
    let bytes = value
        .as_str()
        .and_then(|text| BASE64.decode(text).ok())
        .ok_or_else(|| at.expected(IntakeValue::Base64, value))?;
    Ok(BASE64.encode(bytes).into())
}

/// PHP's `microtime()` text: a fraction of a second, a space, Unix seconds.
fn is_microtime(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.split_once(' ').is_some_and(|(fraction, seconds)| {
        fraction.strip_prefix("0.").is_some_and(digits) && digits(seconds)
    })
}

fn optional(value: &Exact, at: &At<'_>, what: IntakeValue) -> Result<Option<String>, Fault> {
    match value {
        Exact::Null => Ok(None),
        other => text(other, at, what).map(Some),
    }
}

fn pick(map: &ObjectFields, keys: &[&str]) -> ObjectFields {
    let own = |key: &&str| {
        map.get(*key)
            .map(|value| ((*key).to_owned(), value.clone()))
    };
    keys.iter().filter_map(own).collect()
}

/// What makes a variable the same one to central: everything but what it ignores (protocol 7.1, 7.5).
fn print(variable: &ObjectFields) -> Print {
    let mut bare = variable.clone();
    if let Some(Exact::Object(data)) = bare.get_mut("data") {
        data.retain(|key, _| !IGNORED.contains(&key.as_str()));
    }
    if matches!(bare.get("callIdItem"), Some(Exact::String(_))) {
        bare.insert("callIdTest".into(), Exact::Null);
    }
    Print::of(&Exact::Object(bare).as_doubles())
}

fn unknown_keys(map: &ObjectFields, keys: &[&str], at: &At<'_>, warnings: &mut Vec<Finding>) {
    for key in map.keys().filter(|key| !keys.contains(&key.as_str())) {
        warn(
            warnings,
            Code::IntakeUnknownKey,
            &at.key(key),
            IntakeFlaw::UnknownKey,
        );
    }
}

fn column(text: &str, at: &At<'_>, warnings: &mut Vec<Finding>) {
    if text.chars().count() > COLUMN {
        warn(warnings, Code::IntakeLongText, at, IntakeFlaw::LongText);
    }
}

/// No text of what is sent may hold NUL: PostgreSQL takes none, and central answers with a failure of its storage.
fn whole_texts(fields: &ObjectFields, sent: &[&str], at: &At<'_>) -> Result<(), Fault> {
    for (key, value) in fields
        .iter()
        .filter(|(key, _)| sent.contains(&key.as_str()))
    {
        whole_text(value, &at.key(key))?;
    }
    Ok(())
}

fn whole_text(value: &Exact, at: &At<'_>) -> Result<(), Fault> {
    match value {
        Exact::String(text) if text.contains('\0') => Err(at.malformed(IntakeFlaw::Nul)),
        Exact::Array(items) => {
            let mut each = items.iter().enumerate();
            each.try_for_each(|(index, item)| whole_text(item, &at.index(index)))
        }
        Exact::Object(fields) => fields
            .iter()
            .try_for_each(|(key, value)| whole_text(value, &at.key(key))),
        _ => Ok(()),
    }
}

/// More warnings than this are not kept: a document that is odd everywhere stays readable.
const WARNINGS_KEPT: usize = 50;

fn warn(warnings: &mut Vec<Finding>, code: Code, at: &At<'_>, flaw: IntakeFlaw) {
    if warnings.len() < WARNINGS_KEPT {
        warnings.push(Finding::new(code, at.cause(flaw)));
    }
}
