//! The page's own words in its two languages.
//! Never holds what boxsync says elsewhere: that is translated by `phrase`.
//! Called by `render`.

use logic::health::{CheckStatus, Word};
use logic::language::Language;
use logic::words::Outcome;

/// The words in a language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::French => &FRENCH,
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $french:literal;)*) => {
        /// Every word of the page; a word without its translation does not compile.
        #[derive(Debug)]
        pub(super) struct Words { $(pub(super) $name: &'static str,)* }
        const ENGLISH: Words = Words { $($name: $english,)* };
        const FRENCH: Words = Words { $($name: $french,)* };
        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $french),)*];
    };
}

words! {
    title: "Status of the box", "État de la box";
    skip: "Skip to the verdict", "Aller au verdict";
    box_id: "Box", "Box";
    question: "Ready for the exam?", "Prête pour l’examen\u{a0}?";
    ready: "READY", "PRÊTE";
    ready_but: "READY, BUT …", "PRÊTE, MAIS …";
    not_ready: "NOT READY", "PAS PRÊTE";
    looking: "The box is being looked at …", "Examen de la box en cours …";
    of_organisation: "Organisation {1}: {2}", "Organisation {1}\u{a0}: {2}";
    to_do: "What to do", "Que faire";
    let_it_run: "A synchronization is running: let it finish.", "Une synchronisation est en cours\u{a0}: la laisser aboutir.";
    more: "More on the box:", "En savoir plus, sur la box\u{a0}:";
    now: "Right now", "En ce moment";
    idle: "No synchronization is running.", "Aucune synchronisation en cours.";
    next: "The next one begins in {}.", "La prochaine commence dans {}.";
    packages_wait: "Packages wait for: {}.", "Les paquets attendent\u{a0}: {}.";
    running: "A synchronization is running", "Synchronisation en cours";
    waits: "waiting: {}", "en attente\u{a0}: {}";
    progress: "Progress of the package under way", "Progression du paquet en cours";
    package_done: "Package under way: {1} of {2}.", "Paquet en cours\u{a0}: {1} sur {2}.";
    packages_done: "Packages of this run: {1} of {2}.", "Paquets de cette synchronisation\u{a0}: {1} sur {2}.";
    compared: "Entities compared: {}.", "Entités comparées\u{a0}: {}.";
    holdings: "What the box holds", "Contenu de la box";
    held: "{1} of {2} packages held", "Paquets présents\u{a0}: {1} sur {2}";
    held_bar: "Packages held", "Paquets présents";
    damaged: "damaged: {}", "endommagés\u{a0}: {}";
    left: "{} left", "reste {}";
    unknown: "not begun: {}", "non commencés\u{a0}: {}";
    ready_at: "ready at {}", "prêts le {}";
    renewal: "new image", "nouvelle image";
    renewed: "{1}: the box will be renewed on {2}", "{1} : la box sera renouvelée le {2}";
    renewal_waits: "{}: waits", "{} : en attente";
    minutes: "about {1} at {2}/s", "environ {1} à {2}/s";
    details: "Details of the box", "Détails de la box";
    orders: "Downloads, as ordered", "Téléchargements, comme demandé";
    paused: "paused for {}", "en pause pendant {}";
    at_most: "at most {}/s", "au plus {}/s";
    unlimited: "at any rate", "sans limite de débit";
    first: "first {}", "d’abord {}";
    awaited: "Packages on their way", "Paquets en route";
    packages: "Test packages", "Paquets de tests";
    catalogue: "Catalogue", "Catalogue";
    organisation: "organisation {1}, complete {2}", "organisation {1}, complet le {2}";
    from_stick: "from a stick of box {1}, exported {2}", "d’un support de la box {1}, exporté le {2}";
    never: "never", "jamais";
    never_complete: "never complete", "jamais complet";
    entities: "Entities", "Entités";
    held_back: "No longer named by central, but kept", "Plus nommées par le serveur central, mais conservées";
    hidden: "No longer named by central, hidden", "Plus nommées par le serveur central, masquées";
    hidden_run: "Hidden by type", "Masquées, par type";
    held_back_run: "Kept by type", "Conservées, par type";
    sitting: "Executions under way", "Passations en cours";
    deferred: "Waits for the end of the exam", "Attend la fin de l’examen";
    changes: "changes: {}", "modifications\u{a0}: {}";
    owed: "Results to send", "Résultats à envoyer";
    owed_none: "none", "aucun";
    queued: "{} waiting", "{} en attente";
    queued_logs: "logs waiting: {}", "journaux en attente\u{a0}: {}";
    queued_sessions: "test sessions waiting: {}", "sessions de test en attente\u{a0}: {}";
    queued_users: "LTI users waiting: {}", "utilisateurs LTI en attente\u{a0}: {}";
    owed_lost: "{} lost", "perdus\u{a0}: {}";
    refused: "{} refused", "refusés\u{a0}: {}";
    unconfirmed: "{} unconfirmed", "non confirmés\u{a0}: {}";
    carried: "{1} handed over, the first {2}", "confiés\u{a0}: {1}, le premier {2}";
    copies: "Second copies", "Secondes copies";
    copied: "{1} of {2} copied", "{1} sur {2} copiés";
    copied_since: "{1} of {2} copied, the oldest of the others came {3}", "{1} sur {2} copiés, le plus ancien des autres est arrivé {3}";
    not_known: "not known yet", "pas encore connu";
    contact: "Last contact with central", "Dernier contact avec le serveur central";
    version: "VM version", "Version de la VM";
    supported: "supported by central", "acceptée par le serveur central";
    unsupported: "not supported by central", "non acceptée par le serveur central";
    unasked: "central was not asked yet", "le serveur central n’a pas encore été interrogé";
    disk: "Disk", "Disque";
    disk_free: "{1} free, {2} kept for results", "{1} libres, dont {2} réservés aux résultats";
    enrolled: "Enrolled at central", "Inscrite au serveur central";
    yes: "yes", "oui";
    no: "no", "non";
    link: "The link", "La liaison";
    link_none: "No synchronization has measured the link yet.", "Aucune synchronisation n’a encore mesuré la liaison.";
    link_words: "Download rate: {1} Mbit/s in the middle; one in ten below {2}, one in ten above {3}.",
        "Débit descendant\u{a0}: {1} Mbit/s en médiane\u{a0}; un sur dix sous {2}, un sur dix au-dessus de {3}.";
    link_failed: "{1} of {2} synchronizations did not finish, {3} of them without reaching central.",
        "Synchronisations non abouties\u{a0}: {1} sur {2}, dont {3} sans joindre le serveur central.";
    link_night: "The coming night carries about {}.", "La nuit prochaine peut transférer environ {}.";
    link_night_slow: "The coming night carries about {1} ({2} when slow).", "La nuit prochaine peut transférer environ {1} ({2} si la liaison est lente).";
    chart: "Download rate of each day, in Mbit/s, over the last 14 days", "Débit descendant de chaque jour, en Mbit/s, sur les 14 derniers jours";
    chart_failed: "✕ a day on which a synchronization did not finish", "✕ jour où une synchronisation n’a pas abouti";
    chart_table: "The same as a table", "Les mêmes données en tableau";
    day: "Day", "Jour";
    rate: "Mbit/s", "Mbit/s";
    runs: "Synchronizations", "Synchronisations";
    unfinished: "Not finished", "Non abouties";
    history: "Past synchronizations", "Synchronisations passées";
    history_none: "None yet.", "Aucune pour l’instant.";
    history_more: "Only the newest are shown; all of them: ", "Seules les plus récentes sont affichées\u{a0}; pour toutes\u{a0}: ";
    run: "No. {}", "N° {}";
    finished: "finished", "terminée";
    failed: "failed", "échouée";
    unauthorized: "refused by central", "refusée par le serveur central";
    offline: "central not reached", "serveur central injoignable";
    unsupported_run: "VM version not supported", "version de la VM non acceptée";
    report: "Report of synchronization no. {}", "Rapport de la synchronisation n° {}";
    began: "Began", "Début";
    lasted: "Lasted", "Durée";
    entities_run: "Entities", "Entités";
    entity_counts: "{1} new, {2} changed, {3} removed, {4} kept though not named, {5} failed",
        "{1} nouvelles, {2} modifiées, {3} supprimées, {4} conservées bien que non nommées, {5} en échec";
    package_counts: "{1} brought, {2} held before, {3} missing", "{1} reçus, {2} déjà présents, {3} manquants";
    traffic: "Traffic", "Trafic";
    received: "{1} received, {2} sent", "{1} reçus, {2} envoyés";
    link_rate: "{1} Mbit/s down, {2} Mbit/s up", "{1} Mbit/s descendant, {2} Mbit/s montant";
    results_run: "Results", "Résultats";
    results_counts: "{1} accepted, {2} refused, {3} unconfirmed, {4} waiting", "{1} acceptés, {2} refusés, {3} non confirmés, {4} en attente";
    went_wrong: "What went wrong", "Ce qui n’a pas fonctionné";
    doctor: "What doctor finds on the box", "Ce que doctor constate sur la box";
    doctor_note: "Without the network; for all checks: ", "Sans le réseau\u{a0}; pour tous les contrôles\u{a0}: ";
    check: "Check", "Contrôle";
    result: "Result", "Résultat";
    seen: "What was seen", "Constat";
    pass: "sound", "bon";
    skipped: "not made", "non fait";
    warn: "look", "à voir";
    fail: "broken", "en panne";
    all_well: "Nothing is wrong.", "Rien à signaler.";
    others: "All checks", "Tous les contrôles";
    ago: "{} ago", "il y a {}";
    ahead: "by a clock that was ahead of now", "selon une horloge en avance";
    lost: "This page has lost the box: what it shows is old.", "Cette page n’atteint plus la box\u{a0}: ce qu’elle affiche est ancien.";
    foot: "Read-only page of boxsync {}. It names nobody and holds no secret.", "Page en lecture seule de boxsync {}. Elle ne nomme personne et ne contient aucun secret.";
}

