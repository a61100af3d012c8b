//! The terminal's own words in its two languages, as values: a word without its French does not compile.
//! Never holds what faults, checks and the verdict say: those are told by `logic`.
//! Called by the verbs.

use logic::entity::EntityType;
use logic::exam::{self, ExecutionCount};
use logic::health::Word;
use logic::health::message::{KindCount, WireCounts};
use logic::intake::ItemKind;
use logic::language::figure::{Bytes, Decimal, Seconds};
use logic::language::{Language, Localized};
use logic::outside;
use logic::package_lane::WaitReason as Hold;
use logic::spool::ItemState;
use logic::words::Outcome;

logic::sentences! {
    /// What several verbs say.
    pub(super) enum Term {
        Todo { remedy: String }: "What to do: {remedy}", "Que faire : {remedy}";
        Yes: "yes", "oui";
        No: "no", "non";
        Never: "never", "jamais";
        Unknown: "unknown", "inconnue";
        Ago { time: Seconds }: "{time} ago", "il y\u{a0}a\u{a0}{time}";
        AheadOfNow: "by a clock that was ahead of now", "selon une horloge en avance";
        NotKnownYet: "nothing known yet", "rien de connu encore";
        NoRunYet: "no synchronization yet", "aucune synchronisation pour l’instant";
        RunsNow: "a synchronization is running", "une synchronisation est en cours";
        LetItRun:
            "a synchronization is running, let it finish; `boxsync sync` shows how far it is.",
            "une synchronisation est en cours, la laisser aboutir ; `boxsync sync` montre où elle en est.";
        Ready: "READY", "PRÊTE";
        ReadyBut: "READY, BUT …", "PRÊTE, MAIS …";
        NotReady: "NOT READY", "PAS PRÊTE";
        Finished: "finished", "terminée";
        Failed: "failed", "échouée";
        Unauthorized: "unauthorized", "refusée";
        Offline: "offline", "hors ligne";
        Unsupported: "unsupported", "version non acceptée";
    }
}

logic::sentences! {
    /// What `doctor` says around its findings.
    pub(super) enum DoctorTerm {
        Fail: "FAIL", "PANNE";
        Warn: "WARN", "À VOIR";
        Pass: "ok", "bon";
        Skip: "skip", "omis";
        Well: "Nothing is wrong.", "Rien à signaler.";
        Bundle { path: String }:
            "support bundle: {path}, without secrets and names; send this file",
            "dossier pour l’assistance : {path}, sans secrets ni noms ; envoyer ce fichier";
    }
}

