//! Why this reader is not activated, and what to do about it.

use colophon_reader::{
    ActivateError, Address, Limit, MachineUnsupported, NetworkError, PersonaUnknown,
    RecipientRefused, ServiceError,
};
use colophon_title::trust::ChainRefused;

use super::{Exit, Failure, chain};
use crate::cli::output::day;

const AGAIN: &str = "run colophon-reader activate again";

impl Failure {
    pub(crate) fn activating(error: &ActivateError, service: &Address) -> Failure {
        let message = chain(error);
        match error {
            ActivateError::NobodyTrusted => Failure::new(Exit::Failed, message).with_next(
                "trust the authority behind the service: colophon-reader trust add FILE",
            ),
            ActivateError::Machine(_) => Failure::new(Exit::Failed, message).with_next(
                "give this machine a host name and an id (/etc/machine-id), or run this where \
                 its disk and network card can be seen",
            ),
            ActivateError::Denied => Failure::new(Exit::NotActivated, message)
                .with_next(format!("{AGAIN} and approve this reader on the page")),
            ActivateError::Expired => Failure::new(Exit::NotActivated, message)
                .with_next(format!("{AGAIN} for a new code")),
            ActivateError::LimitReached(limit) => {
                Failure::new(Exit::NotActivated, message).with_next(after_limit(limit, service))
            }
            ActivateError::Busy => Failure::new(Exit::NotActivated, message).with_next(format!(
                "{AGAIN} in a few minutes; your approval is kept for a day"
            )),
            ActivateError::Forgotten => Failure::new(Exit::NotActivated, message).with_next(AGAIN),
            ActivateError::Service(error) => Failure::service(message, error),
            ActivateError::Refused(_) | ActivateError::NotAskedFor => Failure::new(
                Exit::Refused,
                message,
            )
            .with_next(
                "trust the authority behind the service (colophon-reader trust add FILE), or ask \
                 the service what is wrong",
            ),
            ActivateError::Folder(_) => Failure::new(Exit::Failed, message)
                .with_next("choose a folder with --config or COLOPHON_READER_CONFIG"),
            _ => Failure::new(Exit::Failed, message),
        }
    }

    pub(crate) fn machine(error: &MachineUnsupported) -> Failure {
        Failure::new(Exit::Failed, chain(error))
            .with_next("activate a reader on Linux; copies up to level 4 open here without")
    }

    /// A center that no certificate is sealed to.
    pub(crate) fn center(error: &RecipientRefused) -> Failure {
        let message = chain(error);
        match error {
            RecipientRefused::Network(error) => Failure::network(message, error),
            RecipientRefused::Chain(ChainRefused::Untrusted) => {
                Failure::new(Exit::Refused, message).with_next(
                    "trust the authority behind the center: colophon-reader trust add FILE",
                )
            }
            RecipientRefused::Chain(_) => Failure::new(Exit::Refused, message)
                .with_next("ask the center for its present certificate"),
            RecipientRefused::NoCertificate { .. }
            | RecipientRefused::NotPem
            | RecipientRefused::Name
            | _ => Failure::new(Exit::Refused, message).with_next(
                "name a center like https://books.example/main, or a file with its certificate",
            ),
        }
    }

    /// A shop that nothing is told.
    pub(crate) fn shop(error: &RecipientRefused) -> Failure {
        let message = chain(error);
        match error {
            RecipientRefused::Network(error) => Failure::network(message, error),
            RecipientRefused::Chain(ChainRefused::Untrusted) => {
                Failure::new(Exit::Refused, message).with_next(
                    "tell this shop nothing unless you know who vouches for it: \
                     colophon-reader trust add FILE",
                )
            }
            RecipientRefused::Chain(_) => Failure::new(Exit::Refused, message)
                .with_next("ask the shop for its present certificate, and tell it nothing before"),
            RecipientRefused::NoCertificate { .. }
            | RecipientRefused::NotPem
            | RecipientRefused::Name
            | _ => Failure::new(Exit::Refused, message)
                .with_next("ask the shop for a file with its certificate"),
        }
    }

    /// A persona's id that does not open.
    pub(crate) fn persona(error: &PersonaUnknown) -> Failure {
        let message = chain(error);
        match error {
            PersonaUnknown::Folder(_) => Failure::new(Exit::Failed, message)
                .with_next("choose a folder with --config or COLOPHON_READER_CONFIG"),
            PersonaUnknown::Machine(_) => Failure::new(Exit::NeedsActivation, message).with_next(
                "run this where the machine's disk, network card and host name can be seen",
            ),
            PersonaUnknown::NotSealedForThis(_) | _ => Failure::new(Exit::NeedsActivation, message)
                .with_next("activate this reader again with: colophon-reader activate --again"),
        }
    }

    fn service(message: String, error: &ServiceError) -> Failure {
        match error {
            ServiceError::Network(error) => Failure::network(message, error),
            ServiceError::Refused {
                next: Some(next), ..
            } => Failure::new(Exit::NotActivated, message).with_next(next),
            ServiceError::NotUnderstood { .. } => Failure::new(Exit::Failed, message)
                .with_next("check the address of the activation service (--at)"),
            ServiceError::Refused { next: None, .. } | _ => {
                Failure::new(Exit::NotActivated, message)
            }
        }
    }

    /// A question that got no answer.
    pub(crate) fn network(message: String, error: &NetworkError) -> Failure {
        let failure = Failure::new(Exit::Failed, message);
        match error {
            NetworkError::Unreachable { .. } => failure
                .with_next("check the address and the connection, then try again; nothing is lost"),
            NetworkError::Identity { .. } => failure.with_next(
                "check the address; if the server is your own, name its root with --tls-root FILE",
            ),
            NetworkError::TooLong { .. } | _ => failure.with_next("check the address"),
        }
    }
}

fn after_limit(limit: &Limit, service: &Address) -> String {
    let next = limit.next_grant_unix_s.map_or_else(
        || "no further one is granted by itself".to_owned(),
        |time| format!("the next one is granted on {}", day(time)),
    );
    let support = limit.support.as_deref();
    let support = support.map_or_else(String::new, |support| format!("; ask {support}"));
    format!("{next}{support}; your machines are listed at {service}/me")
}
