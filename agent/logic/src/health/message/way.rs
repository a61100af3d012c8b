//! What is said of the way to central below TLS.
//! Never a judgement.
//! Made by `way`.

use std::net::IpAddr;

use super::Names;
use crate::language::{Language, Localized, typeset};
use crate::resolver::LookupFailure;

crate::sentences! {
    /// What was seen on the way. `place` is `host:port`, with the word for a proxy before it where it is one.
    pub enum WayMessage {
        NoGateway:
            "the route leads through no gateway, or none is known",
            "la route ne passe par aucune passerelle, ou aucune n’est connue";
        AddressUsable { ip: IpAddr }: "{ip}, with a way out", "{ip}, avec une issue";
        NoRouteFrom { ip: IpAddr }:
            "the box has the address {ip}, but no route leads out of it",
            "la box a l’adresse {ip}, mais aucune route n’en sort";
        OwnMaking { ip: IpAddr }:
            "{ip} is an address that the box gave itself",
            "{ip} est une adresse que la box s’est donnée elle-même";
        NoAddressAnywhere: "no interface has an address", "aucune interface n’a d’adresse";
        NoAddressOn { interfaces: Names }: "no address: {interfaces}", "pas d’adresse : {interfaces}";
        Accepts { place: Peer }: "{place} accepts a connection", "{place} accepte une connexion";
        Refused { place: Peer }: "{place} refused the connection", "{place} a refusé la connexion";
        NoRouteTo { place: Peer }:
            "{place} cannot be reached: no route leads there",
            "{place} est injoignable : aucune route n’y mène";
        Unreachable { place: Peer }:
            "{place} cannot be reached: a router on the way, or its own network, says that it is not there",
            "{place} est injoignable : un routeur en chemin, ou son propre réseau, dit qu’il n’y est pas";
        Forbidden { place: Peer }:
            "{place} cannot be reached: a firewall forbids it",
            "{place} est injoignable : un pare-feu l’interdit";
        Late { place: Peer, seconds: u64 }:
            "{place} did not accept a connection within {seconds} s",
            "{place} n’a pas accepté de connexion en {seconds} s";
        OtherwiseUnreachable { place: Peer, why: String }:
            "{place} cannot be reached: {why}",
            "{place} est injoignable : {why}";
        OtherFamily { place: Peer, lacks: String, has: String }:
            "{place} has an address of {lacks} alone, and this box has a way out by {has} alone",
            "{place} n’a d’adresse qu’en {lacks}, et cette box n’a d’issue qu’en {has}";
        TooFewRequests:
            "too few requests were made to tell",
            "trop peu de requêtes ont été faites pour le dire";
        CameThrough { requests: u64, milliseconds: u64 }:
            "{requests} small requests came through, {milliseconds} ms",
            "{requests} petites requêtes sont passées, {milliseconds} ms";
        LostAtFirst { bad: u64, requests: u64 }:
            "{bad} of {requests} small requests were lost on the way at first",
            "{bad} petites requêtes sur {requests} se sont d’abord perdues en chemin";
        LostTimes { lost: u64, repeated: u64, middle: u64, slowest: u64 }:
            "{lost} lost for good, {repeated} repeated; in between {middle} ms, the slowest {slowest} ms",
            "perdues pour de bon : {lost}, répétées : {repeated} ; au milieu {middle} ms, la plus lente {slowest} ms";
        LargeVanish { passes: u64, vanishes: u64 }:
            "packets of {passes} bytes come through, those of {vanishes} vanish on the way",
            "les paquets de {passes} octets passent, ceux de {vanishes} disparaissent en chemin";
        LargePass: "large packets come through", "les grands paquets passent";
        SizeUnknown: "the size of packets does not show", "la taille des paquets ne se voit pas";
        GatewayAnswers { ip: IpAddr }: "{ip} answers", "{ip} répond";
        GatewayPasses { ip: IpAddr }: "{ip} lets through", "{ip} laisse passer";
        GatewaySilent { ip: IpAddr }:
            "the gateway {ip} does not answer on the local network",
            "la passerelle {ip} ne répond pas sur le réseau local";
        GatewayUnknown { ip: IpAddr }:
            "whether the gateway {ip} answers does not show",
            "rien ne montre si la passerelle {ip} répond";
        NoNameNeeded { host: Peer }:
            "{host} is an address, no name is needed",
            "{host} est une adresse, aucun nom n’est nécessaire";
        NoNameServer:
            "/etc/resolv.conf names no name server",
            "/etc/resolv.conf n’indique aucun serveur de noms";
        NameServers { servers: Names }: "name servers: {servers}", "serveurs de noms : {servers}";
        NoAddressOf { host: Peer, why: LookupFailure }:
            "{host} has no address: {why}",
            "{host} n’a pas d’adresse : {why}";
        Sunk { host: Peer, addresses: Names }:
            "the name server says that {host} is {addresses}, where none can be",
            "le serveur de noms dit que {host} est {addresses}, où rien ne peut se trouver";
        Resolved { host: Peer, addresses: Names }: "{host} is {addresses}", "{host} est {addresses}";
        LinkUp { interfaces: Names }: "up: {interfaces}", "en marche : {interfaces}";
        NoInterface: "there is no network interface", "il n’y a pas d’interface réseau";
        SwitchedOff { interfaces: Names }: "switched off: {interfaces}", "désactivée : {interfaces}";
        NoLink { interfaces: Names }: "no link: {interfaces}", "sans lien : {interfaces}";
    }
}

/// Whom the box connects to: central, or the proxy before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Host or `host:port`.
    pub name: String,
    /// It is the proxy's.
    pub proxy: bool,
}

impl Localized for Peer {
    fn localized(&self, language: Language) -> String {
        let Self { name, proxy } = self;
        match (proxy, language) {
            (false, _) => name.clone(),
            (true, Language::English) => format!("the proxy {name}"),
            (true, Language::French) => format!("le proxy {name}"),
        }
    }
}

impl Localized for LookupFailure {
    fn localized(&self, language: Language) -> String {
        if language == Language::English {
            return self.to_string();
        }
        let word = match self {
            Self::NotAName => "ce n’est pas un nom d’hôte",
            Self::Unreachable => "aucun serveur de noms n’est joignable",
            Self::Silent => "aucun serveur de noms n’a répondu à temps",
            Self::NoName => "le serveur de noms dit que ce nom n’existe pas",
            Self::NoAddress => "le nom existe, mais sans adresse",
            Self::Refused(1) => "le serveur de noms répond FORMERR",
            Self::Refused(2) => "le serveur de noms répond SERVFAIL",
            Self::Refused(4) => "le serveur de noms répond NOTIMP",
            Self::Refused(5) => "le serveur de noms répond REFUSED",
            Self::Refused(code) => return format!("le serveur de noms répond l’erreur {code}"),
        };
        typeset(word)
    }
}