logic::sentences! {
    /// What `status` says.
    pub(super) enum StatusTerm {
        FromStick { id: String, at: String }: "from a stick of box {id}, exported {at}",
            "d’un support de la box {id}, exporté {at}";
        Question { word: String }: "Ready for the exam?  {word}", "Prête pour l’examen ?  {word}";
        More { code: String }:
            "More: boxsync doctor, or boxsync doctor explain\u{a0}{code}",
            "En savoir plus : boxsync doctor, ou boxsync doctor explain\u{a0}{code}";
        BoxId: "box", "box";
        Enrolled: "enrolled", "inscrite";
        NotEnrolled: "no: boxsync enroll", "non : boxsync enroll";
        Catalogue: "catalogue", "catalogue";
        Complete { organisation: String, moment: String }:
            "organisation {organisation}, complete {moment}",
            "organisation {organisation}, complet le {moment}";
        NeverComplete: "never complete", "jamais complet";
        HeldBack: "held back", "retenu";
        Hidden: "hidden", "masqué";
        Exam: "exam", "examen";
        ChangesWait { count: u64 } by count:
            "{count} change waits for its end [catalogue.in_use]" | "{count} changes wait for its end [catalogue.in_use]",
            "{count} modification attend sa fin [catalogue.in_use]" | "{count} modifications attendent sa fin [catalogue.in_use]";
        Sitting { delivery: String, count: u64 } by count:
            "{delivery}: {count} execution under way" | "{delivery}: {count} executions under way",
            "{delivery} : {count} passation en cours" | "{delivery} : {count} passations en cours";
        SittingAll { deliveries: u64, count: u64 }:
            "{count} executions of {deliveries} deliveries under way",
            "{count} passations de {deliveries} épreuves en cours";
        Packages: "packages", "paquets";
        NoneNamed: "the catalogue names none", "le catalogue n’en nomme aucun";
        Held { held: u64, wanted: u64 }: "{held} of {wanted} held", "{held} présents sur {wanted}";
        Damaged { count: u64 } by count:
            "{count} damaged", "{count} endommagé" | "{count} endommagés";
        NotBegun { count: u64 } by count:
            "{count} not begun", "{count} non commencé" | "{count} non commencés";
        Left { left: Bytes }: "{left} left", "reste {left}";
        LeftAndNotBegun { left: Bytes, count: u64 } by count:
            "{left} left and {count} not begun",
            "reste {left} et {count} non commencé" | "reste {left} et {count} non commencés";
        Takes { time: Seconds, rate: Bytes }: ": {time} at {rate}/s", " : {time} à {rate}/s";
        ReadyAt { time: String, rate: Bytes, moment: String }:
            ": {time} at {rate}/s, ready at {moment}",
            " : {time} à {rate}/s, prêts le {moment}";
        WaitFor { what: String }: "wait for {what}", "attendent {what}";
        Results: "results", "résultats";
        Waiting { items: String }: "{items} waiting", "{items} en attente";
        Refused { items: String }: "{items} refused", "{items} en refus";
        Unconfirmed { items: String }: "{items} unconfirmed", "{items} sans confirmation";
        Open { count: u64 }: "{count} open", "{count} en cours";
        HeldItems { count: u64 } by count: "{count} held", "{count} retenu" | "{count} retenus";
        SetAside { count: u64 }: "{count} set aside", "{count} mis de côté";
        Carried { count: u64, since: String } by count:
            "{count} handed over, the first {since}",
            "{count} confié, le premier {since}" | "{count} confiés, le premier {since}";
        Lost { count: u64 } by count: "{count} lost", "{count} perdu" | "{count} perdus";
        NothingOwed: "nothing owed", "rien à envoyer";
        LastContact: "last contact", "dernier contact";
        Version: "VM version", "version VM";
        SupportedVersion { version: String }:
            "{version}, supported by central",
            "{version}, acceptée par le serveur central";
        UnsupportedVersion { version: String }:
            "{version}, not supported by central",
            "{version}, non acceptée par le serveur central";
        UnaskedVersion { version: String }:
            "{version}, central was not asked yet",
            "{version}, le serveur central n’a pas encore été interrogé";
        Disk: "disk", "disque";
        Free { free: Bytes, reserve: Bytes }:
            "{free} free, {reserve} kept for results",
            "{free} libres, dont {reserve} réservés aux résultats";
        LastRun: "last run", "dernière synchro";
        Run { number: String, end: String, ago: String }:
            "no. {number} {end}, {ago}", "n° {number} {end}, {ago}";
        RightNow: "right now", "en ce moment";
    }
}

