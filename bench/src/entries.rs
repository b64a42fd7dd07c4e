//! Entries as the figures of the segment have them: packages, sections of 3 to 30 options, lists among them.

use cms_segment::{Array, Heap, Kind, Load, Scalar, Value};
use cms_testkit::Random;

use crate::Result;

const PACKAGES: [&str; 16] = [
    "network", "wireless", "firewall", "dhcp", "system", "sqm", "openvpn", "mwan3", "uhttpd", "snmpd",
    "ddns", "qos", "luci", "samba4", "collectd", "adblock",
];
const TYPES: [&str; 8] = ["host", "rule", "route", "iface", "peer", "zone", "client", "redirect"];
/// Options stand in a section in this order, from some place on.
const OPTIONS: [&str; 64] = [
    "name",
    "proto",
    "ipaddr",
    "netmask",
    "gateway",
    "enabled",
    "mtu",
    "metric",
    "device",
    "macaddr",
    "src",
    "dest",
    "src_port",
    "dest_port",
    "target",
    "family",
    "interface",
    "ip6assign",
    "hostname",
    "leasetime",
    "start",
    "limit",
    "description",
    "ssid",
    "encryption",
    "key",
    "channel",
    "hwmode",
    "country",
    "disabled",
    "network",
    "mode",
    "username",
    "password",
    "delegate",
    "peerdns",
    "defaultroute",
    "ifname",
    "masq",
    "mtu_fix",
    "input",
    "output",
    "forward",
    "timezone",
    "log_size",
    "dns",
    "type",
    "ports",
    "vlan",
    "priority",
    "weight",
    "interval",
    "timeout",
    "down",
    "up",
    "server",
    "listen",
    "cert",
    "comment",
    "monitor",
    "path",
    "retry",
    "allowed_ips",
    "persistent_keepalive",
];

/// Entries in the order in which they are stored.
pub struct Entries {
    text: Vec<u8>,
    sections: Vec<String>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    section: u32,
    option: &'static str,
    /// Where its text begins; it ends where that of the next one begins.
    start: u32,
    is_list: bool,
}

/// What stands between the items of a list.
const BETWEEN: u8 = b' ';

impl Entries {
    /// So many of them. Keys are about 28 bytes long, values about 14; every twentieth is a list.
    pub fn new(count: usize) -> Self {
        let mut random = Random::new(7);
        let mut made = Self { text: Vec::new(), sections: Vec::new(), entries: Vec::with_capacity(count) };
        // Sections of a package lie together, as a load has them.
        let per_package = count.div_ceil(PACKAGES.len());
        while made.entries.len() < count {
            let package = PACKAGES[made.entries.len() / per_package];
            let kind = TYPES[random.below(TYPES.len() as u64) as usize];
            let section = made.sections.len();
            made.sections.push(format!("{package}.{kind}_{section:05}"));
            // The smaller of two: small sections are more frequent; 12 on average.
            let options = 3 + random.below(28).min(random.below(28)) as usize;
            let first = kind.len() * 11 + random.below(4) as usize;
            for number in 0..options.min(count - made.entries.len()) {
                made.add(section, OPTIONS[(first + number) % OPTIONS.len()], &mut random);
            }
        }
        made
    }

    fn add(&mut self, section: usize, option: &'static str, random: &mut Random) {
        let is_list = random.below(20) == 0;
        let start = self.text.len() as u32;
        self.entries.push(Entry { section: section as u32, option, start, is_list });
        let items = if is_list { 2 + random.below(3) } else { 1 };
        for item in 0..items {
            if item > 0 {
                self.text.push(BETWEEN);
            }
            value(&mut self.text, is_list, random);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The section of an entry, with its package.
    pub fn section(&self, number: usize) -> &str {
        &self.sections[self.entries[number].section as usize]
    }

    /// The option of an entry.
    pub fn option(&self, number: usize) -> &'static str {
        self.entries[number].option
    }

    /// The value of an entry; the items of a list with a blank between them.
    pub fn text(&self, number: usize) -> &[u8] {
        let end = self.entries.get(number + 1).map_or(self.text.len(), |next| next.start as usize);
        &self.text[self.entries[number].start as usize..end]
    }

    /// Puts the key of an entry in the place of what a buffer holds.
    pub fn write_key(&self, number: usize, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.section(number).as_bytes());
        key.push(b'.');
        key.extend_from_slice(self.option(number).as_bytes());
    }

