//! The command line: verbs, options, exit statuses (design 4.2).
//! Never does a verb's work: each verb has its own file below.
//! Called by `main`.

mod adopt;
mod bar;
mod caller;
mod carry;
mod clock;
mod codes;
mod completions;
mod config;
mod credentials;
mod doctor;
mod downloads;
mod entities;
mod history;
mod identity;
mod manual;
mod organisation;
mod packages;
mod preview;
mod prompt;
mod results;
mod run;
mod screen;
mod service;
mod site;
mod speed;
mod stats;
mod status;
mod stick;
mod sync;
mod terminate;
mod textfile;
mod update;
mod usage;
mod watch;
mod wipe;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand};
use logic::entity::EntityType;
use logic::fault::{Area, Code, Fault};
use logic::language::Language;
use logic::package::order::DownloadOrder;
use logic::settings::SettingsInForce;
use logic::words::{FaultClass, Outcome};

use crate::engine::Engine;
use crate::settings;
use screen::Screen;
use system::root::{Root, become_owner, permits};
use words::ActTerm;

/// Keeps a test-centre box in step with a TAO central server.
#[derive(Debug, Parser)]
#[command(
    name = "boxsync",
    version,
    max_term_width = 80,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit status:\n  0  all well\n  1  something failed or was held back\n  2  usage or configuration\n  \
    3  not enrolled, or refused by central\n  4  central cannot be reached\n  5  VM version not supported\n\n\
    Examples:\n  boxsync enroll --login sync-3005 --password-file /run/pw\n  boxsync sync\n  boxsync status"
)]
struct Command {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Args)]
struct Global {
    /// Everything lies below this folder.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/",
        display_order = 100
    )]
    root: PathBuf,
    /// One JSON object a line on stdout, for machines.
    #[arg(long, global = true, display_order = 101)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The daemon: synchronizes at boot, at intervals and when asked.
    #[command(
        after_help = "Started by systemd (boxsync.service). SIGHUP reads the configuration again."
    )]
    Run,
    /// One synchronization now.
    #[command(
        after_help = "Examples:\n  boxsync sync                      everything\n  boxsync sync --type delivery      deliveries and their packages\n  boxsync sync --allow-deletes      you have seen what would be deleted\n  boxsync sync --dry-run            what would be done\n  boxsync sync --terminate          end what is being sat first; asks twice"
    )]
    Sync(sync::SyncArgs),
    /// Whether the box is ready for the exam, on one screen.
    #[command(
        after_help = "Exit status: 0 READY or READY, BUT; 1 NOT READY.\n\nExamples:\n  boxsync status\n  boxsync status --json | jq .verdict"
    )]
    Status {
        /// Only this organisation of the box; may be given several times.
        #[arg(long = "organisation", value_name = "ID")]
        organisations: Vec<String>,
    },
    /// What is wrong, and the one thing to do.
    #[command(
        after_help = "Exit status: 0 nothing failed; 1 a check failed.\n\nExamples:\n  boxsync doctor\n  boxsync doctor --offline\n  boxsync doctor --bundle /tmp/box.tar\n  boxsync doctor explain net.dns"
    )]
    Doctor(doctor::DoctorArgs),
    /// Past synchronizations, newest first.
    #[command(
        after_help = "Examples:\n  boxsync history\n  boxsync history --limit 1 --json | jq .findings\n  boxsync history show 12\n  boxsync history diff --since 1d"
    )]
    History {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        #[command(subcommand)]
        act: Option<history::HistoryVerb>,
    },
    /// Measures the link to central now, each way.
    #[command(
        after_help = "The result is kept in the history and told to central, as that of each synchronization."
    )]
    Speed,
    /// The link over time, and what the coming night can carry.
    Stats,
    /// The events of the box as they come, a line each, until the service ends.
    #[command(
        after_help = "Examples:\n  boxsync watch --json | jq 'select(.event == \"verdict\").verdict.word'"
    )]
    Watch,
    /// What the catalogue holds.
    #[command(
        after_help = "Examples:\n  boxsync entities\n  boxsync entities test-taker --json\n  boxsync entities --hidden\n  boxsync entities delivery --id https://central.example/tao.rdf#i4001"
    )]
    Entities {
        /// test-center, administrator, proctor, test-taker, eligibility or delivery.
        #[arg(value_name = "TYPE", value_parser = entity_type())]
        kind: Option<EntityType>,
        /// Only the entity with this URI.
        #[arg(long, value_name = "URI")]
        id: Option<String>,
        /// What is not shown, since central no longer names it, and comes back when it does.
        #[arg(long)]
        hidden: bool,
        /// Only this organisation of the box; may be given several times.
        #[arg(long = "organisation", value_name = "ID")]
        organisations: Vec<String>,
    },
    /// Test packages.
    #[command(
        after_help = "Examples:\n  boxsync packages\n  boxsync packages verify\n  boxsync packages first https://central.example/tao.rdf#i4001\n  boxsync packages export https://central.example/tao.rdf#i4001 /tmp/test.zip"
    )]
    Packages {
        #[command(subcommand)]
        act: Option<packages::PackagesVerb>,
    },
    /// Lets no package come for a time; results and the catalogue go on.
    #[command(
        after_help = "Acts at once, also on a package under way, and ends by itself. It goes on over a start of the service and ends with\na boot. `boxsync sync --now` does not end it: `boxsync resume` does.\n\nExamples:\n  boxsync pause\n  boxsync pause --for 45m"
    )]
    Pause {
        /// So long, 24h at most.
        #[arg(long = "for", value_name = "TIME", default_value = "2h", value_parser = downloads::pause)]
        lasts: std::time::Duration,
    },
    /// Ends a pause, a rate and `packages first`: packages come as they are configured to.
    Resume,
    /// The rate at which packages come at most, in place of `max_rate`.
    #[command(
        after_help = "Acts at once. Without --for it is in force until the service starts again.\n\nExamples:\n  boxsync rate 500kB\n  boxsync rate 2MB --for 3h\n  boxsync rate 0                    no limit"
    )]
    Rate {
        /// Bytes a second; 0 is no limit.
        #[arg(value_name = "SIZE", value_parser = downloads::size)]
        size: logic::settings::Size,
        /// So long.
        #[arg(long = "for", value_name = "TIME", value_parser = downloads::lasts)]
        lasts: Option<std::time::Duration>,
    },
    /// What the box owes to central: results, logs, sessions.
    #[command(
        after_help = "Examples:\n  boxsync results\n  boxsync results retry\n  boxsync results export ID /tmp/result.json"
    )]
    Results {
        #[command(subcommand)]
        act: Option<results::ResultsVerb>,
    },
    /// Trades a sync manager's login for credentials of this box.
    #[command(
        after_help = "Each enrolment makes one more client on central: enrol once. Credentials that the box has stay in force until\ncentral has taken the new ones; those of another organisation replace nothing.\nThe password is read from a file, or from a prompt with `--password-file -`."
    )]
    Enroll {
        /// Login of the sync manager.
        #[arg(long)]
        login: String,
        /// File whose first line is the password; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
        #[command(flatten)]
        wish: credentials::WishArgs,
    },
    /// The organisations that the box is enrolled for.
    #[command(
        after_help = "Examples:\n  boxsync organisation list\n  boxsync enroll --add --login L --password-file F   one more\n  boxsync organisation remove 2002"
    )]
    Organisation {
        #[command(subcommand)]
        act: organisation::OrganisationVerb,
    },
    /// Credentials that were made on central.
    Credentials {
        #[command(subcommand)]
        act: credentials::CredentialsVerb,
    },
    /// Who this box is.
    #[command(
        after_help = "Examples:\n  boxsync identity\n  boxsync identity gateway          how to point the TAO on this box at boxsync"
    )]
    Identity {
        #[command(subcommand)]
        act: Option<identity::IdentityVerb>,
    },
    /// The configuration.
    Config {
        #[command(subcommand)]
        act: config::ConfigVerb,
    },
    /// What time it is to this box, and how it knows.
    #[command(
        after_help = "Examples:\n  boxsync clock show\n  boxsync clock accept              believe what central said last, or the system clock"
    )]
    Clock {
        #[command(subcommand)]
        act: clock::ClockVerb,
    },
    /// The key of the data at rest.
    Key {
        #[command(subcommand)]
        act: KeyAct,
    },
    /// What the boxes of an organisation share: the key that everything is sealed with that leaves a box.
    #[command(
        after_help = "Examples:\n  boxsync site key                    its fingerprint\n  boxsync site key new /etc/boxsync/site.key\n  boxsync site key import /media/stick/site.key\n  boxsync site status                 the other boxes of the room"
    )]
    Site {
        #[command(subcommand)]
        act: site::SiteVerb,
    },
    /// Catalogue and packages on a stick, sealed with the site key, for boxes without a link.
    Carry {
        #[command(subcommand)]
        act: stick::StickVerb,
    },
    /// Which image is offered, and whether it may be installed or booted now.
    Update {
        #[command(subcommand)]
        act: update::UpdateVerb,
    },
    /// Destroys the key and the data; asks twice.
    #[command(
        after_help = "Refused as long as the box holds what central has not acknowledged: send it with `boxsync sync --results`,\nor write it to files with `boxsync results export ID FILE`."
    )]
    Wipe {
        /// Do not ask: the box id, typed here.
        #[arg(long, value_name = "BOX_ID")]
        yes: Option<String>,
        /// Destroy also what central has not acknowledged: the number of these items.
        #[arg(long, value_name = "N")]
        discard_results: Option<u64>,
    },
    /// Shell completions on stdout.
    Completions {
        /// bash, zsh, fish, …
        shell: completions::CompletionShell,
    },
    /// A manual page on stdout (roff).
    Man {
        /// Which one.
        #[arg(value_enum, default_value_t = manual::ManualPage::Verbs)]
        page: manual::ManualPage,
    },
}

