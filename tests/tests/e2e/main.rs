//! The real binary, real sockets, scripted faults: what design 1 promises, held end to end.
//! Never rolls a fault and never pauses but in `wait_until`.
//! Run by `scripts/test`, which builds the binary before.

mod catalogue;
mod confirm;
mod guard;
mod line;
mod token;
