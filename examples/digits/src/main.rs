//! Trains a small neural network to tell handwritten digits apart, and prints how well it does after every epoch.
//!
//! An ordinary program: it knows nothing of what runs it. Every hyperparameter is a flag.

mod data;
mod network;
mod optimizer;
mod train;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;

use data::Digits;
use network::Activation;
use optimizer::Rule;
use train::Settings;

const USAGE: &str = "\
usage: diwan-digits [FLAG VALUE]…

  --learning-rate  size of a step                                  [0.01]
  --hidden         units of each hidden layer                      [64]
  --layers         hidden layers, 0 to 8                           [2]
  --activation     relu or tanh                                    [relu]
  --dropout        probability to leave a hidden unit out          [0]
  --optimizer      sgd, momentum or adam                           [momentum]
  --batch-size     images of a step                                [32]
  --epochs         how often every image is seen                   [20]
  --seed           of everything random                            [0]";

/// Why the arguments were refused.
#[derive(Debug, PartialEq)]
enum ArgumentError {
    UnknownFlag(String),
    NoValue(String),
    BadValue {
        flag: String,
        value: String,
        wanted: String,
    },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFlag(flag) => write!(f, "unknown flag {flag:?}"),
            Self::NoValue(flag) => write!(f, "{flag} needs a value"),
            Self::BadValue {
                flag,
                value,
                wanted,
            } => write!(f, "{flag} must be {wanted}, not {value:?}"),
        }
    }
}

fn main() -> ExitCode {
    // Lossy, so that text that is no UTF-8 is refused as a bad value.
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match parse(&arguments) {
        Err(error) => {
            eprintln!("error: {error}\nhint: diwan-digits --help lists the flags");
            ExitCode::from(2)
        }
        Ok(settings) => match run(&settings) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(settings: &Settings) -> io::Result<()> {
    let digits = Digits::embedded().map_err(|error| io::Error::other(error.to_string()))?;
    train::train(&digits, settings, |epoch| writeln!(io::stdout(), "{epoch}"))
}

fn parse(arguments: &[String]) -> Result<Settings, ArgumentError> {
    let mut settings = Settings::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.split_once('=') {
            Some((flag, value)) => set(&mut settings, flag, Some(value))?,
            None => set(&mut settings, argument, rest.next().map(String::as_str))?,
        }
    }
    Ok(settings)
}

fn set(settings: &mut Settings, flag: &str, value: Option<&str>) -> Result<(), ArgumentError> {
    let given = Given { flag, value };
    match flag {
        "--learning-rate" => settings.learning_rate = given.number(1e-12, 1e6)?,
        "--hidden" => settings.hidden = given.number(1, 4096)?,
        "--layers" => settings.layers = given.number(0, 8)?,
        "--activation" => {
            settings.activation =
                given.one_of(&[("relu", Activation::Relu), ("tanh", Activation::Tanh)])?;
        }
        "--dropout" => settings.dropout = given.number(0.0, 0.99)?,
        "--optimizer" => {
            settings.optimizer = given.one_of(&[
                ("sgd", Rule::Sgd),
                ("momentum", Rule::Momentum),
                ("adam", Rule::Adam),
            ])?;
        }
        "--batch-size" => settings.batch_size = given.number(1, 1198)?,
        "--epochs" => settings.epochs = given.number(1, 100_000)?,
        "--seed" => settings.seed = given.number(0, u64::MAX)?,
        _ => return Err(ArgumentError::UnknownFlag(flag.to_owned())),
    }
    Ok(())
}

/// A flag with what stands behind it.
struct Given<'a> {
    flag: &'a str,
    value: Option<&'a str>,
}

impl Given<'_> {
    /// A number in `least..=most`.
    fn number<T>(&self, least: T, most: T) -> Result<T, ArgumentError>
    where
        T: FromStr + PartialOrd + fmt::Debug,
    {
        let wanted = || format!("a number from {least:?} to {most:?}");
        let value = self.value()?;
        let number = value.parse().ok();
        number
            .filter(|number| least <= *number && *number <= most)
            .ok_or_else(|| self.bad(value, wanted()))
    }

    /// One of a few words.
    fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, ArgumentError> {
        let value = self.value()?;
        let found = words.iter().find(|(word, _)| *word == value);
        found.map(|&(_, meaning)| meaning).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|&(word, _)| word).collect();
            self.bad(value, format!("one of {}", words.join(", ")))
        })
    }

    fn value(&self) -> Result<&str, ArgumentError> {
        self.value
            .ok_or_else(|| ArgumentError::NoValue(self.flag.to_owned()))
    }

    fn bad(&self, value: &str, wanted: String) -> ArgumentError {
        ArgumentError::BadValue {
            flag: self.flag.to_owned(),
            value: value.to_owned(),
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Settings, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_set_settings() {
        let settings = parsed(
            "--learning-rate 1e-3 --hidden 32 --layers 1 --activation tanh --dropout=0.25 \
             --optimizer=adam --batch-size 64 --epochs 7 --seed 18446744073709551615",
        );
        let expected = Settings {
            learning_rate: 0.001,
            hidden: 32,
            layers: 1,
            activation: Activation::Tanh,
            dropout: 0.25,
            optimizer: Rule::Adam,
            batch_size: 64,
            epochs: 7,
            seed: u64::MAX,
        };
        assert_eq!(settings, Ok(expected));
        assert_eq!(parsed(""), Ok(Settings::default()));
    }

    #[test]
    fn bad_arguments_are_refused_with_what_would_be_right() {
        for (line, message) in [
            ("--lr 1", "unknown flag \"--lr\""),
            ("adam", "unknown flag \"adam\""),
            ("--hidden", "--hidden needs a value"),
            (
                "--hidden 0",
                "--hidden must be a number from 1 to 4096, not \"0\"",
            ),
            (
                "--hidden 1.5",
                "--hidden must be a number from 1 to 4096, not \"1.5\"",
            ),
            (
                "--dropout 1",
                "--dropout must be a number from 0.0 to 0.99, not \"1\"",
            ),
            (
                "--dropout nan",
                "--dropout must be a number from 0.0 to 0.99, not \"nan\"",
            ),
            (
                "--batch-size=-1",
                "--batch-size must be a number from 1 to 1198, not \"-1\"",
            ),
            (
                "--optimizer lion",
                "--optimizer must be one of sgd, momentum, adam, not \"lion\"",
            ),
        ] {
            assert_eq!(parsed(line), Err(message.to_owned()), "{line}");
        }
        let bounds = "--learning-rate must be a number from 1e-12 to 1000000.0, not \"0\"";
        assert_eq!(parsed("--learning-rate 0"), Err(bounds.to_owned()));
        assert!(parsed("--learning-rate inf").is_err());
    }
}
