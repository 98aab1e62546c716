//! The component that individuals are made of, read once.

mod module;
mod segments;

pub(crate) use self::module::{Body, Module, section};

use crate::binary::{self, COMPONENT_HEADER, Section};

/// The largest template read, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 8 << 20;

/// A core module in a component.
const CORE_MODULE: u8 = 1;

/// Why a component is no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateRefused {
    /// It is larger than any template.
    #[error("larger than {TEMPLATE_BYTES_MAX} bytes")]
    TooLarge,
    /// It is no component, or cut off.
    #[error("not a WebAssembly component")]
    NoComponent,
    /// None of its modules, or more than one, has the functions that give the key.
    #[error("not a secure repository: {0} modules have a place for a key")]
    Places(usize),
    /// Its module uses something that individualizing does not know to move.
    #[error("the module has {0}, which cannot be moved")]
    Unsupported(&'static str),
    /// Its module cannot be read.
    #[error("the module cannot be read")]
    Malformed,
}

/// A component that can be individualized.
pub struct Template<'t> {
    bytes: &'t [u8],
    sections: Vec<Section>,
    module_section: usize,
    module: Module<'t>,
}

impl<'t> Template<'t> {
    /// Reads a component.
    ///
    /// # Errors
    ///
    /// [`TemplateRefused`], see its variants.
    pub fn read(bytes: &'t [u8]) -> Result<Template<'t>, TemplateRefused> {
        if bytes.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateRefused::TooLarge);
        }
        let sections = binary::sections(bytes, COMPONENT_HEADER);
        let sections = sections.ok_or(TemplateRefused::NoComponent)?;
        let mut found = Vec::new();
        for (at, section) in sections.iter().enumerate() {
            let content = bytes.get(section.content.clone()).unwrap_or_default();
            if section.id == CORE_MODULE && Module::has_places(content)? {
                found.push((at, content));
            }
        }
        let [(module_section, module)] = found.as_slice() else {
            return Err(TemplateRefused::Places(found.len()));
        };
        Ok(Template {
            bytes,
            module_section: *module_section,
            module: Module::read(module)?,
            sections,
        })
    }

    pub(crate) fn module(&self) -> &Module<'t> {
        &self.module
    }

    /// The component with another module in the place of its own. What is written in it for
    /// people, such as who compiled it, is left out.
    pub(crate) fn with_module(&self, module: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + module.len());
        out.extend_from_slice(&COMPONENT_HEADER);
        for (at, section) in self.sections.iter().enumerate() {
            let content = self.bytes.get(section.content.clone()).unwrap_or_default();
            if at == self.module_section {
                binary::push_section(&mut out, CORE_MODULE, module);
            } else if section.id != binary::CUSTOM {
                binary::push_section(&mut out, section.id, content);
            }
        }
        out
    }
}
