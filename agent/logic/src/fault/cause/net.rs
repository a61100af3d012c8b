//! What can fail between the box and central: names, connections, proxies, what comes in place of an answer.
//! Never what an answer of central means: that is `answer`'s; nor TLS: that is `tls`'s.
//! Called by `uplink`.

use serde_json::Value as Json;

use super::Cause;
use super::argument::{Argument, Quote, sentences};
use super::os::OsCause;
use crate::resolver::LookupFailure;

sentences! {
    /// On the way to central.
    NetCause {
        NoAddress { host: String, why: LookupFailure } => "the name {host} has no address: {why}",
            "le nom {host} n’a pas d’adresse : {why}";
        Refused { place: String } => "{place} refused the connection", "{place} a refusé la connexion";
        Unreachable { place: String, why: OsCause } => "{place} cannot be reached: {why}",
            "{place} est injoignable : {why}";
        ConnectTimeout { place: String, seconds: u64 } => "{place} did not accept a connection within {seconds} s",
            "{place} n’a pas accepté de connexion en {seconds} s";
        NotSpoken { place: String } => "{place} cannot be spoken to", "impossible de parler à {place}";
        ClosedBefore { place: String, request: String } => "{place} closed the connection before {request} was sent",
            "{place} a fermé la connexion avant l’envoi de {request}";
        ResponseTimeout { place: String, request: String, seconds: u64 } =>
            "{place} did not answer {request} within {seconds} s",
            "{place} n’a pas répondu à {request} en {seconds} s";
        ResponseTimeoutProxy { place: String, proxy: String, request: String, seconds: u64 } =>
            "{place} (through the proxy {proxy}) did not answer {request} within {seconds} s",
            "{place} (par le proxy {proxy}) n’a pas répondu à {request} en {seconds} s";
        HeadTooLarge { place: String, kibibytes: usize, fields: usize } =>
            "the header of {place}'s answer is longer than {kibibytes} KiB or has more than {fields} fields",
            "l’en-tête de la réponse de {place} dépasse {kibibytes} Kio ou {fields} champs";
        HeadUnsound { place: String } => "{place} answered with a header that is not sound HTTP",
            "{place} a répondu avec un en-tête qui n’est pas du HTTP correct";
        NotHttp { place: String } => "{place} answered something that is not HTTP",
            "{place} a répondu autre chose que du HTTP";
        CutInHead { place: String } => "the connection to {place} was cut in the head of the answer",
            "la connexion à {place} a été coupée dans l’en-tête de la réponse";
        NoAnswer { place: String, ending: ConnectionEnd } => "{place} {ending} without an answer",
            "{place} {ending} sans répondre";
        BrokenFraming { place: String, bytes: u64 } => "{place} broke the framing of its answer after {bytes} bytes",
            "{place} a rompu le découpage de sa réponse après {bytes} octets";
        Cut { place: String, ending: ConnectionEnd, bytes: u64 } => "{place} {ending} after {bytes} bytes of content",
            "{place} {ending} après {bytes} octets de contenu";
        Stalled { place: String, pace: u64, seconds: u64, bytes: u64, request: String } =>
            "{place} sent fewer than {pace} bytes in {seconds} s, after {bytes} bytes of its answer to {request}",
            "{place} a envoyé moins de {pace} octets en {seconds} s, après {bytes} octets de sa réponse à {request}";
        TooLarge { request: String, limit: usize } => "central's answer to {request} is longer than {limit} bytes",
            "la réponse du serveur central à {request} dépasse {limit} octets";
        Garbled { request: String } => "central's answer to {request} came as damaged gzip",
            "la réponse du serveur central à {request} est arrivée en gzip abîmé";
        Compressed { request: String, coding: Quote } =>
            "the answer to {request} came as {coding}, which was not asked for: a proxy or the web server compresses it",
            "la réponse à {request} est arrivée en {coding}, ce qui n’était pas demandé : un proxy ou le serveur web la compresse";
        ProxyUnreachable { why: Box<Cause> } => "the proxy cannot be reached: {why}", "le proxy est injoignable : {why}";
        ProxyTimeout { proxy: String, target: String, seconds: u64 } =>
            "the proxy {proxy} did not open a way to {target} within {seconds} s",
            "le proxy {proxy} n’a pas ouvert de voie vers {target} en {seconds} s";
        ProxyClosed { proxy: String } => "the proxy {proxy} closed the connection", "le proxy {proxy} a fermé la connexion";
        ProxyNoProxy { proxy: String } => "the proxy {proxy} did not answer CONNECT as a proxy does",
            "le proxy {proxy} n’a pas répondu à CONNECT comme un proxy le fait";
        ProxyRefused { proxy: String, target: String, status: u16 } =>
            "the proxy {proxy} opened no way to {target} (status {status})",
            "le proxy {proxy} n’a pas ouvert de voie vers {target} (statut {status})";
        ProxyLogin { proxy: String } =>
            "the proxy {proxy} wants a user and a password that it accepts (status 407): [central] proxy and proxy_password_file",
            "le proxy {proxy} demande un utilisateur et un mot de passe qu’il accepte (statut 407) : [central] proxy et proxy_password_file";
        ProxyScheme { proxy: String, schemes: Vec<Scheme> } =>
            "the proxy {proxy} lets in with {schemes} alone (status 407), which boxsync does not speak: Basic is expected",
            "le proxy {proxy} n’accepte que {schemes} (statut 407), que boxsync ne connaît pas : Basic est attendu";
        ProxyHttps => "[central] proxy: expected a proxy that is spoken to in http://",
            "[central] proxy : un proxy joint en http:// est attendu";
        BoxIdNotAscii => "[box] id: expected printable ASCII", "[box] id : de l’ASCII imprimable est attendu";
        RequestUnmade { request: String } => "the address of {request} cannot be asked for",
            "l’adresse de {request} ne peut pas être demandée";
        GivenUp { why: Box<Cause>, seconds: u64 } => "{why}; given up after {seconds} seconds",
            "{why} ; abandonné après {seconds} secondes";
        GivenUpWaiting { seconds: u64, request: String } =>
            "central did not answer within {seconds} seconds: the run waited for its {request}",
            "le serveur central n’a pas répondu en {seconds} secondes : la synchronisation attendait {request}";
        GivenUpOwed { seconds: u64 } =>
            "central did not answer within {seconds} seconds: the run waited for its word on what is owed",
            "le serveur central n’a pas répondu en {seconds} secondes : la synchronisation attendait de savoir ce qu’il a reçu";
    }
}

