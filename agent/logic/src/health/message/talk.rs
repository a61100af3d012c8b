//! What is said of the talk with central.
//! Never a judgement.
//! Made by `talk` and `honesty`.

use serde::{Deserialize, Serialize};

use crate::language::{Language, Localized};

crate::sentences! {
    /// What was heard of central.
    pub enum TalkMessage {
        CentralAnswers: "a TAO central server answers", "un serveur central TAO répond";
        CredentialsTaken: "central takes the credentials", "le serveur central accepte les identifiants";
        MaySynchronize: "the client may synchronize", "le client peut synchroniser";
        PartCame:
            "a part of a package came exactly as asked for",
            "une partie d’un paquet est venue exactement comme demandé";
        PartFlawed { flaw: RangeFlaw }: "{flaw}", "{flaw}";
        NoPackage:
            "central has no package for the delivery that was asked for",
            "le serveur central n’a pas de paquet pour l’épreuve demandée";
        CertificateEnds:
            "central's certificate ends within three weeks",
            "le certificat du serveur central prend fin dans les trois semaines";
        CertificateValid:
            "the certificate is valid for three weeks at least",
            "le certificat est valide trois semaines au moins";
        Supported { version: String }: "central supports {version}", "le serveur central accepte {version}";
        UnsupportedOf { version: String, supported: String }:
            "central supports {supported}, not {version}",
            "le serveur central accepte {supported}, mais pas {version}";
        SupportsNothing { version: String }:
            "central supports no version, not {version}",
            "le serveur central n’accepte aucune version, pas non plus {version}";
        UnknownOrganisation { id: String }:
            "central names no test centre for organisation {id}",
            "le serveur central ne nomme aucun centre de test pour l’organisation {id}";
        Centres { id: String, count: u64 } by count:
            "{id}: central names {count} test centre" | "{id}: central names {count} test centres",
            "{id} : le serveur central nomme {count} centre de test" | "{id} : le serveur central nomme {count} centres de test";
    }
}

crate::sentences! {
    /// What was done to a part of a package on the way (protocol 6.3). Numbers are bytes.
    #[derive(Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum RangeFlaw {
        Nothing: "an empty answer came for a part", "une réponse vide est venue pour une partie";
        Unsaid:
            "the answer does not say which part it is",
            "la réponse ne dit pas quelle partie elle est";
        Ignored:
            "the range was ignored: the package comes from its beginning",
            "la partie demandée a été ignorée : le paquet vient depuis son début";
        Shifted { first: PlainNumber, last: PlainNumber, from: PlainNumber, to: PlainNumber }:
            "bytes {first}-{last} were asked for, {from}-{to} came: the range was shifted",
            "octets {first}-{last} demandés, {from}-{to} reçus : la partie a été décalée";
        Short { asked: PlainNumber, got: PlainNumber }:
            "{asked} bytes were asked for, {got} came: the part was cut",
            "{asked} octets demandés, {got} reçus : la partie a été coupée";
        Long { asked: PlainNumber, got: PlainNumber }:
            "{asked} bytes were asked for, {got} came: the part was lengthened",
            "{asked} octets demandés, {got} reçus : la partie a été allongée";
        OtherBytes:
            "other bytes came than the box holds of the same package",
            "d’autres octets sont venus que ceux que la box a du même paquet";
    }
}

/// A place in a file or a small number of bytes: never grouped or rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainNumber(pub u64);

impl Localized for PlainNumber {
    fn localized(&self, _: Language) -> String {
        self.0.to_string()
    }
}
