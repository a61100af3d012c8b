//! What is wrong in the files of the configuration and its environment: the place, the key, what is expected there.
//! Never a value that may be a secret.
//! Called by `settings`.

use std::fmt;

use super::argument::{Argument, LibraryWords, sentences};

sentences! {
    /// One mistake.
    ConfigFlaw {
        Syntax { place: SettingPlace, message: LibraryWords } => "{place}: not TOML: {message}",
            "{place} : ce n’est pas du TOML : {message}";
        Secret { place: SettingPlace, name: String, within: Option<InSection> } =>
            "{place}: {name}{within}: a secret does not belong here. Remove it, then use `boxsync enroll --password-file` or `boxsync credentials import --secret-file`, a systemd credential, or for a proxy [central] proxy_password_file",
            "{place} : {name}{within} : un secret n’a pas sa place ici. Le retirer, puis utiliser `boxsync enroll --password-file` ou `boxsync credentials import --secret-file`, un « credential » de systemd, ou pour un proxy [central] proxy_password_file";
        UnknownKey { place: SettingPlace, name: String, section: String, near: String, within: Option<InSection> } =>
            "{place}: unknown key {name} in [{section}]; the nearest known key is {near}{within}",
            "{place} : clé inconnue {name} dans [{section}] ; la clé connue la plus proche est {near}{within}";
        KeyOfUnknownSection { place: SettingPlace, section: String, name: String, near: String, within: InSection } =>
            "{place}: unknown section [{section}] with key {name}; the nearest known key is {near}{within}",
            "{place} : section inconnue [{section}] avec la clé {name} ; la clé connue la plus proche est {near}{within}";
        UnknownSection { place: SettingPlace, section: String, near: String } =>
            "{place}: unknown section [{section}]; the nearest known one is [{near}]",
            "{place} : section inconnue [{section}] ; la plus proche est [{near}]";
        WithoutSection { place: SettingPlace, name: String, near: String, within: InSection } =>
            "{place}: unknown key {name} outside of a section; the nearest known key is {near}{within}",
            "{place} : clé inconnue {name} hors d’une section ; la clé connue la plus proche est {near}{within}";
        NotASection { place: SettingPlace, section: String, found: FoundSetting } =>
            "{place}: {section} is a section: expected a line [{section}] and its keys below it, got {found}",
            "{place} : {section} est une section : une ligne [{section}] et ses clés en dessous sont attendues, trouvé : {found}";
        UnknownVariable { name: String, near: String } =>
            "environment: unknown variable {name}; the nearest known one is {near}",
            "environnement : variable inconnue {name} ; la plus proche est {near}";
        Value { place: SettingPlace, section: String, key: String, expected: SettingForm, found: FoundSetting, example: String } =>
            "{place}: [{section}] {key}: expected {expected}, got {found}; for example {key} = {example}",
            "{place} : [{section}] {key} : attendu : {expected} ; trouvé : {found} ; par exemple {key} = {example}";
    }
}

sentences! {
    /// Where a mistake stands.
    SettingPlace {
        Line { file: String, line: usize } => "{file}:{line}", "{file}:{line}";
        Environment => "environment", "environnement";
        Variable { name: String } => "environment {name}", "environnement {name}";
    }
}

sentences! {
    /// The section of a key.
    InSection {
        Of { section: String } => " in [{section}]", " dans [{section}]";
    }
}

sentences! {
    /// What stands there instead; short, and nothing that could hold a password.
    FoundSetting {
        Toml { value: String } => "{value}", "{value}";
        Unrepeated => "a text that is not repeated here", "un texte qui n’est pas répété ici";
        LongText { length: usize } => "a text of {length} characters", "un texte de {length} caractères";
        List { items: usize } => "a list of {items}", "une liste de {items}";
        TooLarge => "a number too large", "un nombre trop grand";
        NoNumber => "no number", "pas un nombre";
        Date => "a date or time without quotes", "une date ou une heure sans guillemets";
        Table => "a table", "une table";
    }
}

