//! What the operating system says why an act failed, in words of both languages.
//! Never a number alone, and never the words of the C library, which has them in the language of the process.
//! Called by the tables of `cause`.

use std::fmt;
use std::io::{Error, ErrorKind};

use super::argument::{Argument, sentences};

sentences! {
    /// Why the kernel refused.
    OsCause {
        NotPermitted => "operation not permitted", "opération non permise";
        NotFound => "no such file or folder", "fichier ou dossier inexistant";
        NoDevice => "no such device", "périphérique inexistant";
        Io => "input/output error", "erreur d’entrée-sortie";
        NoMemory => "there is no memory left", "il n’y a plus de mémoire";
        Denied => "permission denied", "accès refusé";
        Busy => "it is in use", "il est utilisé";
        Exists => "it is there already", "il existe déjà";
        NotAFolder => "it is not a folder", "ce n’est pas un dossier";
        IsAFolder => "it is a folder", "c’est un dossier";
        Invalid => "invalid argument", "argument incorrect";
        TooManyFiles => "too many files are open", "trop de fichiers sont ouverts";
        TooLarge => "the file is too large", "le fichier est trop grand";
        Full => "no space is left on the device", "il n’y a plus d’espace sur le périphérique";
        ReadOnly => "the file system is read-only", "le système de fichiers est en lecture seule";
        BrokenPipe => "the other side has closed", "l’autre côté a fermé";
        TooLongName => "the file name is too long", "le nom de fichier est trop long";
        Loop => "too many levels of symbolic links", "trop de niveaux de liens symboliques";
        NotEmpty => "the folder is not empty", "le dossier n’est pas vide";
        BadMessage => "what lies there is damaged (bad message)", "ce qui s’y trouve est abîmé (bad message)";
        Damaged => "the file system is damaged", "le système de fichiers est abîmé";
        Shutdown => "the file system was shut down after an error", "le système de fichiers s’est arrêté après une erreur";
        Quota => "the disk quota is used up", "le quota de disque est épuisé";
        Stale => "the file is gone from its server", "le fichier a disparu de son serveur";
        AddressInUse => "the address is in use", "l’adresse est déjà utilisée";
        AddressNotOwn => "the address is none of this machine", "l’adresse n’est pas de cette machine";
        NetworkDown => "the network is down", "le réseau est coupé";
        NoRoute => "no route leads there", "aucune route n’y mène";
        NoHost => "a router on the way, or its own network, says that it is not there",
            "un routeur en chemin, ou son propre réseau, dit qu’il n’y est pas";
        Aborted => "the connection was broken off", "la connexion a été interrompue";
        Reset => "the connection was reset", "la connexion a été rompue";
        NoBuffers => "the kernel has no room for more", "le noyau n’a plus de place";
        TimedOut => "no answer came in time", "aucune réponse n’est venue à temps";
        Refused => "the connection was refused", "la connexion a été refusée";
        Unsupported => "the system does not support it", "le système ne le permet pas";
        Interrupted => "it was interrupted", "cela a été interrompu";
        Ended => "it ended too early", "cela s’est terminé trop tôt";
        InvalidData => "what came is not valid", "ce qui est venu n’est pas valable";
        FolderFound => "it is a folder, expected a regular file", "c’est un dossier, un fichier ordinaire est attendu";
        FifoFound => "it is a FIFO, expected a regular file", "c’est un FIFO, un fichier ordinaire est attendu";
        SocketFound => "it is a socket, expected a regular file", "c’est un socket, un fichier ordinaire est attendu";
        DeviceFound => "it is a device, expected a regular file", "c’est un périphérique, un fichier ordinaire est attendu";
        LongerThan { bytes: u64 } => "is longer than {bytes} bytes", "dépasse {bytes} octets";
        NotUtf8 => "it is not UTF-8 text", "ce n’est pas du texte en UTF-8";
        Number { number: i64 } => "the system reports error {number}", "le système signale l’erreur {number}";
        Unknown => "for a reason that the system does not name", "pour une raison que le système ne nomme pas";
    }
}

impl From<&Error> for OsCause {
    fn from(error: &Error) -> Self {
        let own = error.get_ref().and_then(|own| own.downcast_ref::<Self>());
        match (own, error.raw_os_error()) {
            (Some(own), _) => own.clone(),
            (None, Some(number)) => Self::of(number),
            (None, None) => Self::kind(error.kind()),
        }
    }
}

impl fmt::Display for OsCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

/// What boxsync itself finds of a file travels in an error of the standard library.
impl std::error::Error for OsCause {}

impl OsCause {
    /// By the number that Linux has for it (asm-generic/errno.h).
    pub fn of(number: i32) -> Self {
        match number {
            1 => Self::NotPermitted,
            2 => Self::NotFound,
            4 => Self::Interrupted,
            5 | 121 => Self::Io,
            6 | 19 => Self::NoDevice,
            11 | 16 | 26 => Self::Busy,
            12 => Self::NoMemory,
            13 => Self::Denied,
            17 => Self::Exists,
            20 => Self::NotAFolder,
            21 => Self::IsAFolder,
            22 => Self::Invalid,
            23 | 24 => Self::TooManyFiles,
            27 => Self::TooLarge,
            28 => Self::Full,
            30 => Self::ReadOnly,
            32 => Self::BrokenPipe,
            36 => Self::TooLongName,
            38 | 95 | 97 => Self::Unsupported,
            39 => Self::NotEmpty,
            40 => Self::Loop,
            74 => Self::BadMessage,
            98 => Self::AddressInUse,
            99 => Self::AddressNotOwn,
            100 => Self::NetworkDown,
            101 => Self::NoRoute,
            103 => Self::Aborted,
            104 => Self::Reset,
            105 => Self::NoBuffers,
            108 => Self::Shutdown,
            110 => Self::TimedOut,
            111 => Self::Refused,
            112 | 113 => Self::NoHost,
            116 => Self::Stale,
            117 => Self::Damaged,
            122 => Self::Quota,
            number => Self::Number {
                number: number.into(),
            },
        }
    }

    /// By the kind that the standard library gives to what has no number.
    fn kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::PermissionDenied => Self::Denied,
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::ConnectionReset => Self::Reset,
            ErrorKind::ConnectionAborted => Self::Aborted,
            ErrorKind::HostUnreachable => Self::NoHost,
            ErrorKind::NetworkUnreachable => Self::NoRoute,
            ErrorKind::NetworkDown => Self::NetworkDown,
            ErrorKind::AddrInUse => Self::AddressInUse,
            ErrorKind::AddrNotAvailable => Self::AddressNotOwn,
            ErrorKind::BrokenPipe => Self::BrokenPipe,
            ErrorKind::AlreadyExists => Self::Exists,
            ErrorKind::WouldBlock | ErrorKind::ResourceBusy => Self::Busy,
            ErrorKind::NotADirectory => Self::NotAFolder,
            ErrorKind::IsADirectory => Self::IsAFolder,
            ErrorKind::DirectoryNotEmpty => Self::NotEmpty,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::InvalidInput => Self::Invalid,
            ErrorKind::InvalidData => Self::InvalidData,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::StorageFull => Self::Full,
            ErrorKind::QuotaExceeded => Self::Quota,
            ErrorKind::FileTooLarge => Self::TooLarge,
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::UnexpectedEof | ErrorKind::WriteZero => Self::Ended,
            ErrorKind::OutOfMemory => Self::NoMemory,
            _ => Self::Unknown,
        }
    }
}
