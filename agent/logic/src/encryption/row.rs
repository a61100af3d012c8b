//! The rows in which an encrypted central wants results: PHP's `serialize()` of each variable, in JSON, in an envelope
//! (protocol 7.7).
//! Never takes anything but what intake wrote; never leaves a variable out.
//! Called by intake and by whoever turns what waited for a key.

use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::ResultsKey;

#[derive(Deserialize)]
struct RowFields<'a> {
    #[serde(rename = "deliveryExecutionId")]
    execution: String,
    #[serde(borrow, rename = "deliveryId")]
    delivery: &'a RawValue,
    #[serde(borrow)]
    details: &'a RawValue,
    variables: Vec<RowVariable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowVariable {
    #[serde(rename = "type")]
    class: String,
    call_id_item: Option<String>,
    call_id_test: Option<String>,
    test: String,
    item: Option<String>,
    data: Map<String, Json>,
}

/// Whether the variables of a result are a map already: encrypted rows, which nobody on the box can read.
pub fn is_map(payload: &[u8]) -> bool {
    variables(payload).is_some_and(|variables| variables.get().starts_with('{'))
}

/// The variables of a result, unread.
pub fn variables(payload: &[u8]) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        variables: &'a RawValue,
    }
    let outer: Outer = serde_json::from_slice(payload).ok()?;
    Some(outer.variables)
}

/// The same result with its variables encrypted: a map of reference to envelope. `random` has `ResultsKey::entropy` bytes for
/// each variable.
///
/// Where two variables have one reference, TAO's box keeps the later; here the earlier one stands beside it under another
/// reference, since central looks at none and nothing that a candidate did may be lost.
///
/// # Errors
/// The payload is not what intake wrote, or the random bytes are too few.
pub fn rows(payload: &[u8], key: &ResultsKey, random: &[u8]) -> Result<Vec<u8>, String> {
    let wire: RowFields = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let mut random = random.chunks_exact(key.entropy());
    let mut map = Map::new();
    for variable in &wire.variables {
        let random = random.next().ok_or("too few random bytes")?;
        let row = variable.row(&wire.execution)?;
        let envelope = key
            .enclose(row.as_bytes(), random)
            .ok_or("too few random bytes")?;
        let name = variable.name(&wire.execution)?;
        if let Some(earlier) = map.insert(reference(&name), envelope.into()) {
            let free = (1..).map(|n| reference(&format!("{name}_{n}")));
            let free = { free }.find(|reference| !map.contains_key(reference));
            map.extend(free.map(|reference| (reference, earlier)));
        }
    }
    let (execution, variables) = (Json::from(wire.execution), Json::Object(map));
    Ok(format!(
        r#"{{"deliveryExecutionId":{execution},"deliveryId":{},"details":{},"variables":{variables}}}"#,
        wire.delivery, wire.details
    )
    .into_bytes())
}

