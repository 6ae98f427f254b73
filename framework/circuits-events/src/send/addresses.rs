//! Which addresses the sender calls. Loopback and private networks are fine, because most receivers are
//! inside; addresses that lead to the machine's own metadata service or to no single receiver are not.
//!
//! A name is looked up once: the connection goes to the very addresses that were checked, so that a name
//! whose address changes between two look-ups (DNS rebinding) gains nothing.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Where clouds answer questions about a machine, with its credentials among the answers. The usual one is
/// link-local.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];

/// What kind of address is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Metadata,
    LinkLocal,
    Unspecified,
    Multicast,
    Broadcast,
}

impl Kind {
    fn of(address: IpAddr) -> Option<Self> {
        if METADATA.contains(&address) {
            return Some(Self::Metadata);
        }
        match address {
            IpAddr::V4(v4) if v4.is_link_local() => Some(Self::LinkLocal),
            IpAddr::V4(v4) if v4.is_broadcast() => Some(Self::Broadcast),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(Self::LinkLocal),
            _ if address.is_unspecified() => Some(Self::Unspecified),
            _ if address.is_multicast() => Some(Self::Multicast),
            IpAddr::V6(v6) => Self::of(embedded(v6)?.into()),
            IpAddr::V4(_) => None,
        }
    }

    fn is_link_local(self) -> bool {
        matches!(self, Self::Metadata | Self::LinkLocal)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Metadata => "the address of a cloud's metadata service",
            Self::LinkLocal => "a link-local address",
            Self::Unspecified => "an unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "a broadcast address",
        }
    }
}

/// The IPv4 address that an IPv6 address leads to: compatible and mapped ones, and those of NAT64 (RFC 6052
/// and, with the prefix of 96 bits that is usual there too, RFC 8215).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = v6.octets();
    match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => {
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

/// The rule for addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressPolicy {
    /// For receivers that have no other address than a link-local one.
    pub(crate) allow_link_local: bool,
}

