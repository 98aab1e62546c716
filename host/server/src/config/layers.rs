//! Where values come from: flags over environment over file over defaults, each remembered with
//! its origin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::key::{KEYS, find};

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A file named by an environment variable that ends in `_FILE`.
    EnvironmentFile(String, PathBuf),
    /// A flag of the command.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::EnvironmentFile(name, path) => write!(f, "{name} ({})", path.display()),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// A value with its origin.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// All settings, layered.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) settings: BTreeMap<&'static str, Setting>,
}

impl Layers {
    /// The defaults, for a data folder.
    pub(crate) fn defaults(data: &Path) -> Self {
        let data = data.display().to_string();
        let settings = KEYS.iter().map(|key| {
            let value = key.default.replace("{data}", &data);
            (
                key.name,
                Setting {
                    value,
                    origin: Origin::Default,
                },
            )
        });
        Self {
            settings: settings.collect(),
        }
    }

    /// Lays a configuration file over what is there.
    pub(crate) fn lay_file(&mut self, path: &Path, text: &str, data: &Path) -> Result<()> {
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("{} is not a TOML file", path.display()))?;
        for (section, keys) in table {
            let toml::Value::Table(keys) = keys else {
                bail!(
                    "{}: `{section}` stands outside a section; write it under [section]",
                    path.display()
                );
            };
            for (key, value) in keys {
                let value = plain(&value).with_context(|| {
                    format!(
                        "{}: {section}.{key} is neither text, number nor true/false",
                        path.display()
                    )
                })?;
                let value = value.replace("{data}", &data.display().to_string());
                self.set(
                    &format!("{section}.{key}"),
                    value,
                    Origin::File(path.to_owned()),
                )?;
            }
        }
        Ok(())
    }

    /// Lays environment variables over what is there: `COLOPHON_SECTION__KEY`, and the same with
    /// `_FILE` behind it for a value kept in a file.
    pub(crate) fn lay_environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
        read: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<()> {
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix("COLOPHON_") else {
                continue;
            };
            let Some((section, key)) = rest.split_once("__") else {
                continue;
            };
            let setting = format!("{section}.{key}").to_ascii_lowercase();
            match setting.strip_suffix("_file") {
                Some(of_file) if find(&setting).is_err() => {
                    let path = PathBuf::from(&value);
                    let text = read(&path)
                        .with_context(|| format!("{name}: cannot read {}", path.display()))?;
                    let origin = Origin::EnvironmentFile(name.clone(), path);
                    self.set(of_file, text.trim_end().to_owned(), origin)?;
                }
                Some(_) | None => self.set(&setting, value, Origin::Environment(name.clone()))?,
            }
        }
        Ok(())
    }

    /// Sets one value.
    pub(crate) fn set(&mut self, name: &str, value: String, origin: Origin) -> Result<()> {
        match find(name) {
            Ok(key) => {
                self.settings.insert(key.name, Setting { value, origin });
                Ok(())
            }
            Err(Some(near)) => {
                bail!("{origin}: there is no setting `{name}`; did you mean `{near}`?")
            }
            Err(None) => {
                bail!("{origin}: there is no setting `{name}`; see `colophon config show`")
            }
        }
    }
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(list) => {
            let items: Option<Vec<String>> = list.iter().map(plain).collect();
            items.map(|items| items.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layered(file: &str, environment: &[(&str, &str)]) -> Result<Layers> {
        let mut layers = Layers::defaults(Path::new("d"));
        layers.lay_file(Path::new("colophon.toml"), file, Path::new("d"))?;
        let variables = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        layers.lay_environment(variables, |_| Ok("from-file\n".to_owned()))?;
        Ok(layers)
    }

    #[test]
    fn environment_wins_over_file_and_file_over_default() {
        let layers = layered(
            "[cache]\nlease_ms = 7\npoll_ms = 3\n",
            &[
                ("COLOPHON_CACHE__LEASE_MS", "9"),
                ("COLOPHON_KEYS__ENGINE_FILE", "x"),
                ("OTHER", "1"),
            ],
        )
        .unwrap();
        let value = |name| layers.settings[name].value.as_str();
        assert_eq!(value("cache.lease_ms"), "9");
        assert_eq!(value("cache.poll_ms"), "3");
        assert_eq!(value("keys.engine"), "from-file");
        assert_eq!(value("database.node"), "sqlite://d/node.db");
        assert_eq!(layers.settings["cache.bytes"].origin, Origin::Default);
    }

    #[test]
    fn a_name_ending_in_file_that_is_a_setting_is_the_setting() {
        let layers = layered("", &[("COLOPHON_KEYS__MASTER_FILE", "k")]).unwrap();
        assert_eq!(layers.settings["keys.master_file"].value, "k");
    }

    #[test]
    fn unknown_settings_are_refused_with_a_suggestion() {
        let error = layered("[cache]\nleese_ms = 1\n", &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("did you mean `cache.lease_ms`"), "{error}");
        assert!(layered("[cache]\nbytes = 1.5\n", &[]).is_err());
        assert!(layered("bytes = 1\n", &[]).is_err());
        assert!(layered("", &[("COLOPHON_X__Y", "1")]).is_err());
    }
}