/// What the daemon starts in processes of their own: no verbs for people, so neither help nor completions name them.
#[derive(Debug, Parser)]
#[command(name = "boxsync", disable_help_subcommand = true)]
struct InternalCommand {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    part: InternalVerb,
}

#[derive(Debug, Subcommand)]
enum InternalVerb {
    /// One synchronization for the daemon.
    SyncWorker,
    /// The intake of a large item for the daemon.
    IntakeWorker {
        /// results, logs, sessions or lti-users.
        kind: String,
        /// Id of a single item.
        #[arg(long)]
        id: Option<String>,
    },
    /// What the status page shows, for the daemon.
    PageWorker {
        /// What doctor finds without the network, instead of where the box stands.
        #[arg(long)]
        examine: bool,
    },
    /// Pushes the figures of the box, which stand on its standard input, for the daemon.
    PushWorker,
    /// Gives a file its name when it is whole, with the rights of whoever asked for it.
    PlaceFile {
        /// The name.
        path: PathBuf,
    },
    /// Whether a sled store opens; run in a process of its own.
    ProbeStore {
        /// The store.
        path: PathBuf,
    },
}

impl Verb {
    /// Whether the box may stand otherwise after it.
    fn may_change(&self) -> bool {
        match self {
            Self::Sync(_) | Self::Speed | Self::Enroll { .. } | Self::Credentials { .. } => true,
            Self::Organisation { .. } => true,
            Self::Packages { act } => act.as_ref().is_some_and(packages::PackagesVerb::may_change),
            Self::Results { act } => act.is_some(),
            Self::Identity { act } => act.is_some(),
            Self::Pause { .. } | Self::Resume | Self::Rate { .. } => false,
            Self::Clock { .. } | Self::Key { .. } | Self::Wipe { .. } => true,
            Self::Site { .. } => true,
            Self::Carry { act } => act.may_change(),
            Self::Run
            | Self::Status { .. }
            | Self::Doctor(_)
            | Self::History { .. }
            | Self::Stats
            | Self::Update { .. }
            | Self::Watch => false,
            Self::Entities { .. }
            | Self::Config { .. }
            | Self::Completions { .. }
            | Self::Man { .. } => false,
        }
    }
}

