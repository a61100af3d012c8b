//! What must not be in a bundle, by value: every secret that this box knows, every person of its catalogue.
//! Never keeps any of it longer than the bundle is made.
//! Called by `bundle`.

use std::fs;
use std::path::Path;

use logic::entity::{Entity, EntityType, uri};
use logic::health::redact::Redactor;
use logic::settings::Settings;

use super::Engine;
use crate::engine::secret_file;
use system::root::Root;
use vault::catalogue::CatalogueStore;
use vault::key::{KEY_NAME, WRAPPED_NAME};

/// Predicates of a user that tell who it is, by their last word.
const NAMING: [&str; 6] = [
    "#login",
    "#label",
    "#userFirstName",
    "#userLastName",
    "#userMail",
    "#mail",
];

/// A credential larger than this is no secret of ours.
const LARGEST: u64 = 64 << 10;

/// Keys, the client secret, password hashes, passwords in files, credentials of systemd.
pub(super) fn secrets(
    root: &Root,
    settings: &Settings,
    engine: Option<&Engine>,
    redactor: &mut Redactor,
) {
    let state = root.state();
    // Those in force, and what a change of keys that was cut left beside them.
    let entries = fs::read_dir(&state).into_iter().flatten();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(KEY_NAME) {
            file(&path, "envelope key", redactor);
        } else if name.starts_with(WRAPPED_NAME) {
            file(&path, "wrapped data key", redactor);
        }
    }
    if let Some(folder) = root.credentials() {
        let entries = fs::read_dir(folder).into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            file(&entry.path(), "credential", redactor);
        }
    }
    proxy(settings, redactor);
    for enrolment in organisations(engine).filter_map(|one| one.enrolment().ok()?) {
        redactor.secret("client secret", enrolment.secret.as_bytes());
        if let Some(user) = &enrolment.sync_user {
            hashes(user, redactor);
        }
    }
}

/// The box as each of its organisations; as the first where it cannot be read which others there are.
fn organisations(engine: Option<&Engine>) -> impl Iterator<Item = Engine> + '_ {
    let all = |engine: &Engine| {
        engine
            .organisations()
            .unwrap_or_else(|_| vec![engine.clone()])
    };
    engine.into_iter().flat_map(all)
}

fn file(path: &Path, what: &'static str, redactor: &mut Redactor) {
    let small = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let Some(bytes) = small.then(|| fs::read(path).ok()).flatten() else {
        return;
    };
    redactor.secret(what, &bytes);
    redactor.secret(what, bytes.trim_ascii());
}

fn proxy(settings: &Settings, redactor: &mut Redactor) {
    let password = settings.central.proxy_password_file.as_deref();
    let Some(password) = password.and_then(|path| secret_file(path).ok()) else {
        return;
    };
    redactor.secret("proxy password", password.reveal().as_bytes());
    let user = settings.central.proxy.as_ref();
    if let Some(user) = user.and_then(|proxy| proxy.user.as_ref()) {
        let pair = format!("{user}:{}", password.reveal());
        redactor.secret("proxy password", pair.as_bytes());
    }
}

fn hashes(user: &Entity, redactor: &mut Redactor) {
    for hash in user.properties.values(uri::PASSWORD) {
        redactor.secret("password hash", hash.as_bytes());
    }
}

/// Everybody in the catalogues, and the sync managers.
pub(super) fn people(engine: Option<&Engine>, redactor: &mut Redactor) {
    organisations(engine).for_each(|one| people_of(&one, redactor));
}

fn people_of(engine: &Engine, redactor: &mut Redactor) {
    if let Some(user) = engine
        .enrolment()
        .ok()
        .flatten()
        .and_then(|enrolment| enrolment.sync_user)
    {
        person(&user, redactor);
    }
    let Ok(catalogue) = CatalogueStore::open(engine.vault()) else {
        return;
    };
    let Ok(edition) = catalogue.shown() else {
        return;
    };
    let mut reader = catalogue.reader();
    let kinds = [
        EntityType::Administrator,
        EntityType::Proctor,
        EntityType::TestTaker,
    ];
    for kind in kinds {
        for (name, row) in edition.rows(kind) {
            if let Ok(entity) = reader.entity(kind, name, row) {
                person(&entity, redactor);
            }
        }
    }
}

fn person(user: &Entity, redactor: &mut Redactor) {
    redactor.person_uri(&user.id);
    for (predicate, _) in user.properties.iter() {
        if NAMING.iter().any(|word| predicate.ends_with(word)) {
            for value in user.properties.values(predicate) {
                redactor.person(value);
            }
        }
    }
}
