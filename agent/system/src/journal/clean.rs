//! What of a record may leave for the journal: no text from outside, whoever told it and in whatever field.
//! Never a quotation of central or a caller, never a control character; a field is made of the characters of a URI, else its hash.
//! Called by `journal`, around whatever writes records.

use std::fmt::{self, Write as _};

use logic::outside;
use tracing::field::{Field, Value, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// A record has no more fields than this.
const FIELDS: usize = 12;

/// Hands each record on to the layer within, cleaned.
pub(super) struct Clean<L>(pub(super) L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for Clean<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut kept = KeptField::default();
        event.record(&mut kept);
        let fields = event.metadata().fields();
        let Some(first) = fields.iter().next() else {
            return;
        };
        let named: Vec<Field> = kept.0.iter().map(|(field, _)| field.clone()).collect();
        let mut values: [(&Field, Option<&dyn Value>); FIELDS] = [(&first, None); FIELDS];
        for (place, (field, (_, value))) in values.iter_mut().zip(named.iter().zip(&kept.0)) {
            *place = (field, Some(value.as_value()));
        }
        let values = fields.value_set(&values);
        self.0
            .on_event(&Event::new(event.metadata(), &values), context);
    }
}

/// A value as it may be told.
enum CleanValue {
    Signed(i64),
    Unsigned(u64),
    Fraction(f64),
    Flag(bool),
    Text(String),
}

impl CleanValue {
    fn as_value(&self) -> &dyn Value {
        match self {
            Self::Signed(number) => number,
            Self::Unsigned(number) => number,
            Self::Fraction(number) => number,
            Self::Flag(flag) => flag,
            Self::Text(text) => text,
        }
    }
}

#[derive(Default)]
struct KeptField(Vec<(Field, CleanValue)>);

impl Visit for KeptField {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.clone(), CleanValue::Fraction(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.clone(), CleanValue::Signed(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.clone(), CleanValue::Unsigned(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.clone(), CleanValue::Flag(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let told = match field.name() {
            "message" => message(value),
            _ => outside::field(value).into_owned(),
        };
        self.0.push((field.clone(), CleanValue::Text(told)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.record_str(field, &text);
    }
}

/// A sentence for the journal: on one line, without what others wrote.
pub(super) fn message(text: &str) -> String {
    let own = outside::without(text);
    let lines: Vec<_> = own.lines().map(outside::escaped).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps what a layer behind would have written.
    #[derive(Clone, Default)]
    struct EscapedPage(Arc<Mutex<String>>);

    impl Visit for EscapedPage {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            let mut page = self.0.lock().unwrap();
            write!(page, "{}={value:?}|", field.name()).unwrap();
        }
    }

    impl<S: Subscriber> Layer<S> for EscapedPage {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            event.record(&mut self.clone());
        }
    }

    #[test]
    fn whatever_is_told_nothing_from_outside_leaves() {
        let page = EscapedPage::default();
        let subscriber = Registry::default().with(Clean(page.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let said = outside::quoted("Zoé\u{1b}[1m\nREADY\u{202e}");
            tracing::warn!(
                code = "net.dns",
                entity = %"Zoé Dupont",
                box_id = "a-1",
                bytes = 7_u64,
                rate = 1.5,
                off = -2_i64,
                whole = true,
                "central says {said}\nand \u{9b}31m"
            );
        });
        let page = page.0.lock().unwrap();
        assert!(!page.contains("Zo") && !page.contains("READY"), "{page}");
        for part in [
            "message=\"central says “…”; and \\\\u{9b}31m\"|",
            "code=\"net.dns\"|",
            "entity=\"sha256:",
            "box_id=\"a-1\"|",
            "bytes=7|",
            "rate=1.5|",
            "off=-2|",
            "whole=true|",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
