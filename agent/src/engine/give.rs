//! Answers siblings about packages: what is held of one, and records that are known to be good, each sealed for its place.
//! Never gives what came from a sibling and was not checked, and never gives records while an exam runs.
//! Called by the daemon's door for siblings.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};
use logic::fault::Fault;
use logic::seal::{NONCE, NameHash};
use logic::settings::Settings;
use logic::sibling::{PackageHoldings, PackageQuestion, RangeSealer};
use logic::site::link::{LinkKey, LinkTrust};
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

/// What was found of one package.
struct KnownPackage {
    until: Duration,
    package: PackageIdentity,
    /// The key of enrolment that it was looked for with; none: that of `key_file`.
    whose: Option<NameHash>,
    /// The edition that was under way then.
    coming: Option<[u8; 16]>,
    found: Option<GivenPackage>,
}

/// Who gives siblings of the box's packages, and tells what there is of them.
///
/// | Proven | Packages |
/// |---|---|
/// | the key of `key_file` | of all organisations of the box |
/// | a key of enrolment | of deliveries that the organisation names which it follows from |
///
/// Size and end prove nothing: a box tells them to those that it asks.
pub struct PackageGiver {
    root: Root,
    known: Mutex<Option<KnownPackage>>,
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
        let coming = told.as_ref().map(|told| told.edition);
        let is_of_site = key.trust == LinkTrust::KeyFile;
        match question {
            PackageQuestion::Holdings { epoch, entries, .. } => {
                let said = told.as_mut().map(|told| told.holdings(epoch, entries));
                // What is under way is told without a look at the disk.
                if let Some(said) = said.as_ref().filter(|said| is_of_site && said.is_fetching) {
                    return Ok(Some(said.bytes()));
                }
                let found = self.found(settings, key, package, coming)?;
                let said = said.filter(|_| is_of_site || found.is_some());
                let whole = found
                    .filter(|found| found.is_held)
                    .map(|_| PackageHoldings {
                        is_whole: true,
                        ..PackageHoldings::default()
                    });
                Ok(whole.or(said).map(|said| said.bytes()))
            }
            PackageQuestion::Range { first, last, .. } => {
                let Some(found) = self.found(settings, key, package, coming)? else {
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

    /// A held package, or the edition of it that is coming, where who proved this key may have it.
    fn found(
        &self,
        settings: Settings,
        key: &LinkKey,
        package: PackageIdentity,
        coming: Option<[u8; 16]>,
    ) -> Result<Option<GivenPackage>, Fault> {
        let whose = (key.trust == LinkTrust::Enrolment).then(|| key.pseudonym(""));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now().mono;
        if let Some(known) = &*known
            && (known.package, known.whose) == (package, whose)
            && known.until > now
            // What has come meanwhile is looked for.
            && (known.coming == coming || known.found.as_ref().is_some_and(|found| found.is_held))
        {
            return Ok(known.found.clone());
        }
        let found = self.looked_for(settings, key, package, coming)?;
        *known = Some(KnownPackage {
            until: now + KNOWN,
            package,
            whose,
            coming,
            found: found.clone(),
        });
        Ok(found)
    }

    fn looked_for(
        &self,
        settings: Settings,
        key: &LinkKey,
        package: PackageIdentity,
        coming: Option<[u8; 16]>,
    ) -> Result<Option<GivenPackage>, Fault> {
        let engine = Engine::open(&self.root, settings)?;
        // All organisations of a box share one store.
        let packages = PackageStore::open(engine.vault())?;
        let may_have = engine.given_to(key)?;
        let is_it =
            |meta: &Meta| meta.identity() == Some(package) && may_have(meta.delivery.as_str());
        let (held, parts) = packages.list()?;
        let held = held.into_iter().find(|meta| !meta.damaged && is_it(meta));
        let is_part = |meta: &Meta| coming == Some(meta.edition) && is_it(meta);
        let part = || Some((parts.into_iter().find(is_part)?, false));
        let found = held.map(|meta| (meta, true)).or_else(part);
        Ok(found.map(|(meta, is_held)| GivenPackage {
            packages,
            meta,
            is_held,
        }))
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

#[cfg(test)]
mod tests {
    use logic::download::SiblingNews;
    use logic::entity::{Entity, Value, uri};
    use logic::identity::Enrolment;
    use logic::sibling::FetchedRecord;
    use logic::site::SiteKey;
    use vault::Vault;
    use vault::package::RECORD;

    use super::super::organisations::tests::{both, shows};
    use super::super::told::ToldList;
    use super::*;

    const SIZE: u64 = RECORD as u64 + 5;

    /// The package of a delivery: whole, or with its first record alone.
    fn has(vault: &Vault, delivery: &str, tail: u8, whole: bool) -> PackageIdentity {
        let packages = PackageStore::open(vault).unwrap();
        let tail = [tail; 32];
        let mut part = packages.begin(delivery, SIZE, Some(tail), 0).unwrap();
        for index in 0..1 + u64::from(whole) {
            let mut buffer = PartialPackage::buffer();
            buffer.resize(buffer.len() + part.meta().length(index), 7);
            part.write(index, &mut buffer).unwrap();
        }
        if whole {
            part.publish(false, None).unwrap();
        }
        PackageIdentity { size: SIZE, tail }
    }

    /// It is under way here, and its first record came from central.
    fn tells(root: &Root, vault: &Vault, delivery: &str) -> ToldList {
        let meta = PackageStore::open(vault).unwrap().coming(delivery);
        std::fs::create_dir_all(root.socket().parent().unwrap()).unwrap();
        let mut told = ToldList::new(root);
        told.begins(&meta.unwrap().unwrap());
        let digest = [0; 32];
        told.tell(&SiblingNews {
            fetched: vec![FetchedRecord { record: 0, digest }],
            claims: Vec::new(),
        });
        told
    }

    fn is_enrolled(one: &Engine, hash: &str) {
        let value = |text: &str| Value::One(text.to_owned());
        let user = Entity {
            id: "u".into(),
            checksum: "c".into(),
            properties: [(uri::PASSWORD.to_owned(), value(hash))]
                .into_iter()
                .collect(),
        };
        let enrolment = Enrolment {
            key: "k".into(),
            secret: "s".into(),
            token_url: "t".into(),
            sync_user: Some(user),
            enrolled_at: 0,
        };
        let credentials = one.vault().home_entry("credentials");
        credentials.put(&enrolment).unwrap();
    }

    /// Whether it is told what there is of a package, and given its first record.
    fn answers(
        giver: &PackageGiver,
        settings: &Settings,
        key: &LinkKey,
        package: PackageIdentity,
    ) -> (bool, bool) {
        let (epoch, entries, first, last) = (0, 0, 0, 0);
        let range = PackageQuestion::Range {
            package,
            first,
            last,
        };
        let holdings = PackageQuestion::Holdings {
            package,
            epoch,
            entries,
        };
        let asked = |question| giver.content(settings.clone(), key, question).unwrap();
        (asked(holdings).is_some(), asked(range).is_some())
    }

    #[test]
    fn who_proves_the_enrolment_of_one_organisation_hears_nothing_of_another() {
        let (dir, first, second) = both();
        let root = Root::new(dir.path());
        let mut settings = Settings::default();
        settings.this_box.organisation_id = Some("A".into());
        is_enrolled(&first, "hash of A");
        is_enrolled(&second, "hash of B");
        shows(&first, "a");
        shows(&first, "coming");
        shows(&second, "b");
        let vault = first.vault();
        let (a, b) = (has(vault, "a", 1, true), has(vault, "b", 2, true));
        let coming = has(vault, "coming", 3, false);
        let nobodys = has(vault, "nobody's", 4, true);
        let _told = tells(&root, vault, "coming");
        let enrolled = |id: &str| LinkKey::of_enrolment(id, &format!("hash of {id}"));
        let file = SiteKey::new([1; 32]).of_organisation("B").link();
        let giver = PackageGiver::new(&root);
        // One after the other: what was found for one is still known when the next one asks.
        for package in [a, coming, b, nobodys] {
            for (key, open) in [
                (enrolled("A"), package == a || package == coming),
                (enrolled("B"), package == b),
                (LinkKey::of_enrolment("A", "hash of B"), false),
                (file.clone(), true),
                (enrolled("B"), package == b),
            ] {
                let told = answers(&giver, &settings, &key, package);
                assert_eq!(told, (open, open), "{} {:?}", package.tail[0], key.trust);
            }
        }
    }

    #[test]
    fn records_of_a_download_that_stands_still_are_given_to_who_heard_of_them() {
        let (dir, first, _) = both();
        let root = Root::new(dir.path());
        let coming = has(first.vault(), "coming", 3, false);
        let told = tells(&root, first.vault(), "coming");
        drop(told);
        std::fs::remove_file(root.socket().with_file_name("siblings.json")).unwrap();
        let key = SiteKey::new([1; 32]).of_organisation("B").link();
        let giver = PackageGiver::new(&root);
        let answered = answers(&giver, &Settings::default(), &key, coming);
        assert_eq!(answered, (true, true));
    }
}
