//! A whole sale at every level, told by the real programs in a fresh folder.
//!
//! A center is founded, books are taken in, a retailer is registered; each book is bought at
//! levels 1 to 4, downloaded over HTTP and opened with the reader. Two people create accounts and
//! activate readers, each book is bought at level 5, and a copy is opened where it should open, new
//! hardware included, and where it should not. Then a few more things are tried that must not work,
//! a title's level is changed under the running host, and a plug-in of the center's own names files:
//! it is replaced while downloads run, a version with a mistake is refused, and the version before
//! comes back. Everything that happened stands in a table, and the host goes on serving until it is
//! stopped.
//!
//! What people do in browsers is done here in a small way of its own, not as the stories in
//! `tests/` do it: that package rests on what this one has to build first.

mod activating;
mod books;
mod browser;
mod device;
mod host;
mod http;
mod person;
mod programs;
mod said;
mod story;
mod table;

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use tempfile::TempDir;

use crate::demo::host::Host;
use crate::demo::programs::Programs;
use crate::demo::story::Story;
use crate::plugins;
use crate::workspace::{target, timed};

#[derive(Args)]
pub(crate) struct DemoArguments {
    /// Stop after the story instead of serving on; the exit code says whether all went well.
    #[arg(long)]
    once: bool,
}

/// Builds what is needed, tells the story, and keeps serving unless told otherwise.
pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    plugins::run()?;
    Programs::build()?;
    if arguments.once {
        return once();
    }
    // Kept, so that there is something to look at while the host serves.
    let folder = fresh_folder()?.keep();
    let (host, mut story) = timed("demonstration", || tell(&folder))?;
    for invitation in story.invitations(&host)? {
        println!("{invitation}");
    }
    println!("The machines are made up: each is a folder that says what it is made of.");
    println!("Everything lies in {}.", folder.display());
    println!("Serving {} until stopped (Ctrl-C).", host.address());
    host.wait()?;
    outcome(&story)
}

/// Tells the story with the programs as they were built last, and leaves nothing behind.
pub(crate) fn once() -> Result<()> {
    let folder = fresh_folder()?;
    let (host, story) = timed("demonstration", || tell(folder.path()))?;
    host.stop()?;
    outcome(&story)
}

fn fresh_folder() -> Result<TempDir> {
    std::fs::create_dir_all(target()).context("cannot make the target folder")?;
    let folder = tempfile::Builder::new()
        .prefix("demo-")
        .tempdir_in(target());
    folder.context("cannot make a folder for the demonstration")
}

fn tell(folder: &Path) -> Result<(Host, Story)> {
    let mut story = Story::begin(Programs::built()?, folder)?;
    let host = Host::start(story.programs(), &story.data())?;
    let told = tell_on(&mut story, &host);
    // What went before is worth seeing when something went wrong.
    println!("{}", table::render(&story));
    told?;
    Ok((host, story))
}

fn tell_on(story: &mut Story, host: &Host) -> Result<()> {
    story.sell(host)?;
    story.buy_without_certificate(host)?;
    let (ada, charles) = story.activate_readers(host)?;
    story.sell_licensed(host, &ada)?;
    story.try_everywhere(&ada, &charles)?;
    story.recover(host, ada)?;
    story.reach_the_limit(charles)?;
    story.try_what_must_fail(host)?;
    story.change_level(host)?;
    story.bring_an_own_plugin(host)?;
    story.report()
}

fn outcome(story: &Story) -> Result<()> {
    let failed = story.failed();
    if !failed.is_empty() {
        bail!(
            "this did not go as it should, see the table: {}",
            failed.join("; ")
        );
    }
    Ok(())
}
