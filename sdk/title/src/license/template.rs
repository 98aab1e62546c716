//! What a licensor grants with every copy of a title: the rights of its licenses, written once.

use super::document::{
    Writer, principal, read_all, read_principal, read_rights_group, rights_group,
};
use super::{
    Access, Bundle, Line, PERSONA, Principal, PrincipalKind, Right, RightKind, RightsGroup,
};
use crate::xml::{Caps, Element, Name, Namespace, Node, XmlRefused, read};

const ROOT: &str = "rights";

const CAPS: Caps = Caps {
    bytes_max: 64 << 10,
    elements_max: 1024,
    depth_max: 8,
    attributes_max: 16,
};

/// The rights that licenses are made with, and the principals besides the persona that they
/// depend on.
///
/// As a document it is a `rights` element with the `rights-group`s and `principal`s of a license.
///
/// ```
/// use colophon_title::license::{RightKind, RightsTemplate};
///
/// let template = RightsTemplate::read(
///     br#"<rights xmlns="urn:colophon:license:1">
///           <rights-group name="reading">
///             <bundle><location country="DE"/></bundle>
///             <view/>
///             <print max-count="3"/>
///           </rights-group>
///         </rights>"#,
/// )?;
/// let [group] = template.rights.as_slice() else { panic!("one group") };
/// let kinds: Vec<RightKind> = group.rights.iter().map(|right| right.kind).collect();
/// assert_eq!(kinds, [RightKind::View, RightKind::Print]);
/// assert_eq!(RightsTemplate::read(&template.to_xml())?, template);
/// # Ok::<(), colophon_title::license::TemplateRefused>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightsTemplate {
    /// What is granted, each group under conditions of its own.
    pub rights: Vec<RightsGroup>,
    /// Who must be authenticated besides the persona.
    pub principals: Vec<Principal>,
}

/// Why a document is no rights template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateRefused {
    /// It is not XML, or larger than a template may be.
    #[error("the rights cannot be read")]
    Xml(#[from] XmlRefused),
    /// Its root is another element.
    #[error("the document is no <rights xmlns=\"urn:colophon:license:1\">")]
    Root,
    /// Something in it cannot be read.
    #[error("the rights-groups and principals are not as the schema says")]
    Form,
    /// Something in it is not known, or stands where it does not belong.
    #[error("{0} is unknown there, out of order, or spelled in a way that is not read")]
    Unknown(String),
    /// The persona is put in by whoever makes the license, with what it needs to open the copy.
    #[error("the persona and enabling bits are put in when a license is made")]
    Persona,
    /// A licensor as a principal; that makes a delegation, which no copy is sold with.
    #[error("a principal is a licensor, which only delegations name")]
    Licensor,
}

impl RightsTemplate {
    /// Viewing, and nothing else: what is granted where nobody said otherwise.
    #[must_use]
    pub fn viewing() -> RightsTemplate {
        RightsTemplate {
            rights: vec![RightsGroup {
                name: Line::fixed("reading"),
                description: None,
                bundle: Bundle::default(),
                rights: vec![Right::unconditional(RightKind::View)],
            }],
            principals: Vec::new(),
        }
    }

    /// Reads a template of anybody's making: white space between elements, comments and prefixes
    /// are as the author likes, and everything else as in a license.
    ///
    /// Whether a license can be made with it is for
    /// [`LicenseTerms::rehearse`](super::LicenseTerms::rehearse) to say.
    ///
    /// # Errors
    ///
    /// [`TemplateRefused`], see its variants.
    pub fn read(document: &[u8]) -> Result<RightsTemplate, TemplateRefused> {
        let mut root = read(document, &CAPS)?;
        tidy(&mut root);
        if !root.is(Namespace::LICENSE, ROOT) {
            return Err(TemplateRefused::Root);
        }
        let rights = read_all(&root, "rights-group", read_rights_group);
        let principals = read_all(&root, "principal", read_principal);
        let template = RightsTemplate {
            rights: rights.ok_or(TemplateRefused::Form)?,
            principals: principals.ok_or(TemplateRefused::Form)?,
        };
        let written = template.to_xml();
        if written != root.canonical() {
            let written = read(&written, &CAPS)?;
            return Err(TemplateRefused::Unknown(difference(&root, &written)));
        }
        template.check_principals()?;
        Ok(template)
    }

    /// The template as a document, in canonical form.
    #[must_use]
    pub fn to_xml(&self) -> Vec<u8> {
        let written = Writer::document(ROOT, [], |writer| {
            writer.all(&self.rights, rights_group);
            writer.all(&self.principals, principal);
        });
        written.octets
    }

