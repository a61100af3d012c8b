//! Ranges of one edition of a package: what comes belongs to it, or nothing does.
//! Never takes a tag's change for the package's: the servers behind one name give one file different tags, its end tells.
//! Called by `lane` and `rebuild`.

use std::cell::{Cell, RefCell};

use logic::api::{Call, Range};
use logic::fault::Fault;
use logic::range::ContentRange;
use logic::zip::Identity;
use tokio::sync::Mutex;

use super::piece::{Answer, changed, dishonest, open};
use super::probe::{Known, Probe, probe};
use crate::uplink::Uplink;

/// A package as first contact showed it.
pub(super) struct Edition {
    delivery: String,
    identity: Identity,
    /// Its strong entity tag, while it tells anything (RFC 9110 8.8.3); TAO sends none, a server in front of it may.
    tag: RefCell<Option<String>>,
    /// One looks for all that met another tag; whether the package was found to be gone.
    looking: Mutex<bool>,
    /// Bytes that another look at the end cost.
    looked: Cell<u64>,
}

impl Edition {
    pub(super) fn new(delivery: &str, known: &Known) -> Self {
        Self {
            delivery: delivery.to_owned(),
            identity: known.identity,
            tag: RefCell::new(known.tag.clone()),
            looking: Mutex::default(),
            looked: Cell::new(0),
        }
    }

    /// Bytes that came beside the ranges since this was last asked.
    pub(super) fn looked(&self) -> u64 {
        self.looked.take()
    }

    /// Asks for the bytes from `first` to `last`, if the package is still the same (RFC 9110 13.1.5).
    ///
    /// # Errors
    /// `package.changed`, `package.range`, or what uplink and central say.
    pub(super) async fn range(
        &self,
        uplink: &Uplink,
        first: u64,
        last: u64,
    ) -> Result<Answer, Fault> {
        let span = Some(Range::Span(first, last));
        let tag = self.tag.borrow().clone();
        let mut answer = open(
            uplink,
            Call::package(&self.delivery, span).if_tag(tag.as_deref()),
        )
        .await?;
        if tag.is_some_and(|tag| !answer.is_of(&tag)) {
            drop(answer);
            self.look(uplink).await?;
            answer = open(uplink, Call::package(&self.delivery, span)).await?;
        }
        let Some(range) = answer.content_range() else {
            return Err(self.unranged(uplink, answer).await);
        };
        is_span(range, first, last, self.identity.size)?;
        Ok(answer)
    }

    /// What came where a part was asked for: nothing, of a package that has become shorter; or something else.
    async fn unranged(&self, uplink: &Uplink, mut answer: Answer) -> Fault {
        let nothing = match answer.peek().await {
            Ok(first) => first.is_none() || answer.is_refused(),
            Err(trouble) => return trouble,
        };
        if !nothing {
            return answer.instead().await;
        }
        drop(answer);
        match probe(uplink, &self.delivery, None).await {
            Ok(Probe::Known(again)) if again.identity == self.identity => {
                dishonest("a part was refused that the package has")
            }
            Ok(_) => changed(),
            Err(trouble) => trouble,
        }
    }

    /// Another tag came, or the whole package: either it has changed, or its tag is of no use.
    async fn look(&self, uplink: &Uplink) -> Result<(), Fault> {
        let mut gone = self.looking.lock().await;
        if *gone {
            return Err(changed());
        }
        if self.tag.borrow().is_none() {
            return Ok(());
        }
        match probe(uplink, &self.delivery, None).await? {
            Probe::Known(again) if again.identity == self.identity => {
                self.looked.set(self.looked.get() + again.tail.len() as u64);
                self.tag.take();
                Ok(())
            }
            _ => {
                *gone = true;
                Err(changed())
            }
        }
    }
}

/// Checks that an answer is exactly the span asked for, of the package of this size.
fn is_span(range: ContentRange, first: u64, last: u64, size: u64) -> Result<(), Fault> {
    if range.total != size {
        return Err(changed());
    }
    // A shorter answer is honest as long as it says so: it is taken, and the rest asked for again.
    if range.first == first && range.last <= last {
        return Ok(());
    }
    Err(dishonest(&format!(
        "bytes {first}-{last} were asked for, {}-{} came",
        range.first, range.last
    )))
}