sentences! {
    /// What is expected of a value.
    SettingForm {
        Flag => "true or false, without quotes", "true ou false, sans guillemets";
        Whole { least: i64, most: i64 } => "a whole number from {least} to {most}, without quotes",
            "un nombre entier de {least} à {most}, sans guillemets";
        Number { least: String, most: String } => "a number from {least} to {most}, without quotes",
            "un nombre de {least} à {most}, sans guillemets";
        Quoted => "a text in quotes", "un texte entre guillemets";
        Size { within: Option<SizeBounds> } =>
            "a size{within}: whole bytes, or a whole number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB",
            "une taille{within} : des octets entiers, ou un nombre entier avec B, kB, MB, GB, TB, KiB, MiB, GiB ou TiB";
        Time { least: String, most: String } =>
            "a time from {least} to {most}: seconds, or whole numbers with d, h, m, s in this order",
            "une durée de {least} à {most} : des secondes, ou des nombres entiers avec d, h, m, s dans cet ordre";
        Span => "seconds, or whole numbers with d, h, m, s in this order",
            "des secondes, ou des nombres entiers avec d, h, m, s dans cet ordre";
        NumberInQuotes => "a text: put the number into quotes", "un texte : mettre le nombre entre guillemets";
        Label { most: usize } => "a text of at most {most} characters, in quotes",
            "un texte de {most} caractères au plus, entre guillemets";
        BoxId => "a box id of visible ASCII characters without blanks",
            "un identifiant de box en caractères ASCII visibles, sans espaces";
        Path => "the absolute path of a file, in quotes", "le chemin absolu d’un fichier, entre guillemets";
        PromFile => "the absolute path of a file that ends in .prom, in quotes",
            "le chemin absolu d’un fichier qui finit en .prom, entre guillemets";
        Push => "an https:// URL that ends in the name of a job, such as https://push.example/metrics/job/boxsync; http:// only to this machine",
            "une URL https:// qui finit par le nom d’une tâche, comme https://push.example/metrics/job/boxsync ; http:// seulement vers cette machine";
        Each { form: Box<SettingForm> } => "a list in which each is {form}", "une liste dont chaque élément est : {form}";
        List => "a list in square brackets", "une liste entre crochets";
        OneOf { words: String } => "one of {words}", "l’un de {words}";
        Listen => "an IP address and a port, or a port", "une adresse IP et un port, ou un port";
        Peer => "a host and a port, as in \"box-2:7382\"", "un hôte et un port, comme « box-2:7382 »";
        Account => "a number or a name", "un numéro ou un nom";
        Principal => "a user, or a group with @ before it, by number or name",
            "un utilisateur, ou un groupe précédé de @, par numéro ou par nom";
        Window => "a day or a range of days and two times, or two times for every day (to 24:00 at most)",
            "un jour ou une plage de jours et deux heures, ou deux heures pour tous les jours (24:00 au plus)";
        Offset => "an offset from UTC between -14:00 and +14:00", "un décalage par rapport à UTC entre -14:00 et +14:00";
        Url => "a URL that begins with https:// or http://", "une URL qui commence par https:// ou http://";
        UrlUntil { mark: String } => "a URL without \"{mark}\" and what follows it", "une URL sans « {mark} » ni ce qui le suit";
        UrlWithoutUser => "a URL without user name and password", "une URL sans nom d’utilisateur ni mot de passe";
        Bracket => "a \"]\" after the address", "un « ] » après l’adresse";
        Ipv6 => "an IPv6 address between the brackets", "une adresse IPv6 entre les crochets";
        Port => "a port between 1 and 65535 after the host (an IPv6 address in brackets)",
            "un port entre 1 et 65535 après l’hôte (une adresse IPv6 entre crochets)";
        Host => "a host name after \"://\"", "un nom d’hôte après « :// »";
        AsciiHost => "a host name in its ASCII form (xn--…)", "un nom d’hôte dans sa forme ASCII (xn--…)";
        HostCharacters => "a host name of letters, digits, dots and hyphens",
            "un nom d’hôte de lettres, chiffres, points et traits d’union";
        Ipv4 => "an IPv4 address of four numbers up to 255, or a host name",
            "une adresse IPv4 de quatre nombres jusqu’à 255, ou un nom d’hôte";
        PathCharacters => "a path of letters, digits and URL punctuation, others percent-encoded",
            "un chemin de lettres, chiffres et ponctuation d’URL, le reste encodé avec %";
        PathSegments => "a path without \"//\", \".\" and \"..\"", "un chemin sans « // », « . » ni « .. »";
        ProxyWithoutPassword =>
            "a proxy URL without a password: write the password into a file and name it in [central] proxy_password_file",
            "une URL de proxy sans mot de passe : écrire le mot de passe dans un fichier et le nommer dans [central] proxy_password_file";
        Utf8User => "a user name in UTF-8", "un nom d’utilisateur en UTF-8";
        UserCharacters => "a user name without colon or control character",
            "un nom d’utilisateur sans deux-points ni caractère de contrôle";
        ProxyWithoutPath => "a proxy URL without a path", "une URL de proxy sans chemin";
    }
}

impl fmt::Display for SettingForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

sentences! {
    /// Bounds of a size.
    SizeBounds {
        From { least: String, most: String } => " from {least} to {most}", " de {least} à {most}";
    }
}

/// Every mistake, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFlaws(pub(crate) Vec<ConfigFlaw>);

impl ConfigFlaws {
    fn lines(&self, line: impl Fn(&ConfigFlaw) -> String) -> String {
        let lines: Vec<_> = self.0.iter().map(line).collect();
        lines.join("\n")
    }
}

impl Argument for ConfigFlaws {
    fn en(&self) -> String {
        self.lines(Argument::en)
    }

    fn fr(&self) -> String {
        self.lines(Argument::fr)
    }

    fn value(&self) -> serde_json::Value {
        self.0.value()
    }

    fn read(value: &serde_json::Value) -> Option<Self> {
        Argument::read(value).map(Self)
    }
}
