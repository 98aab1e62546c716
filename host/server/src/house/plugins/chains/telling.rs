//! What operators are told of a center's chain.

use colophon_core::capability::Name;
use colophon_core::event::NamedEvent;
use colophon_core::rollout::PluginVersion;
use colophon_receipt::CenterId;

use super::held::Link;
use super::standing::Stands;

/// A version that could not be loaded.
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) instead: Instead,
}

/// Who is asked in its place.
pub(super) enum Instead {
    /// The version that was asked before it.
    Before(PluginVersion),
    /// Nobody: the version that was asked before it had what is not granted any more.
    Narrowed(PluginVersion),
    /// Nobody: no one who may publish has signed the version that was asked before it either.
    Unsigned(PluginVersion),
    /// The active version, for it was only on trial.
    Active,
    Nobody,
}

/// A version that is loaded and may not be asked any more.
pub(super) struct TakenAway {
    pub(super) plugin: Name,
    pub(super) version: PluginVersion,
    pub(super) why: Why,
}

/// Why a version may not be asked any more as it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It has more than it is granted by now.
    Narrowed,
    /// Nobody who may publish has signed it.
    Unsigned,
}

impl TakenAway {
    fn reason(&self) -> String {
        let Self {
            plugin,
            version,
            why,
        } = self;
        let why = match why {
            Why::Narrowed => "had more than is granted now",
            Why::Unsigned => "is signed by nobody who may publish",
        };
        format!("{plugin} {version} {why}")
    }
}

impl Failure {
    fn consequence(&self) -> String {
        match &self.instead {
            Instead::Before(version) => {
                format!("the version before it answers on, which is {version}")
            }
            Instead::Narrowed(version) => format!(
                "{version}, which was asked before it, had more than is granted now; the center's \
                 downloads are refused until it can"
            ),
            Instead::Unsigned(version) => format!(
                "{version}, which was asked before it, is signed by nobody who may publish either; \
                 the center's downloads are refused until it can"
            ),
            Instead::Active => "the active version is asked in its place".to_owned(),
            Instead::Nobody => "the center's downloads are refused until it can".to_owned(),
        }
    }
}

/// Tells failures that were not told before.
pub(super) fn tell_failures(center: &CenterId, told: &mut Vec<String>, failures: &[Failure]) {
    let telling = |failure: &Failure| format!("{}; {}", failure.reason, failure.consequence());
    let now: Vec<String> = failures.iter().map(telling).collect();
    for (failure, text) in failures.iter().zip(&now) {
        if told.contains(text) {
            continue;
        }
        let consequence = failure.consequence();
        tracing::error!(
            event.code = NamedEvent::PluginNotLoaded.code(),
            event.name = NamedEvent::PluginNotLoaded.slug(),
            center.id = %center,
            reason = failure.reason,
            "a plug-in could not be loaded; {consequence}"
        );
    }
    *told = now;
}

/// Tells that versions are asked no more while others are loaded, which may take long.
pub(super) fn tell_taken_away<'a>(
    center: &CenterId,
    versions: impl Iterator<Item = &'a TakenAway>,
    left: &Stands,
) {
    let reasons: Vec<String> = versions.map(TakenAway::reason).collect();
    let consequence = match left {
        Stands::Asked(_) => "its trial ends",
        Stands::Closed | Stands::Unknown => {
            "the center's downloads are refused until one is loaded that may be"
        }
    };
    tracing::error!(
        event.code = NamedEvent::PluginNotLoaded.code(),
        event.name = NamedEvent::PluginNotLoaded.slug(),
        center.id = %center,
        reason = reasons.join("; "),
        "a version of a plug-in may not be asked any more; {consequence}"
    );
}

/// Tells what is asked from now on.
pub(super) fn tell_loaded(center: &CenterId, links: &[Link]) {
    let chain = match links {
        [] => "the built-in plug-in".to_owned(),
        links => links.iter().map(shown).collect::<Vec<_>>().join(", "),
    };
    tracing::info!(
        event.code = NamedEvent::PluginsLoaded.code(),
        event.name = NamedEvent::PluginsLoaded.slug(),
        center.id = %center,
        plugins.chain = chain,
        "the center's plug-ins are loaded"
    );
}

pub(super) fn shown(link: &Link) -> String {
    let Link {
        plugin,
        active,
        canary,
    } = link;
    let active = active
        .iter()
        .map(|loaded| format!("{plugin} {}", loaded.version));
    let canary = canary
        .iter()
        .map(|(loaded, share)| format!("{plugin} {} for {} %", loaded.version, share.as_percent()));
    active.chain(canary).collect::<Vec<_>>().join(" and ")
}
