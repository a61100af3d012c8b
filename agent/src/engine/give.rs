//! Answers siblings about packages: what is held of one, and records that are known to be good, each sealed for its place.
//! Never gives what came from a sibling and was not checked, and never gives records while an exam runs.
//! Called by the daemon's door for siblings.

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
use system::root::Root;
use vault::package::{Content, Meta, PackageStore, PartialPackage};

/// Seconds after which a sibling may ask again while an exam runs here.
const EXAM_RETRY: u64 = 60;

/// Answers one question about packages.
pub async fn package_answer(root: &Root, settings: &Settings, asking: SiteAsking) -> SiteAnswer {
    let target = asking.request.uri().path_and_query();
    let question = target.and_then(|target| PackageQuestion::read(target.as_str()));
    let Some(question) = question.filter(|_| asking.request.method() == Method::GET) else {
        return whole(StatusCode::BAD_REQUEST, Bytes::new());
    };
    if let PackageQuestion::Range { .. } = question
        && let Some(left) = exam::running(root)
    {
        let mut answer = whole(StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
        let seconds = HeaderValue::from(left.as_secs().clamp(1, EXAM_RETRY));
        answer.headers_mut().insert(RETRY_AFTER, seconds);
        return answer;
    }
    let (root, settings, key) = (root.clone(), settings.clone(), asking.key);
    let answer = run_blocking(move || content(&root, settings, &key, question)).await;
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
    root: &Root,
    settings: Settings,
    key: &LinkKey,
    question: PackageQuestion,
) -> Result<Option<Vec<u8>>, Fault> {
    let engine = Engine::open(root, settings)?;
    let packages = PackageStore::open(engine.vault())?;
    match question {
        PackageQuestion::Holdings {
            package,
            epoch,
            entries,
        } => {
            let said = holdings(root, &packages, package, epoch, entries)?;
            Ok(said.map(|said| said.bytes()))
        }
        PackageQuestion::Range {
            package,
            first,
            last,
        } => {
            let Some(content) = opened(root, &packages, package, first, last)? else {
                return Ok(None);
            };
            records(&content, key, package, first, last).map(Some)
        }
    }
}

fn held(packages: &PackageStore, package: PackageIdentity) -> Result<Option<Meta>, Fault> {
    let is_it = |meta: &Meta| !meta.damaged && meta.identity() == Some(package);
    Ok(packages.list()?.0.into_iter().find(is_it))
}

fn told(root: &Root, package: PackageIdentity) -> Option<ToldPackage> {
    ToldPackage::read(root).filter(|told| told.package == package)
}

fn holdings(
    root: &Root,
    packages: &PackageStore,
    package: PackageIdentity,
    epoch: u64,
    entries: u32,
) -> Result<Option<PackageHoldings>, Fault> {
    if held(packages, package)?.is_some() {
        return Ok(Some(PackageHoldings {
            is_whole: true,
            ..PackageHoldings::default()
        }));
    }
    Ok(told(root, package).map(|mut told| told.holdings(epoch, entries)))
}

/// A held package, all members of which were checked, or the one under way where these records came from central.
fn opened(
    root: &Root,
    packages: &PackageStore,
    package: PackageIdentity,
    first: u64,
    last: u64,
) -> Result<Option<Content>, Fault> {
    if let Some(meta) = held(packages, package)? {
        return packages.content(&meta).map(Some);
    }
    let Some(mut told) = told(root, package) else {
        return Ok(None);
    };
    if !told.has(first, last) {
        return Ok(None);
    }
    let is_it = |meta: &Meta| meta.identity() == Some(package) && meta.edition == told.edition;
    let coming = packages.list()?.1.into_iter().find(is_it);
    coming.map(|meta| packages.content(&meta)).transpose()
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
