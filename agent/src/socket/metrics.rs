//! The figures of the box for a collector that asks: classic text of Prometheus, or OpenMetrics for who asks for that.
//! Never judges and never counts: it is the look at the box that page and status show.
//! Called by the route `metrics`.

use std::time::Duration;

use hyper::header::{ACCEPT, HeaderMap, HeaderValue, VARY};
use hyper::{Response, StatusCode};
use logic::health::metrics::{DaemonFigures, MetricsFormat, render};

use super::body::ResponseBody;
use super::standing;
use super::state::SharedState;
use super::wire::with_type;
use crate::metrics;
use system::clock;

/// A collector waits ten seconds, by default; what is told without the box is true all the same.
const LOOK: Duration = Duration::from_secs(8);

/// The text.
pub(super) async fn answer(shared: &SharedState, headers: &HeaderMap) -> Response<ResponseBody> {
    let box_view = standing::look(shared, LOOK).await;
    let daemon = of_daemon(shared);
    let standing = box_view.as_deref().map(|box_view| &box_view.standing);
    let sample = metrics::sample(shared.settings().sync.interval, standing, Some(&daemon));
    let accepted: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let form = MetricsFormat::accepted(&accepted);
    let body = ResponseBody::whole(render(&sample, form));
    let mut response = with_type(StatusCode::OK, form.media_type(), body);
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().insert(VARY, vary);
    response
}

/// What only the daemon knows.
pub(crate) fn of_daemon(shared: &SharedState) -> DaemonFigures {
    let standing = shared.standing();
    let up = clock::now().mono.saturating_sub(shared.started().mono);
    DaemonFigures {
        up: up.as_secs_f64(),
        running: standing.running.is_some(),
        offline_tries: standing.offline.unwrap_or(0),
        breaker_open: standing.breaker,
        ended: shared.ended().into_iter().collect(),
    }
}
