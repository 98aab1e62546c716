//! The reader in a person's desktop, by the rules of freedesktop.org: which files it opens.
//!
//! Two small files in the person's own data folder say so; nothing needs the superuser. Title
//! files that are no EPUB have a media type of their own, for which this reader is the only
//! program. For EPUBs it offers itself beside others: only a person makes it the first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use colophon_title::MediaType;

const APPLICATION: &str = "applications/colophon-reader.desktop";

const MEDIA_TYPES: &str = "mime/packages/colophon-reader.xml";

/// Where a desktop looks for what programs can do.
#[derive(Clone, Debug)]
pub struct Desktop {
    data_home: PathBuf,
}

/// The desktop's files cannot be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DesktopError {
    /// A file cannot be written or removed.
    #[error("{} cannot be changed", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program lies in a place that cannot be written into a desktop's file.
    #[error("the program's path {} cannot be written into a desktop's file", path.display())]
    Program {
        /// The path.
        path: PathBuf,
    },
}

impl Desktop {
    /// The desktop of the person whose data folder (`XDG_DATA_HOME`) this is.
    #[must_use]
    pub fn of(data_home: &Path) -> Desktop {
        Desktop {
            data_home: data_home.to_path_buf(),
        }
    }

    /// Associates title files with `program`, the path of this reader; gives the files written.
    /// Doing it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`DesktopError`], see its variants.
    pub fn install(&self, program: &Path) -> Result<Vec<PathBuf>, DesktopError> {
        let quoted = quoted(program).ok_or_else(|| DesktopError::Program {
            path: program.to_path_buf(),
        })?;
        let files = [
            (APPLICATION, application(&quoted)),
            (MEDIA_TYPES, media_types()),
        ];
        let mut written = Vec::new();
        for (name, text) in files {
            let path = self.data_home.join(name);
            let folder = path.parent().unwrap_or(&self.data_home);
            let made = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
            match made {
                Ok(()) => written.push(path),
                Err(source) => return Err(DesktopError::File { path, source }),
            }
        }
        Ok(written)
    }

    /// Takes the association back; gives the files that were there.
    ///
    /// # Errors
    ///
    /// [`DesktopError::File`].
    pub fn remove(&self) -> Result<Vec<PathBuf>, DesktopError> {
        let mut removed = Vec::new();
        for name in [APPLICATION, MEDIA_TYPES] {
            let path = self.data_home.join(name);
            match fs::remove_file(&path) {
                Ok(()) => removed.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(DesktopError::File { path, source }),
            }
        }
        Ok(removed)
    }

    /// The programs that make a desktop take notice, with what they are called with. Desktops
    /// notice by themselves sooner or later; a system without these programs is in order.
    #[must_use]
    pub fn refreshers(&self) -> [(&'static str, PathBuf); 2] {
        [
            ("update-mime-database", self.data_home.join("mime")),
            (
                "update-desktop-database",
                self.data_home.join("applications"),
            ),
        ]
    }
}

/// The file moves into the library when it is opened, and its first page is shown.
fn application(program: &str) -> String {
    let container = MediaType::CONTAINER;
    let epub = MediaType::EPUB;
    format!(
        "[Desktop Entry]\n\
         Type=Application\n\
         Version=1.0\n\
         Name=Colophon Reader\n\
         GenericName=eBook Reader\n\
         Comment=Keeps, checks and opens titles\n\
         Exec={program} add --open --pause %f\n\
         Terminal=true\n\
         NoDisplay=true\n\
         Categories=Office;Viewer;\n\
         MimeType={container};{epub};\n"
    )
}

fn media_types() -> String {
    let container = MediaType::CONTAINER;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <mime-info xmlns=\"http://www.freedesktop.org/standards/shared-mime-info\">\n  \
           <mime-type type=\"{container}\">\n    \
             <comment>Colophon title</comment>\n    \
             <sub-class-of type=\"application/zip\"/>\n    \
             <generic-icon name=\"x-office-document\"/>\n    \
             <magic priority=\"60\">\n      \
               <match type=\"string\" offset=\"0\" value=\"PK\\003\\004\">\n        \
                 <match type=\"string\" offset=\"30\" value=\"mimetype{container}\"/>\n      \
               </match>\n    \
             </magic>\n    \
             <glob pattern=\"*.colophon\"/>\n  \
           </mime-type>\n\
         </mime-info>\n"
    )
}

/// A path as an argument of `Exec`: in quotes, with what is special there escaped; and then, as
/// every value, with its backslashes doubled.
fn quoted(path: &Path) -> Option<String> {
    let path = path
        .to_str()
        .filter(|path| !path.contains(char::is_control))?;
    let mut quoted = String::from("\"");
    for character in path.chars() {
        match character {
            '"' | '`' | '$' => {
                quoted.push_str("\\\\");
                quoted.push(character);
            }
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    Some(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        assert_eq!(quoted(Path::new(path)).as_deref(), expected);
    }

    #[test]
    fn a_path_is_quoted_as_the_specification_says() {
        check(
            "/usr/bin/colophon-reader",
            Some("\"/usr/bin/colophon-reader\""),
        );
        check("/home/a b/100%/r", Some("\"/home/a b/100%%/r\""));
        check("/h/$HOME`x`\"q\"", Some(r#""/h/\\$HOME\\`x\\`\\"q\\"""#));
        check("/h/back\\slash", Some(r#""/h/back\\\\slash""#));
        check("/h/line\nbreak", None);
    }

    #[test]
    fn removing_what_is_not_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let desktop = Desktop::of(folder.path());
        assert_eq!(desktop.remove().unwrap(), Vec::<PathBuf>::new());
        let written = desktop
            .install(Path::new("/usr/bin/colophon-reader"))
            .unwrap();
        assert_eq!(
            desktop
                .install(Path::new("/usr/bin/colophon-reader"))
                .unwrap(),
            written
        );
        assert_eq!(desktop.remove().unwrap(), written);
        assert!(written.iter().all(|file| !file.exists()));
    }

    #[test]
    fn a_data_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = Desktop::of(file.path())
            .install(Path::new("/x"))
            .unwrap_err();
        assert!(
            refused.to_string().contains("colophon-reader.desktop"),
            "{refused}"
        );
    }
}