logic::sentences! {
    /// What `sync` says while it goes and at its end.
    pub(super) enum SyncTerm {
        Unwatched:
            "no longer watched; the daemon goes on with the synchronization",
            "suivi arrêté ; le service continue la synchronisation";
        Stopped:
            "stopped; what came is kept, the next run goes on from here",
            "arrêtée ; ce qui est venu est conservé, la prochaine synchronisation continue d’ici";
        Until { what: String, moment: String }: "{what}, until {moment}", "{what}, jusqu’au {moment}";
        Created { count: u64 } by count: "{count} new", "{count} nouveau" | "{count} nouveaux";
        Updated { count: u64 } by count: "{count} changed", "{count} modifié" | "{count} modifiés";
        Unchanged { count: u64 } by count: "{count} unchanged", "{count} inchangé" | "{count} inchangés";
        Deleted { count: u64 } by count: "{count} deleted", "{count} supprimé" | "{count} supprimés";
        HeldBack { count: u64 } by count: "{count} held back", "{count} retenu" | "{count} retenus";
        Failed { count: u64 }: "{count} failed", "{count} en échec";
        WaitsForExam { count: u64 } by count:
            "{count} waits for the exam" | "{count} wait for the exam",
            "{count} attend l’examen" | "{count} attendent l’examen";
        ToFetch { count: u64 }: "{count} to fetch", "{count} à recevoir";
        ToCompare { count: u64 }: "{count} to compare", "{count} à comparer";
        DryRun:
            "Nothing was changed, and nothing was sent.",
            "Rien n’a été changé, et rien n’a été envoyé.";
        Nothing: "none", "rien";
        Packages: "packages", "paquets";
        Brought { count: u64 } by count: "{count} brought", "{count} reçu" | "{count} reçus";
        HeldBefore { count: u64 } by count:
            "{count} held before", "{count} déjà présent" | "{count} déjà présents";
        Missing { count: u64 } by count: "{count} missing", "{count} manquant" | "{count} manquants";
        Waiting { count: u64 }: "{count} waiting", "{count} en attente";
        OnWire { wire: Bytes }: " ({wire} on the wire)", " ({wire} transférés)";
        StoredAndOnWire { stored: Bytes, wire: Bytes }:
            " ({stored}, {wire} on the wire)", " ({stored}, {wire} transférés)";
        WaitFor: "wait for", "attendent";
        Results: "results", "résultats";
        Acknowledged { count: u64 } by count:
            "{count} acknowledged", "{count} accepté" | "{count} acceptés";
        Refused { count: u64 } by count: "{count} refused", "{count} refusé" | "{count} refusés";
        Unconfirmed { count: u64 } by count:
            "{count} unconfirmed", "{count} non confirmé" | "{count} non confirmés";
        HandedOver { count: u64 } by count: "{count} handed over", "{count} confié" | "{count} confiés";
        Adopted { count: u64 } by count:
            "{count} of them adopted", "dont {count} repris" | "dont {count} repris";
        Summary { number: String, end: String, time: Seconds }:
            "synchronization {number} {end} in {time}",
            "synchronisation {number} {end} en {time}";
        Unnumbered { end: String, time: Seconds }: "synchronization {end} in {time}", "synchronisation {end} en {time}";
        AndRate { rate: Decimal }: ", {rate} Mbit/s", ", {rate} Mbit/s";
        More { count: u64 } by count:
            "… and {count} more (boxsync history --json)",
            "… et {count} autre (boxsync history --json)" | "… et {count} autres (boxsync history --json)";
        WaitsFor { why: String }: "waiting: {why}", "en attente : {why}";
        Entities { count: u64 } by count:
            "{count} entity" | "{count} entities", "{count} entité" | "{count} entités";
        Package { number: u64, wanted: u64 }: "package {number}/{wanted}", "paquet {number}/{wanted}";
        PackageSize { number: u64, wanted: u64, size: Bytes }:
            "package {number} of {wanted}: {size}", "paquet {number} sur {wanted} : {size}";
        AskingSize: "asking for its size", "demande de sa taille";
        Done { bytes: Bytes, size: Bytes }: "{bytes} of {size}", "{bytes} sur {size}";
        Left { time: Seconds }: "{time} left", "reste {time}";
        LeftInAll { bytes: Bytes, time: Seconds }: "{time} left for all {bytes}", "reste {time} pour les {bytes}";
    }
}

