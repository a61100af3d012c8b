//! In French: what each code means in a few words, and the one thing to do about it.
//! Never a code that is left out: one without its row does not compile.
//! Called by the status page, and by whatever else speaks French.

use super::Code;

/// One row: `Code "what is the case" "the one thing to do";`, or `= Other;` for what helps with the other, too.
macro_rules! french {
    ($($code:ident $title:literal $(= $other:ident)? $($remedy:literal)?;)*) => {
        // None is left out, and none stands twice.
        const _: fn(Code) = |code| match code {
            $(Code::$code => {})*
        };

        /// What the build reads of the table (`crate::texts`).
        #[cfg(test)]
        const TOLD: &[(Code, &str, Code, &str)] = &[$(
            (Code::$code, $title, french!(@first $($other)? $code), concat!($($remedy)?)),
        )*];
    };
    (@first $code:ident $($own:ident)?) => { Code::$code };
}

impl Code {
    /// What is the case, in a few words of French.
    pub fn titre(self) -> &'static str {
        self.told(3)
    }

    /// The one thing to do, in French; commands between backticks.
    pub fn remede(self) -> &'static str {
        self.told(4)
    }
}

french! {
    // local.rs
    Ready "la box est prête" "Rien à faire.";
    ConfigRead "configuration" "Voir la configuration en vigueur avec `boxsync config show`.";
    ConfigSyntax "la configuration n’est pas du TOML" "Corriger la ligne indiquée, puis exécuter `boxsync config check`.";
    ConfigUnknownKey "la configuration contient une clé inconnue" "Corriger ou retirer la clé indiquée, puis exécuter `boxsync config check`.";
    ConfigValue "une valeur de la configuration est inutilisable" "Écrire la valeur comme dans l’exemple, puis exécuter `boxsync config check`.";
    ConfigFile "un fichier de la configuration est illisible" "Mettre en place le fichier indiqué, lisible par l’utilisateur boxsync.";
    ConfigNoUrl "aucun serveur central n’est configuré" "Définir `url` dans la section [central] de /etc/boxsync/boxsync.toml.";
    ConfigPlainHttp "le serveur central est joint en http sans chiffrement" "Écrire `url` dans la section [central] avec https://, si le serveur central le permet.";
    ConfigNoOrganisation "l’organisation de la box est inconnue" "Définir `organisation_id` dans la section [box] de /etc/boxsync/boxsync.toml.";
    ConfigNoVersion "la version de la VM est inconnue" "Définir `tao_version` dans la section [box] de /etc/boxsync/boxsync.toml.";
    ConfigCaFile "le fichier des autorités de certification est inutilisable" "Remplacer ce fichier par le certificat PEM de l’autorité qui a signé celui du serveur central.";
    ConfigProxy "le proxy configuré est inutilisable" "Écrire `proxy` dans la section [central] sous la forme http://hôte:port.";
    ConfigBoxId "l’identifiant de la box est inutilisable" "Donner à `id`, dans la section [box], des caractères ASCII visibles, ou le retirer.";
    ConfigTls "TLS ne peut pas être mis en place" "Réinstaller boxsync.";
    ConfigTextfile "le fichier des métriques ne peut pas être écrit" "Créer le dossier de ce fichier, inscriptible par l’utilisateur boxsync, et le nommer dans ReadWritePaths= du service.";
    MetricsPush "les mesures n’arrivent pas à la Pushgateway" "Vérifier que la Pushgateway tourne et que `push`, dans la section [metrics], la désigne ; y supprimer les anciens groupes si elle parle de types.";
    UpdateNoSource "aucune source d’images n’est configurée" "Mettre dans `source`, section [update] de /etc/boxsync/boxsync.toml, le dossier des images.";
    UpdateSource "la source des images n’a pas de liste" "Vérifier que `source`, dans la section [update], désigne le dossier où se trouve SHA256SUMS.";
    UpdateImage "une nouvelle image ne peut pas être apportée" "Vérifier que le dossier nommé par [update] source contient les fichiers de SHA256SUMS tels que publiés, et sa signature.";
    UpdateInstall "une nouvelle image ne peut pas être installée" "Lire ce que systemd-sysupdate a dit avec `journalctl -u boxsync-update.service`.";
    UpdateFailed "une nouvelle image n’a pas démarré" "Publier l’image sous un nouveau numéro quand elle est corrigée.";
    UpdateImpossible "la box ne peut pas renouveler son image" "Écrire une image actuelle sur le disque de la box, ou retirer `source` de la section [update].";
    UpdateHeld "une nouvelle image est retenue depuis longtemps" "Voir ce qui la retient avec `boxsync update check`.";
    InputFile "un fichier est inutilisable" "Indiquer le chemin d’un fichier lisible, ou pour en écrire un celui d’un nouveau fichier.";
    InputKey "l’identifiant du client est mal formé" "Copier à nouveau l’identifiant du client depuis le serveur central.";
    InputTokenUrl "l’URL du jeton est mal formée" "Copier à nouveau l’URL du jeton depuis le serveur central.";
    InputKind "il n’y a pas de tel type d’élément" "Nommer l’un des quatre types.";
    InputOrganisation "la box n’est pas inscrite pour cette organisation" "Voir les organisations de la box avec `boxsync organisation list`.";
    InputWipe "la box n’a pas été effacée" "Si c’est voulu, exécuter de nouveau `boxsync wipe` et taper l’identifiant de la box.";
    InputRun "aucune synchronisation de ce numéro" "Voir les numéros avec `boxsync history`.";
    InputTerminate "aucune passation n’a été terminée" "Si c’est voulu, exécuter de nouveau `boxsync sync --terminate` et taper le nombre indiqué.";
    InputConfirm "aucun résultat n’a été confirmé" "S’il est certain que le serveur central les a, recommencer et taper le nombre indiqué.";
    WipeOwed "la box doit encore ce qu’un effacement détruirait" "L’envoyer avec `boxsync sync --results`, ou l’écrire dans des fichiers avec `boxsync results export`.";
    InputUsage "la ligne de commande est illisible" "Voir `boxsync --help`, ou l’aide de la commande.";
    InputCode "un code inconnu" "Donner le code tel qu’il se trouve entre crochets derrière un message.";
    OutputFailed "la sortie ne peut pas être écrite" "Vérifier le disque sur lequel la sortie est écrite.";
    StateFolder "dossier d’état" "Vérifier que /var/lib/boxsync existe et appartient à l’utilisateur boxsync.";
    StateNew "la box est neuve" "Si la box est neuve, l’inscrire avec `boxsync enroll`.";
    StateNewer "le dossier d’état vient d’un boxsync plus récent" "Réinstaller le boxsync plus récent.";
    StateVersion "la version du dossier d’état est illisible" "Écrire 1 dans le fichier indiqué.";
    StateReadOnly "le dossier d’état n’est pas inscriptible" "Rendre le dossier d’état inscriptible pour l’utilisateur boxsync ; si le volume est passé de lui-même en lecture seule, remplacer le disque.";
    StateOwner "cet utilisateur ne peut pas agir pour la box" "Exécuter la commande comme root, avec `sudo` ou `doas`, ou comme l’utilisateur à qui appartient le dossier d’état.";
    StateIo "le disque a signalé une erreur" "Vérifier le disque (`dmesg`, smartctl) et le remplacer s’il donne des erreurs.";
    StateBusy "un autre boxsync est à l’œuvre" "Attendre la fin de la synchronisation en cours.";
    KeyOpen "clé des données" "Garder une copie de la clé d’enveloppe en lieu sûr.";
    KeyWrong "la clé n’ouvre pas les données" "Remettre en place la clé d’enveloppe de cette box (boxsync.key).";
    KeySealed "il n’y a pas de clé pour les données" "Remettre en place la copie du fichier de clé qui manque (boxsync.key, data.key), ou exécuter boxsync comme service ou comme root, pour qu’il le trouve.";
    KeyMalformed "le fichier de clé est mal formé" "Remettre en place le fichier de clé d’origine.";
    KeyElsewhere "la clé est gardée par systemd" "Remplacer le « credential » de systemd, l’ancienne clé à côté sous le nom boxsync.key.old.";
    DiskSpace "disque" "Garder plus de place libre que [download] reserve.";
    DiskFull "le disque est plein" "Libérer de la place sur le volume de /var/lib/boxsync, ou utiliser un disque plus grand.";
    DiskInodes "le disque n’accepte plus de fichiers" "Enlever du volume de /var/lib/boxsync les fichiers inutiles (`df -i` le montre), ou utiliser un disque plus grand.";
    DiskFailing "le disque est en panne" "Envoyer ce qui est dû avec `boxsync sync --results`, puis remplacer le disque.";
    DiskReserve "il reste moins de disque que ce qui est réservé aux résultats" "Libérer de la place sur le volume de /var/lib/boxsync ; s’il y en a assez, diminuer [download] reserve.";
    ClockSkew "horloge" "Laisser la box régler son horloge (NTP).";
    ClockWrong "l’horloge de la box est fausse" "Régler l’horloge : `timedatectl set-time` ou NTP ; puis remplacer la pile de l’horloge.";
    ClockCentral "l’horloge du serveur central est fausse" "Demander à l’exploitant du serveur central de régler son horloge (NTP).";
    ClockFloor "d’après l’heure que la box tient pour certaine, le certificat du serveur central a expiré" "Comparer `boxsync clock show` avec une horloge juste ; si la box a tort, exécuter `boxsync clock accept`.";
    ClockUnproven "rien ne garantit l’heure de la box" "Mettre https dans [central] url ; sinon régler l’horloge et exécuter `boxsync clock accept --system`.";
    ClockBehind "l’horloge retarde sur une date certainement passée" = ClockWrong;
    UnitState "service" "Voir `systemctl status boxsync`.";
    UnitDown "le service ne fonctionne pas" "Le démarrer : `systemctl enable --now boxsync`.";
    UnitFailed "le service a échoué" "Lire `journalctl -u boxsync -e`, puis `systemctl restart boxsync`.";
    UnitMasked "le service est masqué" "Lever l’interdiction : `systemctl unmask boxsync`, puis `systemctl enable --now boxsync`.";
    UnitUnusable "systemd ne peut pas utiliser l’unité du service" "Corriger le fichier indiqué, puis `systemctl daemon-reload` et `systemctl restart boxsync`.";
    UnitUnreadable "un fichier que l’unité du service indique est illisible" "Mettre en place le fichier indiqué, ou retirer sa ligne avec `systemctl edit boxsync` ; puis `systemctl restart boxsync`.";
    UnitRestarts "le service a été redémarré" "Créer un fichier d’assistance avec `boxsync doctor --bundle FICHIER` et l’envoyer à l’assistance.";
    DoctorOffline "non examiné" "Exécuter `boxsync doctor` sans --offline.";
    DoctorLate "un contrôle n’a pas fini à temps" "Relancer `boxsync doctor` ; si cela persiste, suivre le premier contrôle en échec.";
    BundleSecret "le fichier d’assistance n’a pas été écrit" "Dire à l’assistance que le fichier a été refusé, et à quel endroit.";
    // net.rs
    NetLink "lien réseau" "Brancher le câble réseau ou rejoindre le réseau sans fil.";
    NetNoLink "aucune interface réseau n’a de lien" = NetLink;
    NetAddress "adresse et route" "Voir `ip address` et `ip route`.";
    NetNoAddress "la box n’a pas d’adresse utilisable" "Donner une adresse à cette box : redémarrer le routeur, ou lui donner une adresse fixe.";
    NetNoRoute "aucune route ne mène au serveur central" "Définir la passerelle par défaut de la box, ou redémarrer le routeur.";
    NetDisabled "l’interface réseau est désactivée" "L’activer : `ip link set dev NAME up` avec le nom indiqué, et vérifier qu’elle le reste après un redémarrage.";
    NetGateway "passerelle" "Redémarrer le routeur ; si la passerelle a maintenant une autre adresse, la corriger dans les réglages réseau de la box.";
    NetFiltered "le serveur de noms écarte le serveur central" "Faire autoriser le nom d’hôte du serveur central dans le filtre du serveur de noms par l’administrateur du réseau, ou utiliser un autre serveur de noms.";
    NetFamily "le serveur central et la box n’ont aucun type d’adresse en commun" "Demander à l’administrateur du réseau le type d’adresse qui manque à la box et, si ce n’est pas possible, une seconde adresse à l’exploitant du serveur central.";
    NetLoss "perte et délai" "Faire vérifier le câble, la liaison sans fil ou le modem de ce site : des paquets se perdent en chemin.";
    NetMtu "taille des paquets" "Donner à l’interface de la box la MTU indiquée (`ip link set dev NAME mtu N`), et demander à l’administrateur du réseau de laisser passer ICMP.";
    NetDns "nom du serveur central" "Vérifier le nom d’hôte dans [central] url et le serveur de noms dans /etc/resolv.conf.";
    NetConnect "connexion" "Vérifier que le pare-feu laisse passer la box vers le port du serveur central.";
    NetRefused "la connexion a été refusée" "Demander à l’exploitant du serveur central s’il fonctionne, et vérifier le port dans [central] url.";
    NetUnreachable "le serveur central est injoignable" "Demander à l’administrateur du réseau de laisser passer la box vers l’hôte et le port du serveur central.";
    NetProxy "le proxy ne mène pas au serveur central" "Vérifier proxy et proxy_password_file dans [central], et faire autoriser l’hôte du serveur central dans le proxy.";
    NetProxyScheme "le proxy n’accepte aucune identification que boxsync connaît" "Demander à l’administrateur du réseau d’accepter l’identification Basic pour cette box, ou de la laisser passer sans identification.";
    NetTls "TLS et certificat" "Vérifier http:// ou https:// et le port dans [central] url ; s’ils sont bons, interroger l’administrateur du réseau sur le pare-feu.";
    NetTlsExpired "le certificat du serveur central a expiré" "Demander à l’exploitant du serveur central de renouveler le certificat.";
    NetTlsNotYet "le certificat du serveur central n’est pas encore valide" "Demander à l’exploitant du serveur central d’utiliser un certificat valide aujourd’hui.";
    NetTlsHost "le certificat est celui d’un autre hôte" "Écrire dans [central] url le nom d’hôte pour lequel le certificat du serveur central est fait.";
    NetTlsIssuer "une autorité inconnue a signé le certificat du serveur central" "Si l’autorité du serveur central est privée, indiquer son fichier PEM actuel dans [central] ca_file ; sinon demander à l’administrateur du réseau de laisser passer la box vers le serveur central sans ouvrir la connexion.";
    NetTlsClient "le serveur central exige un certificat de la box" "Demander à l’exploitant du serveur central de laisser entrer les box sans certificat client à cette URL.";
    NetTlsCertificate "le certificat du serveur central est inutilisable" "Demander à l’exploitant du serveur central de faire refaire son certificat, en disant ce qui ne va pas.";
    NetTlsOld "le TLS du serveur central est trop ancien" "Demander à l’exploitant du serveur central d’activer TLS 1.2 ou 1.3.";
    NetTlsExpiring "le certificat du serveur central expire bientôt" = NetTlsExpired;
    NetToken "aucun jeton n’a pu être obtenu" "Relancer la synchronisation ; si cela persiste, examiner le réseau.";
    NetReset "la connexion a été fermée sans réponse" "Relancer la synchronisation ; si cela persiste, interroger l’administrateur du réseau sur le pare-feu.";
    NetTimeout "le serveur central n’a pas répondu à temps" "Réessayer plus tard ; si cela persiste, s’adresser à l’exploitant du serveur central.";
    NetCut "la connexion s’est rompue pendant une réponse" "Relancer la synchronisation ; si cela persiste, faire vérifier le câble ou la liaison sans fil.";
    NetStalled "la réponse s’est arrêtée en chemin" = NetCut;
    LinkSpeed "débit de la liaison" "Voir dans `boxsync stats` à quelles heures la liaison est bonne, et synchroniser alors.";
    LinkSlow "la liaison est plus lente que prévu" = LinkSpeed;
    // central.rs
    CentralAnswer "réponse du serveur central" "Ouvrir [central] url dans un navigateur sur ce réseau et regarder ce qui vient.";
    CentralForeign "autre chose que le serveur central répond" "Ouvrir [central] url dans un navigateur sur ce réseau : s’identifier là où le réseau le demande, ou corriger l’URL.";
    CentralMaintenance "le serveur central est en maintenance" "Attendre la fin de la maintenance ; l’exploitant du serveur central la connaît.";
    CentralPhp "PHP du serveur central écrit des messages dans ses réponses" "Demander à l’exploitant du serveur central de mettre display_errors à off dans php.ini et de lire le journal d’erreurs de PHP.";
    CentralContradicts "le serveur central se contredit" "Demander à l’opérateur du serveur central si tous ses serveurs ont les mêmes données ; s’il a raison, exécuter `boxsync sync --allow-deletes`.";
    CentralUnavailable "le serveur central n’est pas disponible" "Attendre ; si cela dure, prévenir l’exploitant du serveur central.";
    CentralError "le serveur central a échoué" "Signaler ce code à l’exploitant du serveur central, avec l’heure.";
    CentralRejected "le serveur central a échoué sur le contenu d’une requête" = UnitRestarts;
    CentralRefused "le serveur central a refusé la requête" "Rapporter à l’exploitant du serveur central ce qu’il a répondu.";
    CentralNotFound "le serveur central ne l’a pas" "Vérifier le chemin de [central] url.";
    CentralTooLong "le serveur central n’accepte pas de requête de cette taille" "Demander à l’exploitant du serveur central d’augmenter la taille permise des requêtes.";
    CentralTooLarge "une réponse est trop longue pour être reçue" = CentralError;
    CentralCompressed "quelque chose comprime en chemin" "Demander à l’exploitant du serveur central ou du proxy de ne pas comprimer getDeliveryTest.";
    CentralGarbled "une réponse est arrivée abîmée" "Relancer la synchronisation ; si cela persiste, chercher un proxy sur le chemin.";
    CentralToken "la réponse du serveur central à la demande de jeton est inutilisable" = CentralForeign;
    AuthToken "identifiants" "Inscrire la box : `boxsync enroll --login L --password-file F`.";
    AuthNotEnrolled "la box n’est pas inscrite" = AuthToken;
    AuthRefused "le serveur central refuse les identifiants" "Réinscrire la box : `boxsync enroll --login L --password-file F`.";
    AuthUntried "les nouveaux identifiants n’ont pas pu être essayés" "Réessayer quand le serveur central est joignable, ou insister avec `boxsync credentials import --untried`.";
    AuthOtherOrganisation "les identifiants sont ceux d’une autre organisation" "Inscrire la box avec le gestionnaire de synchronisation de son organisation ; pour la déplacer, envoyer ce qu’elle doit, puis `boxsync wipe`.";
    AuthShared "une autre box utilise les mêmes identifiants" "Inscrire chaque box pour elle-même : `boxsync enroll --login L --password-file F` sur celle-ci.";
    AuthPassword "le nom d’utilisateur ou le mot de passe est faux" "Vérifier le nom et le mot de passe en se connectant au serveur central dans un navigateur.";
    AuthNotSyncManager "l’utilisateur n’est pas gestionnaire de synchronisation" "Demander à l’exploitant du serveur central de donner à l’utilisateur le rôle taoSyncManager.";
    AuthRole "rôle sur le serveur central" = AuthNotSyncManager;
    VersionSupported "version de la VM" "Voir la version de la box avec `boxsync identity`.";
    VersionUnsupported "le serveur central n’accepte pas la version de la VM" "Installer une image dont la version est acceptée par le serveur central, ou demander à son exploitant d’ajouter celle-ci.";
    // data.rs
    StoreOpen "index" "Voir sa taille avec `du -sh /var/lib/boxsync/index`.";
    StoreFailed "l’index ne s’ouvre pas" "Exécuter `boxsync sync`.";
    StoreRebuilt "l’index a été reconstruit" "Rien à faire ; si cela arrive souvent, remplacer le disque.";
    StoreDamaged "un fichier scellé est endommagé" "Vérifier le disque, puis exécuter `boxsync sync` ; ce que le serveur central possède est repris.";
    CatalogueOrganisation "organisation" "Voir `organisation_id` avec `boxsync identity`.";
    CatalogueUnknownOrganisation "le serveur central ne nomme rien pour cette organisation" "Corriger `organisation_id` dans la section [box], ou demander le bon identifiant à l’exploitant du serveur central.";
    CatalogueOtherOrganisation "le catalogue est celui d’une autre organisation" "Corriger `organisation_id` ; si la box change d’organisation, envoyer d’abord ce qu’elle doit avec celle d’avant, puis exécuter `boxsync wipe`.";
    CatalogueOtherCentre "le serveur central nomme un autre centre de test" "Interroger l’exploitant du serveur central ; si c’est voulu, exécuter `boxsync sync --allow-deletes`.";
    CatalogueComplete "catalogue" = StoreFailed;
    CatalogueIncomplete "le catalogue n’est pas complet" "Exécuter `boxsync sync` et le laisser aboutir.";
    CatalogueEmpty "le catalogue ne contient aucune épreuve" "Demander à l’exploitant du serveur central de publier les tests de cette organisation.";
    CatalogueOld "le catalogue est ancien" "Connecter la box au réseau et exécuter `boxsync sync`.";
    CatalogueHeldBack "des suppressions sont retenues" "Si le serveur central a raison, exécuter `boxsync sync --allow-deletes`.";
    CatalogueInUse "des modifications attendent la fin d’un examen" "Rien à faire : la première synchronisation après l’examen les apporte.";
    CatalogueEndless "une liste du serveur central ne finit pas" = CentralError;
    CatalogueChecksum "une somme de contrôle ne correspond pas à son entité" "Indiquer à l’exploitant du serveur central l’entité nommée.";
    CatalogueEntity "une entité n’a pas pu être reçue" "Demander à l’exploitant du serveur central d’examiner l’entité nommée.";
    CatalogueUnknownEntity "la box n’a pas cette entité" "Voir ce qu’il y a avec `boxsync entities`.";
    PackageWhole "paquets" "Exécuter `boxsync sync --type delivery`.";
    PackageIncomplete "des paquets manquent encore" = CatalogueIncomplete;
    PackageMissing "le serveur central n’a pas de paquet pour une épreuve" "Voir laquelle avec `boxsync packages`, et demander à l’exploitant du serveur central de la publier à nouveau.";
    PackageWaiting "des paquets sont encore en route" "Rien à faire. `boxsync status` dit ce qu’ils attendent ; `boxsync sync --now` les amène hors de leurs plages.";
    PackageDamaged "un paquet est endommagé" "Exécuter `boxsync packages verify`, puis `boxsync sync` ; si cela se reproduit, remplacer le disque, ou, si un fichier du paquet est nommé, demander à l’exploitant du serveur central de publier l’épreuve à nouveau.";
    PackageUnsupported "un paquet ne peut pas être vérifié" "Demander à l’exploitant du serveur central de publier l’épreuve à nouveau, compressée comme TAO le fait.";
    PackageCache "un cache donne un seul paquet pour plusieurs épreuves" "Demander à l’exploitant du cache ou du proxy de distinguer les paquets par l’URL entière, paramètres compris, ou de ne pas les garder.";
    PackageNotHeld "la box n’a pas de paquet complet de cette épreuve" "Voir `boxsync packages`.";
    PackageEdition "la box a une autre édition de ce paquet" "Relire `/v1/packages`, qui nomme l’édition présente.";
    PackageUnknownMember "le paquet n’a pas ce fichier" "Relire la liste de ses fichiers.";
    PackageChanged "un paquet a changé sur le serveur central pendant sa réception" = StoreFailed;
    PackageRange "parties de paquets" "Demander à l’exploitant du proxy ou du serveur central de laisser passer les requêtes Range sans les changer.";
    PackageEmpty "le serveur central donne un paquet vide" "Demander à l’exploitant du serveur central de publier l’épreuve à nouveau.";
    PackageLength "un paquet n’a pas la longueur annoncée" "Relancer `boxsync sync` ; si cela persiste, prévenir l’exploitant du serveur central.";
    PackageNotZip "le serveur central donne autre chose qu’un paquet" = PackageEmpty;
    PackageTruncated "un paquet est coupé" = PackageEmpty;
    PackageDirectory "le répertoire d’un paquet est abîmé" = PackageEmpty;
    PackageMultidisk "un paquet est une partie d’un zip découpé" = PackageEmpty;
    PackageTooLarge "un paquet a trop de membres, ou de trop grands" "Demander à l’exploitant du serveur central de diviser le test.";
    ResultsSpool "résultats à envoyer" "Exécuter `boxsync sync --results`.";
    ResultsQueued "des résultats attendent leur envoi" "Connecter la box au réseau et exécuter `boxsync sync --results`.";
    ResultsRefused "le serveur central n’accepte pas certains résultats" "Voir `boxsync results`, les exporter avec `boxsync results export ID FICHIER` et les envoyer à l’assistance.";
    ResultsUnconfirmed "on ne sait pas si le serveur central a reçu certains résultats" "Demander à l’exploitant du serveur central s’il les a ; sinon, exécuter `boxsync results retry ID`.";
    ResultsStuck "des résultats attendent bien que le serveur central réponde" "Créer un fichier d’assistance avec `boxsync doctor --bundle FICHIER` et l’envoyer à l’assistance.";
    SyncLast "dernières synchronisations" "Voir `boxsync history`.";
    SyncNever "il n’y a pas encore eu de synchronisation" = StoreFailed;
    SyncFailed "la dernière synchronisation a échoué" "Exécuter `boxsync sync` et lire ce qu’il dit.";
    EngineWorker "une partie de boxsync s’est arrêtée sans prévenir" "Relancer `boxsync sync` ; si cela persiste, envoyer un fichier d’assistance (`boxsync doctor --bundle FICHIER`).";
    // work.rs
    IntakeMalformed "le serveur central ne peut pas enregistrer ce qui a été remis" "Corriger le champ indiqué et remettre à nouveau.";
    IntakeFailed "un élément n’a pas pu être pris" "Le remettre à nouveau ; si cela échoue encore, examiner le disque et la mémoire.";
    IntakeTooLong "un élément remis est trop grand" "Augmenter `max_item` dans la section [results] de boxsync.toml et le remettre à nouveau.";
    IntakeLongText "un texte est peut-être trop long pour le serveur central" "Rien à faire, sauf si le serveur central le refuse.";
    IntakeCallId "un identifiant d’appel a une forme inhabituelle" = IntakeLongText;
    IntakeUnknownEntity "la box n’a pas ce qu’un résultat nomme" "Voir ce qu’a la box avec `boxsync entities`.";
    IntakeUnknownKey "un champ remis est inconnu" = Ready;
    IntakeRepeatedRow "une ligne de journal identique se trouve plus haut" = Ready;
    InputExport "rien n’a été exporté" "Donner `--yes` si c’est voulu.";
    InputOrder "des options ne vont pas ensemble" "Voir l’aide de la commande.";
    CentralSick "le serveur central n’enregistre plus rien" = CentralError;
    CentralEncrypted "le serveur central ne prend que des résultats chiffrés" "Demander à l’exploitant du serveur central d’achever l’installation de taoEncryption : une paire de clés, et le rôle EncryptionRole pour les gestionnaires de synchronisation (`SetupAsymmetricKeys generate`).";
    CentralKeyMissing "le serveur central chiffre et n’a pas de clé publique" "Demander à l’exploitant du serveur central de créer une paire de clés (`SetupAsymmetricKeys generate` de taoEncryption).";
    CentralEncryptionRole "le compte de la box n’a pas droit à la clé publique du serveur central" "Demander à l’exploitant du serveur central d’inclure EncryptionRole dans le rôle des gestionnaires de synchronisation (`SetupAsymmetricKeys generate` le fait).";
    CentralKeyChanged "des résultats sont chiffrés pour une clé que le serveur central n’a plus" "Demander à l’exploitant du serveur central de rétablir l’ancienne paire de clés ; si la clé privée est conservée à part, les envoyer quand même avec `boxsync results release`.";
    CentralProbeStored "le serveur central a enregistré une sonde" "Dire à l’exploitant du serveur central que la ligne de journal BOXSYNC_PROBE peut être supprimée.";
    ResultsCopied "la box est une copie" "Si l’autre box n’existe plus, exécuter `boxsync results retry`.";
    ResultsNotStored "le serveur central n’a pas enregistré un résultat" "Indiquer à l’exploitant du serveur central que son stockage échoue, avec l’heure et ce code.";
    ResultsRejected "le serveur central échoue sur un résultat" "L’exporter avec `boxsync results export ID FICHIER` et l’envoyer à l’assistance.";
    ResultsTooLong "un résultat est trop grand pour le serveur central" "Demander à l’exploitant du serveur central d’augmenter la taille permise des requêtes (client_max_body_size de nginx).";
    ResultsUnanswered "le serveur central n’a pas répondu pour un résultat" = CentralError;
    ResultsDoubt "on ne sait pas encore si le serveur central a reçu certains résultats" "Rien à faire ; si cela persiste, signaler à l’exploitant du serveur central que des réponses se perdent.";
    LtiUsersUnsupported "le serveur central ne prend pas les utilisateurs LTI" "Mettre `lti_users` à false dans la section [results], ou demander l’extension à l’exploitant du serveur central.";
    ResultsUnreadable "un résultat conservé est illisible" "Envoyer un fichier d’assistance (`boxsync doctor --bundle FICHIER`) avant de remplacer le disque.";
    ResultsQuarantined "un fichier de résultats a été mis à l’écart" "Garder le dossier /var/lib/boxsync/quarantine pour l’assistance, puis l’enlever et remplacer le disque.";
    ResultsUnknown "la box n’a pas ce résultat" "Voir ce qu’il y a avec `boxsync results`.";
    ResultsSuperseded "un contenu plus récent remplace ce résultat" "Rien à faire ; voir le plus récent avec `boxsync results`.";
    ResultRefused "le serveur central n’accepte pas un résultat" = ResultsRejected;
    ResultUnconfirmed "on ne sait pas si le serveur central a un résultat" = ResultsUnconfirmed;
    SiteNoKey "la box n’a pas de clé de site" "En créer une avec `boxsync site key new FICHIER`, ou prendre celle d’une autre box avec `boxsync site key import FICHIER`, et la nommer `key_file` dans la section [site] de boxsync.toml.";
    SiteKeyFile "la clé de site est illisible" "Rapporter le fichier d’une autre box, avec `boxsync site key import FICHIER`.";
    SiteListen "la box ne peut pas écouter les autres box du site" "Mettre [site] listen sur un port libre de cette machine.";
    SiteUnproven "une autre box ne prouve pas la clé du site" "Comparer `boxsync site key` sur les deux box, et porter la clé de l’une à l’autre avec `boxsync site key import FICHIER`.";
    SiteAnswer "une autre box refuse ce qui lui est demandé" "Voir `boxsync doctor` sur cette box.";
    CopiesMissing "le dossier des secondes copies n’est pas là" "Brancher ou monter le support que nomme `copy_to` dans la section [results].";
    CopiesFull "le support des secondes copies est plein" "Y libérer de la place, ou en mettre un plus grand.";
    CopiesReadOnly "les secondes copies ne peuvent pas être écrites" "Monter le support pour que l’utilisateur boxsync puisse y écrire, et nommer ce dossier dans ReadWritePaths= du service.";
    CopiesUnproven "le support des secondes copies est en panne" "Remplacer le support.";
    CopiesChanged "des secondes copies n’étaient plus comme laissées" "Chercher qui modifie ce support ; si cela se reproduit, le remplacer.";
    AdoptAlive "l’autre box fonctionne peut-être encore" "S’occuper de cette box ; si elle est sûrement perdue, donner `--force --box ID`.";
    CopiesAlone "aucune box de la salle ne prend de copies" "Voir `boxsync site status` : ce que dit chacune d’elles.";
    AdoptChanged "des copies sont inutilisables" "Garder le support ; si une autre clé de site les a scellées, l’importer avec `boxsync site key import FICHIER` et adopter de nouveau.";
    AdoptNone "il n’y a rien à adopter" "Nommer le dossier que `copy_to` de l’autre box nommait, sur le support qui y était.";
    CarryFull "la place manque pour ce qui est à transporter" "Libérer de la place sur le support, ou en prendre un plus grand.";
    CarryMedium "le support à transporter ne peut être ni lu ni écrit" "Brancher le support, le monter pour que l’utilisateur boxsync puisse utiliser ce dossier, et exécuter de nouveau la commande.";
    CarryNone "il n’y a rien à prendre dans ce dossier" "Comparer `boxsync site key` sur les deux box ; nommer le dossier donné à `boxsync carry export`, et l’organisation.";
    CarryChanged "ce qui est transporté n’est pas complet" "Exécuter de nouveau `boxsync carry export` sur une box qui a les données ; si cela se répète, remplacer le support.";
    CarryOlder "ce qui est transporté est plus ancien que ce qui est là" "Prendre un support plus récent ; si les données anciennes sont voulues, donner `--older`.";
    CarryUnready "il n’y a encore rien à transporter" "Exécuter `boxsync sync`, puis exporter de nouveau.";
    CarryOutdated "des paquets plus anciens sont transportés" "Laisser `boxsync sync` apporter les paquets à la box qui exporte, puis exporter et importer de nouveau.";
    CarryTaken "les données sont venues d’un support" = Ready;
    LogsQueued "des lignes de journal attendent une prochaine synchronisation" = Ready;
    LogsNoReceipt "le serveur central a pris des lignes de journal sans dire lesquelles" "Interroger l’exploitant du serveur central ; si elles manquent, exécuter `boxsync results retry ID`.";
    LogsNotStored "le serveur central n’enregistre pas une ligne de journal" = ResultsNotStored;
    LogsRejected "le serveur central échoue sur une ligne de journal" = ResultsRejected;
    LogsTooLong "une ligne de journal est trop grande pour le serveur central" = ResultsTooLong;
    LogsUnmapped "des lignes de journal attendent leur résultat" = Ready;
    LogsUnreadable "des lignes de journal conservées sont illisibles" = ResultsUnreadable;
    SessionsFailed "le serveur central ne peut pas terminer une passation" "Indiquer à l’exploitant du serveur central la passation qui est nommée par `boxsync results`.";
    SessionsRejected "le serveur central échoue sur une passation" = SessionsFailed;
    // service.rs
    IdentityClone "le disque fonctionne sur une autre machine" = AuthToken;
    CloneFound "le disque fonctionne sur une autre machine" = AuthToken;
    RunKilled "une synchronisation a été coupée" "Lancer `boxsync sync` ; si cela se répète, envoyer un fichier d’assistance (`boxsync doctor --bundle FICHIER`).";
    RunStopped "une synchronisation a été arrêtée" "Rien à faire.";
    AnswersNotKept "les réponses des candidats ne peuvent pas être conservées" "Suivre le remède de la cause que nomme `boxsync status` ; la box est de nouveau prête d’elle-même dès qu’elle peut conserver des réponses.";
    BoxRestored "l’état de la box a été remis à une version antérieure" "Si c’était voulu, rien ; si c’est la copie d’une autre box, donner un `id` dans la section [box], puis `boxsync enroll --login L --password-file F`.";
    BoxTwice "cette box fonctionne deux fois" "Sur l’une des deux machines, donner un `id` dans la section [box], puis `boxsync enroll --login L --password-file F`.";
    IdentityDamaged "l’identité de la box était endommagée" "Garder le dossier /var/lib/boxsync/quarantine pour l’assistance, puis le supprimer et remplacer le disque.";
    StateQuarantined "des fichiers du dossier d’état étaient endommagés" = IdentityDamaged;
    ExamNotTerminated "un moteur d’épreuves ne termine pas ses passations" "Terminer les passations dans le moteur nommé, puis exécuter `boxsync sync`.";
    DaemonRunning "le service fonctionne déjà" "Voir `systemctl status boxsync`.";
    DaemonGone "le service s’est arrêté entre-temps" "Exécuter de nouveau la commande.";
    DaemonSilent "le service ne répond pas" "Le redémarrer : `systemctl restart boxsync`.";
    DaemonNewer "le service est d’un boxsync plus récent" "Exécuter le boxsync du service : son chemin se trouve dans `systemctl cat boxsync.service`.";
    DaemonStopping "le service est en train de s’arrêter" "Exécuter de nouveau la commande quand le service a redémarré.";
    DaemonSignals "le service ne peut pas recevoir de signaux" "Redémarrer la machine.";
    WorkerDied "le processus d’une synchronisation s’est arrêté sans prévenir" "Si la raison nomme la limite de mémoire, augmenter MemoryMax= avec `systemctl edit boxsync.service` ; sinon envoyer un fichier d’assistance (`boxsync doctor --bundle FICHIER`).";
    ConfigWrong "la configuration est fausse" "Exécuter `boxsync config check` et corriger ce qu’il nomme.";
    ApiDenied "l’API locale a refusé un appelant" "Nommer l’utilisateur dans [box] allow_uids, ou exécuter la commande en tant que root.";
    ApiRole "l’API locale a refusé à un appelant ce qui n’est pas de son rôle" "Nommer l’utilisateur du programme sous ce rôle dans la section [api].";
    ApiUnknownRoute "l’API locale n’a pas cette route" "Voir le document OpenAPI de l’API locale.";
    ApiMethod "l’API locale attend une autre méthode à cet endroit" = ApiUnknownRoute;
    ApiRange "une partie ne peut pas être donnée" "Demander une partie qui se trouve dans la taille du paquet.";
    ApiRequest "une requête à l’API locale est mal formée" = ApiUnknownRoute;
    ApiBusy "l’API locale n’a plus de place pour une requête de ce type" "Envoyer de nouveau la requête ; laisser les lecteurs terminer ce qu’ils ont commencé.";
    ApiSlow "un appelant de l’API locale a été trop lent" "Envoyer de nouveau la requête.";
    ApiTooLarge "une requête à l’API locale est trop grande" "Augmenter [results] max_item si de si grands éléments sont voulus.";
    FeedGone "le flux des changements ne remonte plus si loin" "Faire relire toutes les entités par le lecteur.";
    GatewayEncryption "le serveur central et le TAO de cette box diffèrent quant au chiffrement" "Faire installer taoEncryption des deux côtés ou d’aucun : par l’exploitant du serveur central, ou par le fournisseur du TAO de cette box.";
    GatewayListen "la passerelle ne peut pas écouter" "Mettre [gateway] listen sur un port libre de cette machine.";
    PageListen "la page d’état ne peut pas écouter" "Mettre [page] listen sur un port libre de cette machine.";
    SyncStarted "une synchronisation a commencé" = Ready;
    SyncFinished "une synchronisation est terminée" = Ready;
    NetOffline "le serveur central est injoignable" "Exécuter `boxsync doctor` pour voir où s’arrête le chemin vers le serveur central.";
    CentralWish "le serveur central demande une longue pause" "Rien à faire : la box réessaie d’elle-même. `boxsync sync` essaie tout de suite.";
    NetOnline "le serveur central est de nouveau joignable" = Ready;
    PackageHeld "un paquet d’épreuve est présent" = Ready;
    DeletionHeldBack "des suppressions sont retenues" = CatalogueHeldBack;
    Ok "tout s’est bien passé" = Ready;
    Stopping "boxsync s’arrête" "Rien à faire ; le redémarrer avec `systemctl start boxsync`.";
    Enrolled "la box est inscrite" = Ready;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_french_texts_of_codes_are_those_of_the_source() {
        assert_eq!(TOLD.len(), Code::ALL.len());
        for (code, title, other, remedy) in TOLD {
            assert_eq!(code.titre(), *title);
            match code == other {
                true => assert_eq!(code.remede(), *remedy),
                false => assert_eq!(code.remede(), other.remede()),
            }
        }
    }
}
