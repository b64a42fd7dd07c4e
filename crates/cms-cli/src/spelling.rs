//! "Did you mean": the known name that is nearest to a mistyped one.

/// The candidate that the writer most likely meant, if any is near enough to be worth naming.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // A third of the letters may be wrong: `intrface` suggests `interface`, `lan` does not suggest `wan`
    // unless nothing else is as near; one-letter names suggest nothing.
    let allowed = (typed.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|name| *name != typed && typed.chars().count() > 1)
        .map(|name| (strsim::damerau_levenshtein(&typed.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_when_it_is_near() {
        let check = |typed, expected: Option<&str>| {
            let known = ["network", "wireless", "firewall", "dhcp", "system"];
            assert_eq!(nearest(typed, known).as_deref(), expected, "{typed}");
        };
        check("netwrok", Some("network"));
        check("netwrk", Some("network"));
        check("Network", Some("network"));
        check("firewal", Some("firewall"));
        check("dchp", Some("dhcp"));
        check("samba", None);
        check("x", None);
        check("", None);
    }
}