fn reference(name: &str) -> String {
    let digest = Md5::digest(name.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl RowVariable {
    fn call(&self) -> &str {
        let call = self.call_id_item.as_ref().or(self.call_id_test.as_ref());
        call.map_or("", String::as_str)
    }

    fn text(&self, key: &str) -> Result<&str, String> {
        let text = self.data.get(key).and_then(Json::as_str);
        text.ok_or_else(|| format!("`data.{key}` is no text"))
    }

    /// What the reference is the digest of.
    fn name(&self, execution: &str) -> Result<String, String> {
        let (call, identifier) = (self.call(), self.text("identifier")?);
        Ok(format!("{execution}_{call}_{identifier}"))
    }

    /// The JSON row, with the keys in TAO's order. Central takes one whose item is not null for an item variable.
    fn row(&self, execution: &str) -> Result<String, String> {
        let quoted = |text: &str| Json::from(text).to_string();
        let or_null = |text: Option<&str>| text.map_or("null".to_owned(), quoted);
        let of_item = self.call_id_item.as_deref();
        let item = of_item.map(|_| self.item.as_deref().unwrap_or_default());
        let of_test = self.call_id_test.as_deref().filter(|_| of_item.is_none());
        Ok(format!(
            r#"{{"deliveryResultIdentifier":{},"test":{},"item":{},"variable":{},"callIdItem":{},"uri":{},"callIdTest":{},"class":{}}}"#,
            quoted(execution),
            quoted(&self.test),
            or_null(item),
            quoted(&self.serialized()?),
            or_null(of_item),
            quoted(&format!("{execution}{}", self.call())),
            or_null(of_test),
            quoted(&self.class),
        ))
    }

    /// PHP's `serialize()` of the object: all members are protected, without the one that younger versions have more.
    fn serialized(&self) -> Result<String, String> {
        let null = Json::Null;
        let any = |key: &str| self.data.get(key).unwrap_or(&null);
        let mut members = Vec::new();
        for key in ["identifier", "cardinality", "baseType", "epoch"] {
            members.push((key, php_text(self.text(key)?)));
        }
        match self.class.rsplit('_').next() {
            Some("ResponseVariable") => {
                members.push(("correctResponse", php(any("correctResponse"))));
                let response = php_text(self.text("candidateResponse")?);
                members.push(("candidateResponse", response));
            }
            Some("TraceVariable") => members.push(("trace", php_text(self.text("trace")?))),
            _ => {
                for key in ["normalMaximum", "normalMinimum"] {
                    // The setters take floats.
                    let number = any(key).as_f64().map_or("N;".to_owned(), php_float);
                    members.push((key, number));
                }
                members.push(("value", php_text(self.text("value")?)));
            }
        }
        let mut out = format!(
            "O:{}:\"{}\":{}:{{",
            self.class.len(),
            self.class,
            members.len()
        );
        for (key, value) in members {
            out.push_str(&php_text(&format!("\0*\0{key}")));
            out.push_str(&value);
        }
        out.push('}');
        Ok(out)
    }
}

fn php_text(text: &str) -> String {
    format!("s:{}:\"{text}\";", text.len())
}

/// With `serialize_precision` -1, PHP's default since 7.1: the fewest digits that read back the same.
fn php_float(number: f64) -> String {
    let scientific = format!("{number:E}");
    let (digits, exponent) = scientific.split_once('E').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number == 0.0 || (-4..17).contains(&exponent) {
        return format!("d:{number};");
    }
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("d:{digits}{point}E{exponent:+};")
}

/// Any value as PHP's `json_decode` with arrays makes it.
fn php(value: &Json) -> String {
    match value {
        Json::Null => "N;".to_owned(),
        Json::Bool(truth) => format!("b:{};", u8::from(*truth)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => format!("i:{whole};"),
            (None, float) => php_float(float.unwrap_or_default()),
        },
        Json::String(text) => php_text(text),
        Json::Array(list) => {
            let each = list.iter().enumerate();
            let elements: String = each
                .map(|(at, value)| format!("i:{at};{}", php(value)))
                .collect();
            format!("a:{}:{{{elements}}}", list.len())
        }
        Json::Object(fields) => {
            let key = |key: &str| match key.parse::<i64>() {
                // A key that is a whole number is one to PHP.
                Ok(whole) if whole.to_string() == key => format!("i:{whole};"),
                _ => php_text(key),
            };
            let elements: String = fields
                .iter()
                .map(|(name, value)| key(name) + &php(value))
                .collect();
            format!("a:{}:{{{elements}}}", fields.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn serialized(class: &str, data: Json) -> String {
        let variable = json!({
            "type": format!("taoResultServer_models_classes_{class}"), "callIdItem": null, "callIdTest": "e",
            "test": "t", "item": null, "data": data,
        });
        let variable: RowVariable = serde_json::from_value(variable).unwrap();
        variable.serialized().unwrap()
    }

    /// Protocol 7.7, without the member that taoResultServer has only from 13.5.1.
    #[test]
    fn an_outcome_is_serialised_byte_for_byte() {
        let outcome = serialized(
            "OutcomeVariable",
            json!({
                "identifier": "SCORE", "cardinality": "single", "baseType": "float", "epoch": "0.12345600 1700000000",
                "normalMaximum": 1, "normalMinimum": null, "value": "MQ==",
            }),
        );
        let expected = r#"O:46:"taoResultServer_models_classes_OutcomeVariable":7:{s:13:"0*0identifier";s:5:"SCORE";s:14:"0*0cardinality";s:6:"single";s:11:"0*0baseType";s:5:"float";s:8:"0*0epoch";s:21:"0.12345600 1700000000";s:16:"0*0normalMaximum";d:1;s:16:"0*0normalMinimum";N;s:8:"0*0value";s:4:"MQ==";}"#;
        assert_eq!(outcome, expected.replace("0*0", "\0*\0"));
    }

    #[test]
    fn the_other_classes_have_their_own_members() {
        let common = json!({
            "identifier": "R", "cardinality": "single", "baseType": "string", "epoch": "0.1 1",
            "candidateResponse": "w6k=", "correctResponse": true, "trace": "é",
        });
        let response = serialized("ResponseVariable", common.clone());
        assert!(
            response.starts_with(r#"O:47:"taoResultServer_models_classes_ResponseVariable":6:{"#)
        );
        assert!(response.ends_with(
            "s:18:\"\0*\0correctResponse\";b:1;s:20:\"\0*\0candidateResponse\";s:4:\"w6k=\";}"
        ));
        let trace = serialized("TraceVariable", common);
        assert!(trace.starts_with(r#"O:44:"taoResultServer_models_classes_TraceVariable":5:{"#));
        assert!(
            trace.ends_with("s:8:\"\0*\0trace\";s:2:\"é\";}"),
            "lengths are bytes: {trace}"
        );
    }

    #[test]
    fn values_are_what_php_makes_of_json() {
        let table = [
            (json!(null), "N;"),
            (json!(false), "b:0;"),
            (json!(-3), "i:-3;"),
            (json!(0.5), "d:0.5;"),
            (json!("a\"é"), "s:4:\"a\"é\";"),
            (json!(["x", 1]), "a:2:{i:0;s:1:\"x\";i:1;i:1;}"),
            (
                json!({"5": "x", "05": 1}),
                "a:2:{s:2:\"05\";i:1;i:5;s:1:\"x\";}",
            ),
        ];
        for (value, expected) in table {
            assert_eq!(php(&value), expected);
        }
        let floats = [
            (1.0, "d:1;"),
            (0.1, "d:0.1;"),
            (-0.0, "d:-0;"),
            (1e25, "d:1.0E+25;"),
            (1.5e-7, "d:1.5E-7;"),
            (0.0001, "d:0.0001;"),
        ];
        for (number, expected) in floats {
            assert_eq!(php_float(number), expected);
        }
    }

    /// The example of protocol 7.7: what a test variable has null, an item variable has set.
    #[test]
    fn a_row_says_whether_it_is_an_item_s_or_the_test_s() {
        let mut variable = json!({
            "type": "taoResultServer_models_classes_TraceVariable", "callIdItem": "e.i.0", "callIdTest": null,
            "test": "t", "item": "it", "data": {
                "identifier": "T", "cardinality": "single", "baseType": "string", "epoch": "0.1 1", "trace": "",
            },
        });
        let row = |variable: &Json| -> Json {
            let variable: RowVariable = serde_json::from_value(variable.clone()).unwrap();
            serde_json::from_str(&variable.row("e").unwrap()).unwrap()
        };
        let of_item = row(&variable);
        assert_eq!(
            (&of_item["item"], &of_item["callIdItem"]),
            (&json!("it"), &json!("e.i.0"))
        );
        assert_eq!(
            (&of_item["callIdTest"], &of_item["uri"]),
            (&json!(null), &json!("ee.i.0"))
        );
        variable["item"] = json!(null);
        assert_eq!(
            row(&variable)["item"],
            json!(""),
            "an item variable all the same"
        );
        (variable["callIdItem"], variable["callIdTest"]) = (json!(null), json!("e"));
        variable["item"] = json!("it");
        let of_test = row(&variable);
        let null = ["item", "callIdItem"].map(|key| of_test[key].is_null());
        assert_eq!((null, &of_test["callIdTest"]), ([true; 2], &json!("e")));
    }
}
