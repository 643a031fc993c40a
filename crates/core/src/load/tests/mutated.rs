//! Files that were damaged: never a panic, never a problem without a place.

use proptest::prelude::*;

use super::*;

/// Pieces that mean something to YAML, JSON or a template.
const PIECES: &[&str] = &[
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "#",
    "\n",
    "\t",
    "  ",
    "---\n",
    "${",
    "${trialParameters.x}",
    ".nan",
    "-1",
    "1e999",
    "null",
    "\u{feff}",
    "\u{e000}",
    "%",
    "? ",
    "\\",
    "\0",
    "\r\n",
];

#[derive(Clone, Debug)]
enum Damage {
    Insert(usize, usize),
    Remove(usize, usize),
    Byte(usize, u8),
    Double(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), 0..PIECES.len()).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (any::<usize>(), 1..40usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (any::<usize>(), 1..80usize).prop_map(|(at, length)| Damage::Double(at, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let (Damage::Insert(at, _)
    | Damage::Remove(at, _)
    | Damage::Byte(at, _)
    | Damage::Double(at, _)) = *damage;
    let at = at % (bytes.len() + 1);
    let end = bytes.len();
    match *damage {
        Damage::Insert(_, piece) => drop(bytes.splice(at..at, PIECES[piece].bytes())),
        Damage::Remove(_, length) => drop(bytes.drain(at..end.min(at + length))),
        Damage::Byte(_, byte) => drop(bytes.splice(at..end.min(at + 1), [byte])),
        Damage::Double(_, length) => {
            let copy = bytes[at..end.min(at + length)].to_vec();
            drop(bytes.splice(at..at, copy));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_files_are_judged_without_panic(
        json in any::<bool>(),
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        if json {
            let value = manifest::documents(GOOD).unwrap()[0].value();
            bytes = serde_json::to_vec_pretty(&value).unwrap();
        }
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Err(problems) = check(&text, &context()) {
            prop_assert!(!problems.0.is_empty());
            for problem in &problems.0 {
                prop_assert!(problem.at.is_some() || problem.path.is_empty(), "{problem}");
            }
        }
        let _ = read_experiments(&text);
    }

    #[test]
    fn any_text_is_judged_without_panic(text in "\\PC{0,200}") {
        let _ = check(&text, &context());
    }
}

#[test]
fn a_file_of_brackets_is_judged_without_overflow() {
    for text in [
        "[".repeat(10_000),
        "{\"a\":".repeat(10_000),
        format!("spec: {}", "{a: ".repeat(10_000)),
    ] {
        assert!(said(&text)[0].contains("nested deeper than 100 levels"));
    }
}
