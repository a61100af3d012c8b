//! Asks at a terminal: for a word that is typed as confirmation, or for a secret without an echo, which comes back however it ends.
//! Never keeps what was typed, and leaves every signal its usual effect.
//! Called by the verbs that take a secret on standard input, and by those that ask before they act.

use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::SignalFd;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use super::screen::Screen;

/// What ends or stops a process whose terminal must not stay without an echo.
const SIGNALS: [Signal; 5] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGTSTP,
];

/// Asks for a word that says that something is meant; whether it was typed.
pub(super) fn typed(question: &str, expected: &str, screen: &Screen) -> bool {
    screen.say(question);
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line);
    read.is_ok() && line.trim() == expected
}

/// A line from the terminal that standard input is, its end included.
///
/// # Errors
/// What the terminal says.
pub(super) fn secret(question: &str) -> io::Result<String> {
    let held: SigSet = SIGNALS.into_iter().collect();
    // Signals come by a descriptor as long as the echo is off.
    held.thread_block()?;
    let asked = SignalFd::new(&held)
        .map_err(io::Error::from)
        .and_then(|signals| ask(question, &held, &signals));
    held.thread_unblock()?;
    asked
}

fn ask(question: &str, held: &SigSet, signals: &SignalFd) -> io::Result<String> {
    loop {
        let silence = EchoOff::begin()?;
        write!(io::stderr(), "{question}: ")?;
        io::stderr().flush()?;
        let (stdin, none) = (io::stdin(), PollFlags::empty());
        let mut ready = [
            PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        poll(&mut ready, PollTimeout::NONE)?;
        if ready[1].revents().unwrap_or(none) == none {
            let mut line = String::new();
            stdin.lock().read_line(&mut line)?;
            return Ok(line);
        }
        let told = signals.read_signal()?;
        drop(silence);
        writeln!(io::stderr())?;
        if let Some(signal) = told.and_then(|told| Signal::try_from(told.ssi_signo as i32).ok()) {
            held.thread_unblock()?;
            raise(signal)?;
            // It was stopped and goes on.
            held.thread_block()?;
        }
    }
}

/// The terminal without an echo, until it is dropped.
struct EchoOff(Termios);

impl EchoOff {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        silent.local_flags.insert(LocalFlags::ECHONL);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0);
    }
}
