//! What several runs changed together.
//! Never a rate: the link is each run's own.
//! Called by `history diff`.

use super::{EntityCount, Report};

/// The account of all these runs as one, newest first; what stands as it is stands as the newest found it. `None` of none.
pub fn sum(reports: &[Report]) -> Option<Report> {
    let (newest, earlier) = reports.split_first()?;
    let mut all = newest.clone();
    for report in earlier {
        all.started_at = all.started_at.min(report.started_at);
        for (kind, count) in &report.entities {
            let sum = all.entities.entry(kind.clone()).or_insert(EntityCount {
                unchanged: count.unchanged,
                ..EntityCount::default()
            });
            sum.created += count.created;
            sum.updated += count.updated;
            sum.deleted += count.deleted;
        }
        all.packages.downloaded += report.packages.downloaded;
        all.packages.bytes_on_wire += report.packages.bytes_on_wire;
        all.packages.bytes_stored += report.packages.bytes_stored;
        all.results.acknowledged += report.results.acknowledged;
        all.results.adopted += report.results.adopted;
        all.logs.acknowledged += report.logs.acknowledged;
        all.sessions.acknowledged += report.sessions.acknowledged;
    }
    // What a run brought was held before by the next one.
    let brought: u64 = earlier
        .iter()
        .map(|report| report.packages.downloaded)
        .sum();
    all.packages.unchanged = all.packages.unchanged.saturating_sub(brought);
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::EntityType;
    use crate::words::SyncParams;

    fn report(sync_id: u64, created: u64, unchanged: u64) -> Report {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id,
            box_id: "b".into(),
            tao_version: "v".into(),
        };
        let mut report = Report::new(&params, sync_id as i64 * 100);
        let count = report.entity(EntityType::TestTaker);
        (count.created, count.unchanged) = (created, unchanged);
        (count.updated, count.deleted) = (1, 2);
        report.results.acknowledged = 3;
        report
    }

    #[test]
    fn changes_are_added_and_what_stands_is_that_of_the_newest() {
        assert_eq!(sum(&[]), None);
        let newest = report(9, 0, 25);
        assert_eq!(sum(std::slice::from_ref(&newest)), Some(newest.clone()));
        let (mut before, mut first) = (report(8, 5, 20), report(7, 20, 0));
        (before.packages.downloaded, before.packages.unchanged) = (2, 1);
        first.packages.downloaded = 1;
        let mut newest = newest;
        newest.packages.unchanged = 3;
        newest.results.queued = 4;
        let all = sum(&[newest, before, first]).unwrap();
        let takers = all.entities["test-taker"];
        assert_eq!((takers.created, takers.updated, takers.deleted), (25, 3, 6));
        assert_eq!(takers.unchanged, 25);
        assert_eq!((all.packages.downloaded, all.packages.unchanged), (3, 0));
        assert_eq!((all.results.acknowledged, all.results.queued), (9, 4));
        assert_eq!((all.sync_id, all.started_at), (9, 700));
    }
}
