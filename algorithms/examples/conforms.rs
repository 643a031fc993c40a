//! Puts algorithms of the registry through the conformance suite, all of them unless some are named:
//! `cargo run -p diwan-algorithms --example conforms -- NAME…`.

use diwan_algorithms::conformance::conforms;
use diwan_algorithms::registry::{ALGORITHMS, UnknownName, find};

fn main() -> Result<(), UnknownName> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let named = names.iter().map(|name| find(name));
    let mut algorithms = named.collect::<Result<Vec<_>, _>>()?;
    if algorithms.is_empty() {
        algorithms.extend(ALGORITHMS);
    }
    for algorithm in algorithms {
        conforms(algorithm);
        println!("{} conforms", algorithm.name());
    }
    Ok(())
}