    fn check_principals(&self) -> Result<(), TemplateRefused> {
        let is_persona = |principal: &Principal| principal.reference.as_str() == PERSONA;
        let conditions = self.rights.iter().flat_map(|group| {
            let of_rights = group.rights.iter().flat_map(|right| &right.access);
            group.bundle.access.iter().chain(of_rights)
        });
        let has_bits = |access: &Access| match access {
            Access::Licensor => false,
            Access::Principals(needed) => {
                needed.iter().any(|needed| needed.enabling_bits.is_some())
            }
        };
        if self.principals.iter().any(is_persona) || conditions.into_iter().any(has_bits) {
            return Err(TemplateRefused::Persona);
        }
        let is_licensor = |principal: &Principal| principal.kind == PrincipalKind::Licensor;
        match self.principals.iter().any(is_licensor) {
            true => Err(TemplateRefused::Licensor),
            false => Ok(()),
        }
    }
}

impl Default for RightsTemplate {
    fn default() -> RightsTemplate {
        RightsTemplate::viewing()
    }
}

/// Leaves out white space between elements, and gives the license's names its own prefix.
fn tidy(element: &mut Element) {
    if element.name.namespace == Namespace::LICENSE.uri {
        element.name = Name {
            prefix: Namespace::LICENSE.prefix.into(),
            ..element.name.clone()
        };
    }
    element.children.retain(|node| match node {
        Node::Element(_) => true,
        Node::Text(text) => !text.trim_ascii().is_empty(),
    });
    for node in &mut element.children {
        if let Node::Element(child) = node {
            tidy(child);
        }
    }
}

/// The first element that was read and is not written again.
fn difference(read: &Element, written: &Element) -> String {
    let mut children = written.elements();
    for child in read.elements() {
        match children.next() {
            Some(again) if again.canonical() == child.canonical() => {}
            Some(again) if again.name == child.name => return difference(child, again),
            Some(_) | None => return format!("<{}> in <{}>", child.name.local, read.name.local),
        }
    }
    format!("something in <{}>", read.name.local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(inside: &str) -> String {
        format!("<rights xmlns=\"urn:colophon:license:1\">{inside}</rights>")
    }

    #[track_caller]
    fn refused(inside: &str, expected: &str) {
        let refused = RightsTemplate::read(document(inside).as_bytes()).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    }

    #[test]
    fn a_template_comes_back_however_it_was_spelled() {
        let plain = document(
            "<rights-group name=\"a\"><bundle></bundle><view></view>\
             <copy max-count=\"2\"></copy></rights-group>",
        );
        let spelled = "<l:rights xmlns:l='urn:colophon:license:1'>\n  <!-- for everybody -->\n  \
             <l:rights-group name='a'><l:bundle/>\n<l:view/><l:copy max-count='2'/>\n\
             </l:rights-group></l:rights>";
        let template = RightsTemplate::read(spelled.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(template.to_xml()).unwrap(), plain);
        assert_eq!(RightsTemplate::read(plain.as_bytes()), Ok(template));
    }

    #[test]
    fn viewing_alone_is_a_template() {
        let viewing = RightsTemplate::viewing();
        assert_eq!(RightsTemplate::read(&viewing.to_xml()), Ok(viewing));
    }

    #[test]
    fn what_is_not_known_is_named() {
        let group = |inside: &str| format!("<rights-group name=\"a\">{inside}</rights-group>");
        refused(&group("<bundle/><lend/>"), "<lend> in <rights-group>");
        refused(
            &group("<bundle><place/></bundle><view/>"),
            "<place> in <bundle>",
        );
        refused(
            &group("<bundle/><print/><print colour=\"no\"/>"),
            "something in <print>",
        );
        refused(&group("<bundle/>view"), "something in <rights-group>");
        refused("<rights-group/>", "as the schema says");
        refused(&group("<view/>"), "as the schema says");
        refused(
            &group("<bundle/><print max-count=\"many\"/>"),
            "as the schema says",
        );
        assert_eq!(
            RightsTemplate::read(b"<rights/>"),
            Err(TemplateRefused::Root)
        );
        assert!(matches!(
            RightsTemplate::read(b"<rights"),
            Err(TemplateRefused::Xml(_))
        ));
    }

    #[test]
    fn the_persona_is_not_the_authors_to_name() {
        let principal = |reference: &str, kind: &str| {
            format!(
                "<principal ref=\"{reference}\" kind=\"{kind}\"><object type=\"x\" id=\"x\"/>\
                 <authenticator method=\"x\"><public-key>AAAA</public-key></authenticator></principal>"
            )
        };
        refused(&principal("persona", "person"), "persona");
        refused(&principal("other", "licensor"), "only delegations");
        let bits = "<rights-group name=\"a\"><bundle><access><needs principal=\"a\">\
            <enabling-bits type=\"rsa-oaep-sha256\">AAAA</enabling-bits></needs></access></bundle>\
            <view/></rights-group>";
        refused(bits, "enabling bits");
        let app = principal("app", "application");
        assert!(RightsTemplate::read(document(&app).as_bytes()).is_ok());
    }
}
