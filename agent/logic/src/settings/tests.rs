//! The configuration as a whole: what is read, what is refused and with which words, what is printed.
//! Never a file: the texts stand here.
//! Called by `cargo test`.

use std::collections::BTreeSet;

use super::*;
use crate::fault::{Area, Code};
use crate::words::{FaultClass, Outcome};
use proptest::prelude::*;

const FILE: &str = "/etc/boxsync/boxsync.toml";

/// The file of design 4.1, its placeholders filled in.
const CONTRACT: &str = r#"
[central]
url = "https://central.example/tao"
ca_file = "/etc/boxsync/ca.pem"
proxy = "http://user@proxy:3128"
[box]
organisation_id = "1001"
id = "5e0b1c2d3f4a5"
tao_version = "2022.11"
[sync]
on_boot = true
interval = "15m"
delete_limit = 0.5
[download]
max_rate = "0"
reserve = "1GiB"
[results]
chunk_size = 10
delete_after_send = false
[gateway]
listen = "127.0.0.1:7380"
"#;

fn read(texts: &[&str], env: &[(&str, &str)]) -> Result<Settings, Fault> {
    let names: Vec<_> = (0..texts.len())
        .map(|at| format!("/etc/boxsync/boxsync.d/{at}.toml"))
        .collect();
    let sources: Vec<_> = texts
        .iter()
        .zip(&names)
        .map(|(text, name)| Source { name, text })
        .collect();
    let env = env.iter().map(|(n, v)| ((*n).into(), (*v).into()));
    Settings::read(&sources, env)
}

/// The code and the lines of the refusal of one file.
fn refused(text: &str) -> (Code, Vec<String>) {
    let source = Source { name: FILE, text };
    let trouble = Settings::read(&[source], std::iter::empty()).expect_err(text);
    assert_eq!(trouble.class, FaultClass::Operator);
    assert_eq!(trouble.outcome, Outcome::Failed);
    let lines = trouble.reason().lines().map(str::to_owned).collect();
    (trouble.code, lines)
}

#[test]
fn the_contract_is_read() {
    let s = read(&[CONTRACT], &[]).unwrap();
    assert_eq!(
        s.central().unwrap().to_string(),
        "https://central.example/tao/"
    );
    assert_eq!(
        s.central.ca_file.as_deref(),
        Some("/etc/boxsync/ca.pem".as_ref())
    );
    assert_eq!(
        s.central.proxy.as_ref().unwrap().user.as_deref(),
        Some("user")
    );
    assert_eq!(s.this_box.organisation_id.as_deref(), Some("1001"));
    assert_eq!(s.this_box.id.as_deref(), Some("5e0b1c2d3f4a5"));
    assert_eq!(s.this_box.tao_version.as_deref(), Some("2022.11"));
    assert_eq!(s.sync.interval, Duration::from_secs(900));
    assert_eq!(s.gateway.listen, "127.0.0.1:7380".parse().ok());
    assert_eq!(
        s.origin("sync", "interval").unwrap().to_string(),
        "/etc/boxsync/boxsync.d/0.toml:12"
    );
}

#[test]
fn nothing_configured_is_the_documented_default() {
    let s = read(&[], &[("PATH", "/bin"), ("BOXSYNCX", "1")]).unwrap();
    assert_eq!(s, Settings::default());
    assert!(s.sync.on_boot && s.sync.measure);
    assert_eq!(s.sync.interval, Duration::from_secs(900));
    assert_eq!((s.sync.delete_limit, s.sync.lanes), (0.2, 4));
    assert_eq!(s.sync.keep_deleted, Duration::from_secs(7 * 86_400));
    assert_eq!(
        (s.download.max_rate, s.download.reserve),
        (Size(0), Size(1 << 30))
    );
    assert_eq!(
        (s.download.connections, s.download.window_flush),
        (ConnectionLimit::Auto, Size(8 << 20))
    );
    assert_eq!(
        (s.results.chunk_size, s.results.max_item),
        (10, Size(16 << 20))
    );
    assert!(!s.results.delete_after_send && !s.results.lti_users && !s.central.token_elsewhere);
    assert_eq!(
        (s.link.expected_download, s.link.expected_upload),
        (1.0, 1.0)
    );
    assert_eq!(
        (s.gateway.listen, s.page.listen, &s.central.url),
        (None, None, &None)
    );
    assert_eq!(s.download.wait(0), Duration::ZERO);
    assert_eq!(s.central().unwrap_err().code, Code::ConfigNoUrl);
}

