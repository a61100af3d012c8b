//! Reads who signed a certificate and whom it is for (X.509, RFC 5280 4.1): the common name, else the organisation.
//! Never decides anything: what is read here is told, or compared by `trust`.
//! Called by `trust`.

/// Numbers of the attributes, in the order in which they are wanted: commonName, organizationName.
const WANTED: [&[u8]; 2] = [&[0x55, 4, 3], &[0x55, 4, 10]];
/// A name longer than this is cut.
const MAX_NAME_CHARS: usize = 64;

/// Name of the issuer of a certificate in DER; nothing where there is none to be read.
pub(super) fn name(certificate: &[u8]) -> Option<String> {
    let (issuer, _) = names(certificate)?;
    WANTED.iter().find_map(|wanted| attribute(issuer, wanted))
}

/// Common name of the one whom a certificate is for.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, subject) = names(certificate)?;
    attribute(subject, WANTED[0])
}

/// Whether it names itself as its issuer.
pub(super) fn is_own(certificate: &[u8]) -> bool {
    names(certificate).is_some_and(|(issuer, subject)| issuer == subject)
}

/// Issuer and subject.
fn names(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    // Version (absent in the oldest), serial number, algorithm of the signature; then the issuer.
    if let (0xa0, _, rest) = element(fields)? {
        fields = rest;
    }
    for _ in 0..2 {
        fields = element(fields)?.2;
    }
    let (_, issuer, fields) = element(fields)?;
    let (_, _validity, fields) = element(fields)?;
    let (_, subject, _) = element(fields)?;
    Some((issuer, subject))
}

/// The value of an attribute of a name: sets of pairs of a number and a text.
fn attribute(mut name: &[u8], wanted: &[u8]) -> Option<String> {
    while let Some((_, set, rest)) = element(name) {
        name = rest;
        let Some((_, pair, _)) = element(set) else {
            continue;
        };
        let Some((_, number, value)) = element(pair) else {
            continue;
        };
        if number != wanted {
            continue;
        }
        let (_, value, _) = element(value)?;
        let text = String::from_utf8_lossy(value);
        let shown = text.chars().filter(|c| !c.is_control() && *c != '"');
        return Some(shown.take(MAX_NAME_CHARS).collect()).filter(|text: &String| !text.is_empty());
    }
    None
}

/// Tag and content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // No certificate is longer than three bytes of length can say.
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair};

    fn signed_by(attributes: &[(DnType, &str)]) -> Vec<u8> {
        let mut named = CertificateParams::new(Vec::new()).unwrap();
        named.distinguished_name = DistinguishedName::new();
        for (kind, text) in attributes {
            named.distinguished_name.push(kind.clone(), *text);
        }
        let authority = Issuer::new(named, KeyPair::generate().unwrap());
        let mut server = CertificateParams::new(vec!["central.example".to_owned()]).unwrap();
        server
            .distinguished_name
            .push(DnType::CommonName, "central itself");
        let key = KeyPair::generate().unwrap();
        server.signed_by(&key, &authority).unwrap().der().to_vec()
    }

    #[test]
    fn the_one_who_signed_is_named_and_nobody_else() {
        let (name_of, place) = (DnType::CommonName, DnType::CountryName);
        let both = [
            (place.clone(), "LU"),
            (DnType::OrganizationName, "Walls"),
            (name_of, "Walls \"SSL\" Proxy"),
        ];
        assert_eq!(name(&signed_by(&both)).unwrap(), "Walls SSL Proxy");
        assert_eq!(name(&signed_by(&both[..2])).unwrap(), "Walls");
        assert_eq!(name(&signed_by(&both[..1])), None);
        let signed = signed_by(&both);
        assert_eq!(common_name(&signed).unwrap(), "central itself");
        assert!(!is_own(&signed));
        let key = KeyPair::generate().unwrap();
        let alone = CertificateParams::new(Vec::new()).unwrap();
        assert!(is_own(alone.self_signed(&key).unwrap().der()));
    }

    proptest! {
        #[test]
        fn rubbish_is_no_name(at in 0usize..300, byte in any::<u8>(), end in 0usize..400) {
            static SOUND: std::sync::LazyLock<Vec<u8>> =
                std::sync::LazyLock::new(|| signed_by(&[(DnType::CommonName, "x")]));
            let mut der = SOUND.clone();
            if let Some(place) = der.get_mut(at) {
                *place = byte;
            }
            der.truncate(end);
            for told in [name(&der), common_name(&der)] {
                prop_assert!(told.unwrap_or_default().chars().count() <= MAX_NAME_CHARS);
            }
            is_own(&der);
        }
    }
}
