//! Why a copy at level 5 does not open, or may not be used, and what to do about it.

use std::path::Path;

use colophon_reader::repository::RepositoryFailure;
use colophon_reader::{About, ActivationUnusable, FolderError, OpenError, UnlockError};

use super::{Exit, Failure, chain};

const ACTIVATE: &str = "activate this reader with: colophon-reader activate";

const AGAIN: &str = "activate this reader again with: colophon-reader activate --again";

impl Failure {
    /// A copy at level 5 on a reader that was never activated.
    pub(crate) fn needs_activation(path: &Path) -> Failure {
        Failure::opening(path, &OpenError::NeedsActivation)
    }

    /// Something that only an activated reader has.
    pub(crate) fn not_activated() -> Failure {
        Failure::new(Exit::NeedsActivation, "this reader is not activated").with_next(ACTIVATE)
    }

    /// An activation that is there and of no use.
    pub(crate) fn activation(error: &ActivationUnusable) -> Failure {
        let message = chain(error);
        match error {
            ActivationUnusable::Refused(_) | ActivationUnusable::Repository(_) => {
                Failure::new(Exit::NeedsActivation, message).with_next(format!(
                    "trust the authority behind it (colophon-reader trust add FILE), or {AGAIN}"
                ))
            }
            ActivationUnusable::Folder(FolderError::Damaged { .. }) => {
                Failure::new(Exit::NeedsActivation, message).with_next(AGAIN)
            }
            ActivationUnusable::Folder(_) | _ => Failure::new(Exit::Failed, message)
                .with_next("choose a folder with --config or COLOPHON_READER_CONFIG"),
        }
    }

    pub(crate) fn unlocking(path: &Path, about: &About, error: &UnlockError) -> Failure {
        let message = format!("{}: {}", path.display(), chain(error));
        match error {
            UnlockError::Machine(_) => Failure::new(Exit::NeedsActivation, message).with_next(
                "run this where the machine's disk, network card and host name can be seen",
            ),
            UnlockError::Repository(RepositoryFailure::Denied(story)) => {
                Failure::new(Exit::NotPermitted, message).with_next(after_denial(&story.reason))
            }
            UnlockError::Repository(RepositoryFailure::Refused(story)) => {
                after_refusal(message, about, &story.reason)
            }
            UnlockError::Repository(RepositoryFailure::Counts(_)) => {
                Failure::new(Exit::Failed, message)
                    .with_next("what is counted must be written down first; free that folder")
            }
            UnlockError::Repository(RepositoryFailure::File(_)) => {
                Failure::new(Exit::Failed, message)
            }
            UnlockError::Locked => Failure::new(Exit::NeedsActivation, message).with_next(ACTIVATE),
            UnlockError::Repository(_) | UnlockError::NotLocked | _ => {
                Failure::new(Exit::Failed, message).with_next(format!("if it goes on, {AGAIN}"))
            }
        }
    }
}

fn after_refusal(message: String, about: &About, reason: &str) -> Failure {
    match reason {
        "not-sealed-for-this" => Failure::new(Exit::NeedsActivation, message)
            .with_next(format!("the activation is another machine's; {AGAIN}")),
        "too-few-facts" => Failure::new(Exit::NeedsActivation, message)
            .with_next("run this where the machine's disk and network card can be seen"),
        "license-root-not-pinned" => {
            Failure::new(Exit::NeedsActivation, message).with_next(format!(
                "the root behind its license is none of those this activation was made for; if the \
             center has a new root, {AGAIN}"
            ))
        }
        "license-other-persona" => Failure::new(Exit::NeedsActivation, message).with_next(format!(
            "open it on a reader activated for {}",
            persona(about)
        )),
        _ => Failure::new(Exit::Refused, message).with_next(super::after_refused_copy(reason)),
    }
}

/// The persona a copy was licensed to.
fn persona(about: &About) -> String {
    let license = about.license.as_ref();
    let owner = license.and_then(|report| report.license.work.owner.as_ref());
    owner.map_or_else(
        || "the persona it was bought with".to_owned(),
        |owner| owner.object.id.to_string(),
    )
}

fn after_denial(reason: &str) -> &'static str {
    match reason {
        "not-granted" => "see what is granted with: colophon-reader info TITLE",
        "not-yet" | "ended" => "see the time granted with: colophon-reader info TITLE",
        "place" => {
            "see the places with: colophon-reader info TITLE; say where you are in settings.toml: \
             [place] country = \"DE\""
        }
        "principals" => {
            "the license asks for somebody or something this reader cannot authenticate; ask the shop"
        }
        "spent" => "ask the shop for more; nothing was used up by this",
        "counts-put-back" | "counts-damaged" => {
            "rights that are counted stay refused until the reader is activated anew: \
             colophon-reader activate --again"
        }
        "fee" | "tracking" => "this reader can neither pay nor tell; ask the shop",
        _ => "ask the shop",
    }
}
