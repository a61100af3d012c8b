//! Shows a run while it goes: one live line on a terminal, plain lines elsewhere.
//! Never writes to stdout.
//! Called by `sync` and `stick`.

use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

use logic::language::figure::{self, Bytes, Seconds};
use logic::language::{Language, Localized, plain};
use logic::outside;
use logic::phrase;

use super::screen::{Screen, cut};
use super::words::SyncTerm;
use crate::engine::progress::{Progress, RunWatch};

/// Follows a run until it is dropped with it.
pub(super) async fn follow(screen: &Screen, watch: &RunWatch) {
    let mut bar = Bar {
        seen: VecDeque::new(),
        told: String::new(),
        begun: Instant::now(),
    };
    loop {
        let progress = watch.snapshot();
        if screen.moves {
            bar.draw(&progress, screen.language);
        } else {
            bar.tell(screen, &progress);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Puts a text on the live line: as much of it as the terminal is wide.
fn draw(text: &str) {
    let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    let line = plain(text);
    let line = cut(&outside::escaped(&line), width.saturating_sub(1));
    let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
    let _ = std::io::stderr().flush();
}

/// A live line of bytes, on a terminal alone.
pub(super) struct ByteLine<'a> {
    screen: &'a Screen,
    drawn: Option<Instant>,
}

impl<'a> ByteLine<'a> {
    pub(super) fn new(screen: &'a Screen) -> Self {
        Self {
            screen,
            drawn: None,
        }
    }

    /// So many bytes are done of so many, in these words.
    pub(super) fn draw(&mut self, done: u64, total: u64, words: &dyn Fn(String, String) -> String) {
        const PAUSE: Duration = Duration::from_millis(200);
        if !self.screen.moves || self.drawn.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        self.drawn = Some(Instant::now());
        let size = |bytes| figure::bytes(self.screen.language, bytes);
        draw(&words(size(done), size(total)));
    }
}

/// Ends the live line.
pub(super) fn clear(screen: &Screen) {
    if screen.moves {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

struct Bar {
    /// Bytes of the package under way at past moments: the last seconds make the rate.
    seen: VecDeque<(Instant, u64)>,
    told: String,
    begun: Instant,
}

impl Bar {
    fn draw(&mut self, progress: &Progress, language: Language) {
        draw(&self.line(progress, language));
    }

    fn line(&mut self, progress: &Progress, language: Language) -> String {
        let doing = phrase::text(language, None, &progress.doing);
        let waits = progress.waits.as_ref().map_or_else(String::new, |why| {
            let why = phrase::text(language, None, why);
            format!(" ({})", SyncTerm::WaitsFor { why }.localized(language))
        });
        let Some(package) = &progress.package else {
            let spent = figure::span(language, self.begun.elapsed().as_secs());
            return match progress.entities {
                0 => format!("{doing}{waits}  {spent}"),
                count => {
                    let entities = SyncTerm::Entities { count }.localized(language);
                    format!("{doing}  {entities}{waits}  {spent}")
                }
            };
        };
        let (done, wanted) = progress.packages;
        let number = done + 1;
        let nth = SyncTerm::Package { number, wanted }.localized(language);
        if package.size == 0 {
            let asking = SyncTerm::AskingSize.localized(language);
            return format!("{nth}  {asking}{waits}");
        }
        let rate = self.rate(package.bytes);
        // What comes after it too, where that is known.
        let after = progress.left_after.unwrap_or(0);
        let bytes = package.size.saturating_sub(package.bytes) + after;
        let left = (rate > 0.0).then(|| Seconds((bytes as f64 / rate) as u64));
        let left = left.map_or_else(String::new, |time| {
            let term = match (after, Bytes(bytes)) {
                (0, _) => SyncTerm::Left { time },
                (_, bytes) => SyncTerm::LeftInAll { bytes, time },
            };
            term.localized(language)
        });
        let filled = (package.bytes * 20).checked_div(package.size).unwrap_or(0) as usize;
        let (bytes, size) = (Bytes(package.bytes), Bytes(package.size));
        format!(
            "{nth} [{}{}] {}  {}/s  {left}{waits}",
            "#".repeat(filled.min(20)),
            ".".repeat(20 - filled.min(20)),
            SyncTerm::Done { bytes, size }.localized(language),
            figure::bytes(language, rate as u64),
        )
    }

    /// Bytes per second over the last five seconds.
    fn rate(&mut self, bytes: u64) -> f64 {
        let now = Instant::now();
        if self.seen.back().is_some_and(|(_, before)| *before > bytes) {
            self.seen.clear();
        }
        self.seen.push_back((now, bytes));
        while self.seen.len() > 2
            && self
                .seen
                .front()
                .is_some_and(|(at, _)| now - *at > Duration::from_secs(5))
        {
            self.seen.pop_front();
        }
        match self.seen.front() {
            Some((at, before)) if now > *at => (bytes - before) as f64 / (now - *at).as_secs_f64(),
            _ => 0.0,
        }
    }

    /// Elsewhere than on a terminal: a line when something new is being done.
    fn tell(&mut self, screen: &Screen, progress: &Progress) {
        let text = match (&progress.waits, &progress.package) {
            (Some(why), _) => {
                let why = phrase::text(screen.language, None, why);
                screen.told(&SyncTerm::WaitsFor { why })
            }
            (None, Some(package)) if package.size > 0 => screen.told(&SyncTerm::PackageSize {
                number: progress.packages.0 + 1,
                wanted: progress.packages.1,
                size: Bytes(package.size),
            }),
            (None, Some(_)) => return,
            (None, None) => phrase::text(screen.language, None, &progress.doing),
        };
        if !text.is_empty() && text != self.told {
            screen.say(&text);
            self.told = text;
        }
    }
}
