//! The table of keys: name, meaning, default, example, how it is read and how it is shown.
//! The only place that names a key: parsing, help and `config show` all walk this table.
//! Called by the rest of `settings`.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::connections::ConnectionLimit;
use super::read::{
    account, accounts, box_id, listen, path, principal, push, put, state, steps, textfile,
};
pub(super) use super::section::{SECTIONS, SettingKey};
use super::url::{Proxy, Url};
use super::value::SettingValue;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
const ANY: u64 = u64::MAX;

/// Every key there is.
pub(super) static KEYS: &[SettingKey] = &[
    SettingKey {
        section: "central",
        name: "url",
        doc: "Root URL of central; a path prefix is allowed, a missing trailing slash is added.",
        default: None,
        example: r#""https://central.example/""#,
        set: |s, v| put(&mut s.central.url, v.optional(|v| v.read(Url::root))),
        show: |s| s.central.url.as_ref().map(SettingValue::text),
    },
    SettingKey {
        section: "central",
        name: "ca_file",
        doc: "File of PEM certificates that are trusted beside the built-in roots.",
        default: None,
        example: r#""/etc/boxsync/ca.pem""#,
        set: |s, v| put(&mut s.central.ca_file, v.optional(SettingValue::path)),
        show: |s| path(&s.central.ca_file),
    },
    SettingKey {
        section: "central",
        name: "proxy",
        doc: "Proxy to central, with a user name where it wants one but never a password. Without this key \
              HTTPS_PROXY and NO_PROXY of the environment count.",
        default: None,
        example: r#""http://user@proxy:3128""#,
        set: |s, v| put(&mut s.central.proxy, v.optional(|v| v.read(Proxy::parse))),
        show: |s| s.central.proxy.as_ref().map(SettingValue::text),
    },
    SettingKey {
        section: "central",
        name: "proxy_password_file",
        doc: "File whose first line is the password of the proxy user.",
        default: None,
        example: r#""/etc/boxsync/proxy-password""#,
        set: |s, v| {
            put(
                &mut s.central.proxy_password_file,
                v.optional(SettingValue::path),
            )
        },
        show: |s| path(&s.central.proxy_password_file),
    },
    SettingKey {
        section: "central",
        name: "token_elsewhere",
        doc: "Whether the client secret may be sent to a token URL on another host or port than the root URL.",
        default: Some("false"),
        example: "true",
        set: |s, v| put(&mut s.central.token_elsewhere, v.flag()),
        show: |s| Some(SettingValue::Flag(s.central.token_elsewhere)),
    },
    SettingKey {
        section: "box",
        name: "organisation_id",
        doc: "Organisation that this box belongs to, at most 50 characters, always in quotes. Not needed after \
              an enrolment whose answer carries it.",
        default: None,
        example: r#""1001""#,
        set: |s, v| put(&mut s.this_box.organisation_id, v.optional(|v| v.label(50))),
        show: |s| s.this_box.organisation_id.as_ref().map(SettingValue::text),
    },
    SettingKey {
        section: "box",
        name: "id",
        doc: "Box id of an existing box that is to be kept: visible ASCII, at most 50 characters, always in \
              quotes. Without it one is made once and kept.",
        default: None,
        example: r#""5e0b1c2d3f4a5""#,
        set: |s, v| put(&mut s.this_box.id, v.optional(box_id)),
        show: |s| s.this_box.id.as_ref().map(SettingValue::text),
    },
    SettingKey {
        section: "box",
        name: "tao_version",
        doc: "VM version that this box tells central, always in quotes. Without it IMAGE_VERSION of os-release \
              counts.",
        default: None,
        example: r#""2022.11""#,
        set: |s, v| put(&mut s.this_box.tao_version, v.optional(|v| v.label(50))),
        show: |s| s.this_box.tao_version.as_ref().map(SettingValue::text),
    },
    SettingKey {
        section: "box",
        name: "allow_uids",
        doc: "Users, by number or name, that may do everything at the local socket, beside root and the user boxsync \
              runs as.",
        default: Some("[]"),
        example: r#"["engine", 33]"#,
        set: |s, v| put(&mut s.this_box.allow_uids, v.list(account)),
        show: |s| Some(accounts(&s.this_box.allow_uids)),
    },
    SettingKey {
        section: "box",
        name: "allow_gids",
        doc: "Groups, by number or name, whose members may do everything at the local socket.",
        default: Some("[]"),
        example: r#"["exam", 33]"#,
        set: |s, v| put(&mut s.this_box.allow_gids, v.list(account)),
        show: |s| Some(accounts(&s.this_box.allow_gids)),
    },
    SettingKey {
        section: "api",
        name: "read",
        doc: "Users, and groups with @ before them, that may read catalogue and packages.",
        default: Some("[]"),
        example: r#"["engine", "@exam"]"#,
        set: |s, v| put(&mut s.api.read, v.list(principal)),
        show: |s| Some(SettingValue::texts(&s.api.read)),
    },
    SettingKey {
        section: "api",
        name: "intake",
        doc: "Users and groups that may hand in results, logs, sessions and LTI users, and ask what became of them.",
        default: Some("[]"),
        example: r#"["engine"]"#,
        set: |s, v| put(&mut s.api.intake, v.list(principal)),
        show: |s| Some(SettingValue::texts(&s.api.intake)),
    },
    SettingKey {
        section: "api",
        name: "control",
        doc: "Users and groups that may ask for a synchronization, allow deletions and say that an exam runs.",
        default: Some("[]"),
        example: r#"["engine", "proctor"]"#,
        set: |s, v| put(&mut s.api.control, v.list(principal)),
        show: |s| Some(SettingValue::texts(&s.api.control)),
    },
    SettingKey {
        section: "api",
        name: "secrets",
        doc: "Users and groups that read the catalogue with the password hashes and keys in it. Without this key those \
              of allow_uids and allow_gids do; with it they too have to be named here.",
        default: None,
        example: r#"["engine"]"#,
        set: |s, v| put(&mut s.api.secrets, v.optional(|v| v.list(principal))),
        show: |s| s.api.secrets.as_deref().map(SettingValue::texts),
    },
    SettingKey {
        section: "sync",
        name: "on_boot",
        doc: "Whether the daemon synchronizes when it starts.",
        default: Some("true"),
        example: "false",
        set: |s, v| put(&mut s.sync.on_boot, v.flag()),
        show: |s| Some(SettingValue::Flag(s.sync.on_boot)),
    },
    SettingKey {
        section: "sync",
        name: "interval",
        doc: "Time from one synchronization to the next, from a second to a year.",
        default: Some(r#""15m""#),
        example: r#""1h30m""#,
        set: |s, v| put(&mut s.sync.interval, v.span(SECOND, YEAR)),
        show: |s| Some(SettingValue::text(crate::span::print(s.sync.interval))),
    },
    SettingKey {
        section: "sync",
        name: "delete_limit",
        doc: "Share of a type that may be deleted unasked within 24 hours of running time, from 0 to 1; one entity \
              may always go, except with 0.",
        default: Some("0.2"),
        example: "0.25",
        set: |s, v| put(&mut s.sync.delete_limit, v.number(0.0, 1.0)),
        show: |s| Some(SettingValue::Fraction(s.sync.delete_limit)),
    },
    SettingKey {
        section: "sync",
        name: "keep_deleted",
        doc: "How long what was deleted is kept, hidden, in hours that the box runs; packages go earlier when their \
              room is needed. 0s keeps nothing.",
        default: Some(r#""7d""#),
        example: r#""30d""#,
        set: |s, v| put(&mut s.sync.keep_deleted, v.span(Duration::ZERO, YEAR)),
        show: |s| Some(SettingValue::text(crate::span::print(s.sync.keep_deleted))),
    },
    SettingKey {
        section: "sync",
        name: "measure",
        doc: "Whether the speed of the link is measured with test data when a synchronization moved none itself.",
        default: Some("true"),
        example: "false",
        set: |s, v| put(&mut s.sync.measure, v.flag()),
        show: |s| Some(SettingValue::Flag(s.sync.measure)),
    },
    SettingKey {
        section: "sync",
        name: "lanes",
        doc: "Calls for details at once, from 1 to 16.",
        default: Some("4"),
        example: "2",
        set: |s, v| put(&mut s.sync.lanes, v.whole(1, 16)),
        show: |s| Some(SettingValue::Whole(s.sync.lanes.into())),
    },
    SettingKey {
        section: "sync",
        name: "steps",
        doc: "What a synchronization does (`tasksToRunOnSync` of TAO). Named behind results, logs or sessions, `data` waits for \
              them; these never wait, and keep their order. `sync` with parts does those.",
        default: Some(r#"["data", "results", "logs", "sessions", "speed"]"#),
        example: r#"["results", "logs", "sessions", "data"]"#,
        set: |s, v| put(&mut s.sync.steps, steps(v)),
        show: |s| Some(SettingValue::texts(&s.sync.steps)),
    },
    SettingKey {
        section: "sync",
        name: "page_size",
        doc: "Most entities in one request for details, from 1 to 128; fewer where they are large.",
        default: Some("128"),
        example: "25",
        set: |s, v| put(&mut s.sync.page_size, v.whole(1, 128)),
        show: |s| Some(SettingValue::Whole(s.sync.page_size.into())),
    },
    SettingKey {
        section: "sync",
        name: "terminate_timeout",
        doc: "How long `sync --terminate` waits for the delivery engines to end their executions, up to an hour.",
        default: Some(r#""1m""#),
        example: r#""5m""#,
        set: |s, v| put(&mut s.sync.terminate_timeout, v.span(SECOND, HOUR)),
        show: |s| {
            Some(SettingValue::text(crate::span::print(
                s.sync.terminate_timeout,
            )))
        },
    },
    SettingKey {
        section: "download",
        name: "max_rate",
        doc: "Most bytes a second over all connections, 0 for no limit.",
        default: Some(r#""0""#),
        example: r#""500kB""#,
        set: |s, v| put(&mut s.download.max_rate, v.size(0, ANY)),
        show: |s| Some(SettingValue::text(s.download.max_rate)),
    },
    SettingKey {
        section: "download",
        name: "reserve",
        doc: "Disk space that packages leave free for results.",
        default: Some(r#""1GiB""#),
        example: r#""500MB""#,
        set: |s, v| put(&mut s.download.reserve, v.size(0, ANY)),
        show: |s| Some(SettingValue::text(s.download.reserve)),
    },
    SettingKey {
        section: "download",
        name: "connections",
        doc: "Most connections at once, from 1 to 16; \"auto\" is 16. No more are used than bring more and central bears, as \
              the time tells that it takes to answer. More help where the link loses packets; each may hold a worker of \
              central while a range comes.",
        default: Some(r#""auto""#),
        example: "1",
        set: |s, v| put(&mut s.download.connections, ConnectionLimit::read(v)),
        show: |s| Some(s.download.connections.show()),
    },
    SettingKey {
        section: "download",
        name: "windows",
        doc: "When packages may be fetched, in the local time of the box; an empty list means always. A window past \
              midnight belongs to the day it begins on. The time is central's; over plain http it is the running time \
              since the box was set up. Catalogue and results never wait for a window, `boxsync sync --now` \
              does not either.",
        default: Some("[]"),
        example: r#"["mon-fri 18:00-07:00", "sat-sun 00:00-24:00"]"#,
        set: |s, v| put(&mut s.download.windows, v.list(SettingValue::parse)),
        show: |s| Some(SettingValue::texts(&s.download.windows)),
    },
    SettingKey {
        section: "download",
        name: "utc_offset",
        doc: "Distance of local time from UTC, all year. Default: the time zone of the box, with its daylight saving.",
        default: None,
        example: r#""+01:00""#,
        set: |s, v| put(&mut s.download.utc_offset, v.parse().map(Some)),
        show: |s| s.download.utc_offset.map(SettingValue::text),
    },
    SettingKey {
        section: "download",
        name: "window_flush",
        doc: "Most bytes received but not yet safe on disk, over all connections, from 64KiB to 1GiB: what a \
              power cut can cost.",
        default: Some(r#""8MiB""#),
        example: r#""32MiB""#,
        set: |s, v| put(&mut s.download.window_flush, v.size(64 << 10, 1 << 30)),
        show: |s| Some(SettingValue::text(s.download.window_flush)),
    },
    SettingKey {
        section: "results",
        name: "chunk_size",
        doc: "Most results in one request, from 1 to 1000; fewer are sent where central is slow.",
        default: Some("10"),
        example: "5",
        set: |s, v| put(&mut s.results.chunk_size, v.whole(1, 1000)),
        show: |s| Some(SettingValue::Whole(s.results.chunk_size.into())),
    },
    SettingKey {
        section: "results",
        name: "log_rows",
        doc: "Most rows of delivery logs in one request, from 1 to 10000.",
        default: Some("200"),
        example: "50",
        set: |s, v| put(&mut s.results.log_rows, v.whole(1, 10_000)),
        show: |s| Some(SettingValue::Whole(s.results.log_rows.into())),
    },
    SettingKey {
        section: "results",
        name: "delete_after_send",
        doc: "Whether the content of a result is removed once central has acknowledged it.",
        default: Some("false"),
        example: "true",
        set: |s, v| put(&mut s.results.delete_after_send, v.flag()),
        show: |s| Some(SettingValue::Flag(s.results.delete_after_send)),
    },
    SettingKey {
        section: "results",
        name: "max_item",
        doc: "Largest item that is accepted, from 64KiB to 1GiB; it is held in memory while it is accepted and sent.",
        default: Some(r#""16MiB""#),
        example: r#""32MiB""#,
        set: |s, v| put(&mut s.results.max_item, v.size(64 << 10, 1 << 30)),
        show: |s| Some(SettingValue::text(s.results.max_item)),
    },
    SettingKey {
        section: "results",
        name: "lti_users",
        doc: "Whether LTI users are sent; only a central with an extension for them does not answer with an error.",
        default: Some("false"),
        example: "true",
        set: |s, v| put(&mut s.results.lti_users, v.flag()),
        show: |s| Some(SettingValue::Flag(s.results.lti_users)),
    },
    SettingKey {
        section: "results",
        name: "settle",
        doc: "How long central may still be at a request whose answer was lost; only then is a result sent again.",
        default: Some(r#""1m""#),
        example: r#""2m""#,
        set: |s, v| put(&mut s.results.settle, v.span(SECOND, YEAR)),
        show: |s| Some(SettingValue::text(crate::span::print(s.results.settle))),
    },
    SettingKey {
        section: "results",
        name: "refuse_after",
        doc: "An item counts as refused when central has died of it alone twice, at least so far apart, each time \
              between two others that it took.",
        default: Some(r#""1h""#),
        example: r#""2h""#,
        set: |s, v| put(&mut s.results.refuse_after, v.span(SECOND, YEAR)),
        show: |s| {
            Some(SettingValue::text(crate::span::print(
                s.results.refuse_after,
            )))
        },
    },
    SettingKey {
        section: "results",
        name: "states",
        doc: "States in which an execution is taken home (`statusExecutionsToSync` of TAO); in another one it waits as open \
              for the content that takes its place. Not asked of what comes through the gateway: TAO has chosen already.",
        default: Some(r#"["Finished", "Terminated", "Canceled"]"#),
        example: r#"["Finished"]"#,
        set: |s, v| put(&mut s.results.states, v.list(state)),
        show: |s| Some(SettingValue::texts(&s.results.states)),
    },
    SettingKey {
        section: "results",
        name: "copy_to",
        doc: "Folder on another device for sealed second copies of what is owed. Needs `key_file` in section [site].",
        default: None,
        example: r#""/media/copies""#,
        set: |s, v| put(&mut s.results.copy_to, v.optional(SettingValue::path)),
        show: |s| path(&s.results.copy_to),
    },
    SettingKey {
        section: "results",
        name: "copies",
        doc: "With how many of the boxes of `peers` in section [site] a sealed second copy of what is owed lies; 0 for none. Needs \
              `key_file` in section [site].",
        default: Some("1"),
        example: "2",
        set: |s, v| put(&mut s.results.copies, v.whole(0, 3)),
        show: |s| Some(SettingValue::Whole(s.results.copies.into())),
    },
    SettingKey {
        section: "gateway",
        name: "listen",
        doc: "Address and port on which a TAO of this box synchronizes from boxsync; a port alone is on loopback. \
              Off when absent.",
        default: None,
        example: r#""127.0.0.1:7380""#,
        set: |s, v| {
            put(
                &mut s.gateway.listen,
                v.optional(|v| listen(v, Ipv4Addr::LOCALHOST)),
            )
        },
        show: |s| s.gateway.listen.map(SettingValue::text),
    },
    SettingKey {
        section: "gateway",
        name: "max_age",
        doc: "Age of the catalogue beyond which a TAO of this box is told so instead of being served, 0 for no limit.",
        default: Some(r#""30d""#),
        example: r#""7d""#,
        set: |s, v| put(&mut s.gateway.max_age, v.span(Duration::ZERO, YEAR)),
        show: |s| Some(SettingValue::text(crate::span::print(s.gateway.max_age))),
    },
    SettingKey {
        section: "site",
        name: "key_file",
        doc: "File of the key of the organisation's boxes (`boxsync site key new FILE`): what leaves a box is sealed with it.",
        default: None,
        example: r#""/etc/boxsync/site.key""#,
        set: |s, v| put(&mut s.site.key_file, v.optional(SettingValue::path)),
        show: |s| path(&s.site.key_file),
    },
    SettingKey {
        section: "site",
        name: "listen",
        doc: "Address and port on which other boxes of the site are listened for; a port alone is on all addresses. Who does \
              not prove the site's key gets no answer. Off when absent.",
        default: None,
        example: r#""0.0.0.0:7382""#,
        set: |s, v| {
            put(
                &mut s.site.listen,
                v.optional(|v| listen(v, Ipv4Addr::UNSPECIFIED)),
            )
        },
        show: |s| s.site.listen.map(SettingValue::text),
    },
    SettingKey {
        section: "site",
        name: "peers",
        doc: "Other boxes of the site, each with its port; the same list may stand on all of them, since a box passes over itself. Where none is \
              named and `listen` is set, boxes are found by the network (DNS-SD).",
        default: Some("[]"),
        example: r#"["box-2:7382", "10.0.0.7:7382"]"#,
        set: |s, v| put(&mut s.site.peers, v.list(SettingValue::parse)),
        show: |s| Some(SettingValue::texts(&s.site.peers)),
    },
    SettingKey {
        section: "site",
        name: "max_rate",
        doc: "Most bytes a second that other boxes of the site are given, all together, 0 for no limit.",
        default: Some(r#""0""#),
        example: r#""2MB""#,
        set: |s, v| put(&mut s.site.max_rate, v.size(0, ANY)),
        show: |s| Some(SettingValue::text(s.site.max_rate)),
    },
    SettingKey {
        section: "page",
        name: "listen",
        doc: "Address and port of the status page, which anybody who reaches it may read; a port alone is on \
              loopback. Off when absent.",
        default: None,
        example: r#""127.0.0.1:7381""#,
        set: |s, v| {
            put(
                &mut s.page.listen,
                v.optional(|v| listen(v, Ipv4Addr::LOCALHOST)),
            )
        },
        show: |s| s.page.listen.map(SettingValue::text),
    },
    SettingKey {
        section: "link",
        name: "expected_download",
        doc: "Download rate in Mbit/s below which `doctor` warns.",
        default: Some("1.0"),
        example: "8.0",
        set: |s, v| put(&mut s.link.expected_download, v.number(0.0, 1e6)),
        show: |s| Some(SettingValue::Fraction(s.link.expected_download)),
    },
    SettingKey {
        section: "link",
        name: "expected_upload",
        doc: "Upload rate in Mbit/s below which `doctor` warns.",
        default: Some("1.0"),
        example: "0.5",
        set: |s, v| put(&mut s.link.expected_upload, v.number(0.0, 1e6)),
        show: |s| Some(SettingValue::Fraction(s.link.expected_upload)),
    },
    SettingKey {
        section: "metrics",
        name: "textfile",
        doc: "File that the figures are written to for the textfile collector of node_exporter, which reads names that \
              end in .prom; after each synchronization and where the verdict changes. Off when absent.",
        default: None,
        example: r#""/run/boxsync/boxsync.prom""#,
        set: |s, v| put(&mut s.metrics.textfile, v.optional(textfile)),
        show: |s| {
            s.metrics
                .textfile
                .as_ref()
                .map(|p| SettingValue::text(p.display()))
        },
    },
    SettingKey {
        section: "metrics",
        name: "push",
        doc: "Where a Pushgateway takes the figures that a fleet is watched by: its URL up to the name of the job, to which \
              `/instance/` and the box id are added. After each synchronization and where the verdict changes. Off when \
              absent.",
        default: None,
        example: r#""https://push.example/metrics/job/boxsync""#,
        set: |s, v| put(&mut s.metrics.push, v.optional(|v| v.read(push))),
        show: |s| s.metrics.push.as_ref().map(SettingValue::text),
    },
    SettingKey {
        section: "metrics",
        name: "push_login_file",
        doc: "File whose first line is `user:password`, for a Pushgateway that asks for them (HTTP Basic).",
        default: None,
        example: r#""/etc/boxsync/push-login""#,
        set: |s, v| {
            put(
                &mut s.metrics.push_login_file,
                v.optional(SettingValue::path),
            )
        },
        show: |s| path(&s.metrics.push_login_file),
    },
    SettingKey {
        section: "update",
        name: "source",
        doc: "Folder of images with their manifest SHA256SUMS, as systemd-sysupdate takes them: what `boxsync update check` \
              asks. Off when absent.",
        default: None,
        example: r#""https://images.example/box/""#,
        set: |s, v| put(&mut s.update.source, v.optional(|v| v.read(Url::root))),
        show: |s| s.update.source.as_ref().map(SettingValue::text),
    },
    SettingKey {
        section: "update",
        name: "windows",
        doc: "When an image may be installed and booted, in the local time of the box, as `windows` of [download]; an \
              empty list means always.",
        default: Some("[]"),
        example: r#"["mon-thu 22:00-04:00"]"#,
        set: |s, v| put(&mut s.update.windows, v.list(SettingValue::parse)),
        show: |s| Some(SettingValue::texts(&s.update.windows)),
    },
    SettingKey {
        section: "update",
        name: "quiet_before",
        doc: "So long before the period of a delivery begins no image is installed or booted, up to a year.",
        default: Some(r#""1d""#),
        example: r#""3d""#,
        set: |s, v| put(&mut s.update.quiet_before, v.span(Duration::ZERO, YEAR)),
        show: |s| {
            Some(SettingValue::text(crate::span::print(
                s.update.quiet_before,
            )))
        },
    },
];
