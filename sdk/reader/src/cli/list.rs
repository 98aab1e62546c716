//! `colophon-reader list`.

use std::process::ExitCode;

use colophon_reader::reading::printable;
use colophon_reader::{Origin, Volume};
use colophon_title::Level;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::cli::failure::{Failure, chain};
use crate::cli::output::{about_json, authors, level_words, note, print, print_json};
use crate::cli::places::Places;

pub(crate) fn run(places: &Places, json: bool) -> Result<ExitCode, Failure> {
    let roots = places.roots()?;
    let volumes = places
        .library
        .volumes(&roots)
        .map_err(|error| Failure::library(&error))?;
    if json {
        let values: Vec<_> = volumes.iter().map(volume_json).collect();
        print_json(&json!(values))?;
    } else if volumes.is_empty() {
        print(&format!(
            "The library {} is empty. Take a file in with: colophon-reader add FILE\n",
            places.library.folder().display()
        ))?;
    } else {
        print(&format!("{}\n", table(&volumes)))?;
        if volumes.iter().any(needs_activation) && places.activation()?.is_none() {
            note("copies of level 5 open once this reader is activated: colophon-reader activate");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn needs_activation(volume: &Volume) -> bool {
    let about = volume.about.as_ref();
    about.is_ok_and(|about| about.level == Level::FullyIndividualized)
}

fn volume_json(volume: &Volume) -> Value {
    match &volume.about {
        Ok(about) => about_json(&volume.path, about),
        Err(error) => json!({ "file": volume.path, "error": chain(error) }),
    }
}

fn table(volumes: &[Volume]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["Title", "Author", "Belongs to", "Level", "Origin", "File"]);
    for volume in volumes {
        let file = volume
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let file = printable(&file).into_owned();
        match &volume.about {
            Ok(about) => {
                let origin = match about.origin {
                    Origin::Proven => "proven",
                    Origin::Unproven { .. } => "unproven",
                    Origin::Unprotected => "",
                };
                table.add_row([
                    printable(&about.title).into_owned(),
                    authors(about),
                    printable(about.owner.as_deref().unwrap_or_default()).into_owned(),
                    level_words(about).chars().take(1).collect(),
                    origin.to_owned(),
                    file,
                ]);
            }
            Err(error) => {
                let nothing = String::new;
                let cause = printable(&chain(error)).into_owned();
                table.add_row([cause, nothing(), nothing(), nothing(), nothing(), file]);
            }
        }
    }
    table
}
