//! Fakes and conformance suites for Diwan's traits.
