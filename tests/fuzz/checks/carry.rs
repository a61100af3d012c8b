//! What lies on a stick that anybody may have had in hand: heads, bodies of entities, sealed objects.
//! Never lets anything open that this site did not seal, nor anything be read that would not be written again.
//! Called by the target of this name with what libFuzzer makes up, and by a test of `logic` with the corpus.

use logic::carry::{EntityCutter, StickHead, entities};
use logic::seal::NameHash;
use logic::site::{self, ObjectKind, SiteKey, SiteObject};

/// More spans than a head may ask for.
const SPANS: u64 = 1 << 20;

/// Holds what must be true of any input.
pub(crate) fn hold(data: &[u8]) {
    let key = SiteKey::new([7; 32]).of_organisation("1001");
    if let Some(head) = StickHead::read(data) {
        assert_eq!(StickHead::read(&head.write()).as_ref(), Some(&head));
        let spans = head.packages.iter().map(|package| package.spans());
        assert!(spans.sum::<u64>() <= SPANS);
        if head.packages.iter().all(|package| package.spans() < 64) {
            assert!(head.needs(&key).is_sorted());
        }
    }
    if let Some(all) = entities(data) {
        let mut cutter = EntityCutter::default();
        let mut bodies: Vec<Vec<u8>> = all.iter().filter_map(|one| cutter.add(one)).collect();
        bodies.extend(cutter.end());
        let read = bodies
            .iter()
            .flat_map(|body| entities(body).expect("it was written"));
        assert!(read.eq(all));
    }
    let name = NameHash([3; 16]);
    let keys = [key];
    assert!(
        site::open(&keys, name, data).is_err(),
        "this site did not seal it"
    );
    let object = SiteObject {
        kind: ObjectKind::Span,
        box_id: String::from_utf8_lossy(&data[..data.len().min(60)]).into_owned(),
        generation: data.len() as u64,
        at: -1,
        body: data.to_vec(),
    };
    let mut sealed = keys[0].seal([9; 12], name, &object);
    assert_eq!(sealed.len() % site::GRANULE, 0);
    assert_eq!(site::open(&keys, name, &sealed).as_ref(), Ok(&object));
    let at = data.iter().fold(0, |at: usize, byte| {
        (at * 31 + usize::from(*byte)) % sealed.len()
    });
    sealed[at] ^= 1;
    assert!(
        site::open(&keys, name, &sealed).is_err(),
        "a changed byte is noticed"
    );
}