logic::sentences! {
    /// What a person has ordered of the downloads.
    pub(super) enum OrderTerm {
        Downloads: "downloads", "téléchargements";
        Paused { left: Seconds }:
            "paused: no package comes for {left}, or until `boxsync resume`",
            "en pause : aucun paquet n’arrive pendant {left}, ou jusqu’à `boxsync resume`";
        Limited { rate: Bytes }:
            "at most {rate}/s until the service starts again, or until `boxsync resume`",
            "au plus {rate}/s jusqu’au redémarrage du service, ou jusqu’à `boxsync resume`";
        LimitedFor { rate: Bytes, left: Seconds }:
            "at most {rate}/s for {left}, or until `boxsync resume`",
            "au plus {rate}/s pendant {left}, ou jusqu’à `boxsync resume`";
        Unlimited:
            "at any rate until the service starts again, or until `boxsync resume`",
            "sans limite de débit jusqu’au redémarrage du service, ou jusqu’à `boxsync resume`";
        UnlimitedFor { left: Seconds }:
            "at any rate for {left}, or until `boxsync resume`",
            "sans limite de débit pendant {left}, ou jusqu’à `boxsync resume`";
        First { delivery: String }:
            "first comes the package of {delivery}, until it is held or until `boxsync resume`",
            "d’abord le paquet de {delivery}, jusqu’à ce qu’il soit là ou jusqu’à `boxsync resume`";
        IsHeld: "this package is held", "ce paquet est là";
        AsConfigured:
            "packages come as they are configured to",
            "les paquets arrivent comme configuré";
    }
}

logic::sentences! {
    /// What packages wait for.
    pub(super) enum HoldTerm {
        Window: "the next download window", "la prochaine plage de téléchargement";
        Exam: "the running exam", "la fin de l’épreuve en cours";
        Pause: "the end of the pause", "la fin de la pause";
        Link: "the link to central", "la liaison avec le serveur central";
        Disk: "room on the disk", "de la place sur le disque";
        Central: "central", "le serveur central";
    }
}

logic::sentences! {
    /// What is synchronized; English keeps the words of the wire.
    pub(super) enum NounTerm {
        TestCenter: "test-center", "centres de test";
        Administrator: "administrator", "administrateurs";
        Proctor: "proctor", "surveillants";
        TestTaker: "test-taker", "candidats";
        Eligibility: "eligibility", "éligibilités";
        Delivery: "delivery", "épreuves";
        Results: "results", "résultat";
        Logs: "logs", "journal";
        Sessions: "sessions", "session";
        LtiUsers: "lti-users", "utilisateur LTI";
    }
}

logic::sentences! {
    /// What `results` and `packages` say.
    pub(super) enum ListTerm {
        Queued: "queued", "en attente";
        Sending: "sending", "en cours d’envoi";
        Acknowledged: "acknowledged", "accepté";
        Refused: "refused", "refusé";
        Unconfirmed: "unconfirmed", "non confirmé";
        SetAside: "set-aside", "mis de côté";
        Open: "open", "en cours";
        HeldItem: "held", "retenu";
        Carried: "carried", "confié";
        Released { count: u64 } by count:
            "{count} will be sent by the next synchronization, whatever key central has",
            "{count} partira à la prochaine synchronisation, quelle que soit la clé du serveur central" | "{count} partiront à la prochaine synchronisation, quelle que soit la clé du serveur central";
        Known: "known", "déjà connu";
        NoItem { file: String }: "{file}: nothing in it", "{file} : rien dedans";
        Owed { owed: u64, acknowledged: u64 } by acknowledged:
            "{owed} owed, {acknowledged} acknowledged",
            "à envoyer : {owed}, {acknowledged} accepté" | "à envoyer : {owed}, {acknowledged} acceptés";
        TriedAgain { count: u64 } by count:
            "{count} will be tried again by the next synchronization",
            "{count} sera réessayé par la prochaine synchronisation" | "{count} seront réessayés par la prochaine synchronisation";
        PutAside { count: u64 }:
            "{count} set aside; `boxsync results retry ID` takes them up again",
            "{count} mis de côté ; `boxsync results retry ID` les reprend";
        InClear { bytes: String, path: String }:
            "{bytes} bytes in clear: {path}", "{bytes} octets en clair : {path}";
        ConfirmExport:
            "This writes what a candidate did in clear. Type `yes` to go on:",
            "Ceci écrit en clair ce qu’a fait un candidat. Taper `yes` pour continuer :";
        Held: "held", "présent";
        Partial: "partial", "partiel";
        Pending: "pending", "à venir";
        Damaged: "damaged", "endommagé";
        Missing: "missing", "manquant";
        Unsupported: "unsupported", "non vérifiable";
        Whole: "whole", "entier";
        DamagedMembers { count: u64 } by count:
            "damaged: {count} member" | "damaged: {count} members",
            "endommagé : {count} membre" | "endommagé : {count} membres";
        DamagedBecause { why: String }: "damaged: {why}", "endommagé : {why}";
        DamagedFound { count: u64 } by count:
            "{count} damaged: the next synchronization mends that",
            "{count} endommagé : la prochaine synchronisation y remédie" | "{count} endommagés : la prochaine synchronisation y remédie";
        NoDelivery: "the catalogue names no delivery", "le catalogue ne contient aucune épreuve";
        NoPackage: "the box holds no package", "la box ne contient aucun paquet";
    }
}

