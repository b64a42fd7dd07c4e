//! Plain types: rules that need no argument, each a name, what it wants, and a test.

use super::net;
use super::quantity::{boolean, float, int, milliseconds, size};

/// A rule without arguments.
pub(crate) struct Plain {
    /// Its name, then other names for it.
    pub names: &'static [&'static str],
    /// What it holds for, as a noun.
    pub wants: &'static str,
    /// Where the name is from: see docs/schema.md.
    pub from: &'static str,
    /// What `min`, `max` and `between` measure in it.
    pub measure: Measure,
    /// How JSON Schema says it.
    pub json: Json,
    pub test: fn(&[u8]) -> bool,
}

/// What the size of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Text,
    Number,
    Float,
    Duration,
    Size,
}

/// A type of JSON Schema, or a format of its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Json {
    Integer,
    Unsigned,
    Number,
    Boolean,
    Text,
    Format(&'static str),
    Pattern(&'static str),
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.names[0])
    }
}

/// Finds a plain type by one of its names.
pub(crate) fn find(name: &str) -> Option<&'static Plain> {
    PLAIN.iter().find(|plain| plain.names.contains(&name))
}

macro_rules! plain {
    ($($($name:literal)+, $from:literal, $measure:ident, $json:expr, $wants:literal, $test:expr;)*) => {
        /// All plain types, in the order of their table in docs/schema.md.
        pub(crate) static PLAIN: &[Plain] = &[$(Plain {
            names: &[$($name),+],
            wants: $wants,
            from: $from,
            measure: Measure::$measure,
            json: $json,
            test: $test,
        }),*];
    };
}

use Json::{Boolean, Format, Integer, Number, Pattern, Text, Unsigned};

