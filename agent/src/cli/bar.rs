//! Shows a run while it goes: one live line on a terminal, plain lines elsewhere.
//! Never writes to stdout.
//! Called by `sync`.

use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

use logic::outside;

use super::screen::{Screen, bytes, cut, span};
use crate::engine::progress::{Progress, Watch};

/// Follows a run until it is dropped with it.
pub(super) async fn follow(screen: &Screen, watch: &Watch) {
    let mut bar = Bar {
        seen: VecDeque::new(),
        told: String::new(),
        begun: Instant::now(),
    };
    loop {
        let progress = watch.snapshot();
        if screen.moves {
            bar.draw(&progress);
        } else {
            bar.tell(screen, &progress);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
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
    fn draw(&mut self, progress: &Progress) {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        let line = self.line(progress);
        let line = cut(&outside::escaped(&line), width.saturating_sub(1));
        let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
        let _ = std::io::stderr().flush();
    }

    fn line(&mut self, progress: &Progress) -> String {
        let waits = progress
            .waits
            .as_ref()
            .map(|why| format!(" (waiting: {why})"))
            .unwrap_or_default();
        let Some(package) = &progress.package else {
            let spent = span(self.begun.elapsed().as_secs());
            return match progress.entities {
                0 => format!("{}{waits}  {spent}", progress.doing),
                entities => format!("{}  {entities} entities{waits}  {spent}", progress.doing),
            };
        };
        let (done, wanted) = progress.packages;
        if package.size == 0 {
            return format!("package {}/{wanted}  asking for its size{waits}", done + 1);
        }
        let rate = self.rate(package.bytes);
        let left = (rate > 0.0)
            .then(|| ((package.size.saturating_sub(package.bytes)) as f64 / rate) as u64);
        let filled = (package.bytes * 20).checked_div(package.size).unwrap_or(0) as usize;
        format!(
            "package {}/{wanted} [{}{}] {} of {}  {}/s  {}{waits}",
            done + 1,
            "#".repeat(filled.min(20)),
            ".".repeat(20 - filled.min(20)),
            bytes(package.bytes),
            bytes(package.size),
            bytes(rate as u64),
            left.map(|left| format!("{} left", span(left)))
                .unwrap_or_default(),
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
            (Some(why), _) => format!("waiting: {why}"),
            (None, Some(package)) if package.size > 0 => {
                format!(
                    "package {} of {}: {}",
                    progress.packages.0 + 1,
                    progress.packages.1,
                    bytes(package.size)
                )
            }
            (None, Some(_)) => return,
            (None, None) => progress.doing.clone(),
        };
        if !text.is_empty() && text != self.told {
            screen.say(&text);
            self.told = text;
        }
    }
}