#[derive(Debug, Subcommand)]
enum KeyAct {
    /// Wraps the data key with a new envelope key; nothing is re-encrypted or fetched again.
    #[command(
        after_help = "A key file beside the data does not protect a stolen disk. To seal a new key to this machine (its\nTPM2 if it has one, else a key of the host) and use that from now on, as root:\n\n  head -c 32 /dev/urandom >/run/key\n  systemd-creds encrypt --name=boxsync.key.sealed /run/key /run/key.sealed\n  install -m 600 /run/key.sealed /etc/credstore.encrypted/boxsync.key.sealed\n  systemctl restart boxsync.service\n  boxsync identity\n  shred -u /run/key /var/lib/boxsync/boxsync.key\n\nThe last one only when the one before it shows the box."
    )]
    Rotate,
}

/// The words of the types, which shells complete too.
fn entity_type() -> impl TypedValueParser<Value = EntityType> {
    PossibleValuesParser::new(EntityType::ALL.map(EntityType::word))
        .map(|word| EntityType::of(&word).expect("only words of types are possible"))
}

/// Reads the command line, does what it says, tells how it went.
pub fn main() -> ExitCode {
    let (screen, done) = match InternalCommand::try_parse() {
        Ok(InternalCommand { global, part }) => {
            let screen = Screen::new(global.json);
            let done = serve(&Root::new(global.root), part, &screen);
            (screen, done)
        }
        Err(_) => match Command::try_parse() {
            Ok(command) => {
                let screen = Screen::new(command.global.json);
                let done = act(command, &screen);
                (screen, done)
            }
            Err(usage) => {
                let screen = Screen::new(std::env::args_os().any(|word| word == "--json"));
                let done = unread(&usage, &screen);
                (screen, done)
            }
        },
    };
    let status = done.unwrap_or_else(|trouble| {
        screen.trouble(&trouble);
        exit(&trouble)
    });
    ExitCode::from(screen.end(status))
}

