//! Broken boxes: what doctor tells first is the true cause, with one thing to do; what follows from it is not told beside it.
//! Never mends a box: each is built, broken, looked at.
//! The table is tests/fixtures/broken.md, which docs/broken-boxes.md refers to; `BOXSYNC_SNAPSHOTS=1` writes it anew.

mod encryption;
mod net;
mod service;
mod tls;

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use central::{Certificate, Fault, Kind, Options, Route, Rule};
use e2e::{Ran, Site, options, status};
use serde_json::{Value, json};

/// A box, how it is broken, and what doctor must tell: the failures in their order, or the first warning.
#[derive(Clone)]
struct Broken {
    told: &'static str,
    codes: Vec<&'static str>,
    make: fn() -> BoxMade,
}

/// One thing is broken: one thing is told.
fn broken(told: &'static str, code: &'static str, make: fn() -> BoxMade) -> Broken {
    pair(told, &[code], make)
}

/// Several are.
fn pair(told: &'static str, codes: &[&'static str], make: fn() -> BoxMade) -> Broken {
    let codes = codes.to_vec();
    Broken { told, codes, make }
}

/// What was made of a box.
enum BoxMade {
    At(Box<Site>),
    Ran(Ran),
    Skipped(&'static str),
}

/// One line of the table.
struct TableRow {
    broken: Broken,
    found: Result<Vec<Value>, &'static str>,
}

fn small() -> Options {
    options(20, 2, (40_000, 300_000))
}

fn over(certificate: Certificate) -> Options {
    Options {
        tls: Some(certificate),
        ..small()
    }
}

fn held() -> Site {
    Site::enrolled(small()).held()
}

fn at(site: Site) -> BoxMade {
    BoxMade::At(Box::new(site))
}

/// A box that held everything before this.
fn after(breaks: impl FnOnce(&mut Site)) -> BoxMade {
    let mut site = held();
    breaks(&mut site);
    at(site)
}

fn always(fault: Fault) -> Rule {
    Rule::any(fault).always()
}

fn table() -> Vec<Broken> {
    [
        local(),
        tls::table(),
        encryption::table(),
        service::table(),
        net::table(),
    ]
    .concat()
}

/// What is broken on the box itself, or at central.
fn local() -> Vec<Broken> {
    vec![
        broken("no URL is configured", "config.no_url", || {
            after(|site| site.unset("central", "url"))
        }),
        broken("the configuration is no TOML", "config.syntax", || {
            after(|site| {
                fs::write(site.path("etc/boxsync/boxsync.toml"), "[central\nurl").unwrap();
            })
        }),
        broken("a key is misspelt", "config.unknown_key", || {
            after(|site| site.set("sync", "intervall", "\"5m\""))
        }),
        broken("a newer boxsync was here", "state.newer", || {
            after(|site| fs::write(site.state("version"), "99\n").unwrap())
        }),
        broken("somebody without the rights", "state.owner", || {
            without_rights("755")
        }),
        broken(
            "somebody who may not read the configuration either",
            "state.owner",
            || without_rights("700"),
        ),
        broken("the key of another box", "key.wrong", || {
            after(|site| fs::write(site.state("boxsync.key"), [7; 32]).unwrap())
        }),
        broken("the key is gone", "key.sealed", || {
            after(|site| fs::remove_file(site.state("boxsync.key")).unwrap())
        }),
        broken("the disk is full", "disk.full", full_disk),
        broken("the index store is damaged", "store.failed", || {
            after(|site| {
                let files = site.files();
                for file in files.iter().filter(|f| f.starts_with(site.state("index"))) {
                    fs::write(file, [0; 5_000]).unwrap();
                }
            })
        }),
        broken("no name server answers", "net.dns", || {
            after(|site| site.set("central", "url", "\"http://central.invalid/\""))
        }),
        broken("nothing listens on central's port", "net.refused", || {
            after(|site| site.central.set_listening(false))
        }),
        broken("nothing listens on the proxy's port", "net.proxy", || {
            after(|site| {
                site.set("central", "url", "\"http://central.example/\"");
                site.set("central", "proxy", "\"http://127.0.0.1:9\"");
            })
        }),
        broken("a captive portal", "central.foreign", || {
            after(|site| {
                let html = "<html><body>Welcome! Please log in.</body></html>".into();
                site.central.script(always(Fault::Page { html }));
            })
        }),
        broken("central accepts and says nothing", "net.timeout", || {
            after(|site| site.central.script(always(Fault::Silence)))
        }),
        broken("the clocks are three days apart", "clock.wrong", || {
            after(|site| site.central.set_clock_offset(3 * 86_400 + 600))
        }),
        broken("central's clock is years behind", "clock.central", || {
            // Its certificate begins in 2020; the box knows that it is later, and goes on.
            let site = Site::enrolled(over(Certificate::Good)).held();
            site.central.set_clock_offset(-3000 * 86_400 - 600);
            at(site)
        }),
        broken("a wrong path in the URL", "central.not_found", || {
            after(|site| {
                let url = format!("\"{}portal/\"", site.central.url());
                site.set("central", "url", &url);
            })
        }),
        broken(
            "central is under maintenance",
            "central.maintenance",
            || after(|site| site.central.set_maintenance(true)),
        ),
        broken("the proxy finds no central", "central.unavailable", || {
            after(|site| {
                let gateway = status(502, "<html>bad gateway</html>", None);
                site.central.script(always(gateway));
            })
        }),
        broken("the box was never enrolled", "auth.not_enrolled", || {
            at(Site::new(small()))
        }),
        broken(
            "enrolled with a wrong password",
            "auth.not_enrolled",
            || {
                let site = Site::new(small());
                let (login, _) = site.central.manager("1001").unwrap();
                site.enroll_as(&login, "wrong").exits(3);
                at(site)
            },
        ),
        broken("central revoked the client", "auth.refused", || {
            after(|site| {
                for consumer in site.central.consumers() {
                    site.central.revoke_consumer(&consumer.key);
                }
            })
        }),
        broken("the client lacks the role", "auth.role", without_role),
        broken(
            "central does not support the VM",
            "version.unsupported",
            || after(|site| site.central.set_versions(&["2024.06"])),
        ),
        broken(
            "a wrong organisation",
            "catalogue.unknown_organisation",
            || after(|site| site.set("box", "organisation_id", "\"9999\"")),
        ),
        broken("most test takers vanished", "catalogue.held_back", || {
            after(|site| {
                for id in site.ids(Kind::TestTaker).iter().take(15) {
                    assert!(site.central.remove(id));
                }
                site.sync().exits(1);
            })
        }),
        broken("half a package", "package.incomplete", || {
            let site = Site::enrolled(small());
            let cut = Fault::Cut {
                after: 10,
                reset: false,
            };
            let rule = Rule::on(Route::Package, cut);
            site.central
                .script(rule.containing(&site.delivery(1)).always());
            site.sync().ends();
            site.central.clear_script();
            at(site)
        }),
        broken(
            "no room but what is kept for results",
            "disk.reserve",
            || {
                let mut site = Site::enrolled(small());
                site.set("download", "reserve", "\"900TB\"");
                site.sync().exits(1);
                at(site)
            },
        ),
        broken("central has no packages", "package.missing", || {
            let site = Site::enrolled(small());
            for delivery in site.ids(Kind::Delivery) {
                assert!(site.central.remove_package(&delivery));
            }
            site.sync().exits(1);
            at(site)
        }),
        broken("a damaged package", "package.damaged", || {
            after(|site| {
                let file = site.files_of("data").remove(0);
                let mut bytes = fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(&file, bytes).unwrap();
                site.run(&["packages", "verify"]).exits(1);
            })
        }),
        broken("a proxy eats ranges", "package.range", || {
            after(|site| {
                let rule = Rule::on(Route::Package, Fault::IgnoreRange);
                site.central.script(rule.always());
            })
        }),
        broken("a proxy sends another part", "package.range", || {
            after(|site| {
                let fault = Fault::ShiftRange {
                    by: 7,
                    honest: false,
                };
                site.central
                    .script(Rule::on(Route::Package, fault).always());
            })
        }),
        broken("central refuses one result", "results.refused", || {
            after(|site| {
                site.set("results", "refuse_after", "\"1s\"");
                owe(site, &["kve_good", "kve_bad"]);
                let rule = Rule::on(Route::Results, Fault::TypeError);
                site.central.script(rule.containing("kve_bad").always());
                crate::results::send_until_refused(site, "kve_bad");
                site.central.clear_script();
            })
        }),
        broken("a result is torn on disk", "results.quarantined", || {
            after(|site| {
                owe(site, &["kve_one"]);
                fs::write(site.files_of("item").remove(0), "torn").unwrap();
                site.sync_with(&["--results"]).exits(1);
            })
        }),
        broken(
            "central breaks on the only result",
            "results.rejected",
            || {
                after(|site| {
                    owe(site, &["kve_one"]);
                    let rule = Rule::on(Route::Results, Fault::TypeError);
                    site.central.script(rule.always());
                    site.sync_with(&["--results"]).exits(1);
                    site.central.clear_script();
                })
            },
        ),
        broken("central's limit is too low", "results.too_long", || {
            after(|site| {
                owe(site, &["kve_one"]);
                site.central.set_body_limit(200);
                site.sync_with(&["--results"]).exits(1);
            })
        }),
    ]
}

fn full_disk() -> BoxMade {
    let site = held();
    let script = "mount -t tmpfs -o size=8m tmpfs /mnt; cp -a \"$3\"/. /mnt/; mount --move /mnt \"$3\"; \
                  head -c 100m /dev/zero > \"$3/fill\" || true; \"$1\" --root \"$2\" doctor --json";
    match site.in_own_mounts(script) {
        Some(ran) => BoxMade::Ran(ran),
        None => BoxMade::Skipped("a full file system needs root and mount namespaces"),
    }
}

/// Another user asks; `config`: the mode of the folder of the configuration.
fn without_rights(config: &str) -> BoxMade {
    let site = held();
    let script = format!(
        "mount -t tmpfs tmpfs /mnt; cp -a \"$2\" /mnt/box; cp \"$1\" /mnt/boxsync; \
         chmod 755 /mnt/box /mnt/box/etc /mnt/box/var /mnt/box/var/lib; \
         chmod {config} /mnt/box/etc/boxsync; chown -R 33 /mnt/box/var/lib/boxsync; \
         setpriv --reuid 65534 --clear-groups /mnt/boxsync --root /mnt/box doctor --json"
    );
    match site.in_own_mounts(&script) {
        Some(ran) => BoxMade::Ran(ran),
        None => BoxMade::Skipped("another user needs root"),
    }
}

fn without_role() -> BoxMade {
    let site = held();
    let consumer = site.central.add_consumer(false);
    // Over good credentials they would be refused.
    fs::remove_file(site.state("credentials")).unwrap();
    site.import_client(&consumer).exits(0);
    at(site)
}

/// Results without variables, owed by the box.
fn owe(site: &Site, ids: &[&str]) {
    let result = |id: &str| {
        json!({
            "deliveryId": site.delivery(0), "deliveryExecutionId": id,
            "details": {
                "identifier": id, "label": "x", "test-taker": site.ids(Kind::TestTaker)[0],
                "starttime": "0.10000000 1795000000", "finishtime": null,
                "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished",
            },
            "variables": [{
                "type": "taoResultServer_models_classes_TraceVariable", "callIdItem": null, "callIdTest": id,
                "test": "t", "data": {
                    "identifier": "TRACE", "cardinality": "single", "baseType": "string",
                    "epoch": "0.10000000 1795000000", "trace": "canaryanswer of a candidate",
                },
            }],
        })
    };
    let map: serde_json::Map<String, Value> = ids
        .iter()
        .map(|id| ((*id).to_owned(), result(id)))
        .collect();
    let file = site.path("owed.json");
    fs::write(&file, Value::Object(map).to_string()).unwrap();
    site.run(&["results", "submit", file.to_str().unwrap()])
        .exits(0);
    fs::remove_file(file).unwrap();
}

/// How many boxes are broken and looked at at the same time: most of them wait.
const AT_ONCE: usize = 12;

fn look(broken: Broken) -> TableRow {
    let told = broken.told;
    let (ran, site) = match (broken.make)() {
        BoxMade::Skipped(why) => {
            let found = Err(why);
            return TableRow { broken, found };
        }
        BoxMade::Ran(ran) => (ran, None),
        BoxMade::At(site) => (site.run(&["doctor", "--json"]).ends(), Some(site)),
    };
    assert!(
        ran.took < Duration::from_secs(15),
        "{told}\n{}",
        ran.story()
    );
    let Value::Array(checks) = ran.object()["checks"].take() else {
        panic!("{told}\n{}", ran.story());
    };
    let fails = checks.iter().filter(|check| check["status"] == "fail");
    let fails = fails.count();
    let expected = Some(i32::from(fails > 0));
    assert_eq!(ran.exit, expected, "{told}\n{}", ran.story());
    if let Some(site) = site {
        let code = checks[0]["code"].as_str().unwrap();
        site.run(&["doctor", "explain", code]).exits(0);
    }
    let found = Ok(checks[..fails.max(1)].to_vec());
    TableRow { broken, found }
}

/// Looks at all of them, a few at a time, in their order.
fn looks(table: Vec<Broken>) -> Vec<TableRow> {
    let waiting = Mutex::new(table.into_iter().enumerate());
    let lines = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((nth, broken)) = next else { return };
                    let line = look(broken);
                    lines.lock().unwrap().push((nth, line));
                }
            });
        }
    });
    let mut lines = lines.into_inner().unwrap();
    lines.sort_by_key(|(nth, _)| *nth);
    lines.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn the_first_finding_is_the_true_cause() {
    let table = table();
    assert!(table.len() >= 70, "{} boxes", table.len());
    let lines = looks(table);
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/broken.md");
    let known = fs::read_to_string(fixture).unwrap_or_default();
    let mut text =
        String::from("| Box | First finding | What is seen | What to do |\n|---|---|---|---|\n");
    let mut wrong = Vec::new();
    for TableRow { broken, found } in &lines {
        let told = broken.told;
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                println!("skipped: {told}: {why}");
                let row = known
                    .lines()
                    .find(|row| row.contains(&format!("| {told} |")));
                text.extend(row.map(|row| format!("{row}\n")));
                continue;
            }
        };
        let first = &found[0];
        let word = |key: &str| first[key].as_str().unwrap_or_default().replace('|', "\\|");
        let row = format!(
            "| {told} | `{}` | {} | {} |\n",
            word("code"),
            neutral(&word("summary")),
            word("remedy")
        );
        let codes: Vec<&str> = found.iter().filter_map(|f| f["code"].as_str()).collect();
        if codes != broken.codes || word("remedy").is_empty() {
            let all: Vec<String> = found.iter().map(|f| f.to_string()).collect();
            wrong.push(format!(
                "expected {:?}: {row}{}\n",
                broken.codes,
                all.join("\n")
            ));
        }
        text.push_str(&row);
    }
    println!("{text}");
    assert!(wrong.is_empty(), "{}", wrong.concat());
    if std::env::var_os("BOXSYNC_SNAPSHOTS").is_some() {
        fs::write(fixture, &text).unwrap();
    } else {
        assert_eq!(text, known, "BOXSYNC_SNAPSHOTS=1 writes it anew");
    }
}

