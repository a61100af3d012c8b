//! What can be wrong with a package: on its way, as a zip, and on the box.
//! Never a name of a file in it that was not quoted.
//! Called by whatever brings, checks and gives packages.

use super::Cause;
use super::argument::{Id, LibraryWords, Quote, sentences};

sentences! {
    /// Of a package.
    PackageCause {
        Of { delivery: Id, why: Box<Cause> } => "package of {delivery}: {why}", "paquet de {delivery} : {why}";
        NotHeld { delivery: Id } => "the box holds no whole package of {delivery} (see `boxsync packages`)",
            "la box n’a pas de paquet complet de {delivery} (voir `boxsync packages`)";
        Dishonest { what: PartFlaw } => "central or a proxy is not honest about ranges: {what}",
            "le serveur central ou un proxy traite mal les parties de paquet : {what}";
        Short => "central sent less of the package than it was asked for",
            "le serveur central a envoyé moins du paquet que demandé";
        Changed => "the package changed on central while it was fetched",
            "le paquet a changé sur le serveur central pendant sa réception";
        NoZip { why: ZipLack } => "what central gives is no zip package: {why}",
            "ce que donne le serveur central n’est pas un paquet zip : {why}";
        Zip { flaw: LibraryWords } => "{flaw}", "le zip du paquet est inutilisable ({flaw})";
        Empty => "central answered with an empty package", "le serveur central a répondu par un paquet vide";
        OtherLength => "the package is not as long as central announced",
            "le paquet n’a pas la longueur que le serveur central a annoncée";
        Ended => "the package ended early", "le paquet s’est terminé trop tôt";
        Cached { delivery: Id } =>
            "a cache on the way gives the package of another delivery for {delivery}: past the cache central gives another one",
            "un cache en chemin donne le paquet d’une autre épreuve pour {delivery} : sans le cache, le serveur central en donne un autre";
        Unchecked { member: Quote, why: MemberFlaw } => "member {member} cannot be checked: {why}",
            "le membre {member} ne peut pas être vérifié : {why}";
        WrongTwice { member: Quote, why: Option<MemberFlaw> } =>
            "member {member} is damaged on central: fetched twice, wrong twice ({why})",
            "le membre {member} est endommagé sur le serveur central : reçu deux fois, faux deux fois ({why})";
        Wrong { member: Quote, why: MemberFlaw } => "member {member} came damaged: {why}",
            "le membre {member} est arrivé endommagé : {why}";
        OtherEdition =>
            "the box holds another edition of this package: /v1/packages names it; ask for it, or without an edition",
            "la box a une autre édition de ce paquet : /v1/packages la nomme ; la demander, ou ne pas nommer d’édition";
        NoMember { member: Quote } => "the package has no member {member}", "le paquet n’a pas de membre {member}";
        Member { why: MemberFlaw } => "a member of the package cannot be read: {why}",
            "un membre du paquet ne peut pas être lu : {why}";
        Gone => "the held package is gone", "le paquet présent a disparu";
        Left { why: Box<Cause> } =>
            "{why}; not fetched again before it changes on central, or until somebody asks for a synchronization",
            "{why} ; il n’est pas repris avant de changer sur le serveur central, ou qu’on demande une synchronisation";
        Missing =>
            "central has no package for this delivery (it was published before the synchronisation was installed, or its test is gone)",
            "le serveur central n’a pas de paquet pour cette épreuve (elle a été publiée avant l’installation de la synchronisation, ou son test a disparu)";
    }
}

sentences! {
    /// What is wrong with one member of a zip.
    MemberFlaw {
        Header { what: LibraryWords } => "its local header is wrong: {what}", "son en-tête local est faux ({what})";
        Deflate => "its deflate stream is broken", "ses données compressées sont abîmées";
        Longer { said: u64, found: u64 } => "it has {found} bytes or more, the directory says {said}",
            "il a {found} octets ou plus, le répertoire en annonce {said}";
        Shorter { said: u64, found: u64 } => "it has {found} bytes, the directory says {said}",
            "il a {found} octets, le répertoire en annonce {said}";
        Crc { said: String, found: String } => "its CRC-32 is {found}, the directory says {said}",
            "son CRC-32 est {found}, le répertoire annonce {said}";
        Overlap => "it shares bytes with another member", "il partage des octets avec un autre membre";
        Encrypted => "it is encrypted", "il est chiffré";
        Method { method: u16 } => "it is packed with the unknown method {method}",
            "il est compressé par la méthode inconnue {method}";
    }
}

sentences! {
    /// What was done to a part of a package.
    PartFlaw {
        Whole => "the whole package was asked for, a part came", "tout le paquet a été demandé, une partie est venue";
        Refused => "a part that the package has was refused (status 416)",
            "une partie que le paquet contient a été refusée (statut 416)";
        Other { first: u64, last: u64, from: u64, to: u64 } => "bytes {first}-{last} were asked for, {from}-{to} came",
            "octets {first}-{last} demandés, {from}-{to} reçus";
        Beyond => "more bytes came than were announced", "plus d’octets sont venus qu’annoncé";
        Scraps => "again and again a few bytes came of many that were asked for",
            "à chaque fois quelques octets seulement sont venus";
        NoRange => "a range was asked for, an answer without Content-Range came",
            "une partie a été demandée, une réponse sans Content-Range est venue";
        Status { status: u16 } => "status {status} to a request for a package", "statut {status} à une demande de paquet";
    }
}

sentences! {
    /// What a zip lacks.
    ZipLack {
        Beginning => "it does not begin as a zip", "il ne commence pas comme un zip";
        Directory => "its directory is cut", "son répertoire est coupé";
        Flaw { words: LibraryWords } => "{words}", "{words}";
    }
}
