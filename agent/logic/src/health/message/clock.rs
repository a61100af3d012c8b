//! What is said of the clocks of the box and of central.
//! Never a judgement.
//! Made by `clock`.

use crate::language::figure::Seconds;

crate::sentences! {
    /// What was seen of the clocks.
    pub enum ClockMessage {
        CentralBehind { far: Seconds }:
            "central's clock is {far} behind what this box knows",
            "l’horloge du serveur central retarde de {far} sur ce que sait cette box";
        CentralAhead { far: Seconds }:
            "central's clock is {far} ahead of what this box knows, and central's certificate is not valid then",
            "l’horloge du serveur central avance de {far} sur ce que sait cette box, et son certificat n’est pas valide à cette date";
        CentralBehindBuild { far: Seconds }:
            "central's clock is {far} behind the day on which this boxsync was built",
            "l’horloge du serveur central retarde de {far} sur le jour où ce boxsync a été construit";
        Behind { far: Seconds, whose: DateSource }:
            "the clock is {far} behind {whose}",
            "l’horloge retarde de {far} sur {whose}";
        Ahead { far: Seconds, whose: DateSource }:
            "the clock is {far} ahead of {whose}",
            "l’horloge avance de {far} sur {whose}";
        Unproven:
            "over plain http nobody vouches for the time: the download windows go by what the system clock said when the box was set up, and running time",
            "par http sans chiffrement personne ne répond de l’heure : les plages de téléchargement suivent ce que disait l’horloge du système à l’installation de la box, et son temps de marche";
        Near { far: Seconds, whose: DateSource }: "{far} from {whose}", "à {far} de {whose}";
        BeforeBuild:
            "the clock is behind the day on which this boxsync was built",
            "l’horloge retarde sur le jour où ce boxsync a été construit";
        Unheard:
            "plausible; central's time was not heard",
            "plausible ; l’heure du serveur central n’a pas été entendue";
    }
}

crate::sentences! {
    /// What a clock is compared with.
    #[derive(Copy, Eq)]
    pub enum DateSource {
        Authenticated: "central's authenticated date", "la date authentifiée du serveur central";
        Unauthenticated: "central's date", "la date du serveur central";
    }
}