/// Without what differs from run to run: temporary folders, ports, the time, the room on this machine's disk.
fn neutral(summary: &str) -> String {
    let summary = match summary.split_once(", and it is ") {
        Some((before, _)) => &format!("{before}, and it is later"),
        None => summary,
    };
    let summary = match summary.split_once(" free, ") {
        Some((free, rest)) if !free.starts_with("0 ") => &format!("12.0 GB free, {rest}"),
        _ => summary,
    };
    let summary = match summary.split_once(" of 10 small requests") {
        Some((_, rest)) => &format!("8 of 10 small requests{rest}"),
        None => summary,
    };
    let summary = &summary.replace("/mnt/box/", "/");
    let root = std::env::temp_dir();
    let root = format!("{}/", root.display());
    let mut words: Vec<String> = Vec::new();
    for word in summary.split(' ') {
        let word = match word.split_once(&root) {
            Some((head, rest)) => {
                let rest = rest.split_once('/').map_or("", |(_, rest)| rest);
                format!("{head}/{rest}")
            }
            None => word.to_owned(),
        };
        let places = ["127.0.0.1:", "10.0.2.2:", "central.test:"];
        let split = places.iter().find_map(|place| word.split_once(place));
        words.push(match split {
            Some((head, rest)) => {
                let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{head}central.example:443{rest}")
            }
            None => word,
        });
    }
    words.join(" ")
}

