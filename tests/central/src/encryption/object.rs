//! The JSON row of an encrypted result and PHP's `unserialize()` of the variable in it (protocol 7.7).
//! Never lenient: what PHP would refuse, or what would be no member of the class, is no variable.
//! Called by `encryption` when the task runs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use crate::results::Variable;

/// The variable of a row.
pub(super) fn variable(row: &[u8]) -> Option<Variable> {
    let row: Json = serde_json::from_slice(row).ok()?;
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    for key in ["deliveryResultIdentifier", "test", "variable"] {
        text(key)?;
    }
    let serialized = text("variable")?;
    let mut reader = Reader(serialized.as_bytes());
    let (class, data) = reader.object()?;
    if !reader.0.is_empty() || text("class") != Some(class.clone()) {
        return None;
    }
    // An item that is not null makes an item variable.
    let of_item = row["item"].is_string();
    let of_test = text("callIdTest").is_some();
    if of_item == of_test || of_item != row["callIdItem"].is_string() {
        return None;
    }
    let own = match class.strip_prefix("taoResultServer_models_classes_")? {
        "ResponseVariable" => &["correctResponse", "candidateResponse"][..],
        "OutcomeVariable" => &["normalMaximum", "normalMinimum", "value"],
        "TraceVariable" => &["trace"],
        _ => return None,
    };
    let common = ["identifier", "cardinality", "baseType", "epoch"];
    let members = [&common, own].concat();
    if data.len() != members.len() || members.iter().any(|member| !data.contains_key(*member)) {
        return None;
    }
    let floats = ["normalMaximum", "normalMinimum"];
    let is_float = |key: &str| data.get(key).is_none_or(|v| v.is_null() || v.is_f64());
    let content = match own.last()? {
        &"trace" => data["trace"].as_str()?.as_bytes().to_vec(),
        stored => STANDARD.decode(data[*stored].as_str()?).ok()?,
    };
    let identifier = data["identifier"].as_str()?.to_owned();
    floats.iter().all(|key| is_float(key)).then(|| Variable {
        class,
        call_id_item: text("callIdItem"),
        call_id_test: text("callIdTest"),
        test: text("test"),
        item: text("item"),
        identifier,
        content,
        data: Json::Object(data),
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn eat(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected.as_bytes())?;
        Some(())
    }

    fn until(&mut self, end: u8) -> Option<&'a str> {
        let at = self.0.iter().position(|byte| *byte == end)?;
        let (text, rest) = self.0.split_at(at);
        self.0 = &rest[1..];
        std::str::from_utf8(text).ok()
    }

    fn quoted(&mut self) -> Option<String> {
        let length: usize = self.until(b':')?.parse().ok()?;
        self.eat("\"")?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        self.eat("\"")?;
        String::from_utf8(text.to_vec()).ok()
    }

    /// An object of protected members.
    fn object(&mut self) -> Option<(String, Map<String, Json>)> {
        self.eat("O:")?;
        let class = self.quoted()?;
        self.eat(":")?;
        let count: usize = self.until(b':')?.parse().ok()?;
        self.eat("{")?;
        let mut members = Map::new();
        for _ in 0..count {
            let Json::String(name) = self.value()? else {
                return None;
            };
            let name = name.strip_prefix("\0*\0")?.to_owned();
            let value = self.value()?;
            members.insert(name, value);
        }
        self.eat("}")?;
        Some((class, members))
    }

    fn value(&mut self) -> Option<Json> {
        if self.eat("N;").is_some() {
            return Some(Json::Null);
        }
        let tag = self.0.first()?;
        self.0 = self.0.get(1..)?;
        self.eat(":")?;
        Some(match tag {
            b's' => {
                let text = self.quoted()?;
                self.eat(";")?;
                json!(text)
            }
            b'i' => json!(self.until(b';')?.parse::<i64>().ok()?),
            b'd' => json!(self.until(b';')?.parse::<f64>().ok()?),
            b'b' => json!(self.until(b';')? == "1"),
            b'a' => {
                let count: usize = self.until(b':')?.parse().ok()?;
                self.eat("{")?;
                let mut fields = Map::new();
                for _ in 0..count {
                    let key = match self.value()? {
                        Json::String(key) => key,
                        key => key.to_string(),
                    };
                    let value = self.value()?;
                    fields.insert(key, value);
                }
                self.eat("}")?;
                Json::Object(fields)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of protocol 7.7, with the member of younger versions taken out.
    fn row() -> Json {
        let serialized = "O:46:\"taoResultServer_models_classes_OutcomeVariable\":7:{s:13:\"\0*\0identifier\";s:5:\"SCORE\";s:14:\"\0*\0cardinality\";s:6:\"single\";s:11:\"\0*\0baseType\";s:5:\"float\";s:8:\"\0*\0epoch\";s:21:\"0.12345600 1700000000\";s:16:\"\0*\0normalMaximum\";d:1;s:16:\"\0*\0normalMinimum\";N;s:8:\"\0*\0value\";s:4:\"MQ==\";}";
        json!({
            "deliveryResultIdentifier": "e", "test": "t", "item": "i", "variable": serialized, "callIdItem": "e.i.0",
            "uri": "ee.i.0", "callIdTest": null, "class": "taoResultServer_models_classes_OutcomeVariable",
        })
    }

    fn read(row: &Json) -> Option<Variable> {
        variable(row.to_string().as_bytes())
    }

    #[test]
    fn the_example_of_the_protocol_is_a_variable_and_its_neighbours_are_none() {
        let read_one = read(&row()).unwrap();
        assert_eq!(
            (read_one.identifier.as_str(), read_one.content),
            ("SCORE", b"1".to_vec())
        );
        let wrong = |from: &str, to: &str| {
            let mut row = row();
            let text = row["variable"].as_str().unwrap().replace(from, to);
            row["variable"] = json!(text);
            row
        };
        for (from, to) in [
            (":7:{", ":8:{"),
            ("s:5:\"SCORE\"", "s:6:\"SCORE\""),
            ("\0*\0value", "value"),
            ("d:1;", "i:1;"),
            ("}", "}x"),
            ("OutcomeVariable", "OtherVariable"),
        ] {
            assert!(read(&wrong(from, to)).is_none(), "{from} as {to}");
        }
        let mut of_nothing = row();
        of_nothing["item"] = json!(null);
        assert!(read(&of_nothing).is_none());
    }
}
