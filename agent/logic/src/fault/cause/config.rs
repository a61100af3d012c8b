//! What is wrong with the configuration: the key, where it stands, and what was expected.
//! Never a secret that stands there by mistake.
//! Called by `settings` and whatever reads a file that the configuration names.

use super::Cause;
use super::answer::Says;
use super::argument::sentences;
use super::os::OsCause;
use super::setting::{ConfigFlaw, ConfigFlaws, SettingForm};

sentences! {
    /// Of the configuration.
    ConfigCause {
        Wrong { flaws: ConfigFlaws } => "{flaws}", "{flaws}";
        WrongInShort { first: Box<ConfigFlaw>, more: usize } => "{first} (and {more} more)", "{first} (et {more} de plus)";
        NoUrl =>
            "no central server is configured: expected url in [central] of etc/boxsync/boxsync.toml or BOXSYNC_CENTRAL_URL, for example url = \"https://central.example/\"",
            "aucun serveur central n’est configuré : url est attendu dans [central] de etc/boxsync/boxsync.toml ou BOXSYNC_CENTRAL_URL, par exemple url = \"https://central.example/\"";
        NoneInForce => "no configuration is in force", "aucune configuration n’est en vigueur";
        PlainHttp { place: Option<FoundAt>, url: String } =>
            "url in [central]{place}: {url} is plain http: password, results and exams can be read on the way; expected https://",
            "url dans [central]{place} : {url} est en http simple : le mot de passe, les résultats et les examens peuvent être lus en chemin ; https:// est attendu";
        Unreadable { path: String, why: OsCause } => "{path}: cannot be read: {why}", "{path} : illisible : {why}";
        NoSecret { path: String } => "{path}: is empty; expected a secret in its first line",
            "{path} : vide ; un secret est attendu dans sa première ligne";
        Proxy { name: String, expected: SettingForm } => "{name}: expected {expected}", "{name} : attendu : {expected}";
        Metrics { why: Box<Cause> } => "the metrics cannot be written: {why}",
            "les métriques ne peuvent pas être écrites : {why}";
        Push { place: String, why: Box<Cause> } => "the figures cannot be pushed to {place}: {why}",
            "les mesures ne peuvent pas être envoyées à {place} : {why}";
        PushRefused { status: u16, says: Option<Says> } => "the Pushgateway does not take them (status {status}){says}",
            "la Pushgateway ne les prend pas (statut {status}){says}";
        PushLate { seconds: u64 } => "nothing came of it within {seconds} s", "rien n’en est venu en {seconds} s";
        PushLogin { path: String } => "{path}: expected `user:password` in its first line",
            "{path} : `utilisateur:mot de passe` est attendu dans sa première ligne";
        NoUpdateSource => "no source of images is configured: expected source in [update]",
            "aucune source d’images n’est configurée : source est attendu dans [update]";
        NoManifest { place: String, status: u16 } => "{place} has no SHA256SUMS (status {status})",
            "{place} n’a pas de SHA256SUMS (statut {status})";
        NoImage { place: String, status: u16 } => "{place} is not there (status {status})", "{place} n’est pas là (statut {status})";
        ImageUnlisted { name: String } => "SHA256SUMS names no root and boot entry of {name}",
            "SHA256SUMS ne nomme pas de racine et d’entrée de démarrage de {name}";
        ImageDamaged { name: String } => "{name} is not what SHA256SUMS names: it is fetched again",
            "{name} n’est pas ce que nomme SHA256SUMS : il est récupéré à nouveau";
        ImageNoRoom { name: String } => "there is no room for {name} beside [download] reserve",
            "il n’y a pas de place pour {name} à côté de [download] reserve";
        NotInstalled { act: String, status: String } => "{act} ended with status {status}", "{act} a fini avec le statut {status}";
        NoInstaller { why: OsCause } => "nothing can be started that installs: {why}", "rien ne peut être lancé pour installer : {why}";
        ImageFailed { versions: String } => "did not come up: {versions}", "pas démarrée : {versions}";
        ImageWaits { version: String, days: u64 } => "{version} has waited for {days} days", "{version} attend depuis {days} jours";
        NoSecondPlace { slots: u64 } => "places for images: {slots}, expected 2, and systemd-sysupdate",
            "emplacements d’images : {slots}, attendus : 2, et systemd-sysupdate";
        GatewayListen { at: String, why: OsCause } =>
            "the gateway cannot listen on {at} (`listen` in section [gateway]): {why}; it is tried again by itself",
            "la passerelle ne peut pas écouter sur {at} (`listen` dans la section [gateway]) : {why} ; cela est réessayé de soi-même";
        GatewayAddress { why: OsCause } => "the gateway's listener has no address: {why}",
            "l’écoute de la passerelle n’a pas d’adresse : {why}";
        PageListen { at: String, why: OsCause } => "the status page cannot listen on {at}: {why}",
            "la page d’état ne peut pas écouter sur {at} : {why}";
        OtherOrganisation { held: String, own: String } =>
            "the box holds the catalogue of organisation {held}, but is configured for {own}: if that is meant, send what it owes with the organisation before, then run `boxsync wipe`",
            "la box contient le catalogue de l’organisation {held}, mais est configurée pour {own} : si c’est voulu, envoyer ce qu’elle doit avec l’organisation d’avant, puis exécuter `boxsync wipe`";
    }
}

sentences! {
    /// Where a value comes from.
    FoundAt {
        At { place: String } => " ({place})", " ({place})";
    }
}

impl ConfigCause {
    /// Each mistake alone.
    pub fn each(cause: Cause) -> Vec<Cause> {
        let alone = |flaw| {
            let flaws = ConfigFlaws(vec![flaw]);
            Self::Wrong { flaws }.into()
        };
        match cause {
            Cause::Config(Self::Wrong { flaws }) => flaws.0.into_iter().map(alone).collect(),
            other => vec![other],
        }
    }

    /// In one line: the first mistake, and how many more there are.
    pub fn in_short(cause: Cause) -> Cause {
        match cause {
            Cause::Config(Self::Wrong {
                flaws: ConfigFlaws(mut flaws),
            }) if flaws.len() > 1 => {
                let more = flaws.len() - 1;
                let first = Box::new(flaws.swap_remove(0));
                Self::WrongInShort { first, more }.into()
            }
            other => other,
        }
    }
}