logic::sentences! {
    /// What `history` and `stats` say.
    pub(super) enum PastTerm {
        Number: "no.", "n°";
        Began: "began (UTC)", "début (UTC)";
        Took: "took", "durée";
        Received: "received", "reçu";
        End: "end", "fin";
        BeganAt { began: String }: "began {began}", "commencée le {began}";
        HiddenOf { entities: WireCounts }: "{entities} hidden", "masqué : {entities}";
        KeptOf { entities: WireCounts }: "{entities} held back", "retenu : {entities}";
        LinkOver { runs: RunCount, days: String }: "The link over {runs}, {days}", "La liaison sur {runs}, {days}";
        Days { first: String, last: String }: "{first} to {last}", "du {first} au {last}";
        Download: "download", "reçu";
        Upload: "upload", "envoyé";
        FailedRow: "failed", "échecs";
        ByHour: "by hour", "heures";
        ByDay: "by day", "jours";
        Rate { rate: Decimal }: "{rate} Mbit/s", "{rate} Mbit/s";
        NotMeasured: "not measured yet", "pas encore mesuré";
        Spread { middle: Decimal, below: Decimal, above: Decimal }:
            "{middle} Mbit/s in the middle; a tenth below {below}, a tenth above {above}",
            "{middle} Mbit/s en médiane ; un dixième sous {below}, un dixième au-dessus de {above}";
        RunsFailed { part: u64, whole: u64 }: "{part} of {whole} runs", "{part} synchronisations sur {whole}";
        PackagesFailed { part: u64, whole: u64 }: "{part} of {whole} packages", "{part} paquets sur {whole}";
        Share { text: String, percent: u64 }: "{text} ({percent}\u{a0}%)", "{text} ({percent}\u{a0}%)";
        OfflineOf { count: u64 }: ", {count} of them offline", ", dont {count} hors ligne";
        Legend { offset: String }:
            "local time is UTC{offset}; a dot: nothing was measured",
            "l’heure locale est UTC{offset} ; un point : rien n’a été mesuré";
        Night { from: String, to: String, bytes: Bytes }:
            "The coming night, {from} to {to}, carries {bytes}.",
            "La nuit prochaine, de {from} à {to}, peut transférer {bytes}.";
        NightOrSlow { from: String, to: String, bytes: Bytes, least: Bytes }:
            "The coming night, {from} to {to}, carries {bytes}, {least} when slow.",
            "La nuit prochaine, de {from} à {to}, peut transférer {bytes}, {least} si la liaison est lente.";
        UnknownSizes { count: u64 } by count:
            "{count} package of unknown size" | "{count} packages of unknown size",
            "{count} paquet de taille inconnue" | "{count} paquets de taille inconnue";
        ToComeUnknown { unknown: Box<PastTerm> }: "Still to come: {unknown}.", "Encore à venir : {unknown}.";
        ToComeBoth { left: Bytes, unknown: Box<PastTerm> }:
            "Still to come: {left} and {unknown}.", "Encore à venir : {left} et {unknown}.";
        Fits { left: Bytes }: "Still to come: {left}: that fits.", "Encore à venir : {left} ; cela suffit.";
        FitsIfFast { left: Bytes }:
            "Still to come: {left}: that fits if the night is not slow.",
            "Encore à venir : {left} ; cela suffit si la liaison n’est pas lente.";
        DoesNotFit { left: Bytes }:
            "Still to come: {left}: that does not fit into one night.",
            "Encore à venir : {left} ; une seule nuit n’y suffit pas.";
    }
}

