//! A whole sale at every level, told by the real programs in a fresh folder.
//!
//! A center is founded, books are taken in, a retailer is registered; each book is bought at
//! levels 1 to 4, downloaded over HTTP and opened with the reader. Then a few things are tried that
//! must not work, and a title's level is changed under the running host. Everything that happened
//! stands in a table, and the host goes on serving until it is stopped.

mod books;
mod host;
mod http;
mod programs;
mod story;
mod table;

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::demo::host::Host;
use crate::demo::programs::Programs;
use crate::demo::story::Story;
use crate::plugins;
use crate::workspace::target;

#[derive(Args)]
pub(crate) struct DemoArguments {
    /// Stop after the story instead of serving on; the exit code says whether all went well.
    #[arg(long)]
    once: bool,
}

/// Tells the story.
pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    plugins::run()?;
    let programs = Programs::build()?;
    std::fs::create_dir_all(target()).context("cannot make the target folder")?;
    let folder = tempfile::Builder::new()
        .prefix("demo-")
        .tempdir_in(target())?;
    if arguments.once {
        let (host, story) = tell(programs, folder.path())?;
        host.stop()?;
        return outcome(&story);
    }
    // Kept, so that there is something to look at while the host serves.
    let folder = folder.keep();
    let (host, mut story) = tell(programs, &folder)?;
    for link in story.links(&host)? {
        println!("{link}");
    }
    println!("Everything lies in {}.", folder.display());
    println!("Serving {} until stopped (Ctrl-C).", host.address());
    host.wait()?;
    outcome(&story)
}

fn tell(programs: Programs, folder: &Path) -> Result<(Host, Story)> {
    let mut story = Story::begin(programs, folder)?;
    let host = Host::start(story.programs(), &story.data())?;
    story.sell(&host)?;
    story.try_what_must_fail(&host)?;
    story.change_level(&host)?;
    story.report()?;
    println!("{}", table::render(&story));
    Ok((host, story))
}

fn outcome(story: &Story) -> Result<()> {
    let failed = story.failed();
    if failed > 0 {
        bail!("{failed} things did not go as they should; see the table");
    }
    Ok(())
}
