//! Numbers that look random and come again with the same seed.

/// A splitmix64 sequence: small, fast, and the same on every machine.
///
/// ```
/// use cms_testkit::Random;
/// assert_eq!(Random::new(7).next(), Random::new(7).next());
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence that the seed determines.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence for one test run: from `CMS_TEST_SEED`, or from the clock. Says its seed, so that a failure
    /// can be repeated.
    pub fn for_test(name: &str) -> Self {
        let seed = match std::env::var("CMS_TEST_SEED") {
            Ok(text) => text.parse().expect("CMS_TEST_SEED is a number"),
            Err(_) => std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_nanos() as u64),
        };
        eprintln!("{name}: CMS_TEST_SEED={seed}");
        Self(seed)
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "an endless sequence has no Option to answer")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "nothing is below 0");
        self.next() % end
    }
}