logic::sentences! {
    /// What `clock` says.
    pub(super) enum ClockTerm {
        Accepted { moment: String, whose: ClockSource }:
            "{moment} is accepted: {whose}", "{moment} est accepté : {whose}";
        BeforeBuild:
            "it stands before the day of this boxsync's build, which is taken instead",
            "c’est avant le jour où ce boxsync a été construit, qui est pris à la place";
        CountsLater { left: Seconds }:
            "What central said counts for certificates when it has been said for {left} of running time more; `boxsync clock accept` believes it now.",
            "Ce que dit le serveur central comptera pour les certificats quand il l’aura dit pendant encore {left} de marche ; `boxsync clock accept` le croit dès maintenant.";
        Time: "time", "heure";
        Basis: "basis", "source";
        Heard:
            "from what central said, or a person, and running time",
            "ce qu’a dit le serveur central, ou une personne, et le temps de marche";
        FromSetup:
            "from the system clock when the box was set up, and running time: central was not heard over TLS",
            "l’horloge du système à l’installation de la box, et le temps de marche : le serveur central n’a pas été entendu par TLS";
        AtLeast: "at least", "au moins";
        JudgedBy { moment: String }:
            "{moment} (certificates are judged by it)", "{moment} (les certificats sont jugés à cette date)";
        CentralSays: "central says", "dit le serveur";
        CountsIn { moment: String, left: Seconds }:
            "{moment} (counts in {left})", "{moment} (comptera dans {left})";
        SystemClock: "system clock", "horloge système";
    }
}

logic::sentences! {
    /// Whose time a person accepts.
    #[derive(Copy, Eq)]
    pub(super) enum ClockSource {
        Central: "what central said last", "ce que le serveur central a dit en dernier";
        System: "the system clock", "l’horloge du système";
    }
}

logic::sentences! {
    /// What `identity` says.
    pub(super) enum IdentityTerm {
        BoxId: "box id", "identifiant";
        CopiedFrom: "copied from", "copie de";
        Copy { id: String }:
            "{id} (this machine is another one: enrol it)",
            "{id} (cette machine en est une autre : l’inscrire)";
        Synchronizations: "synchronizations", "synchronisations";
        Organisation: "organisation", "organisation";
        Version: "VM version", "version VM";
        UnknownFor { why: String }: "unknown: {why}", "inconnue : {why}";
        NotYet: "unknown before the box is enrolled", "inconnue avant l’inscription de la box";
        Enrolled: "enrolled", "inscrite";
        CentralPlain:
            "central does not encrypt: the TAO on this box must have no taoEncryption",
            "le serveur central ne chiffre pas : le TAO de cette box ne doit pas avoir taoEncryption";
        CentralEncrypts:
            "central is encrypted: the TAO on this box needs taoEncryption too (SetupEncryptedSyncResult, SetupUserSynchronizer); the results of one without it are encrypted by boxsync",
            "le serveur central chiffre : le TAO de cette box a aussi besoin de taoEncryption (SetupEncryptedSyncResult, SetupUserSynchronizer) ; boxsync chiffre les résultats d’un TAO qui ne l’a pas";
        Client: "client", "client";
        RunBoth:
            "Run these two in the folder of the TAO on this box, as its user:",
            "Exécuter ces deux commandes dans le dossier du TAO de cette box, comme son utilisateur :";
    }
}

