//! What can be wrong with TLS and with a certificate: each with what a person can look at.
//! Never a word of a library, which is made for programmers.
//! Called by `uplink`.

use super::argument::{Id, Quote, sentences};

sentences! {
    /// In TLS.
    TlsCause {
        NoCertificate { host: String } => "{host} showed no certificate", "{host} n’a montré aucun certificat";
        NotTls { host: String } =>
            "{host} does not speak TLS on this port: a URL with http:// or another port is expected",
            "{host} ne parle pas TLS sur ce port : une URL en http:// ou un autre port est attendu";
        WantsTls { host: String } => "{host} speaks TLS on this port: a URL with https:// is expected",
            "{host} parle TLS sur ce port : une URL en https:// est attendue";
        Handshake { host: String, why: HandshakeFlaw } => "the TLS handshake with {host} failed: {why}",
            "l’échange TLS avec {host} a échoué : {why}";
        HandshakeTimeout { host: String, seconds: u64 } => "{host} did not finish the TLS handshake within {seconds} s",
            "{host} n’a pas achevé l’échange TLS en {seconds} s";
        HandshakeClosed { host: String } =>
            "{host} closed the connection in the TLS handshake: a port that speaks plain http, or a firewall",
            "{host} a fermé la connexion pendant l’échange TLS : un port qui parle http simple, ou un pare-feu";
        BrokenOff { host: String, why: AlertWord } => "{host} broke off the TLS handshake: {why}",
            "{host} a rompu l’échange TLS : {why}";
        Alert { host: String, number: u8 } => "{host} broke off the TLS handshake with alert {number}",
            "{host} a rompu l’échange TLS par l’alerte {number}";
        Old { host: String } =>
            "{host} speaks no version or cipher of TLS that is still safe: 1.2 or 1.3 is expected",
            "{host} ne parle aucune version de TLS ni aucun chiffrement encore sûrs : 1.2 ou 1.3 est attendu";
        UnknownHost { host: String } => "{host} says that it serves no host of this name",
            "{host} dit ne servir aucun hôte de ce nom";
        ClientCertificate { host: String } => "{host} demands a certificate of this box (mutual TLS)",
            "{host} exige un certificat de cette box (TLS mutuel)";
        Useless { host: String, why: CertificateFlaw } => "the certificate of {host} cannot be used: {why}",
            "le certificat de {host} est inutilisable : {why}";
        Expired { host: String } => "the certificate of {host} has expired", "le certificat de {host} a expiré";
        ExpiredAt { host: String, end: String, now: String } =>
            "the certificate of {host} has expired: it ended {end}, and it is {now}",
            "le certificat de {host} a expiré : il a pris fin le {end}, et nous sommes le {now}";
        NotYet { host: String } => "the certificate of {host} is not yet valid",
            "le certificat de {host} n’est pas encore valide";
        NotYetAt { host: String, begin: String, now: String } =>
            "the certificate of {host} is not yet valid: it begins {begin}, and it is {now}",
            "le certificat de {host} n’est pas encore valide : il commence le {begin}, et nous sommes le {now}";
        OtherHost { host: String } => "the certificate is not for {host}", "le certificat n’est pas pour {host}";
        OtherHosts { host: String, names: Vec<PresentedName> } => "the certificate is not for {host}, but for {names}",
            "le certificat n’est pas pour {host}, mais pour {names}";
        NoAuthority { host: String } => "no authority that this box knows has signed the certificate of {host}",
            "aucune autorité connue de cette box n’a signé le certificat de {host}";
        OtherSignature { host: String } =>
            "the certificate of {host} was not signed by the authority that this box knows by that name: [central] ca_file may be an old one",
            "le certificat de {host} n’a pas été signé par l’autorité que cette box connaît sous ce nom : [central] ca_file est peut-être périmé";
        SelfSigned { host: String } =>
            "the certificate of {host} is signed by itself alone, and [central] ca_file does not hold it",
            "le certificat de {host} n’est signé que par lui-même, et [central] ca_file ne le contient pas";
        SignedBy { host: String, issuer: Quote } =>
            "the certificate of {host} was signed by {issuer}, an authority that this box does not know",
            "le certificat de {host} a été signé par {issuer}, une autorité que cette box ne connaît pas";
        SignedByUnknown { host: String } =>
            "the certificate of {host} was signed by an authority that this box does not know",
            "le certificat de {host} a été signé par une autorité que cette box ne connaît pas";
        Undated { host: String } =>
            "the certificate of {host} is not valid by the time of this box, and its answer has no date to judge it by",
            "le certificat de {host} n’est pas valide à l’heure de cette box, et sa réponse n’a pas de date pour en juger";
        BehindFloor { host: String, date: String, floor: String } =>
            "the certificate of {host} is valid at the date of its own answer, {date}, and no more at {floor}, which this box takes for certain: one of the two is wrong",
            "le certificat de {host} est valide à la date de sa propre réponse, {date}, et ne l’est plus à {floor}, que cette box tient pour certain : l’un des deux est faux";
        Unjudged { host: String } => "{host} gave no answer to judge its certificate by",
            "{host} n’a pas donné de réponse qui permette de juger son certificat";
        NoName { host: String } => "{host} is no name that a certificate can be for",
            "{host} n’est pas un nom pour lequel il peut y avoir un certificat";
        NotSetUp => "TLS cannot be set up on this machine", "TLS ne peut pas être mis en place sur cette machine";
        CaFile { found: CaFileFlaw } => "[central] ca_file: expected PEM certificates, found {found}",
            "[central] ca_file : des certificats PEM sont attendus, trouvé : {found}";
    }
}

