//! From a component's bytes to a generation that may be called: every step can refuse, and says
//! what is missing.

use std::sync::Arc;

use colophon_core::plugin::PluginFailure;
use colophon_receipt::CenterId;
use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::{Description, Generation, Roles, fits, probe};
use crate::bindings::meta;
use crate::call::{Describe, Live, Places, SelfTest};
use crate::contract::{META, Role, Spoken};
use crate::digested::Digested;
use crate::granted::Granted;
use crate::sandbox::{
    CORE_INSTANCES_MAX, CompilerFailed, MEMORIES_MAX, Sandbox, TABLES_MAX, TooMuch,
};
use crate::state::CallState;
use crate::warm::Warm;

/// The largest component that is compiled.
pub(crate) const COMPONENT_BYTES_MAX: usize = 32 << 20;

/// Why a plug-in is not loaded. What was loaded before stays as it is.
#[derive(Debug, Error)]
pub enum LoadRefused {
    /// Larger than any plug-in may be.
    #[error("the plug-in has {bytes} bytes, more than the {COMPONENT_BYTES_MAX} that are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Native code, which only the host itself may make.
    #[error("the plug-in is compiled code; upload the component that it was made of")]
    Precompiled,
    /// Damaged, not WebAssembly, a bare module, or in need of a proposal that is switched off.
    #[error("the plug-in is not a component that this host can compile")]
    NotAComponent(#[source] wasmtime::Error),
    /// No plug-in has places for so much: instances of modules, memories or tables, or one of these
    /// that is too large.
    #[error(
        "the plug-in is made of more than any may be: at most {CORE_INSTANCES_MAX} instances of \
         modules, {MEMORIES_MAX} memories and {TABLES_MAX} tables, each within its bounds"
    )]
    NoPlace(#[source] wasmtime::Error),
    /// The compiler itself failed over it, as it does not over others.
    #[error("the compiler broke down over the plug-in")]
    BreaksCompiler,
    /// Compiling it takes more than any plug-in may take.
    #[error("compiling the plug-in takes {0}")]
    TooCostly(TooMuch),
    /// It could not be compiled here and now, for no fault of its own.
    #[error("the plug-in could not be compiled")]
    NotCompiled(#[source] CompilerFailed),
    /// It asks for something that no plug-in gets.
    #[error("the plug-in imports {import}, which this host does not offer")]
    UnknownImport {
        /// The interface, with the function where the interface is known.
        import: String,
    },
    /// It asks for something that this host offers, and that its manifest does not ask for.
    #[error(
        "the plug-in imports {import}, which it was not granted; its manifest needs '{line}', and \
         the operator's grant has to allow it"
    )]
    NotGranted {
        /// The interface.
        import: &'static str,
        /// What the manifest has to say.
        line: &'static str,
    },
    /// An interface is known by name but has another shape than the contract.
    #[error("{interface} is not as the contract has it")]
    Mismatch {
        /// The interface.
        interface: &'static str,
        /// What differs.
        #[source]
        cause: wasmtime::Error,
    },
    /// It exports an interface of ours that this host does not know, or in another version.
    #[error("the plug-in exports {export}; this host knows {known}")]
    UnknownExport {
        /// What it exports.
        export: String,
        /// What would have been understood.
        known: String,
    },
    /// It exports no description of itself.
    #[error("the plug-in does not export {META}")]
    NotDescribed,
    /// It plays none of the roles.
    #[error("the plug-in plays no role: it exports none of {}", roles())]
    NoRole,
    /// It cannot be started, or cannot describe or test itself.
    #[error("the plug-in failed while it was loaded")]
    Failed(#[source] PluginFailure),
    /// Its own test of its rules failed.
    #[error("the plug-in's self-test failed: {problem}")]
    SelfTest {
        /// In the plug-in's words.
        problem: String,
    },
}

/// The interfaces of all roles, as a sentence lists them.
fn roles() -> String {
    Role::ALL.map(Role::interface).join(", ")
}

impl Sandbox {
    /// Compiles a component, holds it against the contract and lets it test itself.
    ///
    /// This can take a minute, and is not for the way of a request. Dropped before it is done, it
    /// ends whatever it has begun.
    ///
    /// # Errors
    /// [`LoadRefused`] names the first thing that is wrong with the component.
    pub async fn load(
        self: &Arc<Self>,
        wasm: &[u8],
        granted: Granted,
    ) -> Result<Arc<Generation>, LoadRefused> {
        refuse_at_sight(wasm)?;
        self.load_on_behalf(None, &Digested::of(wasm), granted)
            .await
    }

    /// The same for one of many centers, which take turns where it has to be compiled.
    ///
    /// # Errors
    /// [`LoadRefused`] names the first thing that is wrong with the component.
    pub async fn load_for(
        self: &Arc<Self>,
        center: &CenterId,
        component: &Digested,
        granted: Granted,
    ) -> Result<Arc<Generation>, LoadRefused> {
        refuse_at_sight(component.wasm())?;
        self.load_on_behalf(Some(center), component, granted).await
    }

