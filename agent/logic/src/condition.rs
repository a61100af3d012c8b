//! What a request makes its answer depend on: entity tags, as RFC 9110 13 has it, and which coding it takes (12.5.3).
//! Never compares dates: this server gives none, so what rests on one does not count (13.1.3, 13.1.4, 13.1.5).
//! Called by the routes of the local API that have tags.

/// The fields of one request, as they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConditionFields<'a> {
    /// `If-Match`.
    pub if_match: Option<&'a str>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// `If-Range`.
    pub if_range: Option<&'a str>,
}

/// What becomes of a request that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionOutcome {
    /// It is answered; a range that it asks for counts, or everything comes.
    Answer {
        /// The range is of what is there.
        range: bool,
    },
    /// The reader has it already: 304.
    NotModified,
    /// What is there is not what the reader means: 412.
    Failed,
}

/// Judges the fields against the strong tag of what is there, quotes included (RFC 9110 13.2.2).
pub fn judge(tag: &str, fields: ConditionFields) -> ConditionOutcome {
    if fields.if_match.is_some_and(|list| !names(list, tag)) {
        return ConditionOutcome::Failed;
    }
    // Weakly compared: what a reader has as `W/"x"` is good enough to be kept.
    let has = |list: &str| list.trim() == "*" || tags(list).any(|one| one.tag == tag);
    if fields.if_none_match.is_some_and(has) {
        return ConditionOutcome::NotModified;
    }
    let range = fields.if_range.is_none_or(|one| one.trim() == tag);
    ConditionOutcome::Answer { range }
}

/// Whether a list of strong tags, or `*`, names this one.
pub fn names(list: &str, tag: &str) -> bool {
    list.trim() == "*" || tags(list).any(|one| !one.weak && one.tag == tag)
}

/// What stands between the quotes of the strong tags of a list.
pub fn strong(list: &str) -> impl Iterator<Item = &str> {
    let strong = tags(list).filter(|one| !one.weak);
    strong.map(|one| one.tag.trim_matches('"'))
}

/// An entity tag (RFC 9110 8.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag<'a> {
    weak: bool,
    /// With its quotes.
    tag: &'a str,
}

/// The tags of a list; what is none ends it. A comma between quotes belongs to the tag.
fn tags(list: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (tag, behind) = quoted.split_at_checked(end)?;
        rest = behind;
        Some(Tag { weak, tag })
    })
}

/// Whether an `Accept-Encoding` takes a coding: named, or by `*`, and not with the weight 0.
pub fn accepts(field: &str, coding: &str) -> bool {
    let weighs = |parameters: &str| {
        let weight = parameters.trim().strip_prefix("q=");
        weight.is_none_or(|weight| !weight.trim_matches(['0', '.', ' ']).is_empty())
    };
    let one = |wanted: &str| {
        field.split(',').find_map(|part| {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| weighs(parameters))
        })
    };
    one(coding).or_else(|| one("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_judged_in_the_order_of_the_standard() {
        let tag = "\"e1\"";
        let all = ConditionOutcome::Answer { range: true };
        let whole = ConditionOutcome::Answer { range: false };
        let (failed, known) = (ConditionOutcome::Failed, ConditionOutcome::NotModified);
        // If-Match, If-None-Match, If-Range.
        let table = [
            ("", "", "", all),
            ("\"e1\"", "", "", all),
            ("*", "", "", all),
            ("\"e0\", \"e1\"", "", "", all),
            ("\"e0\" ,\t\"a,\"\"e1\"", "", "", all),
            ("\"e0\"", "", "", failed),
            ("W/\"e1\"", "", "", failed),
            ("e1", "", "", failed),
            ("\"e1", "", "", failed),
            ("", "\"e1\"", "", known),
            ("", "W/\"e1\"", "", known),
            ("", "\"e0\", W/\"e1\"", "", known),
            ("", "*", "", known),
            ("", "\"e0\"", "", all),
            ("", "nonsense", "", all),
            ("\"e0\"", "\"e1\"", "", failed),
            ("\"e1\"", "\"e1\"", "", known),
            ("", "", "\"e1\"", all),
            ("", "", "\"e0\"", whole),
            ("", "", "W/\"e1\"", whole),
            ("", "", "Sat, 28 Nov 2026 21:00:00 GMT", whole),
        ];
        for (if_match, if_none_match, if_range, wanted) in table {
            let some = |text: &'static str| (!text.is_empty()).then_some(text);
            let fields = ConditionFields {
                if_match: some(if_match),
                if_none_match: some(if_none_match),
                if_range: some(if_range),
            };
            assert_eq!(judge(tag, fields), wanted, "{fields:?}");
        }
    }

    #[test]
    fn a_coding_is_taken_where_it_is_named_and_weighs_something() {
        let table = [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("*;q=0, gzip", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("identity", false),
            ("", false),
            ("xgzip", false),
        ];
        for (field, takes) in table {
            assert_eq!(accepts(field, "gzip"), takes, "{field}");
        }
    }
}