impl Words {
    pub(super) fn verdict(&self, word: Word) -> &'static str {
        match word {
            Word::Ready => self.ready,
            Word::ReadyBut => self.ready_but,
            Word::NotReady => self.not_ready,
        }
    }

    pub(super) fn outcome(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Finished => self.finished,
            Outcome::Failed => self.failed,
            Outcome::Unauthorized => self.unauthorized,
            Outcome::Offline => self.offline,
            Outcome::Unsupported => self.unsupported_run,
        }
    }

    pub(super) fn status(&self, status: CheckStatus) -> &'static str {
        match status {
            CheckStatus::Pass => self.pass,
            CheckStatus::Skip => self.skipped,
            CheckStatus::Warn => self.warn,
            CheckStatus::Fail => self.fail,
        }
    }
}

/// Puts values where `{}`, `{1}`, `{2}` … stand.
pub(super) fn put(text: &str, values: &[&str]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (slot, after) = after.split_once('}').unwrap_or((after, ""));
        let number = slot.parse::<usize>().unwrap_or(1).saturating_sub(1);
        out.push_str(values.get(number).copied().unwrap_or_default());
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_word_with_the_same_values() {
        let slots = |text: &str| {
            let mut slots: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()))
                .collect();
            slots.sort();
            slots
        };
        for (name, english, french) in PAIRS {
            assert!(!english.is_empty() && !french.is_empty(), "{name}");
            assert_eq!(slots(english), slots(french), "{name}");
        }
        assert!(PAIRS.len() > 80);
    }

    #[test]
    fn values_stand_where_they_are_named() {
        assert_eq!(put("{2} of {1}{}", &["a", "b"]), "b of aa");
    }
}