logic::sentences! {
    /// So many synchronizations.
    pub(super) enum RunCount {
        Counted { count: u64 } by count:
            "{count} synchronization" | "{count} synchronizations",
            "{count} synchronisation" | "{count} synchronisations";
    }
}

logic::sentences! {
    /// What the verbs say that ask or act: enrolment, keys, wipe, clock, configuration, identity.
    pub(super) enum ActTerm {
        Password: "Password", "Mot de passe";
        ClientSecret: "Client secret", "Secret du client";
        HasCredentials { id: String }:
            "box {id} has credentials now, sealed",
            "la box {id} a maintenant des identifiants, scellés";
        Untried { why: String }:
            "central did not take them yet: {why}; the next synchronization shows whether it does",
            "le serveur central ne les a pas encore acceptés : {why} ; la prochaine synchronisation montrera s’il le fait";
        NoOrganisationNamed:
            "central named no organisation: set `organisation_id` in section [box] of boxsync.toml",
            "le serveur central n’a nommé aucune organisation : définir `organisation_id` dans la section [box] de boxsync.toml";
        Organisation { ids: String }: "organisation: {ids}", "organisation : {ids}";
        HasCredentialsNow: "enrolled", "inscrite";
        HasNoCredentials: "not enrolled", "non inscrite";
        OwesItems { count: u64 }: "to go home: {count}", "à envoyer : {count}";
        TypeOrganisation { id: String }:
            "its catalogue and credentials are destroyed; type {id} to go on:",
            "son catalogue et ses identifiants sont détruits ; taper {id} pour continuer :";
        OrganisationRemoved { ids: String }: "organisation {ids} is removed", "l’organisation {ids} est enlevée";
        NewKey:
            "the envelope key is new; nothing else changed",
            "la clé d’enveloppe est nouvelle ; rien d’autre n’a changé";
        SiteKey { print: String, path: String }: "site key {print} in {path}", "clé de site {print} dans {path}";
        NameSiteKey { path: String }:
            "name it in section [site] of boxsync.toml: key_file = \"{path}\"; keep a copy apart from the boxes",
            "la nommer dans la section [site] de boxsync.toml : key_file = \"{path}\" ; en garder une copie hors des box";
        WipeWarning { path: String }:
            "This destroys the key and everything below {path}.",
            "Ceci détruit la clé et tout ce qui se trouve sous {path}.";
        TypeWipe: "Type `wipe` to go on: ", "Taper `wipe` pour continuer : ";
        TypeBoxId { id: String }:
            "Type the box id `{id}` to destroy it: ",
            "Taper l’identifiant de la box `{id}` pour la détruire : ";
        NothingSat: "no exam runs: there is nothing to terminate", "aucun examen en cours : rien à terminer";
        TerminateWarning { count: u64 } by count:
            "This ends {count} execution of a candidate:" | "This ends {count} executions of candidates:",
            "Ceci met fin à {count} passation :" | "Ceci met fin à {count} passations :";
        TypeTerminate: "Type `terminate` to go on: ", "Taper `terminate` pour continuer : ";
        TypeCount { count: u64 }:
            "Type the number of executions, `{count}`, to end them: ",
            "Taper le nombre de passations, `{count}`, pour y mettre fin : ";
        Terminating { count: u64 }:
            "waiting for the delivery engines to end executions: {count}",
            "attente de la fin des passations par les moteurs d’épreuves : {count}";
        Wiped: "the key and the data are destroyed", "la clé et les données sont détruites";
        Sound: "the configuration is sound", "la configuration est bonne";
        Warning { told: String, code: String }: "warning: {told} [{code}]", "attention : {told} [{code}]";
        GatewayOff:
            "the gateway is off: set `listen` in section [gateway] of boxsync.toml",
            "la passerelle est désactivée : définir `listen` dans la section [gateway] de boxsync.toml";
    }
}

