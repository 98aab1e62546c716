//! `colophon node list|forget`.

mod forget;
mod list;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::NodeCommand;
use crate::config::Config;
use crate::house::House;
use crate::output::Output;

pub(super) async fn run(config: &Config, command: NodeCommand, output: Output) -> Result<ExitCode> {
    let house = House::open(config).await?;
    let ended = match command {
        NodeCommand::List => list::list(&house, output).await,
        NodeCommand::Forget { node, yes } => forget::forget(&house, &node, yes, output)
            .await
            .map(|()| ExitCode::SUCCESS),
    };
    house.close().await;
    ended
}
