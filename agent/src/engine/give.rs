//! Answers siblings about packages: what is held of one, and records that are known to be good, each sealed for its place.
//! Never gives what came from a sibling and was not checked, and never gives records while an exam runs.
//! Called by the daemon's door for siblings.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};
use logic::fault::Fault;
use logic::seal::NONCE;
use logic::settings::Settings;
use logic::sibling::{PackageHoldings, PackageQuestion, RangeSealer};
use logic::site::link::LinkKey;
use logic::zip::PackageIdentity;

use super::told::ToldPackage;
use super::{Engine, exam};
use crate::site::{SiteAnswer, SiteAsking, whole};
use system::blocking::run_blocking;
use system::clock;
use system::root::Root;
use vault::package::{Content, Meta, PackageStore, PartialPackage};

/// Seconds after which a sibling may ask again while an exam runs here.
const EXAM_RETRY: u64 = 60;

/// What was found of a package is taken for true for so long: each sibling asks about it twice a second.
const KNOWN: Duration = Duration::from_secs(2);

/// A package of the box: a held one, all members of which were checked, or one that is coming.
#[derive(Clone)]
struct GivenPackage {
    packages: PackageStore,
    meta: Meta,
    is_held: bool,
}

/// Who gives siblings of the box's packages, of all its organisations: whoever can name a package by its size and end had these
/// from central.
pub struct PackageGiver {
    root: Root,
    /// Until when, of which package, what was found.
    known: Mutex<Option<(Duration, PackageIdentity, Option<GivenPackage>)>>,
}

impl PackageGiver {
    /// Nothing is known yet.
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            known: Mutex::default(),
        }
    }

    /// Answers one question about packages.
    pub async fn answer(self: Arc<Self>, settings: &Settings, asking: SiteAsking) -> SiteAnswer {
        let target = asking.request.uri().path_and_query();
        let question = target.and_then(|target| PackageQuestion::read(target.as_str()));
        let Some(question) = question.filter(|_| asking.request.method() == Method::GET) else {
            return whole(StatusCode::BAD_REQUEST, Bytes::new());
        };
        if let PackageQuestion::Range { .. } = question
            && let Some(left) = exam::running(&self.root)
        {
            let mut answer = whole(StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
            let seconds = HeaderValue::from(left.as_secs().clamp(1, EXAM_RETRY));
            answer.headers_mut().insert(RETRY_AFTER, seconds);
            return answer;
        }
        let (settings, key) = (settings.clone(), asking.key);
        let answer = run_blocking(move || self.content(settings, &key, question)).await;
        match answer.and_then(|answer| answer) {
            Ok(Some(bytes)) => whole(StatusCode::OK, bytes),
            Ok(None) => whole(StatusCode::NOT_FOUND, Bytes::new()),
            Err(trouble) => {
                tracing::debug!(code = %trouble.code, "{trouble}");
                whole(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())
            }
        }
    }

    fn content(
        &self,
        settings: Settings,
        key: &LinkKey,
        question: PackageQuestion,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let (PackageQuestion::Holdings { package, .. } | PackageQuestion::Range { package, .. }) =
            question;
        let mut told = ToldPackage::read(&self.root).filter(|told| told.package == package);
        match question {
            PackageQuestion::Holdings { epoch, entries, .. } => {
                let said = told.as_mut().map(|told| told.holdings(epoch, entries));
                // What is under way is told without a look at the disk.
                if let Some(said) = said.as_ref().filter(|said| said.is_fetching) {
                    return Ok(Some(said.bytes()));
                }
                let found = self.found(settings, package, None)?;
                let whole = found
                    .filter(|found| found.is_held)
                    .map(|_| PackageHoldings {
                        is_whole: true,
                        ..PackageHoldings::default()
                    });
                Ok(whole.or(said).map(|said| said.bytes()))
            }
            PackageQuestion::Range { first, last, .. } => {
                let edition = told.as_ref().map(|told| told.edition);
                let Some(found) = self.found(settings, package, edition)? else {
                    return Ok(None);
                };
                if !found.is_held && !told.is_some_and(|mut told| told.has(first, last)) {
                    return Ok(None);
                }
                let content = found.packages.content(&found.meta)?;
                records(&content, key, package, first, last).map(Some)
            }
        }
    }

    /// A held package, or the edition of it that is coming.
    fn found(
        &self,
        settings: Settings,
        package: PackageIdentity,
        coming: Option<[u8; 16]>,
    ) -> Result<Option<GivenPackage>, Fault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now().mono;
        if let Some((until, of, found)) = &*known
            && *of == package
            && *until > now
            // What has come meanwhile is looked for.
            && found.as_ref().is_none_or(|found| found.is_held || coming == Some(found.meta.edition))
        {
            return Ok(found.clone());
        }
        let found = self.looked_for(settings, package, coming)?;
        *known = Some((now + KNOWN, package, found.clone()));
        Ok(found)
    }

    fn looked_for(
        &self,
        settings: Settings,
        package: PackageIdentity,
        coming: Option<[u8; 16]>,
    ) -> Result<Option<GivenPackage>, Fault> {
        let mut found = None;
        for one in Engine::open(&self.root, settings)?.organisations()? {
            let packages = PackageStore::open(one.vault())?;
            let (held, parts) = packages.list()?;
            let is_it = |meta: &Meta| !meta.damaged && meta.identity() == Some(package);
            let held = held.into_iter().find(is_it).map(|meta| (meta, true));
            let is_part =
                |meta: &Meta| meta.identity() == Some(package) && coming == Some(meta.edition);
            let part = || Some((parts.into_iter().find(is_part)?, false));
            if let Some((meta, is_held)) = held.or_else(part) {
                found = Some(GivenPackage {
                    packages,
                    meta,
                    is_held,
                });
                if is_held {
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn records(
    content: &Content,
    key: &LinkKey,
    package: PackageIdentity,
    first: u64,
    last: u64,
) -> Result<Vec<u8>, Fault> {
    let sealer = RangeSealer::new(&key.ranges(), package);
    let (mut answer, mut buffer) = (Vec::new(), Vec::new());
    for record in first..=last {
        let mut sealed = PartialPackage::buffer();
        sealed.extend_from_slice(content.record(record, &mut buffer)?);
        sealer.seal(record, vault::random::<NONCE>(), &mut sealed);
        answer.append(&mut sealed);
    }
    Ok(answer)
}
