//! The figures of the box in a file, as node_exporter's textfile collector takes them, and to a Pushgateway.
//! Never shows half a file, and never fails or holds up what it tells of.
//! Called by the daemon, by `cli` after verbs that change something, and by whoever tells that the file cannot be written.

use std::path::Path;
use std::time::Duration;

use logic::api::{Call, Reply};
use logic::fault::{Code, ConfigCause, Fault, Quote, Says};
use logic::health::BoxStanding;
use logic::health::metrics::{DaemonFigures, MetricsFormat, MetricsInput, render};
use logic::health::push::group;
use logic::outside::Outside;
use logic::settings::{Settings, Url};

use crate::engine::{line_to, secret_file};
use system::root;
use uplink::{Secret, Uplink, UplinkConfig};

/// A push has arrived by then, or is given up: nobody waits for one.
pub const PUSH_TIMEOUT: Duration = Duration::from_secs(10);
/// So much of what a Pushgateway says is told.
const SAID: usize = 200;

/// What there is to tell of a box that synchronizes so often.
pub fn sample<'a>(
    interval: Duration,
    standing: Option<&'a BoxStanding>,
    daemon: Option<&'a DaemonFigures>,
) -> MetricsInput<'a> {
    MetricsInput {
        standing,
        daemon,
        version: env!("CARGO_PKG_VERSION"),
        interval: Some(interval.as_secs_f64()),
    }
}

/// Pushes figures as the group of the box, in the place of all that it held; over the same proxy and under the same
/// authorities as calls to central. What the gateway says of the time counts for nothing.
///
/// # Errors
/// `metrics.push`, with what was in the way.
pub async fn push(
    settings: &Settings,
    to: &Url,
    box_id: &str,
    figures: String,
) -> Result<(), Fault> {
    let sent = tokio::time::timeout(PUSH_TIMEOUT, send(settings, to, box_id, figures)).await;
    let late = |_| {
        let seconds = PUSH_TIMEOUT.as_secs();
        Fault::new(Code::MetricsPush, ConfigCause::PushLate { seconds })
    };
    sent.map_err(late).flatten().map_err(|fault| {
        let (place, why) = (to.endpoint(), Box::new(fault.cause));
        Fault::new(Code::MetricsPush, ConfigCause::Push { place, why })
    })
}

async fn send(settings: &Settings, to: &Url, box_id: &str, figures: String) -> Result<(), Fault> {
    let login = settings.metrics.push_login_file.as_deref();
    let login = login.map(login_in).transpose()?;
    let line = UplinkConfig {
        connections: 1,
        proxy_patience: Some(PUSH_TIMEOUT),
        ..line_to(settings, to.clone(), String::new())?
    };
    let call = Call::push(group(box_id), figures);
    let reply = Uplink::new(line, None)?
        .call_as(&call, login.as_ref())
        .await?;
    match reply.status {
        200..300 => Ok(()),
        status => {
            let says = says(&reply);
            let cause = ConfigCause::PushRefused { status, says };
            Err(Fault::new(Code::MetricsPush, cause))
        }
    }
}

fn login_in(path: &Path) -> Result<Secret, Fault> {
    let login = secret_file(path)?;
    let is_pair = login.reveal().contains(':');
    is_pair.then_some(login).ok_or_else(|| {
        let path = path.display().to_string();
        Fault::new(Code::MetricsPush, ConfigCause::PushLogin { path })
    })
}

fn says(reply: &Reply) -> Option<Says> {
    let text = String::from_utf8_lossy(&reply.body);
    let said: String = text.trim().chars().take(SAID).collect();
    Quote::of(&Outside::new(said)).map(|words| Says::Said { words })
}

/// Writes the file, readable for everybody.
///
/// # Errors
/// `config.textfile`, with what the file system says.
pub fn write(path: &Path, sample: &MetricsInput) -> Result<(), Fault> {
    let text = render(sample, MetricsFormat::Text);
    root::write_for_all(path, text.as_bytes()).map_err(unwritable)
}

/// Whether the file can be written, tried beside it.
///
/// # Errors
/// As `write`.
pub fn check(path: &Path) -> Result<(), Fault> {
    root::try_beside(path).map_err(unwritable)
}

fn unwritable(fault: Fault) -> Fault {
    let why = Box::new(fault.cause);
    Fault::new(Code::ConfigTextfile, ConfigCause::Metrics { why })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clock of the test goes on by itself as long as nothing comes.
    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_never_answers_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let to = Url::parse(&format!("http://{at}/metrics/job/boxsync")).unwrap();
        let begun = tokio::time::Instant::now();
        let figures = "boxsync_enrolled 1\n".to_owned();
        let local = tokio::task::LocalSet::new();
        let settings = Settings::default();
        let pushed = local.run_until(push(&settings, &to, "box", figures));
        let fault = pushed.await.unwrap_err();
        assert_eq!(fault.code, Code::MetricsPush, "{fault}");
        assert!(fault.reason().contains("within 10 s"), "{fault}");
        assert!(begun.elapsed() <= PUSH_TIMEOUT + Duration::from_secs(1));
    }
}
