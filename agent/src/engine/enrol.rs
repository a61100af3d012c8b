//! Enrolment without a person: the login that the machine was given as a credential of the service (systemd.exec(5)).
//! Never tries a login that central refused again before it changed or a day went by: the account would be locked.
//! Called by the worker before it synchronizes.

use std::io;
use std::path::{Path, PathBuf};

use logic::credentials::EnrolWish;
use logic::fault::{AnswerCause, Cause, Code, EnrolCause, Fault, OsCause};
use logic::seal::NameHash;
use serde::{Deserialize, Serialize};

use super::Engine;
use system::clock;
use system::journal::event;
use uplink::Secret;

/// Names of the credential; the first that is there counts. Sealed ones are opened by systemd.
const NAMES: [&str; 2] = ["boxsync.enroll.sealed", "boxsync.enroll"];

const DAY: i64 = 24 * 60 * 60;

/// `{"login": …, "password": …}`, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    login: String,
    password: String,
}

/// A login that central refused with `auth.password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RefusedLogin {
    /// Keyed hash of the credential.
    content: NameHash,
    /// Unix seconds.
    at: i64,
    reason: String,
}

impl RefusedLogin {
    /// Whether it still counts. A clock that was set back forgets it.
    fn stands(&self, content: NameHash, now: i64) -> bool {
        self.content == content && (0..DAY).contains(&(now - self.at))
    }
}

impl Engine {
    /// Enrols a box that is not enrolled, if the machine was given a login.
    ///
    /// # Errors
    /// `config.file` for a credential that is none; `auth.password`, also as long as such a refusal stands; or what the
    /// call says.
    pub async fn enrol_by_credential(&self) -> Result<(), Fault> {
        if self.enrolment()?.is_some() {
            return Ok(());
        }
        let folder = self.root.credentials();
        let Some((path, text)) = folder.as_deref().map(find).transpose()?.flatten() else {
            return Ok(());
        };
        let kept = self.vault.entry("enrolment");
        let content = self.vault.keys().name("enrolment", text.reveal());
        let refused: Option<RefusedLogin> = kept.get_or_set_aside()?;
        if let Some(refused) = refused.filter(|r| r.stands(content, clock::now().wall)) {
            return Err(stands(&refused));
        }
        let login = read(&path, &text)?;
        match self
            .enroll(&login.login, &login.password, EnrolWish::default())
            .await
        {
            Ok(stored) => {
                tracing::info!(
                    message_id = event::ENROLLED.id,
                    code = %event::ENROLLED.code,
                    box_id = %self.identity()?.box_id,
                    "the box is enrolled with the credential {} as client {}",
                    path.display(),
                    stored.enrolment.key
                );
                kept.remove()
            }
            Err(trouble) => {
                if trouble.code == Code::AuthPassword {
                    kept.put(&RefusedLogin {
                        content,
                        at: clock::now().wall,
                        reason: trouble.reason(),
                    })?;
                }
                let path = path.display().to_string();
                Err(trouble.because(|why| EnrolCause::OfLogin { why, path }))
            }
        }
    }
}

fn utf8(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::other(OsCause::NotUtf8))
}

fn find(folder: &Path) -> Result<Option<(PathBuf, Secret)>, Fault> {
    for name in NAMES {
        let path = folder.join(name);
        match system::root::read_at_most(&path, 64 << 10).and_then(utf8) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => return Ok(Some((path, Secret::new(text)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(super::line::config(&path, &error)),
        }
    }
    Ok(None)
}

/// What is wrong is told by its place: the text holds a password.
fn read(path: &Path, text: &Secret) -> Result<Login, Fault> {
    // Some editors put the mark of an encoding before it.
    let json = text.reveal();
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    serde_json::from_slice(json.as_bytes()).map_err(|error| {
        let cause = EnrolCause::NoLogin {
            path: path.display().to_string(),
            line: error.line(),
            column: error.column(),
        };
        Fault::new(Code::ConfigFile, cause)
    })
}

fn stands(refused: &RefusedLogin) -> Fault {
    // It was kept as a sentence; its code has one cause alone.
    let why = match refused.reason == Cause::from(AnswerCause::Password).en() {
        true => AnswerCause::Password.into(),
        false => Cause::from(&refused.reason),
    };
    let why = Box::new(why);
    Fault::new(Code::AuthPassword, EnrolCause::StillRefused { why })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_credential_is_a_login_and_nothing_else_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        assert!(find(dir.path()).unwrap().is_none());
        fs::write(dir.path().join(NAMES[1]), "\n").unwrap();
        assert!(find(dir.path()).unwrap().is_none());
        fs::write(dir.path().join(NAMES[1]), r#"{"login":"l","password":"p"}"#).unwrap();
        let (path, text) = find(dir.path()).unwrap().unwrap();
        let login = read(&path, &text).unwrap();
        assert_eq!((login.login.as_str(), login.password.as_str()), ("l", "p"));
        fs::write(dir.path().join(NAMES[0]), "login: l, password: hidden").unwrap();
        let (path, text) = find(dir.path()).unwrap().unwrap();
        let trouble = read(&path, &text).err().unwrap();
        assert_eq!(trouble.code, Code::ConfigFile);
        assert!(!trouble.reason().contains("hidden"), "{}", trouble.reason());
    }

    #[test]
    fn a_refusal_stands_for_a_day_and_for_its_own_content() {
        let key = logic::seal::Key::new([1; 32]);
        let (one, other) = (key.name("e", "one"), key.name("e", "other"));
        let refused = RefusedLogin {
            content: one,
            at: 1000,
            reason: "no".into(),
        };
        for (content, now, expected) in [
            (one, 1000, true),
            (one, 1000 + DAY - 1, true),
            (one, 1000 + DAY, false),
            (one, 999, false),
            (other, 1000, false),
        ] {
            assert_eq!(refused.stands(content, now), expected, "{now}");
        }
    }
}
