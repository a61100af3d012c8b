//! Texts of boxsync as HTML: escaped, and what is English on a French page marked as English.
//! Never words of its own: `phrase` has them.
//! Called by `render`.

use logic::fault::{Cause, CodeName, Wording};
use logic::language::{Language, typeset};
use logic::phrase::{Piece, pieces};

use super::figure::escape;

/// A text in the language of the page, as HTML.
pub(super) fn html(language: Language, code: Option<&CodeName>, english: &str) -> String {
    let pieces = pieces(language, code, english).into_iter();
    pieces
        .map(|piece| match piece {
            Piece::Own(text) => escape(&text),
            Piece::Foreign(text) => format!("<span lang=\"en\">{}</span>", escape(text)),
        })
        .collect()
}

/// A cause as HTML; what has no value yet, or comes from an older record, is told as `html` tells it.
pub(super) fn cause(language: Language, code: Option<&CodeName>, cause: &Cause) -> String {
    if language == Language::English {
        return escape(&cause.en());
    }
    let words = cause.fr_words().into_iter().map(|words| match words {
        Wording::French(words) => escape(&typeset(&words)),
        Wording::English(words) => html(language, code, &words),
        Wording::Detail(words) => html(language, None, &words),
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fault::Code;

    #[test]
    fn english_on_a_french_page_is_marked_and_nothing_becomes_markup() {
        let code = CodeName::from(Code::PackageEmpty);
        assert_eq!(
            html(Language::French, Some(&code), "<odd>"),
            "le serveur central donne un paquet vide (<span lang=\"en\">&lt;odd&gt;</span>)"
        );
        assert_eq!(html(Language::English, Some(&code), "<odd>"), "&lt;odd&gt;");
        let never = Cause::NeverComplete(Some(Box::new("<odd>".into())));
        assert_eq!(
            cause(Language::French, Some(&code), &never),
            "le catalogue n’a jamais été complet\u{a0}: le serveur central donne un paquet vide \
             (<span lang=\"en\">&lt;odd&gt;</span>)"
        );
    }
}
