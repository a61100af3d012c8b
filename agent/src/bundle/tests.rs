//! Plants a canary of every kind in a box and looks for each in the finished bundle.
//! Never a real secret.
//! Run with the tests of `agent`.

use super::*;
use logic::entity::{Entity, EntityType, Value, uri};
use logic::fault::Code;
use logic::health::ReportedFault;
use logic::identity::Enrolment;
use logic::report::Report;
use logic::settings::Source;
use logic::words::SyncParams;

use vault::catalogue::{CatalogueRevision, CatalogueStore};

const SECRET: &str = "CanaryClientSecret0123456789abcdef";
const HASH: &str = "SaltCanary9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const PROXY: &str = "canary-proxy-pass\"word";

fn user(id: &str, login: &str, first: &str, last: &str) -> Entity {
    let generis = "http://www.tao.lu/Ontologies/generis.rdf";
    let one = |text: &str| Value::One(text.to_owned());
    let properties = [
        (uri::LOGIN.to_owned(), one(login)),
        (uri::PASSWORD.to_owned(), one(HASH)),
        (format!("{generis}#userFirstName"), one(first)),
        (format!("{generis}#userLastName"), one(last)),
        (
            format!("{generis}#userMail"),
            one("zoe.canary@school.example"),
        ),
    ];
    Entity {
        id: format!("https://central.example/tao.rdf#{id}"),
        checksum: "0".repeat(32),
        properties: properties.into_iter().collect(),
    }
}

/// A box with an enrolment, one test taker and an account of a run that leaked everything.
fn planted() -> (tempfile::TempDir, Root, Result<Settings, Fault>) {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::new(dir.path());
    let password = dir.path().join("proxy-password");
    fs::write(&password, format!("{PROXY}\n")).unwrap();
    let text = format!(
        "[central]\nurl = \"https://central.example/\"\nproxy = \"http://canaryuser@proxy:3128\"\nproxy_password_file = \"{}\"\n",
        password.display()
    );
    let sources = [Source {
        name: "boxsync.toml",
        text: &text,
    }];
    let settings = Settings::read(&sources, std::iter::empty());
    let engine = Engine::open(&root, settings.clone().unwrap()).unwrap();
    engine.identity().unwrap();
    engine
        .vault()
        .entry("credentials")
        .put(&Enrolment {
            key: "0123456789abcdef0123456789abcdef".into(),
            secret: SECRET.into(),
            token_url: "https://central.example/token".into(),
            sync_user: Some(user("i1", "syncboss", "Boss", "Canarini")),
            enrolled_at: 1,
        })
        .unwrap();
    let catalogue = CatalogueStore::open(engine.vault()).unwrap();
    let mut writer = catalogue.writer().unwrap();
    let taker = user("i77777", "zoe.canary", "Zoé", "Canarova");
    let name = engine.vault().keys().name("test-taker", &taker.id);
    let row = writer.entity(EntityType::TestTaker, name, &taker).unwrap();
    let mut edition = CatalogueRevision::default();
    edition
        .types
        .entry(EntityType::TestTaker)
        .or_default()
        .insert(name, row);
    catalogue
        .publish(
            &CatalogueRevision::default().segments(),
            &edition,
            Some(writer),
        )
        .unwrap();
    let params = SyncParams {
        organisation_id: "1001".into(),
        sync_id: 1,
        box_id: "b".into(),
        tao_version: "2022.11".into(),
    };
    let mut report = Report::new(&params, 1);
    report.stop(&Fault::new(Code::CentralRefused, leak()));
    engine.vault().entry("last").put(&report).unwrap();
    (dir, root, settings)
}

fn said(words: &str) -> ReportedFault {
    ReportedFault::new(Code::CentralRefused, words)
}

/// Everything that must not come out, in one line.
fn leak() -> String {
    format!(
        "{SECRET} {HASH} {PROXY} Bearer tokenCanary0123456789 http://canaryuser:pw@proxy/ $2y$10$canaryhashcanaryhash \
         Zoé Canarova (zoe.canary, zoe.canary@school.example) failed, then Zoé again; #i77777"
    )
}

fn journal_of(message: &str) -> String {
    let entry = json!({
        "MESSAGE": message, "PRIORITY": "6", "_CMDLINE": "boxsync --password CmdlineCanary", "SYNC_ID": "4",
    });
    let bytes = json!({ "MESSAGE": message.as_bytes(), "PRIORITY": "6" });
    format!("{entry}\n{bytes}\nnot JSON\n")
}

