//! `colophon-reader desktop`.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use colophon_reader::Desktop;
use serde_json::json;

use crate::cli::arguments::DesktopCommand;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{print, print_json};
use crate::cli::places::data_home;

pub(crate) fn run(command: &DesktopCommand, json: bool) -> Result<ExitCode, Failure> {
    let desktop = Desktop::of(&data_home()?);
    let (what, changed) = match command {
        DesktopCommand::Install => {
            let program = std::env::current_exe().map_err(|error| {
                Failure::new(Exit::Failed, format!("this program has no path: {error}"))
            })?;
            ("Written", desktop.install(&program))
        }
        DesktopCommand::Remove => ("Removed", desktop.remove()),
    };
    let changed = changed.map_err(|error| Failure::desktop(&error))?;
    if !changed.is_empty() {
        refresh(&desktop);
    }
    report(what, &changed, json)?;
    Ok(ExitCode::SUCCESS)
}

/// Where the programs are missing, or find nothing to do, the desktop takes notice later.
fn refresh(desktop: &Desktop) {
    for (program, folder) in desktop.refreshers() {
        let mut command = Command::new(program);
        command.arg(folder).stdin(Stdio::null());
        let _later = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn report(what: &str, changed: &[PathBuf], json: bool) -> Result<(), Failure> {
    if json {
        return print_json(&json!({ "files": changed }));
    }
    if changed.is_empty() {
        return print("There was nothing to remove.\n");
    }
    for file in changed {
        print(&format!("{what}: {}\n", file.display()))?;
    }
    Ok(())
}