sentences! {
    /// How a connection ended.
    ConnectionEnd {
        Reset => "reset the connection", "a rompu la connexion";
        Silent => "stopped acknowledging", "a cessé d’accuser réception";
        Closed => "closed the connection", "a fermé la connexion";
    }
}

sentences! {
    /// A way to log in at a proxy (RFC 9110 16.4.1).
    Scheme {
        Named { name: String } => "{name}", "{name}";
        Unknown => "a scheme of another name", "une méthode d’un autre nom";
    }
}

/// Its number in a sentence: what a resolver says is a value already.
impl Argument for LookupFailure {
    fn en(&self) -> String {
        self.to_string()
    }

    fn fr(&self) -> String {
        match self {
            Self::NotAName => "ce n’est pas un nom d’hôte".into(),
            Self::Unreachable => "aucun serveur de noms n’est joignable".into(),
            Self::Silent => "aucun serveur de noms n’a répondu à temps".into(),
            Self::NoName => "le serveur de noms dit que ce nom n’existe pas".into(),
            Self::NoAddress => "le nom existe, mais sans adresse".into(),
            Self::Refused(1) => "le serveur de noms répond FORMERR".into(),
            Self::Refused(2) => "le serveur de noms répond SERVFAIL".into(),
            Self::Refused(4) => "le serveur de noms répond NOTIMP".into(),
            Self::Refused(5) => "le serveur de noms répond REFUSED".into(),
            Self::Refused(code) => format!("le serveur de noms répond l’erreur {code}"),
        }
    }

    fn value(&self) -> Json {
        match self {
            Self::NotAName => Json::from("NotAName"),
            Self::Unreachable => Json::from("Unreachable"),
            Self::Silent => Json::from("Silent"),
            Self::NoName => Json::from("NoName"),
            Self::NoAddress => Json::from("NoAddress"),
            Self::Refused(code) => Json::from(*code),
        }
    }

    fn read(value: &Json) -> Option<Self> {
        match value.as_str() {
            Some("NotAName") => Some(Self::NotAName),
            Some("Unreachable") => Some(Self::Unreachable),
            Some("Silent") => Some(Self::Silent),
            Some("NoName") => Some(Self::NoName),
            Some("NoAddress") => Some(Self::NoAddress),
            Some(_) => None,
            None => u8::read(value).map(Self::Refused),
        }
    }
}