#[test]
fn no_canary_of_any_kind_is_in_the_bundle() {
    let (dir, root, settings) = planted();
    let findings = [CheckFinding::fail(Code::CentralRefused, said(&leak())).detail(said(&leak()))];
    let key = fs::read(root.state().join("boxsync.key")).unwrap();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let journal = journal_of(&format!("{} key {hex}", leak()));
    let bundle = make(&root, &settings, &findings, &journal).unwrap();
    let text = String::from_utf8_lossy(&bundle).into_owned();
    let proxy_in_json = PROXY.replace('"', "\\\"");
    for canary in [
        SECRET,
        HASH,
        &HASH[10..],
        PROXY,
        &proxy_in_json,
        &hex,
        "tokenCanary",
        "canaryuser",
        "canaryhash",
        "CmdlineCanary",
        "Zoé",
        "Canarova",
        "zoe.canary",
        "school.example",
        "i77777",
        "syncboss",
        "Canarini",
    ] {
        assert!(!text.contains(canary), "{canary} is in the bundle");
    }
    assert!(!bundle.windows(key.len()).any(|window| window == key));
    // What a supporter needs is still there.
    for word in [
        "central.refused",
        "doctor.json",
        "configuration.json",
        "history.json",
        "link.json",
        "status.json",
        "store.json",
        "version.json",
        "report.json",
        "journal.jsonl",
        "\"SYNC_ID\":\"4\"",
        "expected_download",
        "1001",
    ] {
        assert!(text.contains(word), "{word} is missing");
    }
    drop(dir);
}

/// People of whom the box knows nothing (any more): short, long, in any script, by login, number and address.
const STRANGERS: [&str; 18] = [
    "Bo",
    "Ng",
    "Ōe",
    "Åse",
    "Wu",
    "Zoé",
    "Dupont-Durand",
    "D'Arc",
    "Łukaszewicz",
    "Владимир",
    "محمد",
    "王小明",
    "देवनागरी",
    "Nguyễn",
    "qx7",
    "stu20231234",
    "0612345678",
    "q.x@lycee.example",
];

/// Findings, accounts, journal and configuration that are full of them, as the release before wrote them: not quoted.
fn strange(root: &Root, engine: Option<&Engine>) -> Vec<u8> {
    let all = STRANGERS.join(" and ");
    let said = format!("central refused the request: {all}; https://central.example/tao.rdf#{all}");
    let told = ReportedFault::new(Code::CentralRefused, &said);
    let finding = CheckFinding::fail(Code::CentralRefused, told.clone()).detail(told);
    if let Some(engine) = engine {
        let params = SyncParams {
            organisation_id: all.clone(),
            sync_id: 2,
            box_id: STRANGERS[0].into(),
            tao_version: all.clone(),
        };
        let mut report = Report::new(&params, 1);
        let trouble = Fault::new(Code::CentralRefused, &*said);
        report.stop(&trouble);
        for name in STRANGERS {
            report.entities.insert(name.into(), Default::default());
        }
        engine.vault().entry("last").put(&report).unwrap();
    }
    let mut journal = String::new();
    for name in STRANGERS.iter().copied().chain([&*said]) {
        let field = |field: &&str| ((*field).to_owned(), json!(name));
        // What journald itself or a counter fills is a number whatever it is.
        let texts = [
            "SYSLOG_IDENTIFIER",
            "MESSAGE",
            "CODE",
            "BOX_ID",
            "TYPE",
            "ENTITY",
            "UNIT",
            "JOB_RESULT",
        ];
        let told = FIELDS.iter().filter(|field| texts.contains(field));
        let entry: Map<String, Json> = told.map(field).collect();
        journal += &format!("{}\n", Json::Object(entry));
    }
    let settings = Err(Fault::new(Code::ConfigValue, said));
    make(root, &settings, &[finding], &journal).unwrap()
}

#[track_caller]
fn names_no_stranger(bundle: &[u8]) {
    let text = String::from_utf8_lossy(bundle);
    // Words of their own: a pseudonym may hold two letters of anything.
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || (c.is_ascii_punctuation() && c != '-'))
        .collect();
    for name in STRANGERS {
        let long = name.chars().count() > 3 || !name.is_ascii();
        assert!(!(long && text.contains(name)), "{name} is in the bundle");
        assert!(!words.contains(&name), "{name} is in the bundle");
    }
    assert!(text.contains("central refused the request"), "{text}");
    assert!(text.contains("\"CODE\""), "{text}");
}

