//! What networks are made of: addresses, masks, ports, names of hosts.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = memchr::memchr(at, text)?;
    Some((&text[..place], &text[place + 1..]))
}

pub(super) fn ipv4(text: &[u8]) -> bool {
    // The longest address has 15 bytes; most of what is none is longer.
    text.len() <= 15 && parse::<Ipv4Addr>(text).is_some()
}

pub(super) fn ipv6(text: &[u8]) -> bool {
    memchr::memchr(b':', text).is_some() && parse::<Ipv6Addr>(text).is_some()
}

pub(super) fn ip(text: &[u8]) -> bool {
    ipv4(text) || ipv6(text)
}

pub(super) fn cidr4(text: &[u8]) -> bool {
    parse::<Ipv4Net>(text).is_some()
}

pub(super) fn cidr6(text: &[u8]) -> bool {
    parse::<Ipv6Net>(text).is_some()
}

pub(super) fn cidr(text: &[u8]) -> bool {
    parse::<IpNet>(text).is_some()
}

/// A network by its first address: no bits set behind the prefix.
pub(super) fn subnet(text: &[u8]) -> bool {
    parse::<IpNet>(text).is_some_and(|net| net.trunc() == net)
}

pub(super) fn netmask4(text: &[u8]) -> bool {
    parse::<Ipv4Addr>(text).is_some_and(|mask| {
        let bits = mask.to_bits();
        bits.leading_ones() + bits.trailing_zeros() >= 32
    })
}

pub(super) fn netmask6(text: &[u8]) -> bool {
    parse::<Ipv6Addr>(text).is_some_and(|mask| {
        let bits = mask.to_bits();
        bits.leading_ones() + bits.trailing_zeros() >= 128
    })
}

pub(super) fn ipmask4(text: &[u8]) -> bool {
    match split(text, b'/') {
        None => ipv4(text),
        Some((address, mask)) => ipv4(address) && (cidr4(text) || netmask4(mask)),
    }
}

pub(super) fn ipmask6(text: &[u8]) -> bool {
    match split(text, b'/') {
        None => ipv6(text),
        Some((address, mask)) => ipv6(address) && (cidr6(text) || netmask6(mask)),
    }
}

pub(super) fn ipmask(text: &[u8]) -> bool {
    ipmask4(text) || ipmask6(text)
}

/// An IPv6 suffix of an interface: `::1`, `eui64`, `random`.
pub(super) fn ip6hostid(text: &[u8]) -> bool {
    matches!(text, b"eui64" | b"random")
        || parse::<Ipv6Addr>(text).is_some_and(|address| address.to_bits() >> 64 == 0)
        || ipv4(text)
}

pub(super) fn ip6ll(text: &[u8]) -> bool {
    parse::<Ipv6Addr>(text).is_some_and(|address| address.is_unicast_link_local())
}

pub(super) fn prefix4(text: &[u8]) -> bool {
    number_to(text, 32)
}

pub(super) fn prefix6(text: &[u8]) -> bool {
    number_to(text, 128)
}

fn number_to(text: &[u8], most: i64) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
        && super::quantity::int(text).is_some_and(|number| number <= most)
}

pub(super) fn port(text: &[u8]) -> bool {
    number_to(text, 65_535)
}

/// `80`, `8000-8080`; iptables writes the second with a colon.
pub(super) fn portrange(text: &[u8]) -> bool {
    let bounds = split(text, b'-').or_else(|| split(text, b':'));
    match bounds {
        None => port(text),
        Some((low, high)) => {
            port(low) && port(high) && super::quantity::int(low) <= super::quantity::int(high)
        }
    }
}

