//! A sealed title, made as a center's tool makes it.

use std::io::Cursor;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use colophon_core::catalog::{Forms, ObjectPath, StoredForm};
use colophon_core::ports::{Content, OpenedForm, OriginError};
use colophon_crypto::{Key32, Portable};
use colophon_title::source::{self, Source};
use colophon_title::{
    ContentKey, Form, Level, MediaType, Metadata, SealTerms, SignerRoles, StoredTitle, VersionId,
    VersionSalt, seal,
};

use crate::support::content::Pattern;
use crate::support::host::{Host, Same};

/// Bytes in memory.
struct Held(Bytes);

#[async_trait]
impl Content for Held {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, offset: u64, most: usize) -> Result<Bytes, OriginError> {
        let start = usize::try_from(offset).unwrap().min(self.0.len());
        let end = start.saturating_add(most).min(self.0.len());
        Ok(self.0.slice(start..end))
    }
}

impl Host {
    /// Puts a PDF of about this length on sale, at this level or more.
    pub(crate) fn sell_sealed(&self, book_id: &str, length: u64, min_level: Level) {
        let key = ContentKey::new(Key32::new([1; 32]));
        let version = VersionId::from_bytes([2; 16]);
        let file = seal_pdf(book_id, length, &key, version);
        let title = StoredTitle::read(&Portable, Cursor::new(&file)).unwrap();
        let form = StoredForm {
            version,
            object: ObjectPath::parse(&format!("{book_id}/sealed")).unwrap(),
            size: file.len() as u64,
            sha256: [8; 32],
        };
        let opened = OpenedForm {
            title: Some(title),
            content: Arc::new(Held(file.into())),
        };
        let forms = Forms {
            sealed: Some(form),
            ..Forms::default()
        };
        let media_type = MediaType::parse("application/pdf").unwrap();
        self.shelve(
            book_id,
            "A Leaflet",
            media_type,
            min_level,
            forms,
            Arc::new(opened),
        );
        let mut keys = self.shelf.content_keys.lock().unwrap();
        keys.insert(version, Arc::new(key));
    }
}

fn seal_pdf(book_id: &str, length: u64, key: &ContentKey, version: VersionId) -> Vec<u8> {
    let pdf = [
        b"%PDF-1.7\n".to_vec(),
        Pattern::whole(length),
        b"\n%%EOF\n".to_vec(),
    ]
    .concat();
    let media_type = MediaType::parse("application/pdf").unwrap();
    let limits = source::Limits::default();
    let mut source =
        Source::inspect(Cursor::new(pdf), &media_type, "leaflet.pdf", &limits).unwrap();
    let metadata = Metadata {
        book_id: book_id.to_owned(),
        book_id_type: "ISBN".to_owned(),
        title: "A Leaflet".to_owned(),
        authors: vec!["A. Author".to_owned()],
        publisher: None,
        language: None,
        copyright: None,
        media_type,
        cover: None,
        required_signatures: SignerRoles::default(),
    };
    let terms = SealTerms {
        version,
        salt: VersionSalt::from_bytes([4; 16]),
        key,
        form: Form::Sealed,
        metadata: &metadata,
        signers: &[],
        issued_at_unix_s: 1_700_000_000,
    };
    let mut file = Cursor::new(Vec::new());
    seal(
        &Portable,
        &mut Same(7),
        &mut source,
        &terms,
        &mut file,
        &mut |_| {},
    )
    .unwrap();
    file.into_inner()
}
