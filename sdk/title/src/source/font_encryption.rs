//! A source's `encryption.xml`, which may list obfuscated fonts and nothing else.

use super::PublicationRefused;
use super::package::percent_decoded;
use crate::EntryPath;
use crate::xml::{Element, Namespace};

/// Font obfuscation of EPUB 3 (IDPF).
const IDPF: &str = "http://www.idpf.org/2008/embedding";
/// Font obfuscation by Adobe's tools.
const ADOBE: &str = "http://ns.adobe.com/pdf/enc#RC";

/// A font under obfuscation, which sealing leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObfuscatedFont {
    /// The font file.
    pub path: EntryPath,
    /// The URI of the obfuscation method: that of IDPF or of Adobe.
    pub algorithm: String,
}

/// One resource that `encryption.xml` lists.
pub(super) struct ListedFont {
    pub(super) uri: String,
    pub(super) path: Option<EntryPath>,
    pub(super) algorithm: String,
}

/// The fonts listed. Anything else listed is encrypted by somebody whose key nobody here has.
pub(super) fn fonts(encryption: &Element) -> Result<Vec<ListedFont>, PublicationRefused> {
    encryption
        .elements()
        .map(|element| {
            if !element.is(Namespace::ENCRYPTION, "EncryptedData") {
                let algorithm = element.name.local.to_string();
                return Err(PublicationRefused::ForeignEncryption { algorithm });
            }
            let child = |local| element.element(Namespace::ENCRYPTION, local);
            let algorithm = child("EncryptionMethod")
                .and_then(|method| method.attribute("Algorithm"))
                .unwrap_or_default()
                .to_owned();
            if algorithm != IDPF && algorithm != ADOBE {
                return Err(PublicationRefused::ForeignEncryption { algorithm });
            }
            let uri = child("CipherData")
                .and_then(|data| data.element(Namespace::ENCRYPTION, "CipherReference"))
                .and_then(|reference| reference.attribute("URI"))
                .unwrap_or_default()
                .to_owned();
            let path = percent_decoded(&uri).and_then(|path| EntryPath::parse(&path).ok());
            Ok(ListedFont {
                uri,
                path,
                algorithm,
            })
        })
        .collect()
}
