//! The link to the other boxes of the site: both sides prove a key of the site, then HTTP/1.1 goes over a sealed stream.
//! Never decides who is trusted with what (`logic::site` does), and never answers what has proven nothing.
//! Called by the engine, which asks siblings, by the daemon, which answers them, and by the verb `site`.

mod client;
mod door;
mod found;
mod proof;
mod stream;
#[cfg(test)]
mod tests;

pub use client::SiteLink;
pub use door::{SiteAnswer, SiteAsking, SiteDoor, SiteHandler, SiteKeys, whole};
pub use found::{answer as answer_network, found, look_around};

use logic::site::link::LinkKey;

/// A box among those of its site.
#[derive(Clone)]
pub struct SiteMember {
    /// The keys that it proves, the best first.
    pub keys: Vec<LinkKey>,
    /// Its id.
    pub box_id: String,
}

/// Keys that never change.
#[cfg(test)]
pub(crate) fn always(member: SiteMember) -> SiteKeys {
    let member = std::rc::Rc::new(member);
    std::rc::Rc::new(move || Box::pin(std::future::ready(Some(member.clone()))))
}

/// The boxsync that runs here.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