    async fn load_on_behalf(
        self: &Arc<Self>,
        center: Option<&CenterId>,
        digested: &Digested,
        granted: Granted,
    ) -> Result<Arc<Generation>, LoadRefused> {
        let component = self.compile(center, digested).await?;
        refuse_imports_without_grant(self.spoken(), &component, &granted)?;
        refuse_unknown_exports(self.spoken(), &component)?;
        let pre =
            self.linker()
                .instantiate_pre(&component)
                .map_err(|cause| LoadRefused::Mismatch {
                    interface: "an import",
                    cause,
                })?;
        let meta = probe(&component, META, || meta::GuestIndices::new(&pre))?;
        let meta = meta.ok_or(LoadRefused::NotDescribed)?;
        let roles = Roles::find(&component, &pre)?;
        let granted = Arc::new(granted);
        // What a guest does with the threads counts as its center's from its first start on.
        let share = match center {
            Some(center) => self.rooms.of(center).share,
            None => self.rooms.share_of_nobody(),
        };
        let mut live = Live::start(
            self,
            &pre,
            CallState::unbound(Arc::clone(&granted), share),
            Places::None,
        )
        .await
        .map_err(LoadRefused::Failed)?;
        let described = describe(&mut live, &meta, &roles).await;
        self.ending.end(live);
        Ok(Arc::new(Generation {
            description: described?,
            pre,
            roles,
            sha256: *digested.sha256(),
            warm: Warm::of(self.resting(), granted.warm),
            granted,
        }))
    }
}

/// Holds a first instance against the contract, and lets it describe and test itself.
async fn describe(
    live: &mut Live,
    meta: &meta::GuestIndices,
    roles: &Roles,
) -> Result<Description, LoadRefused> {
    let (store, instance) = live.parts();
    fits(META, meta.load(store, instance))?;
    roles.check(live)?;
    if roles.is_empty() {
        return Err(LoadRefused::NoRole);
    }
    let info = live.ask(Describe { indices: meta }).await;
    let info = info.map_err(LoadRefused::Failed)?;
    let tested = live.ask(SelfTest { indices: meta }).await;
    let tested = tested.map_err(LoadRefused::Failed)?;
    tested.map_err(|problem| LoadRefused::SelfTest { problem })?;
    Ok(Description::from(info))
}

/// Refuses what need not be looked into.
pub(crate) fn refuse_at_sight(wasm: &[u8]) -> Result<(), LoadRefused> {
    if wasm.len() > COMPONENT_BYTES_MAX {
        return Err(LoadRefused::TooLarge { bytes: wasm.len() });
    }
    if Engine::detect_precompiled(wasm).is_some() {
        return Err(LoadRefused::Precompiled);
    }
    Ok(())
}

/// Refuses functions and resources that are not offered, or not to this plug-in; types alone ask
/// for nothing.
fn refuse_imports_without_grant(
    spoken: &Spoken,
    component: &Component,
    granted: &Granted,
) -> Result<(), LoadRefused> {
    let engine = component.engine();
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            return Err(LoadRefused::UnknownImport {
                import: name.to_owned(),
            });
        };
        let offered = spoken.offered(name);
        let functions = offered.map_or(&[][..], |(_, functions)| functions);
        let mut asks = false;
        for (item, kind) in interface.exports(engine) {
            if matches!(kind.ty, ComponentItem::Type(_)) {
                continue;
            }
            asks = true;
            if !functions.contains(&item) {
                let import = match offered {
                    Some(_) => format!("{name}#{item}"),
                    None => name.to_owned(),
                };
                return Err(LoadRefused::UnknownImport { import });
            }
        }
        let capability = offered.and_then(|(capability, _)| capability);
        if let Some(capability) = capability.filter(|own| asks && !granted.has(*own)) {
            return Err(LoadRefused::NotGranted {
                import: capability.interface(),
                line: capability.manifest_line(),
            });
        }
    }
    Ok(())
}

/// Refuses interfaces under our name that would otherwise be passed over in silence, above all
/// roles in a version that this host does not know.
pub(crate) fn refuse_unknown_exports(
    spoken: &Spoken,
    component: &Component,
) -> Result<(), LoadRefused> {
    let plays = |name: &str, role: &Role| spoken.means(name, role.interface());
    let known =
        |name: &str| spoken.means(name, META) || Role::ALL.iter().any(|role| plays(name, role));
    for (name, _) in component.component_type().exports(component.engine()) {
        if name.starts_with("colophon:") && !known(name) {
            return Err(LoadRefused::UnknownExport {
                export: name.to_owned(),
                known: format!("{META}, {}", roles()),
            });
        }
    }
    Ok(())
}
