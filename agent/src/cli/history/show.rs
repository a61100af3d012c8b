//! `history show`: one past synchronization as a tree, as central shows its own report of it (protocol 9.8).
//! Never more than its account says.
//! Called by `history`.

use logic::fault::{Code, Fault, InputCause};
use logic::language::{Language, Localized};
use logic::phrase;
use logic::report::Report;
use serde_json::{Value as Json, json};

use crate::cli::screen::{Screen, fold, time};
use crate::cli::sync::{rows, summary};
use crate::cli::words::PastTerm;
use crate::engine::Engine;

/// A node of the tree.
struct ReportNode {
    /// As central names them: `info`, `warning`.
    kind: &'static str,
    text: String,
    children: Vec<ReportNode>,
}

/// The run of a number, as `history` lists it.
pub(super) fn act(engine: &Engine, number: u64, screen: &Screen) -> Result<u8, Fault> {
    let found = engine
        .history_of_all(usize::MAX)?
        .into_iter()
        .find(|report| report.sync_id == number);
    let report = found.ok_or_else(|| Fault::new(Code::InputRun, InputCause::NoRun { number }))?;
    if screen.json {
        let mut told = node(&tree(&report, screen, Language::English));
        told["report"] = serde_json::to_value(&report).unwrap_or_default();
        screen.object(told);
        return Ok(0);
    }
    for line in lines(&tree(&report, screen, screen.language), "", screen.width) {
        screen.line(&line);
    }
    Ok(0)
}

fn tree(report: &Report, screen: &Screen, language: Language) -> ReportNode {
    let leaf = |kind, text| ReportNode {
        kind,
        text,
        children: Vec::new(),
    };
    let began = time(language, report.started_at);
    let mut children = vec![leaf(
        "info",
        PastTerm::BeganAt { began }.localized(language),
    )];
    let told = rows(report, language).into_iter();
    children.extend(told.map(|(name, text)| leaf("info", format!("{name}: {text}"))));
    children.extend(report.findings.iter().map(|finding| {
        let told = phrase::cause(language, Some(&finding.code), &finding.cause);
        leaf("warning", format!("{told} [{}]", finding.code))
    }));
    ReportNode {
        kind: if report.findings.is_empty() {
            "info"
        } else {
            "warning"
        },
        text: summary(report, screen, language),
        children,
    }
}

fn node(of: &ReportNode) -> Json {
    let children: Vec<Json> = of.children.iter().map(node).collect();
    json!({ "type": of.kind, "message": of.text, "children": children })
}

/// A node with what lies below it; `mark` stands before its text.
fn lines(of: &ReportNode, mark: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = fold(&format!("{mark}{}", of.text), width).collect();
    let last = of.children.len().saturating_sub(1);
    for (at, child) in of.children.iter().enumerate() {
        let (first, rest) = match at == last {
            true => ("└ ", "  "),
            false => ("├ ", "│ "),
        };
        let mark = if child.kind == "warning" { "! " } else { "" };
        let before = std::iter::once(first).chain(std::iter::repeat(rest));
        let inner = self::lines(child, mark, width.saturating_sub(2));
        lines.extend(
            before
                .zip(inner)
                .map(|(before, line)| format!("{before}{line}")),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use logic::entity::EntityType;
    use logic::fault::CatalogueCause;
    use logic::words::SyncParams;

    use super::*;
    use crate::cli::screen::each;

    #[test]
    fn a_run_is_a_tree() {
        let params = SyncParams {
            organisation_id: "1001".into(),
            sync_id: 12,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 1_795_500_000);
        report.finished_at = report.started_at + 95;
        let count = report.entity(EntityType::TestTaker);
        (count.created, count.unchanged) = (5, 295);
        report.results.acknowledged = 12;
        let organisation = "1001".to_owned();
        let cause = CatalogueCause::NoTestCentre { organisation };
        report.find(&Fault::new(Code::CatalogueUnknownOrganisation, cause));
        each("history-show", |screen| {
            lines(&tree(&report, screen, screen.language), "", screen.width)
        });
    }
}