#[test]
fn no_stranger_is_in_the_bundle_whatever_the_box_can_read() {
    let (_dir, root, settings) = planted();
    let engine = Engine::open(&root, settings.unwrap()).unwrap();
    names_no_stranger(&strange(&root, Some(&engine)));
    drop(engine);
    // A damaged catalogue, then the key of another box: nobody is known.
    for entry in fs::read_dir(root.state().join("catalogue")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::write(&path, "damaged").unwrap();
        }
    }
    names_no_stranger(&strange(&root, None));
    fs::write(root.state().join("boxsync.key"), [7; 32]).unwrap();
    let bundle = strange(&root, None);
    names_no_stranger(&bundle);
    let text = String::from_utf8_lossy(&bundle).into_owned();
    assert!(
        !text.contains("Zoé") && !text.contains("Canarova"),
        "{text}"
    );
}

#[test]
fn boxsync_s_own_words_stay_readable() {
    let (_dir, root, settings) = planted();
    let says = "the certificate of central.example:443 has expired: it ended Wed, 01 Jan 2020 00:00:00 GMT, and it is later";
    let findings: Vec<CheckFinding> = [
        says,
        "15 of 300 packages held, 12 MiB free",
        "/var/lib/boxsync/index: does not open: it is damaged",
    ]
    .map(|text| CheckFinding::fail(Code::NetTlsExpired, said(text)))
    .into();
    let bundle = make(
        &root,
        &settings,
        &findings,
        &journal_of("synchronizing (boot)"),
    )
    .unwrap();
    let text = String::from_utf8_lossy(&bundle).into_owned();
    for finding in &findings {
        let json = finding.json();
        for told in ["summary", "remedy"].map(|name| json[name].as_str().unwrap()) {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
    assert!(text.contains("https://central.example"), "{text}");
    let hidden: Vec<&str> = text.lines().filter(|line| line.contains("\"x-")).collect();
    assert_eq!(hidden, [""; 0], "names of fields are boxsync's");
}

#[test]
fn a_machine_without_a_journal_gives_none_and_does_not_fail() {
    // Whatever this machine has: each line told is an object of known fields.
    for entry in lines(&journal()) {
        let mut fields = entry.as_object().unwrap().keys();
        assert!(fields.all(|field| FIELDS.contains(&field.as_str())));
    }
    assert!(lines("not JSON\n[1]\n").is_empty());
}

#[test]
fn one_person_is_one_pseudonym_in_all_files() {
    let (_dir, root, settings) = planted();
    let findings = [CheckFinding::fail(
        Code::CentralRefused,
        said("by Canarova."),
    )];
    let bundle = make(&root, &settings, &findings, &journal_of("canarova!")).unwrap();
    let text = String::from_utf8_lossy(&bundle).into_owned();
    let at = text.find("by person-").unwrap() + 3;
    let pseudonym = &text[at..at + "person-".len() + 8];
    assert!(text.contains(&format!("{pseudonym}!")));
}

#[test]
fn a_bundle_that_still_holds_a_secret_is_refused() {
    let mut redactor = Redactor::new([1; 32]);
    // The words that stand for a secret hold this one: it cannot be taken out.
    redactor.secret("odd secret", b"[long value]");
    let sieve = Sieve::new(&redactor, &VOCABULARY, &[]);
    let files = BTreeMap::from([(
        "a.json",
        sieve.text(&format!("secret: [long value] {}", "x".repeat(80))) + "[long value]",
    )]);
    let trouble = finish(&redactor, &files).unwrap_err();
    assert_eq!(trouble.code, Code::BundleSecret);
    assert!(!trouble.reason().contains("[long value]"));
}

#[test]
fn the_same_box_gives_the_same_files_in_the_same_order() {
    let (_dir, root, settings) = planted();
    let names = |bundle: &[u8]| -> Vec<String> {
        let mut names = Vec::new();
        let mut at = 0;
        while bundle[at] != 0 {
            let end = bundle[at..].iter().position(|byte| *byte == 0).unwrap();
            names.push(String::from_utf8_lossy(&bundle[at..at + end]).into_owned());
            let octal = std::str::from_utf8(&bundle[at + 124..at + 135]).unwrap();
            let length = usize::from_str_radix(octal, 8).unwrap();
            at += 512 + length.next_multiple_of(512);
        }
        names
    };
    let first = names(&make(&root, &settings, &[], "").unwrap());
    assert_eq!(first, names(&make(&root, &settings, &[], "").unwrap()));
    assert_eq!(
        first,
        [
            "configuration.json",
            "doctor.json",
            "history.json",
            "journal.jsonl",
            "link.json",
            "report.json",
            "status.json",
            "store.json",
            "version.json"
        ]
    );
}