/// The word of a verdict.
pub(super) fn verdict(word: Word) -> Term {
    match word {
        Word::Ready => Term::Ready,
        Word::ReadyBut => Term::ReadyBut,
        Word::NotReady => Term::NotReady,
    }
}

/// How a run ended.
pub(super) fn outcome(outcome: Outcome) -> Term {
    match outcome {
        Outcome::Finished => Term::Finished,
        Outcome::Failed => Term::Failed,
        Outcome::Unauthorized => Term::Unauthorized,
        Outcome::Offline => Term::Offline,
        Outcome::Unsupported => Term::Unsupported,
    }
}

/// What packages wait for.
pub(super) fn hold(reason: Hold) -> HoldTerm {
    match reason {
        Hold::Window => HoldTerm::Window,
        Hold::Exam => HoldTerm::Exam,
        Hold::Pause => HoldTerm::Pause,
        Hold::Link => HoldTerm::Link,
        Hold::Disk => HoldTerm::Disk,
        Hold::Central => HoldTerm::Central,
    }
}

/// What a type is called.
pub(super) fn entity(kind: EntityType) -> NounTerm {
    match kind {
        EntityType::TestCenter => NounTerm::TestCenter,
        EntityType::Administrator => NounTerm::Administrator,
        EntityType::Proctor => NounTerm::Proctor,
        EntityType::TestTaker => NounTerm::TestTaker,
        EntityType::Eligibility => NounTerm::Eligibility,
        EntityType::Delivery => NounTerm::Delivery,
    }
}

/// More deliveries than these are told together.
const DELIVERIES: usize = 3;

/// What is being sat, a line each delivery.
pub(super) fn executions(executions: &[ExecutionCount], language: Language) -> Vec<String> {
    let each = exam::by_delivery(executions);
    if each.len() > DELIVERIES {
        let (deliveries, count) = (each.len() as u64, exam::sum(executions));
        return vec![StatusTerm::SittingAll { deliveries, count }.localized(language)];
    }
    let told = each.into_iter().map(|(delivery, count)| {
        let delivery = outside::id(delivery);
        StatusTerm::Sitting { delivery, count }.localized(language)
    });
    told.collect()
}

/// What an item is called.
pub(super) fn kind(kind: ItemKind) -> NounTerm {
    match kind {
        ItemKind::Results => NounTerm::Results,
        ItemKind::Logs => NounTerm::Logs,
        ItemKind::Sessions => NounTerm::Sessions,
        ItemKind::LtiUsers => NounTerm::LtiUsers,
    }
}

/// The state of a package, by its word in JSON.
pub(super) fn package(word: &'static str) -> ListTerm {
    match word {
        "held" => ListTerm::Held,
        "partial" => ListTerm::Partial,
        "pending" => ListTerm::Pending,
        "missing" => ListTerm::Missing,
        "unsupported" => ListTerm::Unsupported,
        _ => ListTerm::Damaged,
    }
}

/// The state of an item.
pub(super) fn item(state: ItemState) -> ListTerm {
    match state {
        ItemState::Queued => ListTerm::Queued,
        ItemState::Sending => ListTerm::Sending,
        ItemState::Acknowledged => ListTerm::Acknowledged,
        ItemState::Refused => ListTerm::Refused,
        ItemState::Unconfirmed => ListTerm::Unconfirmed,
        ItemState::SetAside => ListTerm::SetAside,
        ItemState::Open => ListTerm::Open,
        ItemState::Held => ListTerm::HeldItem,
        ItemState::Carried => ListTerm::Carried,
    }
}

/// Items by kind, in one row; those of results alone as a number, where the row says what they are.
pub(super) fn items(kinds: &[KindCount], language: Language) -> String {
    let each: Vec<String> = kinds.iter().map(|kind| kind.localized(language)).collect();
    each.join(", ")
}