pub(super) fn mac(text: &[u8]) -> bool {
    let separator = text.get(2).copied().unwrap_or_default();
    text.len() == 17
        && matches!(separator, b':' | b'-')
        && text.iter().enumerate().all(|(index, byte)| match index % 3 {
            2 => *byte == separator,
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A label, or labels with dots: RFC 1123, and underscores as DNS has them.
pub(super) fn hostname(text: &[u8]) -> bool {
    let text = text.strip_suffix(b".").unwrap_or(text);
    !text.is_empty()
        && text.len() <= 253
        && text.split(|byte| *byte == b'.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                && label.first() != Some(&b'-')
                && label.last() != Some(&b'-')
        })
        && !looks_like_ipv4(text)
}

/// Digits and dots are an address, or a mistyped one.
fn looks_like_ipv4(text: &[u8]) -> bool {
    text.contains(&b'.') && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

pub(super) fn fqdn(text: &[u8]) -> bool {
    hostname(text) && text.strip_suffix(b".").unwrap_or(text).contains(&b'.')
}

pub(super) fn host(text: &[u8]) -> bool {
    ip(text) || hostname(text)
}

/// The host and port of `host:80` or `[::1]:80`.
fn host_and_port(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let place = memchr::memrchr(b':', text)?;
    let (host, port) = (&text[..place], &text[place + 1..]);
    Some((host, port))
}

fn bracketed(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"[")?.strip_suffix(b"]")
}

pub(super) fn hostport(text: &[u8]) -> bool {
    host_and_port(text).is_some_and(|(name, number)| {
        port(number) && (ipv4(name) || hostname(name) || bracketed(name).is_some_and(ipv6))
    })
}

pub(super) fn ipport(text: &[u8]) -> bool {
    host_and_port(text)
        .is_some_and(|(name, number)| port(number) && (ipv4(name) || bracketed(name).is_some_and(ipv6)))
}

/// What a server listens on: `80`, `0.0.0.0:80`, `[::]:443`, `unix:/run/x.sock`.
pub(super) fn listen(text: &[u8]) -> bool {
    port(text)
        || hostport(text)
        || text.strip_prefix(b"*:").is_some_and(port)
        || text.strip_prefix(b"unix:/").is_some()
}

/// The name of an interface of the kernel.
pub(super) fn device(text: &[u8]) -> bool {
    (1..=15).contains(&text.len())
        && !matches!(text, b"." | b"..")
        && text.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'/')
}

/// A base64 text of 32 bytes, as WireGuard's keys are.
pub(super) fn wgkey(text: &[u8]) -> bool {
    text.len() == 44 && super::plain::base64(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(test: fn(&[u8]) -> bool, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert!(test(text.as_bytes()), "{text}");
        }
        for text in wrong {
            assert!(!test(text.as_bytes()), "{text}");
        }
        assert!(!test(b"") && !test(b"\xff"));
    }

    #[test]
    fn addresses_and_masks() {
        check(ipv4, &["192.168.1.1", "0.0.0.0"], &["192.168.1", "192.168.1.256", "01.2.3.4", "1.2.3.4 "]);
        check(ipv6, &["::", "fd00::1", "::ffff:1.2.3.4"], &["fd00:::1", "1.2.3.4", "fe80::1%eth0"]);
        check(cidr4, &["10.0.0.1/8"], &["10.0.0.1/33", "10.0.0.1"]);
        check(subnet, &["10.0.0.0/8", "fd00::/8"], &["10.0.0.1/8"]);
        check(
            netmask4,
            &["255.255.255.0", "0.0.0.0", "255.255.255.255"],
            &["255.255.255.266", "255.0.255.0"],
        );
        check(netmask6, &["ffff:ffff::", "::"], &["ffff::ffff", "255.0.0.0"]);
        check(
            ipmask4,
            &["10.0.0.1", "10.0.0.1/8", "10.0.0.1/255.0.0.0"],
            &["10.0.0.1/", "10.0.0.1/255.0.1.0"],
        );
        check(ipmask6, &["fd00::1/64", "fd00::1/ffff::"], &["fd00::/129"]);
        check(ip6hostid, &["::1", "eui64", "::1234:5"], &["fd00::1"]);
        check(
            mac,
            &["00:11:22:aA:bB:cC", "00-11-22-33-44-55"],
            &["00:11:22:33:44", "00:11-22:33:44:55", "00:11:22:33:44:5g"],
        );
    }

    #[test]
    fn ports_and_hosts() {
        check(port, &["0", "80", "65535"], &["65536", "-1", "+1", "http"]);
        check(portrange, &["80", "80-90", "80:90"], &["90-80", "80-", "-80"]);
        check(
            hostname,
            &["a", "host-1.lan", "_dmarc.example.", "3com"],
            &["-a", "a..b", "a b", "192.168.1", "a-"],
        );
        check(fqdn, &["a.b"], &["a", "a."]);
        check(host, &["1.2.3.4", "::1", "a.b"], &["1.2.3.400", "a:b"]);
        check(hostport, &["a:80", "1.2.3.4:80", "[::1]:80"], &["a", "::1:80", "a:"]);
        check(listen, &["80", "0.0.0.0:80", "[::]:443", "*:80", "unix:/run/x"], &["a", ":80"]);
        check(device, &["eth0", "br-lan", "eth0.100", "@wan"], &["a/b", "averyveryverylongname", ".."]);
        check(wgkey, &["yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="], &["yAnz5TF"]);
    }
}
