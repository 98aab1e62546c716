//! The person's settings: `settings.toml` in the reader's settings folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use colophon_reader::Address;
use colophon_title::license::{Line, Location};
use serde::Deserialize;

use crate::cli::failure::{Exit, Failure, chain};

/// The activation service of this build. Whoever builds a reader for a service of their own names
/// it when they build; otherwise it is the one `colophon serve` has on this machine.
const ACTIVATION: &str = match option_env!("COLOPHON_ACTIVATION_SERVICE") {
    Some(address) => address,
    None => "http://127.0.0.1:8480/activation",
};

/// What may stand in the file. Whatever is not set has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) activation: ActivationSettings,
    pub(crate) place: Option<PlaceSettings>,
}

/// Where the person reads, for licenses that ask. It is what the person says; nothing here knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceSettings {
    /// Two capital letters of ISO 3166-1.
    country: String,
    region: Option<String>,
    city: Option<String>,
    postal_code: Option<String>,
}

/// How this reader is activated.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ActivationSettings {
    /// The address of the service.
    address: Option<String>,
    /// A file with more roots, in PEM, under which servers are believed to be who they are.
    tls_root: Option<PathBuf>,
}

impl Settings {
    /// Those in a folder; the defaults where there is no file.
    pub(crate) fn read(folder: &Path) -> Result<Settings, Failure> {
        let path = folder.join("settings.toml");
        let failed = |why: String| {
            Failure::new(Exit::Failed, format!("{}: {why}", path.display()))
                .with_next("correct the file, or remove it")
        };
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(error) => Err(failed(error.to_string())),
            Ok(text) => toml::from_str(&text).map_err(|error| failed(error.message().to_owned())),
        }
    }

    /// The activation service: what the command line says, else the settings, else the build.
    pub(crate) fn activation(&self, asked: Option<&str>) -> Result<Address, Failure> {
        let text = asked.or(self.activation.address.as_deref());
        let text = text.unwrap_or(ACTIVATION);
        text.parse().map_err(|refused| {
            Failure::new(Exit::Failed, format!("{text}: {}", chain(&refused)))
                .with_next("name the activation service with --at https://…")
        })
    }

    /// Where this is, as far as the person says.
    pub(crate) fn location(&self) -> Result<Option<Location>, Failure> {
        let Some(place) = &self.place else {
            return Ok(None);
        };
        let said = || {
            let line = |text: &Option<String>| text.as_deref().map(Line::parse).transpose().ok();
            Some(Location {
                region: line(&place.region)?,
                city: line(&place.city)?,
                postal_code: line(&place.postal_code)?,
                ..Location::country(&place.country)?
            })
        };
        said().map(Some).ok_or_else(|| {
            Failure::new(
                Exit::Failed,
                "the place in settings.toml cannot be understood",
            )
            .with_next("write the country as two capital letters, like: country = \"DE\"")
        })
    }

    /// The file with more roots, from the command line, else the settings.
    pub(crate) fn tls_root<'s>(&'s self, asked: Option<&'s Path>) -> Option<&'s Path> {
        asked.or(self.activation.tls_root.as_deref())
    }
}
