//! What `openssl x509 -trustout` appends to a certificate: the purposes for which it is trusted, and those for which it is not.

/// Splits `der` into the certificate and the rest, which is what a TRUSTED CERTIFICATE has besides.
pub(crate) fn split(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, content, rest) = element(der)?;
    let length = der.len() - rest.len();
    debug_assert!(content.len() <= length);
    Some(der.split_at(length))
}

/// Whether the appendix lets the certificate vouch for servers, as OpenSSL reads it: a list of purposes must name them, and
/// no list of rejected purposes may.
pub(crate) fn vouches_for_servers(appendix: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const REJECTED: u8 = 0xa0;
    let Some((SEQUENCE, mut fields, _)) = element(appendix) else { return true };
    while let Some((tag, list, rest)) = element(fields) {
        if (tag == SEQUENCE && !names_servers(list)) || (tag == REJECTED && names_servers(list)) {
            return false;
        }
        fields = rest;
    }
    true
}

/// Whether a list of object identifiers holds that of servers or that of any use.
fn names_servers(mut list: &[u8]) -> bool {
    const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
    while let Some((_, oid, rest)) = element(list) {
        if oid == SERVER || oid == ANY {
            return true;
        }
        list = rest;
    }
    false
}

/// The tag and the content of the first DER element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_decide() {
        let server = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
        let mail = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 4];
        let appendix = |trusted: Option<&[u8]>, rejected: Option<&[u8]>| {
            let mut fields = Vec::new();
            for (tag, list) in [(0x30, trusted), (0xa0, rejected)] {
                if let Some(list) = list {
                    fields.extend([tag, list.len() as u8]);
                    fields.extend(list);
                }
            }
            [vec![0x30, fields.len() as u8], fields].concat()
        };
        let table = [
            (vec![], true),
            (appendix(None, None), true),
            (appendix(Some(&server), None), true),
            (appendix(Some(&[mail, server].concat()), None), true),
            (appendix(Some(&mail), None), false),
            (appendix(None, Some(&server)), false),
            (appendix(None, Some(&mail)), true),
            (appendix(Some(&[0x06, 4, 0x55, 0x1d, 0x25, 0]), None), true),
        ];
        for (appendix, expected) in table {
            assert_eq!(vouches_for_servers(&appendix), expected, "{appendix:?}");
        }
    }

    #[test]
    fn a_certificate_is_cut_from_what_follows() {
        assert_eq!(split(&[0x30, 1, 5, 0x30, 0]), Some((&[0x30, 1, 5][..], &[0x30, 0][..])));
        assert_eq!(split(&[0x30, 0x82, 0, 1, 5]), Some((&[0x30, 0x82, 0, 1, 5][..], &[][..])));
        assert_eq!(split(&[0x30, 9, 5]), None);
        assert_eq!(split(&[]), None);
    }
}