sentences! {
    /// Why a handshake failed.
    HandshakeFlaw {
        Gone => "the box could not go on with it", "la box n’a pas pu le poursuivre";
        Downgraded => "something between lowered the version of TLS", "quelque chose en chemin a abaissé la version de TLS";
        Misbehaved => "the other side, or a firewall between, does not keep to the rules of TLS",
            "l’autre côté, ou un pare-feu en chemin, ne respecte pas les règles de TLS";
        Changed => "what came cannot be decrypted: it was changed on its way",
            "ce qui est venu ne se déchiffre pas : il a été modifié en chemin";
        NoHttp => "the other side does not speak HTTP/1.1", "l’autre côté ne parle pas HTTP/1.1";
        NoRandom => "the kernel of the box gave no random numbers", "le noyau de la box n’a pas donné de nombres aléatoires";
        Unknown => "for a reason that boxsync has no words for", "pour une raison que boxsync ne sait pas nommer";
    }
}

sentences! {
    /// What the other side says by an alert (RFC 8446 6).
    AlertWord {
        Closed => "it closed the connection", "il a fermé la connexion";
        Denied => "it denies access", "il refuse l’accès";
        Failed => "it failed itself", "il a lui-même échoué";
        NoHttp => "it does not speak HTTP/1.1", "il ne parle pas HTTP/1.1";
        Changed => "what it got cannot be decrypted: it was changed on its way",
            "ce qu’il a reçu ne se déchiffre pas : il a été modifié en chemin";
    }
}

sentences! {
    /// Why a certificate cannot be used.
    CertificateFlaw {
        TooLong => "its chain is too long", "sa chaîne est trop longue";
        Unknown => "for a reason that boxsync has no words for", "pour une raison que boxsync ne sait pas nommer";
        Revocation => "what is said about its revocation cannot be used",
            "ce qui est dit de sa révocation est inutilisable";
        Written => "it is not written as a certificate has to be", "il n’est pas écrit comme un certificat doit l’être";
        Revoked => "it was revoked", "il a été révoqué";
        Critical => "it marks something as critical that boxsync does not know",
            "il déclare critique quelque chose que boxsync ne connaît pas";
        Signed => "it is signed in a way that is no longer taken for safe, or not known (SHA-1, for example)",
            "sa signature n’est plus jugée sûre ou n’est pas connue (SHA-1, par exemple)";
        Purpose => "it is not made for a server (extended key usage)",
            "il n’est pas fait pour un serveur (extended key usage)";
        Unjudged => "it could not be judged", "il n’a pas pu être jugé";
        Authority =>
            "it is one of an authority (CA:TRUE), not of a server; such a one is taken only if [central] ca_file holds exactly it",
            "c’est celui d’une autorité (CA:TRUE) et non d’un serveur ; il n’est accepté que si [central] ca_file contient exactement celui-ci";
        SignedByServer => "it was signed with a certificate that may not sign others",
            "il a été signé avec un certificat qui ne peut pas en signer d’autres";
        LongerThanAllowed => "its chain is longer than its authorities allow",
            "sa chaîne est plus longue que ses autorités ne le permettent";
        Entangled => "its chain is too entangled to be checked", "sa chaîne est trop embrouillée pour être vérifiée";
        OtherName => "its authority may not sign for this name", "son autorité ne peut pas signer pour ce nom";
        OldVersion => "it is of an old version of X.509: 3 is expected",
            "il est d’une ancienne version de X.509 : 3 est attendu";
        Distrusted => "its authority is no longer trusted", "son autorité n’est plus digne de confiance";
        TwoAlgorithms => "it names two different ways in which it is signed",
            "il nomme deux façons différentes dont il est signé";
        Serial => "its serial number is not allowed", "son numéro de série n’est pas permis";
    }
}

sentences! {
    /// A name that a certificate is for.
    PresentedName {
        Host { name: Id } => "{name}", "{name}";
        AddressAsDns { address: String } => "{address} written as a DNS name, where an IP address is expected",
            "{address} écrit comme un nom DNS, là où une adresse IP est attendue";
        Uri { uri: Id } => "the URI {uri}", "l’URI {uri}";
        OtherKind => "a name of another kind", "un nom d’une autre sorte";
        More { count: usize } => "{count} more", "{count} autres";
        Nobody => "no host at all (it has no subjectAltName)", "aucun hôte (il n’a pas de subjectAltName)";
    }
}

sentences! {
    /// What stands in `ca_file` in the place of certificates.
    CaFileFlaw {
        Nothing => "none", "aucun";
        NotACertificate => "one that is not a certificate", "un qui n’en est pas un";
        Unusable => "none that can be used", "aucun qui soit utilisable";
        NoEnd => "one without its END line", "un sans sa ligne END";
        BrokenBegin => "one with a broken BEGIN line", "un dont la ligne BEGIN est abîmée";
        NotBase64 => "one that is not sound base64", "un dont le base64 est abîmé";
        Unreadable => "one that cannot be read", "un qui est illisible";
    }
}