#[test]
fn the_support_bundle_holds_no_secret() {
    let site = held();
    owe(&site, &["kve_canary"]);
    let (login, password) = site.central.manager("1001").unwrap();
    let file = site.path("box.tar");
    site.run(&["doctor", "--json", "--bundle", file.to_str().unwrap()])
        .exits(0);
    assert_eq!(e2e::mode(&file), 0o600);
    let bundle = fs::read(&file).unwrap();
    let holds = |needle: &str| {
        bundle
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    };
    assert!(holds("central.answer"), "it tells what doctor found");
    let mut secrets = vec![login, password, "canaryanswer".to_owned()];
    for consumer in site.central.consumers() {
        secrets.push(consumer.secret);
        secrets.extend(consumer.token.map(|(token, _)| token));
    }
    for id in site.ids(Kind::TestTaker) {
        let resource = site.central.resource(&id).unwrap();
        let personal = [
            "userFirstName",
            "userLastName",
            "userMail",
            "password",
            "#login",
        ];
        for property in resource.properties {
            if personal.iter().any(|p| property.predicate.ends_with(p)) {
                secrets.extend(property.values);
            }
        }
    }
    assert!(secrets.len() > 20);
    for secret in secrets.iter().filter(|secret| secret.len() > 3) {
        assert!(!holds(secret), "{secret} is in the bundle");
    }
}