#[test]
fn the_table_is_whole() {
    let sections: BTreeSet<_> = SECTIONS.iter().map(|(name, _)| *name).collect();
    let variables: BTreeSet<_> = KEYS.iter().map(SettingKey::variable).collect();
    assert_eq!(variables.len(), KEYS.len());
    for key in KEYS {
        assert!(sections.contains(key.section));
        let read = |text| {
            let mut s = Settings::default();
            (key.set)(
                &mut s,
                &SettingValue::of(DeValue::parse(text).unwrap().get_ref()),
            )
            .unwrap();
            s
        };
        // The example is legal, differs from the default, and is shown as it is written.
        let s = read(key.example);
        assert_ne!(s, Settings::default(), "{}", key.name);
        assert_eq!((key.show)(&s).unwrap().to_string(), key.example);
        let shown = (key.show)(&Settings::default()).map(|v| v.to_string());
        assert_eq!(shown.as_deref(), key.default, "{}", key.name);
    }
}

#[test]
fn later_files_and_then_the_environment_override_key_by_key() {
    let s = read(
        &[
            CONTRACT,
            "[sync]\ninterval = 60\n[gateway]\nlisten = \"\"\n",
            "sync.interval = \"2h\"\ndownload = { windows = [\"18:00-07:00\"] }\n",
        ],
        &[
            ("BOXSYNC_SYNC_ON_BOOT", "false"),
            ("BOXSYNC_BOX_ORGANISATION_ID", "007"),
            ("BOXSYNC_BOX_ALLOW_UIDS", "33, 1000"),
            ("BOXSYNC_CENTRAL_PROXY", ""),
            ("BOXSYNC_PAGE_LISTEN", "7381"),
            (
                "BOXSYNC_DOWNLOAD_WINDOWS",
                "mon-fri 18:00-07:00,sat 00:00-24:00",
            ),
        ],
    )
    .unwrap();
    assert_eq!(s.sync.interval, Duration::from_secs(7_200));
    assert_eq!(s.gateway.listen, None);
    assert!(!s.sync.on_boot);
    assert_eq!(s.sync.delete_limit, 0.5);
    assert_eq!(s.this_box.organisation_id.as_deref(), Some("007"));
    assert_eq!(s.this_box.allow_uids, [33, 1000].map(AccountName::Number));
    assert_eq!(s.central.proxy, None);
    assert_eq!(s.page.listen, "127.0.0.1:7381".parse().ok());
    assert_eq!(s.download.windows.len(), 2);
    let origin = |section, key| s.origin(section, key).unwrap().to_string();
    assert_eq!(
        origin("sync", "interval"),
        "/etc/boxsync/boxsync.d/2.toml:1"
    );
    assert_eq!(
        origin("box", "allow_uids"),
        "environment BOXSYNC_BOX_ALLOW_UIDS"
    );
    assert_eq!(origin("sync", "lanes"), "default");
    assert_eq!(s.origin("sync", "nothing"), None);
}

#[test]
fn unknown_keys_name_file_line_and_the_nearest() {
    for (text, line) in [
        (
            "[sync]\nintervall = \"15m\"",
            r#"/etc/boxsync/boxsync.toml:2: unknown key "intervall" in [sync]; the nearest known key is "interval""#,
        ),
        (
            "[sync]\nreserv = 1",
            r#"/etc/boxsync/boxsync.toml:2: unknown key "reserv" in [sync]; the nearest known key is "reserve" in [download]"#,
        ),
        (
            "\n[dowload]\nmax_rate = 1",
            r#"/etc/boxsync/boxsync.toml:3: unknown section [dowload] with key "max_rate"; the nearest known key is "max_rate" in [download]"#,
        ),
        (
            "[gatway]",
            "/etc/boxsync/boxsync.toml:1: unknown section [gatway]; the nearest known one is [gateway]",
        ),
        (
            "intervall = 3",
            r#"/etc/boxsync/boxsync.toml:1: unknown key "intervall" outside of a section; the nearest known key is "interval" in [sync]"#,
        ),
        (
            "[central]\nproxy_password_fil = \"/x\"",
            r#"/etc/boxsync/boxsync.toml:2: unknown key "proxy_password_fil" in [central]; the nearest known key is "proxy_password_file""#,
        ),
        (
            "[sync.extra]\na = 1",
            r#"/etc/boxsync/boxsync.toml:1: unknown key "extra" in [sync]; the nearest known key is "interval""#,
        ),
    ] {
        let (code, lines) = refused(text);
        assert_eq!(
            (code, lines),
            (Code::ConfigUnknownKey, vec![line.to_owned()])
        );
    }
    let trouble = read(&[], &[("BOXSYNC_SYNC_INTERVALL", "15m")]).unwrap_err();
    assert_eq!(
        trouble.reason(),
        "environment: unknown variable BOXSYNC_SYNC_INTERVALL; the nearest known one is BOXSYNC_SYNC_INTERVAL"
    );
}

