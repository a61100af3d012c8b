//! Answers of central, or of whoever stands in its place: what each reader makes of them, and what the spool does.
//! Never lets anything but central's own words acknowledge a result.
//! Called by the target of this name with what libFuzzer makes up, and by a test of `logic` with the corpus.

use logic::api::{ChecksumPage, Details, Handshake, Reply, ack, answer};
use logic::entity::Entity;
use logic::fault::{Code, Fault};
use logic::intake::{ItemKind, Print};
use logic::range::MAX_RETRY_AFTER;
use logic::spool::{
    ItemKey, ItemState, ItemTrial, Ledger, Loaded, Others, Sending, SpoolCommand, SpoolEvent,
    SpoolPlan,
};
use logic::words::{Now, SyncParams};
use serde_json::Value as Json;

const STATUS: [u16; 14] = [
    200, 200, 200, 206, 204, 302, 401, 403, 404, 413, 429, 500, 502, 503,
];
const ID: &str = "e1";

/// Holds what must be true of any input.
pub(crate) fn hold(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    // The first line is a header field, where there is one.
    let at = rest.iter().position(|byte| *byte == b'\n');
    let (field, body) = at.map_or((&[][..], rest), |at| (&rest[..at], &rest[at + 1..]));
    let reply = Reply {
        status: STATUS[usize::from(how) % STATUS.len()],
        headers: vec![(
            "retry-after".into(),
            String::from_utf8_lossy(field).into_owned(),
        )],
        body: body.to_vec(),
    };
    let good = matches!(reply.status, 200 | 206);
    let entries = serde_json::from_slice::<Json>(body).unwrap_or_default();

    // A text that nobody looks at may be no UTF-8.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    if let Some(page) = read(good, ChecksumPage::read(&reply)) {
        assert!(is_object && page.odd.len() == page.doubtful.len());
        let named = page.listed.len() + page.odd.len();
        assert!(
            named
                >= entries["entities"]
                    .as_object()
                    .map_or(0, serde_json::Map::len)
        );
        assert!(
            page.listed
                .iter()
                .all(|(id, checksum)| !id.is_empty() && !checksum.is_empty())
        );
        assert!(
            page.next
                .is_none_or(|next| next.contains("fetchEntityChecksums"))
        );
    }
    if let Some(details) = read(good, Details::read(&reply)) {
        let named = details.entities.len() + details.odd.len();
        assert!(named >= entries.as_object().map_or(0, serde_json::Map::len));
        for entity in details.entities {
            let text = serde_json::to_vec(&entity).expect("an entity is JSON");
            assert_eq!(
                Entity::from_json(&text).expect("it was read before"),
                entity
            );
        }
    }
    let handshake = read(good, Handshake::read(&reply)).is_some();
    let versions = read(good, answer::versions(&reply)).is_some();
    let confirmed = read(good, answer::confirmation(&reply)).is_some();
    assert!(!(handshake || versions || confirmed) || is_object);
    let acks = read(good, ack::entries(&reply));
    if let (Some(acks), Some(rows)) = (&acks, read(good, ack::rows(&reply))) {
        assert!(
            rows.iter()
                .all(|(id, row)| acks.get(id) == Some(&row.success))
        );
    }

    // A result that is sent and answered so, then nobody answers any more.
    let told = acks.is_some_and(|acks| acks.get(ID) == Some(&true));
    let (state, acknowledged) = sent(&reply);
    assert_eq!(acknowledged, u64::from(told), "{state:?}");
    assert_eq!(state == ItemState::Acknowledged, told);
}

/// Holds what is true of every reading.
fn read<T>(good: bool, read: Result<T, Fault>) -> Option<T> {
    match read {
        Ok(value) => {
            assert!(good, "a failure was taken for a success");
            Some(value)
        }
        Err(trouble) => {
            assert!(trouble.code.name().contains('.') && !trouble.reason().is_empty());
            assert!(
                trouble
                    .retry_after
                    .is_none_or(|wish| wish <= MAX_RETRY_AFTER)
            );
            None
        }
    }
}

fn sent(reply: &Reply) -> (ItemState, u64) {
    let mut now = Now::default();
    let mut ledger = ledger();
    let params = SyncParams {
        organisation_id: "1".into(),
        sync_id: 1,
        box_id: "b".into(),
        tao_version: "2022.11".into(),
    };
    let plan = SpoolPlan::new(params, "2022.11".into(), 1);
    let mut machine = Sending::new(plan, vec![ledger.owed(&[])], now);
    let mut answers = vec![reply.clone()];
    for _ in 0..1000 {
        let event = match machine.next() {
            None => {
                let (at, _) = machine.due().expect("a machine that is not done waits");
                now = at;
                SpoolEvent::Woken
            }
            Some(SpoolCommand::Load(keys)) => {
                let load = |_: &ItemKey| {
                    Ok(Loaded {
                        ledger: ledger.clone(),
                        payload: b"{}".to_vec(),
                        others: Others::default(),
                    })
                };
                SpoolEvent::Loaded(keys.iter().map(load).collect())
            }
            Some(SpoolCommand::Persist(changes)) => {
                changes.iter().for_each(|change| ledger.apply(change));
                SpoolEvent::Persisted(Ok(()))
            }
            Some(SpoolCommand::Ask(ticket, _)) => {
                assert_eq!(
                    ledger.state,
                    ItemState::Sending,
                    "written down before it is sent"
                );
                let silent = || Fault::new(Code::NetReset, "cut");
                SpoolEvent::Answered(ticket, answers.pop().ok_or_else(silent))
            }
            Some(SpoolCommand::Witness(_)) => SpoolEvent::Found(None),
            Some(SpoolCommand::End(ending)) => {
                return (ledger.state, ending.count.results.acknowledged);
            }
        };
        machine.handle(event, now);
    }
    panic!("the pass does not end");
}

fn ledger() -> Ledger {
    Ledger {
        key: ItemKey {
            kind: ItemKind::Results,
            id: ID.into(),
            edition: 0,
        },
        size: 2,
        delivery: None,
        content: Print([0; 16]),
        state: ItemState::Queued,
        attempts: 0,
        failures: 0,
        reason: None,
        not_before: 0,
        central: String::new(),
        parts: Vec::new(),
        trial: ItemTrial::default(),
        enclosure: Default::default(),
        origin: None,
    }
}