    /// The bytes of all keys and values, and no others: between two items nothing is counted.
    pub fn payload(&self) -> usize {
        let keys: usize =
            (0..self.len()).map(|number| self.section(number).len() + 1 + self.option(number).len()).sum();
        let blanks: usize = (0..self.len())
            .filter(|number| self.entries[*number].is_list)
            .map(|number| self.text(number).iter().filter(|byte| **byte == BETWEEN).count())
            .sum();
        keys + self.text.len() - blanks
    }

    /// What the mean key and the mean value take, as text.
    pub fn shape(&self) -> String {
        let values = self.text.len() as f64 / self.len() as f64;
        let keys = self.payload() as f64 / self.len() as f64 - values;
        format!("keys of {keys:.0} B, values of {values:.0} B")
    }

    /// Hands the value of an entry on in the form that the engine stores it in.
    pub fn with_value<T>(
        &self,
        number: usize,
        hand_on: impl FnOnce(Value<'_>) -> cms_segment::Result<T>,
    ) -> cms_segment::Result<T> {
        let text = self.text(number);
        if !self.entries[number].is_list {
            return hand_on(Value::String(text));
        }
        let mut heap = Heap::new();
        let mut array = Array::new(Kind::String);
        let items: Vec<Scalar<'_>> = text.split(|byte| *byte == BETWEEN).map(Scalar::String).collect();
        array.extend(&mut heap, &items)?;
        let record = array.encode();
        hand_on(Value::array(&heap, &record)?)
    }

    /// Gives all to a load.
    pub fn load(&self, mut load: Load<'_, '_>) -> Result<()> {
        for number in 0..self.len() {
            let (section, option) = (self.section(number).as_bytes(), self.option(number).as_bytes());
            self.with_value(number, |value| load.add(section, option, value))?;
        }
        Ok(load.publish()?)
    }
}

/// A value as configurations have them; items of a list are short and have no blanks.
fn value(text: &mut Vec<u8>, is_item: bool, random: &mut Random) {
    let bits = random.next();
    let byte = |shift: u32| (bits >> shift) & 0xff;
    let made = match random.below(if is_item { 3 } else { 9 }) {
        0 => format!("10.{}.{}.{}", byte(0), byte(8), byte(16)),
        1 => format!("lan{}", byte(0)),
        2 => format!("group-{:03}", byte(0)),
        3 => format!("{}", bits % 10_000),
        4 => format!("52:54:00:{:02x}:{:02x}:{:02x}", byte(0), byte(8), byte(16)),
        5 => format!("fe80::{:x}:{:x}:{:x}", bits & 0xffff, bits >> 16 & 0xffff, bits >> 32 & 0xffff),
        6 => format!("Port {} of switch {}", byte(0), byte(8)),
        7 => format!("node-{:05}.example.net", bits % 100_000),
        _ => format!("192.168.{}.{}/24", byte(0), byte(8)),
    };
    text.extend_from_slice(made.as_bytes());
}

/// Keys to ask for, one behind the other in memory, so that reading them costs little beside the answers.
pub struct Questions {
    /// The keys; a NUL ends each.
    pub text: Vec<u8>,
    /// Where each begins; the last one says where the text ends.
    pub ends: Vec<u32>,
}

impl Questions {
    /// So many keys, chosen uniformly.
    pub fn uniform(entries: &Entries, count: usize) -> Self {
        let mut random = Random::new(11);
        Self::of(entries, (0..count).map(|_| random.below(entries.len() as u64) as usize))
    }

    /// So many keys from `hot` of the entries, the n-th of them 1 / n^0.99 times as often as the first.
    pub fn zipf(entries: &Entries, hot: usize, count: usize) -> Self {
        let mut random = Random::new(13);
        let chosen: Vec<usize> = (0..hot).map(|_| random.below(entries.len() as u64) as usize).collect();
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=hot)
            .map(|rank| {
                sum += (rank as f64).powf(-0.99);
                sum
            })
            .collect();
        let mut pick = || {
            let at = random.below(1 << 53) as f64 / (1_u64 << 53) as f64 * sum;
            chosen[sums.partition_point(|sum| *sum <= at).min(hot - 1)]
        };
        let picks: Vec<usize> = (0..count).map(|_| pick()).collect();
        Self::of(entries, picks)
    }

    fn of(entries: &Entries, numbers: impl IntoIterator<Item = usize>) -> Self {
        let mut made = Self { text: Vec::new(), ends: vec![0] };
        let mut key = Vec::new();
        for number in numbers {
            entries.write_key(number, &mut key);
            made.text.extend_from_slice(&key);
            made.text.push(0);
            made.ends.push(made.text.len() as u32);
        }
        made
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// One of them.
    #[inline]
    pub fn get(&self, at: usize) -> &[u8] {
        &self.text[self.ends[at] as usize..self.ends[at + 1] as usize - 1]
    }
}
