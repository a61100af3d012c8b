//! One sweep: a verb is cut before every call that changes the disk, then what heals it is cut once more.
//! Never ends before several runs without a cut: a thread may make a call less than in the run before.
//! Called by the tests of each verb.
//!
//! All pairs of cuts where `BOXSYNC_SWEEP=1`; otherwise some hundred, drawn by a seed that is printed and may be given as
//! `BOXSYNC_SEED`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::{Ran, Running, Site};

use super::loss;

/// What changes the disk.
const CALLS: [&str; 11] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "unlinkat",
    "rmdir",
    "ftruncate",
    "fallocate",
    "mkdir",
];

/// A call, and the how many-th of its name.
type CutPlace = (&'static str, usize);

/// What is cut.
pub(super) struct Sweep<'a> {
    /// How it is called in the table.
    pub(super) verb: &'a str,
    /// The words of the run that is cut.
    pub(super) words: &'a [&'a str],
    /// The words of what may come next, and is cut once more; each in its turn.
    pub(super) heals: &'a [&'a [&'a str]],
    /// Of so many cuts one gets a second one, unless all get all.
    pub(super) pairs_of: u64,
}

/// What a sweep did.
#[derive(Debug, Default)]
struct SweepDone {
    cuts: BTreeMap<&'static str, usize>,
    pairs: usize,
    lost: loss::Lost,
    number: usize,
}

impl Sweep<'_> {
    /// Cuts a run before the nth of every call, from one state of the box, and takes what a cut may take; then lets it
    /// be healed, or cuts that too. `prepare` is shown the number of the case, `check` also what the case is and how the
    /// healing ended. Gives the cuts by call.
    pub(super) fn run(
        &self,
        site: &Site,
        prepare: impl Fn(usize),
        check: impl Fn(usize, &str, &Ran),
    ) -> BTreeMap<&'static str, usize> {
        let fresh = site.path("fresh");
        copy(&site.state(""), &fresh);
        let mut done = SweepDone::default();
        let mut random = SweepRandom::seeded(self.verb);
        for call in CALLS {
            let mut missed = 0;
            // What lies between two flushes is lost once by its even and once by its odd changes.
            for nth in (2..).map(|twice| twice / 2) {
                let place = (call, nth);
                let begin = |done: &mut SweepDone| {
                    done.number += 1;
                    copy(&fresh, &site.state(""));
                    prepare(done.number);
                    self.is_cut(site, self.words, place, done)
                };
                if !begin(&mut done) {
                    missed += 1;
                    if missed == 4 {
                        break;
                    }
                    continue;
                }
                missed = 0;
                *done.cuts.entry(call).or_insert(0) += 1;
                let heal = self.heals[done.number % self.heals.len()];
                let told = format!("cut before {call} {nth}");
                if !random.draws(self.pairs_of) {
                    check(done.number, &told, &site.run(heal));
                    continue;
                }
                let log = site.path("trace");
                let healed = cut(site, heal, None, &log);
                let places = places(&fs::read_to_string(&log).unwrap());
                check(done.number, &told, &healed);
                for second in random.some(places) {
                    if begin(&mut done) && self.is_cut(site, heal, second, &mut done) {
                        done.pairs += 1;
                        let told =
                            format!("{told}, then in {heal:?} before {} {}", second.0, second.1);
                        check(done.number, &told, &site.run(heal));
                    }
                }
            }
        }
        self.tell(&done, &random);
        done.cuts
    }

    /// Whether a run was cut at a place; what the cut takes is lost then.
    fn is_cut(&self, site: &Site, words: &[&str], place: CutPlace, done: &mut SweepDone) -> bool {
        let (log, before) = (site.path("trace"), site.path("before"));
        copy(&site.state(""), &before);
        if cut(site, words, Some(place), &log).exit.is_some() {
            return false;
        }
        let log = fs::read_to_string(&log).unwrap();
        let now = loss::lose(&log, &site.state(""), &before, done.number);
        done.lost.writes += now.writes;
        done.lost.names += now.names;
        true
    }

    /// A row of the table in the figures, then holds that the sweep has met something.
    fn tell(&self, done: &SweepDone, random: &SweepRandom) {
        let cuts: usize = done.cuts.values().sum();
        println!(
            "| {} | {cuts} | {} | {} | {} |  seed {}, {:?}",
            self.verb, done.pairs, done.lost.writes, done.lost.names, random.seed, done.cuts
        );
        for call in ["write", "fsync"] {
            assert!(done.cuts.contains_key(call), "no {call} was seen: {done:?}");
        }
        assert!(done.lost.writes > 0, "nothing was lost: {done:?}");
    }
}

/// The places of a trace where a run may be cut.
fn places(log: &str) -> Vec<CutPlace> {
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    let name = |line: &str| {
        let (_, call) = line.split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(')?;
        CALLS.into_iter().find(|call| *call == name)
    };
    let place = |call| {
        let nth = seen.entry(call).or_insert(0);
        *nth += 1;
        (call, *nth)
    };
    log.lines().filter_map(name).map(place).collect()
}

/// Draws which cases get a second cut.
struct SweepRandom {
    all: bool,
    seed: u64,
    state: u64,
}

impl SweepRandom {
    fn seeded(verb: &str) -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        let drawn = || {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
            now.as_nanos() as u64
        };
        let seed = number("BOXSYNC_SEED").unwrap_or_else(drawn);
        let all = number("BOXSYNC_SWEEP") == Some(1);
        println!("{verb}: BOXSYNC_SEED={seed}, all pairs of cuts: {all}");
        Self {
            all,
            seed,
            state: seed,
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's MMIX generator; the low bits are the weak ones.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % limit
    }

    fn draws(&mut self, one_of: u64) -> bool {
        self.all || self.below(one_of) == 0
    }

    fn some(&mut self, places: Vec<CutPlace>) -> Vec<CutPlace> {
        if self.all || places.is_empty() {
            return places;
        }
        vec![places[self.below(places.len() as u64) as usize]]
    }
}

pub(super) fn can_trace() -> bool {
    let works = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .status();
    if works.is_ok_and(|status| status.success()) {
        return true;
    }
    eprintln!("skipped: strace is missing or may not trace (apt-get install strace)");
    false
}

/// A traced run of these words, killed on entering the nth such call of any of its threads, if it is to be cut. One that
/// was cut has no exit status.
pub(super) fn cut(site: &Site, words: &[&str], place: Option<CutPlace>, log: &Path) -> Ran {
    let own = site.command(words);
    let mut command = Command::new("strace");
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .args(["-f", "-y", "-s", "0", "-o"])
        .arg(log)
        .arg(format!("--trace={}", CALLS.join(",")));
    if let Some((call, nth)) = place {
        command.arg(format!("--inject={call}:signal=KILL:when={nth}"));
    }
    command.arg(own.get_program()).args(own.get_args());
    Running::start(command).end()
}

/// Puts a copy of a folder in the place of another; nothing where there is none.
pub(super) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    if from.exists() {
        let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
        assert!(status.unwrap().success());
    }
}