plain! {
    "string" "str" "any", "LO", Text, Text, "any text", |_| true;
    "int" "integer" "numeric_int", "LO", Number, Integer, "a whole number", |text| int(text).is_some();
    "uint" "uinteger" "unsigned", "LO", Number, Unsigned, "a whole number that is not negative", |text| int(text).is_some_and(|number| number >= 0);
    "float" "numeric" "decimal", "LO", Float, Number, "a number such as 1.5", |text| float(text).is_some();
    "ufloat", "O", Float, Number, "a number such as 1.5 that is not negative", |text| float(text).is_some_and(|number| number >= 0.0);
    "bool" "boolean", "LO", Text, Boolean, "0 or 1 (also off, on, false, true, no, yes, disabled, enabled)", |text| boolean(text).is_some();
    "accepted", "L", Text, Pattern("^(1|on|true|yes|enabled)$"), "1, on, true, yes or enabled", |text| boolean(text) == Some(true);
    "declined", "L", Text, Pattern("^(0|off|false|no|disabled)$"), "0, off, false, no or disabled", |text| boolean(text) == Some(false);
    "alpha", "L", Text, Pattern("^[A-Za-z]+$"), "letters from a to z", |text| all(text, u8::is_ascii_alphabetic);
    "alpha_num" "alnum", "L", Text, Pattern("^[A-Za-z0-9]+$"), "letters from a to z and digits", |text| all(text, u8::is_ascii_alphanumeric);
    "alpha_dash", "L", Text, Pattern("^[A-Za-z0-9_-]+$"), "letters from a to z, digits, `-` and `_`", |text| all(text, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    "ascii", "L", Text, Pattern("^[\\x00-\\x7f]*$"), "ASCII characters", |text| text.is_ascii();
    "printable", "C", Text, Pattern("^[^\\x00-\\x1f\\x7f]*$"), "text without control characters", |text| !text.iter().any(|byte| byte.is_ascii_control());
    "utf8", "C", Text, Text, "UTF-8 text", |text| std::str::from_utf8(text).is_ok();
    "lowercase", "L", Text, Pattern("^[^A-Z]*$"), "text without capitals", |text| !text.iter().any(u8::is_ascii_uppercase);
    "uppercase", "L", Text, Pattern("^[^a-z]*$"), "text without small letters", |text| !text.iter().any(u8::is_ascii_lowercase);
    "hex" "hexstring", "LO", Text, Pattern("^([0-9A-Fa-f]{2})+$"), "hexadecimal digits, two for a byte", |text| text.len().is_multiple_of(2) && all(text, u8::is_ascii_hexdigit);
    "hexnum", "C", Text, Pattern("^(0[xX])?[0-9A-Fa-f]+$"), "a hexadecimal number, with or without 0x", |text| all(text.strip_prefix(b"0x").or(text.strip_prefix(b"0X")).unwrap_or(text), u8::is_ascii_hexdigit);
    "base64", "O", Text, Pattern("^[A-Za-z0-9+/]*={0,2}$"), "base64 text", base64;
    "phonedigit", "O", Text, Pattern("^[0-9*#!.]+$"), "digits, `*`, `#`, `!` and `.`", |text| all(text, |byte| byte.is_ascii_digit() || b"*#!.".contains(byte));
    "uciname" "name", "O", Text, Pattern("^[A-Za-z0-9_]+$"), "letters from a to z, digits and `_`", |text| all(text, |byte| crate::is_name_byte(*byte));
    "ucitype", "C", Text, Pattern("^[!-~]+$"), "visible ASCII characters", |text| all(text, |byte| crate::is_type_byte(*byte));
    "ip" "ipaddr", "LO", Text, Text, "an IP address such as 192.168.1.1 or fd00::1", net::ip;
    "ipv4" "ip4addr", "LO", Text, Format("ipv4"), "an IPv4 address such as 192.168.1.1", net::ipv4;
    "ipv6" "ip6addr", "LO", Text, Format("ipv6"), "an IPv6 address such as fd00::1", net::ipv6;
    "cidr", "LO", Text, Text, "an address with a prefix length, such as 192.168.1.1/24", net::cidr;
    "cidr4" "cidrv4", "O", Text, Text, "an IPv4 address with a prefix length, such as 192.168.1.1/24", net::cidr4;
    "cidr6" "cidrv6", "O", Text, Text, "an IPv6 address with a prefix length, such as fd00::1/64", net::cidr6;
    "subnet", "C", Text, Text, "a network such as 192.168.1.0/24, without bits behind the prefix", net::subnet;
    "netmask4" "netmask", "O", Text, Format("ipv4"), "a netmask such as 255.255.255.0", net::netmask4;
    "netmask6", "O", Text, Format("ipv6"), "an IPv6 netmask such as ffff:ffff::", net::netmask6;
    "ipmask4", "O", Text, Text, "an IPv4 address, with /24 or /255.255.255.0 behind it if you like", net::ipmask4;
    "ipmask6", "O", Text, Text, "an IPv6 address, with a prefix length if you like", net::ipmask6;
    "ipmask", "O", Text, Text, "an IP address, with a prefix length or netmask if you like", net::ipmask;
    "prefix4" "ip4prefix", "O", Number, Unsigned, "a prefix length from 0 to 32", net::prefix4;
    "prefix6" "ip6prefix", "O", Number, Unsigned, "a prefix length from 0 to 128", net::prefix6;
    "ip6ll", "O", Text, Format("ipv6"), "a link-local IPv6 address such as fe80::1", net::ip6ll;
    "ip6hostid", "O", Text, Text, "an IPv6 suffix such as ::1, eui64 or random", net::ip6hostid;
    "mac" "macaddr", "LO", Text, Pattern("^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$"), "a MAC address such as 00:11:22:33:44:55", net::mac;
    "port", "LO", Number, Unsigned, "a port from 0 to 65535", net::port;
    "portrange", "O", Text, Text, "a port or a range of them, such as 8000-8080", net::portrange;
    "hostname", "O", Text, Format("hostname"), "a host name", net::hostname;
    "fqdn", "LO", Text, Format("hostname"), "a host name with its domain, such as www.example.org", net::fqdn;
    "host", "LO", Text, Text, "a host name or an IP address", net::host;
    "hostport", "O", Text, Text, "a host and port, such as example.org:80 or [fd00::1]:80", net::hostport;
    "ipaddrport" "ipport", "O", Text, Text, "an address and port, such as 10.0.0.1:80 or [fd00::1]:80", net::ipport;
    "listen", "C", Text, Text, "what to listen on: a port, an address and port, or unix:/path", net::listen;
    "network", "O", Text, Text, "a host name, or an IP address with or without a prefix length", |text| net::host(text) || net::ipmask(text);
    "netdev", "C", Text, Text, "the name of a network device, at most 15 characters", net::device;
    "wgkey", "C", Text, Pattern("^[A-Za-z0-9+/]{43}=$"), "a WireGuard key: 44 characters of base64", net::wgkey;
    "wpakey", "O", Text, Text, "a WPA key: 8 to 63 characters, or 64 hexadecimal digits", |text| (8..=63).contains(&text.len()) || text.len() == 64 && all(text, u8::is_ascii_hexdigit);
    "wepkey", "O", Text, Text, "a WEP key: 5 or 13 characters (after s: or as they are), or 10 or 26 hexadecimal digits", wepkey;
    "url", "L", Text, Format("uri"), "a URL such as https://example.org/", |text| utf8(text).is_some_and(|text| url::Url::parse(text).is_ok_and(|url| url.has_host() || url.scheme() == "file"));
    "uri", "J", Text, Format("uri"), "a URI such as mailto:x@example.org", |text| utf8(text).is_some_and(|text| url::Url::parse(text).is_ok());
    "email", "L", Text, Format("email"), "an e-mail address", |text| utf8(text).is_some_and(email_address::EmailAddress::is_valid);
    "path", "C", Text, Text, "a path", path;
    "file", "O", Text, Text, "an absolute path of a file", |text| path(text) && text.starts_with(b"/") && !text.ends_with(b"/");
    "directory", "O", Text, Text, "an absolute path of a directory", |text| path(text) && text.starts_with(b"/");
    "device", "O", Text, Text, "an absolute path of a device", |text| path(text) && text.starts_with(b"/") && !text.ends_with(b"/");
    "duration", "C", Duration, Text, "a duration such as 90s, 12h or 1h30m", |text| milliseconds(text, 1000).is_some();
    "leasetime", "O", Duration, Text, "a duration such as 12h, or infinite", |text| text == b"infinite" || text == b"deprecated" || milliseconds(text, 1000).is_some();
    "size", "C", Size, Text, "a size such as 512k or 100M", |text| size(text, 1).is_some();
    "date" "dateyyyymmdd", "LO", Text, Format("date"), "a date such as 2026-02-28", |text| date(text);
    "time" "timehhmmss", "O", Text, Pattern("^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$"), "a time of day such as 23:59 or 23:59:30", time;
    "datetime" "timestamp", "J", Text, Format("date-time"), "a date and time such as 2026-02-28T12:00:00Z", datetime;
    "semver", "C", Text, Text, "a version such as 1.2.3", |text| utf8(text).is_some_and(|text| semver::Version::parse(text).is_ok());
    "semver_req", "C", Text, Text, "a demand of versions such as >=1.2, <2", |text| utf8(text).is_some_and(|text| semver::VersionReq::parse(text).is_ok());
    "uuid", "L", Text, Format("uuid"), "a UUID", uuid;
    "json", "L", Text, Text, "a JSON text", super::json::is_json;
    "regexp", "C", Text, Format("regex"), "a regular expression", |text| utf8(text).is_some_and(|text| super::pattern::compile(text).is_ok());
    "octal" "filemode", "C", Text, Pattern("^[0-7]{3,4}$"), "a file mode such as 0644", |text| (3..=4).contains(&text.len()) && all(text, |byte| (b'0'..=b'7').contains(byte));
}

fn all(text: &[u8], test: impl FnMut(&u8) -> bool) -> bool {
    !text.is_empty() && text.iter().all(test)
}

fn utf8(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

pub(super) fn base64(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let (digits, padding) = text.split_at(end);
    !digits.is_empty()
        && text.len().is_multiple_of(4)
        && padding.len() <= 2
        && padding.iter().all(|byte| *byte == b'=')
        && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn wepkey(text: &[u8]) -> bool {
    let plain = text.strip_prefix(b"s:").unwrap_or(text);
    matches!(plain.len(), 5 | 13) || matches!(text.len(), 10 | 26) && text.iter().all(u8::is_ascii_hexdigit)
}

fn path(text: &[u8]) -> bool {
    !text.is_empty() && text.len() < 4096 && !text.contains(&0) && !text.contains(&b'\n')
}

fn number(text: &[u8]) -> Option<u32> {
    if !all(text, u8::is_ascii_digit) {
        return None;
    }
    int(text).and_then(|number| u32::try_from(number).ok())
}

/// `2026-02-28`, or without dashes as LuCI has it.
fn date(text: &[u8]) -> bool {
    let parts = match text {
        [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => (year, [*m1, *m2], [*d1, *d2]),
        [year @ .., m1, m2, d1, d2] if year.len() == 4 => (year, [*m1, *m2], [*d1, *d2]),
        _ => return false,
    };
    let (Some(year), Some(month), Some(day)) = (number(parts.0), number(&parts.1), number(&parts.2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn time(text: &[u8]) -> bool {
    let part =
        |at: usize, most: u32| text.get(at..at + 2).and_then(number).is_some_and(|number| number <= most);
    let colons = |places: &[usize]| places.iter().all(|place| text.get(*place) == Some(&b':'));
    part(0, 23)
        && part(3, 59)
        && match text.len() {
            5 => colons(&[2]),
            8 => colons(&[2, 5]) && part(6, 59),
            _ => false,
        }
}

/// RFC 3339, with a `T` or a blank.
fn datetime(text: &[u8]) -> bool {
    let Some((day, rest)) = text.split_at_checked(10) else { return false };
    let Some((b'T' | b't' | b' ', rest)) = rest.split_first() else { return false };
    let Some((clock, rest)) = rest.split_at_checked(8) else { return false };
    let zone = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &rest[digits..]
        }
        rest => rest,
    };
    let zone_is_right = match zone {
        b"Z" | b"z" => true,
        [b'+' | b'-', offset @ ..] => offset.len() == 5 && time(offset),
        _ => false,
    };
    date(day) && day.contains(&b'-') && time(clock) && zone_is_right
}

fn uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Writes the table of the rules that need no argument, as docs/schema.md shows it.
pub fn rule_table() -> String {
    let mut table = String::from("| rule | holds for | from |\n| --- | --- | --- |\n");
    for plain in PLAIN {
        let names: Vec<_> = plain.names.iter().map(|name| format!("`{name}`")).collect();
        let from: Vec<_> = plain.from.chars().map(|letter| letter.to_string()).collect();
        table += &format!("| {} | {} | {} |\n", names.join(", "), plain.wants, from.join(", "));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_knows_right_from_wrong() {
        let check = |name: &str, right: &[&str], wrong: &[&str]| {
            let plain = find(name).unwrap();
            for text in right {
                assert!((plain.test)(text.as_bytes()), "{name} {text}");
            }
            for text in wrong {
                assert!(!(plain.test)(text.as_bytes()), "{name} {text}");
            }
        };
        check("int", &["-1", "0", "9223372036854775807"], &["", "1.5", "9223372036854775808", " 1"]);
        check("uint", &["0", "7"], &["-1", "x"]);
        check("float", &["1.5", "-2", "1e3"], &["inf", "nan", "", "1,5"]);
        check("ufloat", &["1.5"], &["-1.5"]);
        check("bool", &["1", "0", "on", "enabled"], &["2", "On", ""]);
        check("accepted", &["yes"], &["no"]);
        check("declined", &["no"], &["yes"]);
        check("alpha", &["abc"], &["ab1", "", "\u{e9}"]);
        check("alpha_num", &["ab1"], &["a_b", ""]);
        check("alpha_dash", &["a-b_1"], &["a b"]);
        check("ascii", &["a\n"], &["\u{e9}"]);
        check("printable", &["\u{e9} x"], &["a\u{7}"]);
        check("lowercase", &["abc-1"], &["aBc"]);
        check("uppercase", &["ABC-1"], &["AbC"]);
        check("hex", &["00ff"], &["0", "0g", ""]);
        check("hexnum", &["0x1f", "abc"], &["0x", "g"]);
        check("base64", &["YQ==", "YWJj"], &["YQ=", "YQ===", "=", "Y Q="]);
        check("phonedigit", &["*31#"], &["a"]);
        check("uciname", &["a_1"], &["a-1"]);
        check("wpakey", &["12345678"], &["1234567"]);
        check("wepkey", &["s:12345", "1234567890"], &["123"]);
        check("url", &["https://example.org/a?b", "file:///x"], &["example.org", "http://", "/x"]);
        check("uri", &["mailto:a@b.c"], &["x"]);
        check("email", &["a@example.org"], &["a", "@b", "a b@c.d"]);
        check("path", &["a/b", "/"], &["", "a\nb"]);
        check("file", &["/etc/x"], &["x", "/etc/"]);
        check("directory", &["/etc/"], &["etc"]);
        check("duration", &["12h", "90"], &["12x"]);
        check("leasetime", &["infinite", "12h"], &["never"]);
        check("size", &["100M"], &["M"]);
        check(
            "date",
            &["2024-02-29", "20260228", "2000-02-29"],
            &["2026-02-29", "2026-13-01", "1900-02-29", "26-01-01"],
        );
        check("time", &["23:59", "00:00:30"], &["24:00", "1:00", "00-00", "12:30:60"]);
        check(
            "datetime",
            &["2026-02-28T12:00:00Z", "2026-02-28 12:00:00.5+02:00"],
            &["2026-02-28", "2026-02-28T12:00:00", "2026-02-28T12:00:00.Z", "20260228T120000Z"],
        );
        check("semver", &["1.2.3", "1.0.0-rc.1"], &["1.2", "v1.2.3"]);
        check("semver_req", &[">=1.2, <2"], &["x.y"]);
        check("uuid", &["123e4567-e89b-12d3-a456-426614174000"], &["123e4567"]);
        check("json", &["{\"a\": [1, true]}", "1"], &["{", "a", ""]);
        check("regexp", &["a|b"], &["("]);
        check("octal", &["0644", "755"], &["8", "07777"]);
    }

    #[test]
    fn names_belong_to_one_type() {
        let mut names: Vec<_> = PLAIN.iter().flat_map(|plain| plain.names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
