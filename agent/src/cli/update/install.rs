//! `update install`: brings the image that is offered, has systemd-sysupdate install it, and boots it, as far as the gate lets it.
//! Never asks the gate only once: what takes its time is followed by another look.
//! Called by `update`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use logic::fault::{Code, ConfigCause, Fault, OsCause};
use logic::update::image::to_bring;
use logic::update::{UpdateStep, step};
use logic::words::Outcome;

use super::words::UpdateTerm;
use super::{look, offer, source, tell};
use crate::cli::screen::Screen;
use crate::engine::exam;
use crate::engine::image::ImageFolder;
use crate::engine::slots::INSTALLER;
use system::clock;
use system::root::Root;

/// What reboots, asked as a person would.
const REBOOTER: &str = "usr/bin/systemctl";
/// Reads what is to be done from its input, line by line, and answers each with an exit status.
/// It has more rights than who writes the lines: a version is looked at again, so that none is an option.
const SCRIPT: &str = "while read -r act version; do \
    case $version in -*|*[!A-Za-z0-9.~^_-]*) echo 2; continue ;; esac; \
    case $act in install) \"$0\" update \"$version\" </dev/null >&2 ;; \
    reboot) \"$1\" reboot </dev/null >&2 ;; esac; echo $?; done";

/// The hands that keep the rights of the caller: this process takes those of the box's owner.
struct Hands {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Hands {
    fn of(root: &Root) -> Result<Self, Fault> {
        let unmade = |error: std::io::Error| failed((&error).into());
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .args([root.host(INSTALLER), root.host(REBOOTER)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(unmade)?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let answers = answers.expect("its output is a pipe");
        Ok(Self {
            child,
            orders,
            answers: BufReader::new(answers),
        })
    }

    /// Has one thing done; a version is letters, digits and a few signs (`logic::update::version`).
    fn act(&mut self, act: &str, version: &str) -> Result<(), Fault> {
        let mut answer = String::new();
        let orders = self.orders.as_mut().expect("open until it is dropped");
        writeln!(orders, "{act} {version}")
            .and_then(|()| self.answers.read_line(&mut answer))
            .map_err(|error| failed((&error).into()))?;
        match answer.trim() {
            "0" => Ok(()),
            status => {
                let (act, status) = (act.to_owned(), status.to_owned());
                let cause = ConfigCause::NotInstalled { act, status };
                Err(Fault::new(Code::UpdateInstall, cause))
            }
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}

fn failed(why: OsCause) -> Fault {
    Fault::new(Code::UpdateInstall, ConfigCause::NoInstaller { why })
}

pub(super) fn act(root: &Root, dry_run: bool, screen: &Screen) -> Result<u8, Fault> {
    let mut hands = (!dry_run).then(|| Hands::of(root)).transpose()?;
    let engine = crate::cli::open(root)?;
    let settings = engine.settings();
    let source = source(settings)?;
    let offer = crate::cli::runtime(offer(&source, settings))?;
    let folder = ImageFolder::of(engine.vault());
    let may_go =
        || exam::running(root).is_none() && settings.download.wait(clock::now().wall).is_zero();
    let say = |term: UpdateTerm| {
        if !screen.json {
            screen.say(&screen.told(&term));
        }
    };
    // Bring, install, boot: after each the box may stand otherwise.
    let (mut is_here, mut is_done) = (false, false);
    let _one_at_a_time = (!dry_run).then(|| folder.hold()).transpose()?;
    loop {
        let seen = look(root, &engine, &offer)?;
        let step = step(&seen);
        engine.keep_renewal(&seen, &step)?;
        if let (Some(version), Some(_), false) = (to_bring(&step), &hands, is_here || is_done) {
            let version = version.to_owned();
            say(UpdateTerm::Brings {
                version: version.clone(),
            });
            let bring = folder.bring(&source, &offer.manifest, &version, settings, &may_go);
            is_here = crate::cli::runtime(bring)?;
            if is_here {
                say(UpdateTerm::Brought { version });
                continue;
            }
        }
        match (&step, &mut hands) {
            (UpdateStep::Install { version }, Some(hands)) if is_here && !is_done => {
                let version = version.clone();
                say(UpdateTerm::Installs {
                    version: version.clone(),
                });
                // What was refused stays: it is not brought again as long as it is what the manifest says.
                hands.act("install", &version)?;
                folder.clear()?;
                is_done = true;
            }
            (UpdateStep::Reboot { version }, Some(hands)) => {
                let version = version.clone();
                say(UpdateTerm::Boots { version });
                folder.clear()?;
                tell(&seen, &step, settings, screen);
                hands.act("reboot", "")?;
                return Ok(0);
            }
            _ => {
                tell(&seen, &step, settings, screen);
                let is_held = matches!(step, UpdateStep::Held { .. });
                let waits = is_held || (hands.is_some() && step != UpdateStep::Nothing);
                return Ok(if waits { Outcome::Failed.exit() } else { 0 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who writes the lines may have been taken over by what it read from the network.
    #[test]
    fn the_hands_take_no_option_for_a_version() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "/bin/echo", "/bin/echo"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let orders = "install 2022.11~rc1\ninstall --definitions=/var/x\ninstall -h\n\
            install 1 --definitions=/var/x\ninstall $(id)\nreboot \nerase 1\n";
        let mut pipe = child.stdin.take().expect("a pipe");
        pipe.write_all(orders.as_bytes()).expect("it reads");
        drop(pipe);
        let said = child.wait_with_output().expect("it ends");
        let (answers, done) = (
            String::from_utf8(said.stdout),
            String::from_utf8(said.stderr),
        );
        assert_eq!(answers.expect("digits"), "0\n2\n2\n2\n2\n0\n0\n");
        assert_eq!(done.expect("text"), "update 2022.11~rc1\nreboot\n");
    }
}
