//! `pause`, `resume`, `rate`, `packages first`: what a person orders of the downloads.
//! Never does it itself: the daemon brings the packages, and without one there is nothing to order.
//! Called by `cli`.

use std::time::Duration;

use logic::fault::{Code, Fault, InputCause, ParameterFlaw, ServiceCause, SettingForm};
use logic::language::figure::{Bytes, Seconds};
use logic::outside;
use logic::package::order::{DownloadOrder, MAX_PAUSE, OrdersInForce};
use logic::settings::Size;
use logic::span;
use serde_json::json;

use super::runtime;
use super::screen::Screen;
use super::words::OrderTerm;
use crate::socket::client;
use system::root::Root;

/// A time for `--for`: never none.
pub(super) fn lasts(text: &str) -> Result<Duration, Fault> {
    let lasts = span::parse(text).ok_or_else(|| expected(SettingForm::Span))?;
    match lasts.is_zero() {
        true => Err(flawed(ParameterFlaw::NoTime)),
        false => Ok(lasts),
    }
}

/// The same for a pause.
pub(super) fn pause(text: &str) -> Result<Duration, Fault> {
    match lasts(text)? {
        lasts if lasts > MAX_PAUSE => Err(flawed(ParameterFlaw::PauseTooLong)),
        lasts => Ok(lasts),
    }
}

/// A rate.
pub(super) fn size(text: &str) -> Result<Size, Fault> {
    text.parse()
        .map_err(|()| expected(SettingForm::Size { within: None }))
}

fn expected(form: SettingForm) -> Fault {
    Fault::new(Code::InputUsage, InputCause::Expected { form })
}

fn flawed(flaw: ParameterFlaw) -> Fault {
    Fault::new(Code::InputUsage, InputCause::Value { flaw })
}

/// Orders it, and says what is in force then.
pub(super) fn act(root: &Root, order: &DownloadOrder, screen: &Screen) -> Result<u8, Fault> {
    let orders = match runtime(client::order(root, order)) {
        // What was typed names nothing.
        Err(trouble) if trouble.code == Code::CatalogueUnknownEntity => {
            screen.trouble(&trouble);
            return Ok(2);
        }
        orders => orders?,
    };
    let orders = orders.ok_or_else(|| Fault::new(Code::UnitDown, ServiceCause::Down))?;
    if screen.json {
        screen.object(json!({ "orders": orders }));
        return Ok(0);
    }
    let is_held = matches!(order, DownloadOrder::First { .. }) && orders.first.is_none();
    let held = is_held.then_some(OrderTerm::IsHeld);
    for term in held.into_iter().chain(terms(orders)) {
        screen.say(&screen.told(&term));
    }
    Ok(0)
}

/// What is in force, a sentence each.
pub(super) fn terms(orders: OrdersInForce) -> Vec<OrderTerm> {
    let mut terms = Vec::new();
    if let Some(left) = orders.pause_seconds_left {
        let left = Seconds(left);
        terms.push(OrderTerm::Paused { left });
    }
    if let Some(rate) = orders.bytes_per_second {
        let (is_free, rate) = (rate == 0, Bytes(rate));
        terms.push(match (is_free, orders.rate_seconds_left.map(Seconds)) {
            (true, Some(left)) => OrderTerm::UnlimitedFor { left },
            (true, None) => OrderTerm::Unlimited,
            (false, Some(left)) => OrderTerm::LimitedFor { rate, left },
            (false, None) => OrderTerm::Limited { rate },
        });
    }
    if let Some(delivery) = orders.first {
        let delivery = outside::escaped(&delivery).into_owned();
        terms.push(OrderTerm::First { delivery });
    }
    if terms.is_empty() {
        terms.push(OrderTerm::AsConfigured);
    }
    terms
}