#[test]
fn wrong_values_say_what_was_expected_with_an_example() {
    for (text, line) in [
        (
            "[sync]\ninterval = \"15 minutes\"",
            "[sync] interval: expected a time from 1s to 365d: seconds, or whole numbers with d, h, m, s in this \
             order, got \"15 minutes\"; for example interval = \"1h30m\"",
        ),
        (
            "\n[sync]\ndelete_limit = 1.5",
            "[sync] delete_limit: expected a number from 0 to 1, without quotes, got 1.5; for example delete_limit = 0.25",
        ),
        (
            "[box]\norganisation_id = 1001",
            "[box] organisation_id: expected a text: put the number into quotes, got 1001; for example \
             organisation_id = \"1001\"",
        ),
        (
            "[download]\nmax_rate = \"10M\"",
            "[download] max_rate: expected a size: whole bytes, or a whole number with B, kB, MB, GB, TB, KiB, MiB, \
             GiB or TiB, got \"10M\"; for example max_rate = \"500kB\"",
        ),
        (
            "[central]\nurl = \"central.example\"",
            "[central] url: expected a URL that begins with https:// or http://, got \"central.example\"; for \
             example url = \"https://central.example/\"",
        ),
        (
            "[sync]\nsteps = [\"data\", \"result\"]",
            "[sync] steps: expected a list in which each is one of data, results, logs, sessions, speed, got a list of 2; \
             for example steps = [\"results\", \"logs\", \"sessions\", \"data\"]",
        ),
        (
            "[results]\ndelete_after_send = \"no\"",
            "[results] delete_after_send: expected true or false, without quotes, got \"no\"; for example \
             delete_after_send = true",
        ),
    ] {
        let (code, lines) = refused(text);
        assert_eq!(code, Code::ConfigValue);
        let at = text.lines().count();
        assert_eq!(lines, [format!("{FILE}:{at}: {line}")]);
    }
}

#[test]
fn every_key_has_its_bounds() {
    for text in [
        "sync.interval = 0",
        "sync.interval = \"366d\"",
        "sync.lanes = 0",
        "sync.lanes = 17",
        "sync.steps = []",
        "sync.steps = [\"result\"]",
        "sync.page_size = 129",
        "results.log_rows = 0",
        "sync.delete_limit = -0.1",
        "sync.delete_limit = nan",
        "sync.on_boot = 1",
        "download.connections = 17",
        "download.connections = 0",
        "download.connections = \"all\"",
        "download.connections = true",
        "download.reserve = 1.5",
        "download.reserve = -1",
        "download.reserve = 99999999999999999999",
        "download.window_flush = \"63KiB\"",
        "download.windows = \"mon 10:00-11:00\"",
        "download.windows = [1]",
        "download.utc_offset = 01:00:00",
        "results.chunk_size = 0",
        "results.max_item = \"2GiB\"",
        "gateway.listen = \"localhost:7380\"",
        "gateway.listen = 65536",
        "page.listen = true",
        "metrics.textfile = \"boxsync.prom\"",
        "metrics.textfile = \"/run/boxsync/boxsync.txt\"",
        "box.id = \"a b\"",
        "box.id = \"é\"",
        "box.tao_version = 2022.11",
        "box.allow_uids = [-1]",
        "box.allow_gids = [4294967295]",
        "box.allow_gids = [\"a b\"]",
        "box.allow_gids = [true]",
        "box.allow_uids = [\"@exam\"]",
        "api.read = [\"@\"]",
        "api.control = [1.5]",
        "api.secrets = \"engine\"",
        "central.ca_file = \"ca.pem\"",
        "central.ca_file = \"/a\\nb\"",
        "central.url = \"https://h/?a=1\"",
        "link.expected_upload = inf",
        "sync = 1",
        "[[central]]\nurl = \"https://h/\"",
    ] {
        assert_eq!(refused(text).0, Code::ConfigValue, "{text}");
    }
    let long = format!("box.organisation_id = \"{}\"", "1".repeat(51));
    assert_eq!(refused(&long).0, Code::ConfigValue);
}

