//! Makes the first inputs of a target from the recorded exchanges with a real central.
//! Never invents what the recordings hold.
//! Called by every target before it begins, where `BOXSYNC_FUZZ_CORPUS` names a folder for them.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

/// Writes them into a folder of the target's name.
pub(crate) fn make(target: &str) {
    let Ok(corpus) = std::env::var("BOXSYNC_FUZZ_CORPUS") else {
        return;
    };
    let folder = Path::new(&corpus).join(target);
    fs::create_dir_all(&folder).expect("a folder");
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/exchanges");
    let mut paths: Vec<_> = fs::read_dir(recordings)
        .expect("the recordings")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        let recorded: Json =
            serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
        let name = path.file_stem().expect("a name").to_string_lossy();
        let keep = |of: &str, form: &str, content: &str| {
            if of == target {
                fs::write(folder.join(format!("{name}{form}")), content).expect("a seed");
            }
        };
        let (request, response) = (&recorded["request"], &recorded["response"]);
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let (asked, told) = (text(&request["body"]), text(&response["body"]));
        let url = text(&request["path"]);
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        keep("request", "", &format!("{path}\n{query}\n{asked}"));
        keep("answer", "", &format!("\0\n{told}"));
        for (at, part) in ["results", "delivery_logs", "test_sessions", "lti_users"]
            .iter()
            .enumerate()
        {
            if asked.contains(&format!("\"{part}\"")) {
                let kind = char::from(at as u8);
                keep("intake", part, &format!("{kind}\n{asked}"));
                let body = serde_json::from_str::<Json>(&asked).unwrap_or_default();
                for (id, one) in body[*part].as_object().into_iter().flatten() {
                    keep("intake", "-one", &format!("{kind}{id}\n{one}"));
                }
                keep("request", part, &format!("v1/{part}\nid=1\n{asked}"));
            }
        }
        // Members of a made package, and damage to it.
        for (form, how) in [("-stored", 0x51_u8), ("-deflated", 0x73)] {
            let lines: Vec<&str> = told.split(',').take(8).collect();
            keep(
                "zip",
                form,
                &format!("{}\x10{}", char::from(how), lines.join("\n")),
            );
        }
        for header in response["headers"].as_array().into_iter().flatten() {
            let (field, value) = (text(&header[0]), text(&header[1]));
            if ["Content-Range", "Date", "Retry-After", "Last-Modified"].contains(&field.as_str()) {
                keep(
                    "header",
                    &field,
                    &format!("{value}\nMon, 23 Nov 2026 15:09:43 GMT"),
                );
            }
        }
        for header in request["headers"].as_array().into_iter().flatten() {
            let (field, value) = (text(&header[0]), text(&header[1]));
            if ["Range", "Accept", "Authorization"].contains(&field.as_str()) {
                keep("header", &field, &value);
            }
        }
    }
}
