//! One file per verb.

pub(crate) mod algorithms;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod controller;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod edit;
pub(crate) mod explain;
pub(crate) mod export;
mod file;
pub(crate) mod get;
pub(crate) mod logs;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod suggest;
pub(crate) mod supervise;
pub(crate) mod validate;
pub(crate) mod wait;

use crate::Exit;
use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::database::Need;
use crate::failure::Failure;

/// Carries out the verb.
pub(crate) async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let global = cli.global;
    let existing = async || Context::open(&global, Need::Existing).await;
    match cli.command {
        Command::Algorithms(arguments) => algorithms::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Suggest(arguments) => suggest::run(&arguments, &global).await,
        Command::Bench(arguments) => bench::run(&arguments).await,
        Command::Validate(arguments) => validate::run(&arguments, &global),
        Command::Supervise(arguments) => supervise::run(&arguments),
        Command::Run(arguments) => run::run(&arguments, &global).await,
        Command::Get(arguments) => get::run(&arguments, &existing().await?).await,
        Command::Describe(arguments) => describe::run(&arguments, &existing().await?).await,
        Command::Explain(arguments) => explain::run(&arguments, &existing().await?).await,
        Command::Logs(arguments) => logs::run(&arguments, &existing().await?).await,
        Command::Wait(arguments) => wait::run(&arguments, &existing().await?).await,
        Command::Stop(arguments) => edit::stop(&arguments, &existing().await?).await,
        Command::Pause(arguments) => edit::pause(&arguments, &existing().await?).await,
        Command::Resume(arguments) => edit::resume(&arguments, &existing().await?).await,
        Command::Delete(arguments) => delete::run(&arguments, &existing().await?).await,
        Command::Export(arguments) => export::run(&arguments, &existing().await?).await,
        Command::Serve(arguments) => {
            let context = Context::open(&global, Need::Any).await?;
            serve::run(&arguments, &context).await
        }
        Command::Controller(arguments) => {
            let context = Context::open(&global, Need::Any).await?;
            Box::pin(controller::run(&arguments, &context)).await
        }
    }
}