/// The command line asks for help, or cannot be read.
fn unread(usage: &clap::Error, screen: &Screen) -> Result<u8, Fault> {
    if !usage.use_stderr() {
        match screen.colour {
            true => usage.print().unwrap_or_default(),
            false => screen.text("text", &usage.render().to_string()),
        }
        return Ok(0);
    }
    if !screen.json {
        let french = screen.language == Language::French;
        match french.then(|| usage::french(usage)).flatten() {
            Some(text) => screen.say(&text),
            // Where standard error is gone nobody can be told.
            None => usage.print().unwrap_or_default(),
        }
        return Ok(2);
    }
    let words = usage.render().to_string();
    let words = words.strip_prefix("error: ").unwrap_or(&words).trim();
    let class = FaultClass::Operator;
    Err(Fault::new(Code::InputUsage, words)
        .classed(class)
        .ending(Outcome::Failed))
}

/// A part of the daemon.
fn serve(root: &Root, part: InternalVerb, screen: &Screen) -> Result<u8, Fault> {
    match part {
        InternalVerb::SyncWorker => run::work(root),
        InternalVerb::IntakeWorker { kind, id } => run::receive(root, &kind, id, screen),
        InternalVerb::PageWorker { examine } => run::look(root, examine, screen),
        InternalVerb::PushWorker => run::push(root, screen),
        InternalVerb::PlaceFile { path } => Ok(caller::place(&path)),
        InternalVerb::ProbeStore { path } => Ok(vault::index::probe(&path).exit()),
    }
}

/// The exit status of a trouble (design 4.2).
fn exit(trouble: &Fault) -> u8 {
    let usage = [Area::Config, Area::Input, Area::Intake]
        .into_iter()
        .any(|area| trouble.code.is(area));
    if usage { 2 } else { trouble.outcome.exit() }
}

