//! Where the library and the reader's settings lie.

use std::env;
use std::path::{Path, PathBuf};

use colophon_reader::repository::Activated;
use colophon_reader::{ActivatedReader, ActivationFolder, Document, Library, Machine, TrustStore};
use colophon_title::TrustRoots;
use jiff::Timestamp;

use crate::cli::Arguments;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{day, note};
use crate::cli::settings::Settings;

/// The folders of this person.
pub(crate) struct Places {
    /// What they have.
    pub(crate) library: Library,
    /// Whom they trust.
    pub(crate) trust: TrustStore,
    /// What ties this machine to them.
    pub(crate) activation_folder: ActivationFolder,
    config: PathBuf,
    #[cfg(debug_assertions)]
    machine: Option<PathBuf>,
}

impl Places {
    /// From the command line, else where the user's own files of such kinds are kept.
    pub(crate) fn find(arguments: &Arguments) -> Result<Places, Failure> {
        let library = match &arguments.library {
            Some(folder) => folder.clone(),
            None => data_home()?.join("colophon/library"),
        };
        let config = match &arguments.config {
            Some(folder) => folder.clone(),
            None => user_folder("XDG_CONFIG_HOME", ".config")?.join("colophon-reader"),
        };
        Ok(Places {
            library: Library::in_folder(&library),
            trust: TrustStore::in_folder(&config.join("trust")),
            activation_folder: ActivationFolder::new(
                &config.join("activation"),
                &user_folder("XDG_STATE_HOME", ".local/state")?.join("colophon-reader"),
            ),
            #[cfg(debug_assertions)]
            machine: arguments.machine.clone(),
            config,
        })
    }

    /// A file, opened under the roots this person trusts.
    pub(crate) fn open(&self, path: &Path) -> Result<Document, Failure> {
        self.tell_overdue()?;
        let opened = Document::open(path, &self.roots()?);
        opened.map_err(|error| Failure::opening(path, &error))
    }

    /// Says which revocation lists are older than they should be.
    fn tell_overdue(&self) -> Result<(), Failure> {
        let overdue = self.trust.overdue(Timestamp::now().as_second());
        for list in overdue.map_err(|error| Failure::trusting(&error))? {
            let since = list.until_unix_s.map(day).unwrap_or_default();
            note(&format!(
                "the revocation list of {} was to be replaced by {since}; what was revoked since is \
                 not known here. Ask whom you have it from for a later one, and add it with: \
                 colophon-reader trust add FILE",
                list.subject
            ));
        }
        Ok(())
    }

    /// The person's settings.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        Settings::read(&self.config)
    }

    /// The machine this program runs on.
    #[cfg_attr(
        not(debug_assertions),
        expect(
            clippy::unused_self,
            reason = "a build for development may be told otherwise"
        )
    )]
    pub(crate) fn machine(&self) -> Result<Machine, Failure> {
        #[cfg(debug_assertions)]
        if let Some(root) = &self.machine {
            return Ok(Machine::linux_under(root));
        }
        Machine::this().map_err(|error| Failure::machine(&error))
    }

    /// The activation of this reader, if it was activated.
    pub(crate) fn activation(&self) -> Result<Option<Activated>, Failure> {
        let activated = self.activation_folder.activated(&self.roots()?);
        activated.map_err(|error| Failure::activation(&error))
    }

    /// What opens copies at level 5, if this reader was activated.
    pub(crate) fn activated(&self) -> Result<Option<ActivatedReader>, Failure> {
        let reader = self.activation_folder.reader(self.machine()?, &self.trust);
        reader.map_err(|error| Failure::activation(&error))
    }

    /// The roots to open files under.
    pub(crate) fn roots(&self) -> Result<TrustRoots, Failure> {
        self.trust
            .roots()
            .map_err(|error| Failure::trusting(&error))
    }
}

/// Where the person's programs keep what is theirs.
pub(crate) fn data_home() -> Result<PathBuf, Failure> {
    user_folder("XDG_DATA_HOME", ".local/share")
}

fn user_folder(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    let named = env::var_os(variable)
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute());
    let home = || env::home_dir().map(|home| home.join(below_home));
    named.or_else(home).ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            "there is no home folder to keep the library in",
        )
        .with_next("name the folders with --library and --config")
    })
}
