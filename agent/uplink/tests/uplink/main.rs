//! Contracts of the line to central, against a server that answers by script.
//! Never leaves loopback and never waits on a real clock.
//! Run by `cargo test -p agent`.

#[cfg(test)]
mod central;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod lenient;
#[cfg(test)]
mod line;
#[cfg(test)]
mod token;
#[cfg(test)]
mod trust;
