//! The message broker that log rows go through.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use colophon_pipeline::jetstream::{
    Access, BrokerSettings, Credentials, ServerAddress, StreamLimits,
};

use super::Read;

/// How long a log writer has for the rows it was handed.
const ACK_WAIT: Duration = Duration::from_secs(30);

impl Read<'_> {
    /// None where no broker is set.
    pub(super) fn nats(&self) -> Result<Option<BrokerSettings>> {
        let servers = self.servers()?;
        if servers.is_empty() {
            return self.no_nats_credentials().map(|()| None);
        }
        let authority = self.optional("nats.authority", "a file")?;
        let access = Access::new(servers, self.nats_credentials()?, authority);
        Ok(Some(BrokerSettings {
            access: access.map_err(|refused| anyhow!("nats.url: {refused}"))?,
            names: self.parsed(
                "nats.prefix",
                "1 to 32 lower-case letters, digits, hyphens and underscores",
            )?,
            limits: StreamLimits {
                bytes_max: self.above("nats.stream_bytes", 65_536)?,
                age_max: Duration::from_secs(self.above("nats.stream_age_s", 60)?),
                replicas: usize::try_from(self.above("nats.replicas", 1)?)?,
            },
            confirm_after: Duration::from_millis(self.above("nats.confirm_ms", 1000)?),
            ack_wait: ACK_WAIT,
        }))
    }

    fn servers(&self) -> Result<Vec<ServerAddress>> {
        let servers = self.list("nats.url").into_iter().map(|text| {
            let address = text.parse();
            address.map_err(|malformed| anyhow!("nats.url: {malformed}"))
        });
        servers.collect()
    }

    fn nats_credentials(&self) -> Result<Credentials> {
        let file = |name: &str| -> Option<PathBuf> {
            Some(self.text(name))
                .filter(|text| !text.is_empty())
                .map(PathBuf::from)
        };
        let user = self.text("nats.user");
        let (credentials, token) = (file("nats.credentials_file"), file("nats.token_file"));
        match (
            credentials,
            token,
            user.is_empty(),
            file("nats.password_file"),
        ) {
            (None, None, true, None) => Ok(Credentials::Anonymous),
            (Some(file), None, true, None) => Ok(Credentials::File(file)),
            (None, Some(file), true, None) => Ok(Credentials::Token(file)),
            (None, None, false, Some(file)) => Ok(Credentials::Password {
                user: user.to_owned(),
                file,
            }),
            _ => bail!(
                "set one of nats.credentials_file, nats.token_file, or nats.user with \
                 nats.password_file"
            ),
        }
    }

    /// Credentials without a broker are a broker forgotten.
    fn no_nats_credentials(&self) -> Result<()> {
        match self.nats_credentials()? {
            Credentials::Anonymous => Ok(()),
            Credentials::File(_) | Credentials::Token(_) | Credentials::Password { .. } => {
                bail!("nats.url is missing, but credentials for it are set")
            }
        }
    }

    fn above(&self, name: &str, least: u64) -> Result<u64> {
        let wanted = format!("a whole number of at least {least}");
        match self.parsed::<u64>(name, &wanted)? {
            number if number >= least => Ok(number),
            _ => Err(self.wrong(name, &wanted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, FILE_NAME, Layers, parse};
    use super::*;

    fn with(text: &str) -> Result<Config> {
        let data = Path::new("d");
        let mut layers = Layers::defaults(data);
        let text = format!("[nats]\n{text}\n");
        layers.lay_file(Path::new(FILE_NAME), &text, data)?;
        parse(&layers, data)
    }

    fn refused(text: &str) -> String {
        with(text).unwrap_err().to_string()
    }

    #[test]
    fn without_an_address_there_is_no_broker() {
        assert!(with("").unwrap().nats.is_none());
        assert!(refused("token_file = \"t\"").contains("nats.url"));
    }

    #[test]
    fn an_address_is_enough() {
        let settings = with("url = [\"tls://a:4222\", \"tls://b\"]").unwrap();
        let settings = settings.nats.unwrap();
        assert_eq!(*settings.access.credentials(), Credentials::Anonymous);
        assert_eq!(settings.names.stream(), "COLOPHON_LOG");
    }

    #[test]
    fn one_kind_of_credentials_is_shown() {
        let url = "url = \"tls://a\"\n";
        let with_password = format!("{url}user = \"ada\"\npassword_file = \"p\"");
        let settings = with(&with_password).unwrap().nats.unwrap();
        let expected = Credentials::Password {
            user: "ada".to_owned(),
            file: "p".into(),
        };
        assert_eq!(*settings.access.credentials(), expected);
        for text in [
            "user = \"ada\"",
            "password_file = \"p\"",
            "token_file = \"t\"\ncredentials_file = \"c\"",
            "token_file = \"t\"\nuser = \"ada\"\npassword_file = \"p\"",
        ] {
            assert!(refused(&format!("{url}{text}")).contains("nats.token_file"));
        }
    }

    #[test]
    fn secrets_do_not_stand_in_an_address() {
        assert!(refused("url = \"nats://ada:pw@a\"").contains("into files"));
        assert!(refused("url = \"http://a\"").contains("nats.url"));
    }

    #[test]
    fn secrets_are_not_shown_in_the_clear() {
        let token = "token_file = \"t\"";
        let told = refused(&format!("url = \"nats://a\"\n{token}"));
        assert!(
            told.starts_with("nats.url") && told.contains("write tls://"),
            "{told}"
        );
        assert!(with(&format!("url = \"nats://localhost\"\n{token}")).is_ok());
        let told = refused("url = \"nats://a, tls://b\"");
        assert!(told.contains("tls:// at every address"), "{told}");
    }

    #[test]
    fn limits_are_sane() {
        for (name, wrong) in [
            ("stream_bytes", "65535"),
            ("stream_age_s", "59"),
            ("replicas", "0"),
            ("confirm_ms", "999"),
            ("prefix", "\"a.b\""),
        ] {
            let error = refused(&format!("url = \"nats://a\"\n{name} = {wrong}"));
            assert!(error.contains(&format!("nats.{name}")), "{error}");
        }
    }
}
