//! How long a test runs.

/// How often something is tried, unless the surroundings ask for another number by this name.
#[expect(
    clippy::disallowed_methods,
    reason = "a longer run is asked for by the surroundings"
)]
pub(crate) fn tries(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |number| {
        number
            .parse()
            .unwrap_or_else(|_| panic!("a number in {name}"))
    })
}