#[test]
fn a_secret_is_refused_and_never_repeated() {
    for text in [
        "[central]\npassword = \"hunter2\"",
        "[central]\nclient_secret = \"hunter2\"",
        "[auth]\ntoken = \"hunter2\"",
        "secret = \"hunter2\"",
        "[central]\nproxy = \"http://jane:hunter2@proxy:3128\"",
        "[central]\nurl = \"https://jane:hunter2@central.example/\"",
        "[central]\nurl = \"https://central.example/?key=hunter2\"",
    ] {
        let (_, lines) = refused(text);
        assert_eq!(lines.len(), 1, "{text}");
        assert!(!lines[0].contains("hunter2"), "{}", lines[0]);
        if !text.contains("url") {
            assert!(lines[0].contains("proxy_password_file"), "{}", lines[0]);
        }
    }
    let trouble = read(&[], &[("BOXSYNC_CENTRAL_PASSWORD", "hunter2")]).unwrap_err();
    assert!(trouble.reason().contains("boxsync enroll --password-file"));
    assert!(!trouble.reason().contains("hunter2"));
}

#[test]
fn every_mistake_is_told_at_once_from_top_to_bottom() {
    let trouble = read(
        &[
            "[sync]\nlanes = 99\non_bot = true\n[central]\nurl = 3\n",
            "= broken",
            "[page]\nlisten = false\n",
        ],
        &[("BOXSYNC_SYNC_LANES", "many"), ("BOXSYNC_X", "1")],
    )
    .unwrap_err();
    let heads: Vec<_> = trouble
        .reason()
        .lines()
        .map(|l| l.split(": ").take(2).collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(
        heads,
        [
            "/etc/boxsync/boxsync.d/0.toml:2|[sync] lanes",
            "/etc/boxsync/boxsync.d/0.toml:3|unknown key \"on_bot\" in [sync]; the nearest known key is \"on_boot\"",
            "/etc/boxsync/boxsync.d/0.toml:5|[central] url",
            "/etc/boxsync/boxsync.d/1.toml:1|not TOML",
            "/etc/boxsync/boxsync.d/2.toml:2|[page] listen",
            "environment BOXSYNC_SYNC_LANES|[sync] lanes",
            "environment|unknown variable BOXSYNC_X; the nearest known one is BOXSYNC_BOX_ID",
        ]
    );
    assert_eq!(trouble.code, Code::ConfigValue);
}

#[test]
fn what_is_not_toml_is_placed() {
    for (text, at) in [
        ("[sync]\ninterval = 15m", 2),
        ("[sync]\ninterval = 1\ninterval = 2", 3),
        ("[sync]\n[central\n", 2),
        ("[central]\npassword = \"hunter2", 2),
    ] {
        let (code, lines) = refused(text);
        assert_eq!((code, lines.len()), (Code::ConfigSyntax, 1), "{text}");
        assert!(
            lines[0].starts_with(&format!("{FILE}:{at}: not TOML: ")),
            "{}",
            lines[0]
        );
        assert!(!lines[0].contains("hunter2"));
    }
    let deep = format!("a = {}", "[".repeat(100_000));
    assert_eq!(refused(&deep).0, Code::ConfigSyntax);
    assert!(read(&["\u{feff}[sync]\r\nlanes = 2\r\n"], &[]).is_ok());
}

#[test]
fn the_effective_configuration_names_origins_and_is_itself_a_configuration() {
    let s = read(&[CONTRACT], &[("BOXSYNC_SYNC_LANES", "2")]).unwrap();
    let text = s.explain();
    for line in [
        "url = \"https://central.example/tao/\"  # /etc/boxsync/boxsync.d/0.toml:3",
        "lanes = 2  # environment BOXSYNC_SYNC_LANES",
        "measure = true  # default",
        "#proxy_password_file is not set  # default",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    let json = s.json();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["settings"]["sync"]["lanes"]["value"], 2);
    assert_eq!(
        json["settings"]["sync"]["lanes"]["origin"],
        "environment BOXSYNC_SYNC_LANES"
    );
    assert!(json["settings"]["page"]["listen"]["value"].is_null());
    assert_eq!(
        json["settings"]["box"]["allow_uids"]["value"],
        serde_json::json!([])
    );
}

#[test]
fn the_document_is_inert_until_a_mark_is_removed() {
    let document = Settings::document();
    assert_eq!(
        read(&[&document], &[]).map(|s| s.explain()),
        Ok(Settings::default().explain())
    );
    assert!(document.lines().all(|l| l.chars().count() <= 100));
    // Without the marks every key is set, to its default or else to its example.
    let live: String = document
        .lines()
        .map(|l| match l.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{l}\n"),
        })
        .collect();
    let s = read(&[&live], &[]).unwrap();
    assert!(s.origins.iter().all(|o| *o != Origin::Default));
    for key in KEYS {
        let shown = (key.show)(&s).unwrap().to_string();
        assert_eq!(shown, key.default.unwrap_or(key.example));
    }
}

