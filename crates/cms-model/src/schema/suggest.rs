//! Did you mean: what a mistyped word may have been.

/// A word longer than this is no misspelling of anything.
const LONGEST: usize = 64;

/// Returns the candidate that is closest to `word`, if one is close: a third of the letters may differ, one at least.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let most = (word.chars().count() / 3).max(1);
    let word_low = word.to_ascii_lowercase();
    let near = candidates.into_iter().filter(|candidate| candidate.len() <= LONGEST && *candidate != word);
    let rated = near.filter_map(|candidate| {
        let low = candidate.to_ascii_lowercase();
        let distance = distance(&word_low, &low);
        // Of a short word at least something has to be left.
        (distance <= most && distance < low.chars().count()).then_some((distance, candidate))
    });
    rated.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// How many letters have to be added, dropped, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut this = vec![row];
        for column in 1..=right.len() {
            let replaced = above[column - 1] + usize::from(left[row - 1] != right[column - 1]);
            let mut best = replaced.min(above[column] + 1).min(this[column - 1] + 1);
            let swapped = row > 1
                && column > 1
                && left[row - 1] == right[column - 2]
                && left[row - 2] == right[column - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            this.push(best);
        }
        before = std::mem::replace(&mut above, this);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_word_is_found_and_a_far_one_is_not() {
        let options = ["ipaddr", "netmask", "proto", "device", "ip6addr", "mtu"];
        let check = |word: &str, meant: Option<&str>| assert_eq!(closest(word, options), meant, "{word}");
        check("ipadr", Some("ipaddr"));
        check("pr0to", Some("proto"));
        check("porto", Some("proto"));
        check("netmaks", Some("netmask"));
        check("MTU", Some("mtu"));
        check("hostname", None);
        check("x", None);
        check(&"m".repeat(100), None);
    }

    #[test]
    fn a_swap_counts_once() {
        assert_eq!(distance("porto", "proto"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
