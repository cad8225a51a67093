//! Which addresses may be called. A name or an address that clients chose must not lead into
//! the network in which the server stands, so that only public addresses are dialled, and those
//! private ones that the operator names. Asked of the address that is dialled, not of the name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What may be dialled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Targets(Arc<Vec<IpNet>>);

/// No address of the name may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("leads to a private address, which is not allowed")]
pub struct Refused;

impl Refused {
    /// Whether this is why a name was not looked up.
    pub fn is_cause_of(error: &std::io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl Targets {
    pub fn new(allowed: &[IpNet]) -> Self {
        Self(Arc::new(allowed.to_vec()))
    }

    pub fn allows(&self, address: IpAddr) -> bool {
        is_public(address.to_canonical()) || self.names(address)
    }

    /// Whether the operator has named the address.
    pub fn names(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.0.iter().any(|network| network.contains(&plain))
    }

    /// The addresses of a name that may be dialled.
    pub async fn look_up(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        let allowed: Vec<SocketAddr> =
            found.into_iter().filter(|address| self.allows(address.ip())).collect();
        if allowed.is_empty() { Err(std::io::Error::other(Refused)) } else { Ok(allowed) }
    }
}

impl Resolve for Targets {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = self.clone();
        Box::pin(async move {
            let allowed = targets.look_up(name.as_str(), 0).await?;
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address belongs to the public internet (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127, ..) => true,
        // Shared address space, RFC 6598.
        (100, 64..=127, _) => true,
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        (192, 168, _) | (192, 0, 0 | 2) | (192, 88, 99) => true,
        (198, 18 | 19, _) | (198, 51, 100) => true,
        (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224..=255, ..) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [a, b, ..] = segments;
    // Only 2000::/3 is in public use; what wraps an IPv4 address leads there.
    match (a, b) {
        (0x0064, 0xff9b) => segments[2..6] == [0; 4] && is_public_v4(last_v4(segments)),
        (0x2002, _) => {
            let [high, low] = [segments[1].to_be_bytes(), segments[2].to_be_bytes()];
            is_public_v4(Ipv4Addr::new(high[0], high[1], low[0], low[1]))
        }
        // Teredo, benchmarks, ORCHID, documentation.
        (0x2001, 0x0000..=0x01ff | 0x0db8) | (0x3fff, 0x0000..=0x0fff) => false,
        _ => a & 0xe000 == 0x2000,
    }
}

fn last_v4(segments: [u16; 8]) -> Ipv4Addr {
    let [high, low] = [segments[6].to_be_bytes(), segments[7].to_be_bytes()];
    Ipv4Addr::new(high[0], high[1], low[0], low[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_allowed() {
        let none = Targets::new(&[]);
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:c0a8:101::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!none.allows(refused.parse().unwrap()), "{refused}");
        }
        for allowed in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(none.allows(allowed.parse().unwrap()), "{allowed}");
        }
    }

    #[test]
    fn what_is_named_is_allowed_and_nothing_else() {
        let some = Targets::new(&["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for allowed in ["127.0.0.1", "::ffff:127.0.0.1", "fd12::1"] {
            assert!(some.allows(allowed.parse().unwrap()), "{allowed}");
            assert!(some.names(allowed.parse().unwrap()), "{allowed}");
        }
        assert!(some.allows("1.1.1.1".parse().unwrap()) && !some.names("1.1.1.1".parse().unwrap()));
        for refused in ["10.0.0.1", "::1", "fc00::1"] {
            assert!(!some.allows(refused.parse().unwrap()), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused() {
        let error = Targets::new(&[]).look_up("localhost", 80).await.unwrap_err();
        assert!(Refused::is_cause_of(&error), "{error:?}");
        let some = Targets::new(&["127.0.0.0/8".parse().unwrap()]);
        assert!(!some.look_up("localhost", 80).await.unwrap().is_empty());
    }
}