fn value(settings: &Settings) -> Vec<Option<SettingValue>> {
    KEYS.iter().map(|key| (key.show)(settings)).collect()
}

proptest! {
    #[test]
    fn what_is_explained_is_read_back(
        organisation in "[^\\pC\\pZ\"\\\\]{1,50}",
        quoted in "[a-z\"\\\\# ]{0,20}",
        seconds in 1u64..31_536_000,
        rate: u64,
        limit in 0.0f64..=1.0,
        uids in proptest::collection::vec(0u32..u32::MAX, 0..4),
    ) {
        let mut s = Settings::default();
        s.this_box.organisation_id = Some(organisation);
        s.central.ca_file = Some(format!("/{quoted}").into());
        s.sync.interval = Duration::from_secs(seconds);
        s.download.max_rate = Size(rate);
        s.sync.delete_limit = limit;
        s.this_box.allow_gids = uids.iter().copied().map(AccountName::Number).collect();
        s.this_box.allow_gids.push(AccountName::Name("exam".into()));
        s.this_box.allow_uids = s.this_box.allow_gids.clone();
        s.api.read = uids.iter().copied().map(AccountName::Number).map(Principal::Group).collect();
        s.api.secrets = (!uids.is_empty()).then(|| s.api.read[1..].to_vec());
        let again = read(&[&s.explain()], &[]).unwrap();
        prop_assert_eq!(value(&again), value(&s));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\[[a-z]{0,4}\\]\n)?[a-z_.]{0,8} ?=? ?[\\PC\n]{0,30}") {
        if let Err(trouble) = read(&[&text], &[]) {
            prop_assert!(trouble.code.is(Area::Config) && !trouble.reason().is_empty());
        }
    }
}

#[test]
fn mistakes_are_values_that_travel_and_are_told_in_french_too() {
    let text = "[sync]\nintervall = 1\nlanes = 99\n[box]\npassword = \"hunter2\"\n[central]\nurl = \"http://a:b@c\"\n";
    let trouble = read(&[text], &[("BOXSYNC_API_READ", "!")]).unwrap_err();
    let json = serde_json::to_string(&trouble).unwrap();
    assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), trouble);
    let told = trouble.cause.fr_words();
    let [crate::fault::Wording::French(told)] = told.as_slice() else {
        panic!("English in {told:?}");
    };
    let lines: Vec<_> = told.lines().collect();
    for (line, part) in lines.iter().zip([
        "clé inconnue \"intervall\" dans [sync] ; la clé connue la plus proche est \"interval\"",
        "[sync] lanes : attendu : un nombre entier de 1 à 16, sans guillemets ; trouvé : 99",
        "\"password\" dans [box] : un secret n’a pas sa place ici",
        "une URL sans nom d’utilisateur ni mot de passe ; trouvé : un texte qui n’est pas répété ici",
        "environnement BOXSYNC_API_READ : [api] read : attendu : une liste dont chaque élément est : un utilisateur",
    ]) {
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(lines.len(), 5, "{told}");
    assert!(!told.contains("hunter2") && !told.contains("a:b"));
    let short = crate::fault::ConfigCause::in_short(trouble.cause);
    assert!(short.en().ends_with("(and 4 more)"), "{short}");
    assert!(short.fr().ends_with("(et 4 de plus)"), "{short}");
}