impl AddressPolicy {
    /// Checks a URL whose host is an address. The URL's parser has read every spelling of it (`0xa9fe.43518`,
    /// `[::ffff:..]`).
    pub(crate) fn check(self, url: &Url) -> Result<(), RefusedAddress> {
        match url.host() {
            Some(Host::Ipv4(v4)) => self.admit(v4.into()),
            Some(Host::Ipv6(v6)) => self.admit(v6.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    /// The addresses of a name if the sender may call each of them: with one that it may not, the name is a
    /// trap or a mistake.
    fn check_all(
        self,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, RefusedAddress> {
        addresses.map(|address| self.admit(address.ip()).map(|()| address)).collect()
    }

    fn admit(self, address: IpAddr) -> Result<(), RefusedAddress> {
        match Kind::of(address) {
            Some(kind) if !(self.allow_link_local && kind.is_link_local()) => {
                Err(RefusedAddress { address, kind })
            }
            _ => Ok(()),
        }
    }
}

/// An address that the sender does not call.
#[derive(Debug)]
pub(crate) struct RefusedAddress {
    address: IpAddr,
    kind: Kind,
}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, which is not called: ", self.address, self.kind.words())?;
        f.write_str(if self.kind.is_link_local() {
            "name another receiver, or set events_link_local=true if this one is meant"
        } else {
            "name the receiver's own address"
        })
    }
}

impl StdError for RefusedAddress {}

/// A name that has no address, or whose look-up failed.
#[derive(Debug)]
pub(crate) struct NotFound(pub(crate) io::Error);

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for NotFound {}

/// Looks names up for the HTTP client, and checks what it finds.
pub(crate) struct Resolver(pub(crate) AddressPolicy);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            // Port 0 stands for the URL's.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NotFound)?;
            let addresses: Addrs = Box::new(policy.check_all(found)?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: AddressPolicy = AddressPolicy { allow_link_local: false };
    const LENIENT: AddressPolicy = AddressPolicy { allow_link_local: true };

    fn url(host: &str) -> Url {
        Url::parse(&format!("http://{host}/x")).unwrap()
    }

    #[test]
    fn addresses_that_lead_to_no_receiver_are_refused_in_every_spelling() {
        use Kind::{Broadcast, LinkLocal, Metadata, Multicast, Unspecified};
        let table = [
            ("169.254.169.254", Metadata),
            ("169.254.169.254.", Metadata),
            ("169.254.43518", Metadata),
            ("169.16689662", Metadata),
            ("2852039166", Metadata),
            ("0xa9fea9fe", Metadata),
            ("0xa9.0xfe.0xa9.0xfe", Metadata),
            ("0251.0376.0251.0376", Metadata),
            ("%31%36%39.254.169.254", Metadata),
            ("１６９.254.169.254", Metadata),
            ("169。254。169。254", Metadata),
            ("[::ffff:169.254.169.254]", Metadata),
            ("[0:0:0:0:0:FFFF:a9fe:a9fe]", Metadata),
            ("[::169.254.169.254]", Metadata),
            ("[64:ff9b::169.254.169.254]", Metadata),
            ("[64:ff9b:1::a9fe:a9fe]", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("[::ffff:168.63.129.16]", Metadata),
            ("[fd00:ec2::254]", Metadata),
            ("[FD00:0EC2:0::0254]", Metadata),
            ("169.254.0.1", LinkLocal),
            ("[::ffff:a9fe:1]", LinkLocal),
            ("[fe80::1]", LinkLocal),
            ("[febf:ffff::]", LinkLocal),
            ("0.0.0.0", Unspecified),
            ("0", Unspecified),
            ("0x0", Unspecified),
            ("[::]", Unspecified),
            ("[::ffff:0.0.0.0]", Unspecified),
            ("[64:ff9b::]", Unspecified),
            ("224.0.0.1", Multicast),
            ("239.255.255.250", Multicast),
            ("[ff02::1]", Multicast),
            ("[::ffff:224.0.0.1]", Multicast),
            ("255.255.255.255", Broadcast),
            ("[::ffff:255.255.255.255]", Broadcast),
        ];
        for (host, kind) in table {
            let refused = STRICT.check(&url(host)).unwrap_err();
            assert_eq!(refused.kind, kind, "{host}");
            assert_eq!(LENIENT.check(&url(host)).is_ok(), matches!(kind, Metadata | LinkLocal), "{host}");
        }
    }

    #[test]
    fn receivers_inside_and_outside_are_called() {
        for host in [
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "[fd12:3456::7]",
            "100.100.100.201",
            "169.253.255.255",
            "169.255.0.0",
            "223.255.255.255",
            "203.0.113.7",
            "[2001:db8::a9fe:a9fe]",
            "[64:ff9b::203.0.113.7]",
            "[fec0::1]",
            // A name; its addresses are checked when it is looked up.
            "169.254.169.254.example.com",
        ] {
            assert!(STRICT.check(&url(host)).is_ok(), "{host}");
        }
    }

    #[test]
    fn a_name_is_refused_for_any_one_of_its_addresses() {
        let table = [
            (vec!["127.0.0.1:0"], None),
            (vec!["10.1.2.3:0", "[::1]:0"], None),
            (vec!["169.254.1.1:0"], Some("169.254.1.1 is a link-local address")),
            (vec!["203.0.113.7:0", "[fe80::1%3]:0"], Some("fe80::1 is a link-local address")),
            (vec!["169.254.169.254:0", "203.0.113.7:0"], Some("169.254.169.254 is the address of a cloud's")),
        ];
        for (addresses, expected) in table {
            let addresses: Vec<SocketAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
            let checked = STRICT.check_all(addresses.iter().copied());
            match expected {
                None => assert_eq!(checked.unwrap(), addresses),
                Some(text) => {
                    let refused = checked.unwrap_err().to_string();
                    assert!(refused.starts_with(text) && refused.contains("events_link_local"), "{refused}");
                    assert_eq!(LENIENT.check_all(addresses.iter().copied()).unwrap(), addresses);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_found() {
        let addresses = Resolver(STRICT).resolve("localhost".parse().unwrap()).await.unwrap();
        let addresses: Vec<_> = addresses.collect();
        assert!(!addresses.is_empty() && addresses.iter().all(|it| it.ip().is_loopback()), "{addresses:?}");
    }

    #[tokio::test]
    async fn what_the_look_up_finds_is_checked() {
        // The look-up takes addresses too, so it needs no name that really leads there.
        let refused = Resolver(STRICT).resolve("169.254.169.254".parse().unwrap()).await;
        assert!(refused.err().unwrap().is::<RefusedAddress>());
    }
}
