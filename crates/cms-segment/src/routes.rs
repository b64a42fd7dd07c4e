//! Which segment holds the keys of a name.

use crate::hash::{FIRST, SHORT, fold, halves};
use crate::map::bytes_that_are;

/// The segments of a store by the first component of their keys; keys of no other segment lie in the first one.
///
/// Reading a key begins here, so names of up to fifteen bytes, as nearly all are, are compared as two words.
pub(crate) struct Routes {
    /// A hash table with a power of two of places, at most half of them in use.
    short: Vec<Route>,
    /// The longer names.
    long: Vec<(Vec<u8>, usize)>,
}

/// A place of the table; free if its position is 0.
#[derive(Clone, Copy, Default)]
struct Route {
    name: [u64; 2],
    position: usize,
}

impl Routes {
    /// The routes to segments by name and position; none is the first segment.
    pub fn new(segments: Vec<(Vec<u8>, usize)>) -> Routes {
        let (short, long): (Vec<_>, Vec<_>) = segments.into_iter().partition(|(name, _)| name.len() < SHORT);
        let places = if short.is_empty() { 0 } else { (2 * short.len()).next_power_of_two() };
        let mut routes = Routes { short: vec![Route::default(); places], long };
        for (text, position) in short {
            let mut bytes = [0; SHORT];
            bytes[..text.len()].copy_from_slice(&text);
            let name = halves(&bytes);
            let mut place = hash(name);
            while let Some(route) = routes.short.get(place & (places - 1))
                && route.position != 0
            {
                place += 1;
            }
            routes.short[place & (places - 1)] = Route { name, position };
        }
        routes
    }

    /// The position of the segment that holds a key.
    #[inline(always)]
    pub fn of_key(&self, key: &[u8]) -> usize {
        if self.short.is_empty() && self.long.is_empty() {
            return 0;
        }
        let Some(first) = key.first_chunk::<SHORT>() else { return self.of_unusual_key(key) };
        let dots = bytes_that_are(first, b'.');
        if dots == 0 {
            return self.of_unusual_key(key);
        }
        let Some(mask) = FIRST.get(dots.trailing_zeros() as usize) else { return 0 };
        let [low, high] = halves(first);
        self.of_short([low & mask[0], high & mask[1]])
    }

    #[inline(never)]
    fn of_unusual_key(&self, key: &[u8]) -> usize {
        if key.contains(&b'.') { self.of_path(key) } else { 0 }
    }

    /// The position of the segment that holds the keys of a path.
    pub fn of_path(&self, path: &[u8]) -> usize {
        let name = path.split(|byte| *byte == b'.').next().unwrap_or_default();
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..name.len()) {
            Some(start) if name.len() < SHORT => {
                start.copy_from_slice(name);
                self.of_short(halves(&bytes))
            }
            _ => self.long.iter().find(|(long, _)| long == name).map_or(0, |(_, position)| *position),
        }
    }

    #[inline(always)]
    fn of_short(&self, name: [u64; 2]) -> usize {
        let mut place = hash(name);
        let last = self.short.len().wrapping_sub(1);
        while let Some(route) = self.short.get(place & last) {
            if route.name == name || route.position == 0 {
                return route.position;
            }
            place += 1;
        }
        0
    }
}

#[inline(always)]
fn hash([low, high]: [u64; 2]) -> usize {
    fold(low ^ 0x9e37_79b9_7f4a_7c15, high ^ 0xd6e8_feb8_6659_fd93) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(names: &[&str]) -> Routes {
        Routes::new(names.iter().enumerate().map(|(at, name)| (name.as_bytes().to_vec(), at + 1)).collect())
    }

    #[track_caller]
    fn check(routes: &Routes, key: &str, expected: usize) {
        assert_eq!(routes.of_key(key.as_bytes()), expected, "{key}");
        if let Some((path, _)) = key.rsplit_once('.') {
            assert_eq!(routes.of_path(path.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn keys_lie_where_their_first_component_says() {
        let longest = "a-name-of-15-by";
        let longer = "a-name-of-16-byt";
        let routes = routes(&["wireless", "vpn", longest, longer, "a-much-longer-name-than-is-usual"]);
        check(&routes, "wireless.radio0.channel", 1);
        check(&routes, "wireless.radio0", 1);
        check(&routes, "vpn.a.b", 2);
        check(&routes, &format!("{longest}.section.option"), 3);
        check(&routes, &format!("{longer}.section.option"), 4);
        check(&routes, "a-much-longer-name-than-is-usual.section.option", 5);
        check(&routes, "network.lan.ipaddr", 0);
        check(&routes, "wireles.radio0.channel", 0);
        check(&routes, "another-very-long-package-name.section.option", 0);
    }

    #[test]
    fn keys_without_a_dot_lie_in_the_first_segment() {
        let routes = routes(&["vpn", "wireless"]);
        check(&routes, "vpn", 0);
        check(&routes, "", 0);
        check(&routes, "a_long_name_without_any", 0);
    }

    #[test]
    fn every_one_of_many_is_found() {
        let names: Vec<String> = (0..300).map(|number| format!("package{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let routes = routes(&names);
        for (at, name) in names.iter().enumerate() {
            check(&routes, &format!("{name}.section.option"), at + 1);
        }
        check(&routes, "package300.section.option", 0);
    }

    #[test]
    fn a_store_of_one_segment_has_no_routes() {
        let routes = routes(&[]);
        check(&routes, "wireless.radio0.channel", 0);
        check(&routes, "wireless.radio0", 0);
    }
}
