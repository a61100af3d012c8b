//! What the path of an intake names: the kind, and the id of a single item.
//! Never looks at the body, and names nothing of HTTP: the fuzzer reads it as it stands here.
//! Called by `route`; used by `receive`.

use logic::fault::{ApiCause, Fault};
use logic::intake::ItemKind;

use super::query::{decode, flaw};

/// What a route takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RouteTarget {
    /// What it is.
    pub(super) kind: ItemKind,
    /// Whose it is; nothing where the body names all.
    pub(super) id: Option<String>,
}

impl RouteTarget {
    /// The intake that a path below `/v1/` names, if it names one.
    pub(super) fn of(route: &str) -> Option<Result<Self, Fault>> {
        let (word, id) = match route.split_once('/') {
            Some((word, id)) => (word, Some(id)),
            None => (route, None),
        };
        let kind = word.parse::<ItemKind>().ok()?;
        let Some(id) = id else {
            return Some(Ok(Self { kind, id: None }));
        };
        // An id is a URI: its slashes may be written as they are or encoded.
        Some(decode(id).and_then(|id| {
            if id.is_empty() {
                return Err(flaw(ApiCause::NoItemId));
            }
            let id = Some(id);
            Ok(Self { kind, id })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_kind_and_the_id() {
        let target = |route| RouteTarget::of(route).map(Result::unwrap);
        let one = RouteTarget {
            kind: ItemKind::Results,
            id: Some("https://box/tao.rdf#i1".into()),
        };
        let route = "results/https%3A%2F%2Fbox%2Ftao.rdf%23i1";
        assert_eq!(target(route), Some(one));
        let all = RouteTarget {
            kind: ItemKind::LtiUsers,
            id: None,
        };
        assert_eq!(target("lti-users"), Some(all));
        assert_eq!(target("exam"), None);
        assert!(RouteTarget::of("logs/").is_some_and(|target| target.is_err()));
    }
}
