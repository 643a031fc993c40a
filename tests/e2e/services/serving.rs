//! How `diwan serve` begins and ends.

use std::net::TcpStream;

use super::listening::Listening;
use crate::harness::World;

#[test]
fn term_and_interrupt_end_it_well() {
    let world = World::new();
    for signal in ["TERM", "INT"] {
        let mut server = Listening::diwan(&world);
        let address = server.address().to_owned();
        TcpStream::connect(&address).unwrap();
        server.process.signal(signal);
        assert_eq!(server.process.code(), 0, "after {signal}");
        assert!(
            TcpStream::connect(&address).is_err(),
            "nobody listens after {signal}"
        );
    }
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let world = World::new();
    let server = Listening::diwan(&world);
    let second = world.run(["serve", "--listen", server.address()]);
    assert_eq!(second.code, 1);
    assert_eq!(second.stdout, "");
    let told = format!(
        "error: cannot listen on {}\ncause: Address already in use",
        server.address()
    );
    assert!(second.stderr.starts_with(&told), "{}", second.stderr);
}

#[test]
fn other_machines_are_kept_out() {
    let world = World::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:6789"] {
        let refused = world.run(["serve", "--listen", address]);
        assert_eq!(refused.code, 2, "{address}");
        let told = format!(
            "error: {address} is reachable from other machines, and there is no authentication\nhint: "
        );
        assert!(refused.stderr.starts_with(&told), "{}", refused.stderr);
    }
}
