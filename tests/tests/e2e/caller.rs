//! Files that the caller names are opened with the caller's rights, though the box belongs to another user.
//! Never a look at what they hold: that the owner of the box cannot read them is the point.
//! Needs root; says so and passes without it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Running, Site, mode, options};
use serde_json::json;

use crate::results::{answers, execution, listed, result};

/// A user that owns the box and nothing else.
const SERVICE: u32 = 65_534;

/// A box of the service's user, and a folder of root's that this user may not enter.
fn box_of_another_user() -> Option<Site> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: a box of another user needs root");
        return None;
    }
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    for folder in ["", "var", "var/lib", "etc", "etc/boxsync"] {
        let folder = site.path(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir(site.state("")).unwrap();
    own(&site.state(""));
    let private = site.path("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    Some(site)
}

fn own(path: &Path) {
    let user = nix::unistd::Uid::from_raw(SERVICE);
    nix::unistd::chown(path, Some(user), None).unwrap();
}

/// A file that root alone reads.
fn private(site: &Site, name: &str, content: &str) -> String {
    let path = site.path("private").join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_that_the_caller_names_are_opened_as_the_caller() {
    let Some(site) = box_of_another_user() else {
        return;
    };
    let (login, password) = site.central.manager("1001").unwrap();
    let file = private(&site, "password", &password);
    let words = ["enroll", "--login", &login, "--password-file", &file];
    site.run(&words).exits(0);
    let client = site.central.add_consumer(true);
    let file = private(&site, "client", &client.secret);
    let url = format!("{}taoOauth/TokenApi/requestToken", site.central.url());
    let key = ["credentials", "import", "--key", &client.key];
    let words = [&key[..], &["--secret-file", &file, "--token-url", &url]].concat();
    site.run(&words).exits(0);
    site.run(&["sync"]).exits(0);
    let (one, two) = (execution(1), execution(2));
    let documents = [&one, &two].map(|id| {
        let document = json!({ id.as_str(): result(&site, id, &answers(id, 2)) });
        private(&site, id, &document.to_string())
    });
    let words = ["results", "submit", &documents[0], &documents[1]];
    site.run(&words).exits(0);
    assert_eq!(listed(&site).len(), 2);
    // What is written belongs to the caller too, and to nobody else.
    let result = site.path("private/result.json");
    let package = site.path("private/package.zip");
    let words = ["results", "export", &one, result.to_str().unwrap(), "--yes"];
    site.run(&words).exits(0);
    let delivery = site.delivery(0);
    let words = ["packages", "export", &delivery, package.to_str().unwrap()];
    site.run(&words).exits(0);
    assert_eq!(
        fs::read(&package).unwrap(),
        site.central.package(&delivery).unwrap()
    );
    // A name in a folder where the owner of the box may make none, and what lies in it.
    let zip = site.path("private/results.zip");
    let words = ["results", "export-tao", zip.to_str().unwrap(), "--yes"];
    site.run(&words).exits(0);
    assert_eq!(central::unpack(&fs::read(&zip).unwrap()).unwrap().len(), 2);
    let names = fs::read_dir(site.path("private")).unwrap();
    let parts =
        names.filter(|entry| entry.as_ref().unwrap().path().extension() == Some("part".as_ref()));
    assert_eq!(parts.count(), 0);
    site.central.set_listening(false);
    let words = [
        "results",
        "confirm",
        "--all-of",
        zip.to_str().unwrap(),
        "--yes",
        "2",
    ];
    site.run(&words).exits(0);
    for path in [&result, &package, &zip] {
        assert_eq!((fs::metadata(path).unwrap().uid(), mode(path)), (0, 0o600));
    }
    for path in site.files() {
        let owner = fs::metadata(&path).unwrap().uid();
        assert_eq!(owner, SERVICE, "{} is not the box's", path.display());
    }
}

#[test]
fn of_several_files_none_is_let_in_when_one_cannot_be_read() {
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    let id = execution(1);
    let path = site.path("one.json");
    let document = json!({ id.as_str(): result(&site, &id, &answers(&id, 1)) });
    fs::write(&path, document.to_string()).unwrap();
    let words = [
        "results",
        "submit",
        path.to_str().unwrap(),
        "/nonexistent",
        "--json",
    ];
    site.run(&words).exits(2).code("input.file");
    assert!(listed(&site).is_empty());
}

#[test]
fn a_file_to_be_written_that_is_there_is_the_callers_mistake_and_stays() {
    let site = Site::enrolled(options(1, 1, (4_000, 4_000))).held();
    let path = site.path("kept");
    fs::write(&path, "mine").unwrap();
    let file = path.to_str().unwrap();
    let delivery = site.delivery(0);
    let missing = "/nonexistent/new";
    for words in [
        ["packages", "export", &delivery, file, "--json"],
        ["packages", "export", &delivery, missing, "--json"],
        ["doctor", "--offline", "--bundle", file, "--json"],
    ] {
        site.run(&words).exits(2).code("input.file");
    }
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn an_ordinary_user_is_told_at_once_that_he_may_not_act_for_the_box() {
    let Some(site) = box_of_another_user() else {
        return;
    };
    site.run(&["status"]).ends();
    own(&site.state(""));
    fs::set_permissions(site.state(""), fs::Permissions::from_mode(0o700)).unwrap();
    // He may not read what the configuration names either: that is not what stops him.
    let file = site.path("etc/boxsync/boxsync.toml");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let program = site.path("boxsync");
    fs::copy(site.command(&[]).get_program(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for (owner, bits) in [(SERVICE, 0o700), (SERVICE, 0o755), (0, 0o700), (0, 0o755)] {
        let user = nix::unistd::Uid::from_raw(owner);
        nix::unistd::chown(&site.state(""), Some(user), None).unwrap();
        fs::set_permissions(site.state(""), fs::Permissions::from_mode(bits)).unwrap();
        tells_an_ordinary_user(&site, &program);
    }
}

fn tells_an_ordinary_user(site: &Site, program: &Path) {
    for verb in ["status", "results", "sync", "packages", "history", "doctor"] {
        let mut line = vec![verb, "--json"];
        line.extend((verb == "doctor").then_some("--offline"));
        let words = site.command(&line);
        let mut command = Command::new(program);
        command.args(words.get_args()).uid(65_533).gid(65_533);
        command.env_clear().stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let ran = Running::start(command).end();
        assert!(ran.took < Duration::from_secs(10), "{verb}");
        let told = ran.exits(1).object();
        // Doctor has another line for the configuration, which he may not read either.
        let checks = told["checks"].as_array();
        let codes: Vec<_> = match checks {
            Some(checks) => checks.iter().map(|check| &check["code"]).collect(),
            None => vec![&told["code"]],
        };
        assert!(
            codes.iter().any(|code| *code == "state.owner"),
            "{verb}: {told}"
        );
    }
}