fn act(command: Command, screen: &Screen) -> Result<u8, Fault> {
    let root = Root::new(command.global.root);
    let changes = command.verb.may_change();
    let is_run = matches!(command.verb, Verb::Sync(_));
    let done = perform(&root, command.verb, screen);
    if changes {
        textfile::after_verb(&root, is_run, screen);
    }
    done
}

fn perform(root: &Root, verb: Verb, screen: &Screen) -> Result<u8, Fault> {
    match verb {
        Verb::Completions { shell } => {
            screen.text("text", &completions::script(shell));
            Ok(0)
        }
        Verb::Man { page } => {
            screen.text("text", &manual::roff(page, &Command::command()));
            Ok(0)
        }
        Verb::Config { act } => config::act(root, act, screen),
        Verb::Run => run::act(root),
        Verb::Sync(options) => sync::act(root, &options, screen),
        Verb::Status { organisations } => {
            let in_force = settings::in_force(root);
            let fault = in_force.fault.clone();
            let engine = permits(root).and_then(|()| open_in_force(root, in_force));
            status::act(root, engine, fault, &organisations, screen)
        }
        Verb::Doctor(options) => doctor::act(root, settings::read(root), options, screen),
        Verb::History { limit, act } => history::act(&open(root)?, limit, act, screen),
        Verb::Watch => watch::act(root, screen),
        Verb::Speed => speed::act(root, screen),
        Verb::Stats => stats::act(&open(root)?, screen),
        Verb::Entities {
            kind,
            id,
            hidden,
            organisations,
        } => {
            let query = entities::EntityQuery {
                kind,
                id,
                hidden,
                organisations,
            };
            entities::act(&open(root)?, &query, screen)
        }
        Verb::Packages { act } => packages::act(root, act, screen),
        Verb::Pause { lasts } => {
            let ttl_seconds = Some(lasts.as_secs());
            downloads::act(root, &DownloadOrder::Pause { ttl_seconds }, screen)
        }
        Verb::Resume => downloads::act(root, &DownloadOrder::Resume {}, screen),
        Verb::Rate { size, lasts } => {
            let order = DownloadOrder::Rate {
                bytes_per_second: size.bytes(),
                ttl_seconds: lasts.map(|lasts| lasts.as_secs()),
            };
            downloads::act(root, &order, screen)
        }
        Verb::Results { act } => results::act(root, act, screen),
        Verb::Enroll {
            login,
            password_file,
            wish,
        } => credentials::enroll(root, &login, &password_file, &wish, screen),
        Verb::Organisation { act } => organisation::act(root, act, screen),
        Verb::Credentials { act } => credentials::act(root, act, screen),
        Verb::Identity { act } => identity::act(&open(root)?, act.as_ref(), screen),
        Verb::Clock { act } => clock::act(&open(root)?, &act, screen),
        Verb::Key {
            act: KeyAct::Rotate,
        } => {
            let engine = open(root)?;
            engine.vault().keys().rotate(engine.vault().state())?;
            screen.done(&ActTerm::NewKey);
            Ok(0)
        }
        Verb::Site { act } => site::act(root, act, screen),
        Verb::Carry { act } => stick::act(root, &act, screen),
        Verb::Update { act } => update::act(root, &act, screen),
        Verb::Wipe {
            yes,
            discard_results,
        } => wipe::act(root, yes.as_deref(), discard_results, screen),
    }
}

/// Opens the box as its owner, with the configuration in force.
fn open(root: &Root) -> Result<Engine, Fault> {
    // Who may not act for the box may not read its files either: he is told the former.
    permits(root)?;
    let settings = settings::read(root)?;
    become_owner(root)?;
    Engine::open(root, settings)
}

/// Opens the box as its owner with the configuration that the daemon uses, which may be the last good one.
fn open_in_force(root: &Root, in_force: SettingsInForce) -> Result<Engine, Fault> {
    let settings = in_force.settings()?;
    become_owner(root)?;
    Engine::open(root, settings)
}

/// A runtime for the verbs that speak to central.
fn runtime<T>(work: impl Future<Output = T>) -> T {
    system::task::on_own_loop(work)
}

#[cfg(test)]
mod tests;
