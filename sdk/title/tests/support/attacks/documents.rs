//! Documents that say something else, or the same in another way.

use base64ct::{Base64, Encoding};
use colophon_title::MediaType;

use super::super::forge::{
    CONTAINER, ENCRYPTION, Entry, Listing, METADATA, SIGNATURES, VALIDATION, entry, index, relist,
    replace,
};
use super::{CHAPTER, Forged, Victims};

impl Victims {
    pub(super) fn documents(&self) -> Vec<Forged> {
        let edit = |name: &'static str, from: &str, to: &str| {
            self.changed(|entries| {
                let xml = String::from_utf8(entry(entries, name).content()).unwrap();
                assert!(xml.contains(from), "{name} holds {from}");
                let xml = xml.replacen(from, to, 1);
                replace(entries, &self.key, name, xml.as_bytes());
            })
        };
        let validation = |from: &str, to: &str| {
            self.resealed(|entries| {
                let xml = String::from_utf8(entry(entries, VALIDATION).content()).unwrap();
                assert!(xml.contains(from), "validation.xml holds {from}");
                let xml = xml.replacen(from, to, 1);
                entry(entries, VALIDATION).set(xml.as_bytes());
            })
        };
        let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
        let cbc = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";
        vec![
            (
                "encryption.xml naming another algorithm",
                "encryption-algorithm",
                { edit(ENCRYPTION, gcm, cbc) },
            ),
            (
                "encryption.xml naming segments for a message",
                "encryption-differs",
                { edit(ENCRYPTION, gcm, "urn:colophon:title:1:aes256-gcm-segments") },
            ),
            (
                "encryption.xml naming obfuscation for a message",
                "document-form",
                { edit(ENCRYPTION, gcm, "http://www.idpf.org/2008/embedding") },
            ),
            ("encryption.xml of another length", "encryption-differs", {
                edit(ENCRYPTION, "OriginalLength=\"", "OriginalLength=\"1")
            }),
            ("encryption.xml of another method", "encryption-differs", {
                edit(ENCRYPTION, "Method=\"8\"", "Method=\"0\"")
            }),
            ("encryption.xml of an unknown method", "document-form", {
                edit(ENCRYPTION, "Method=\"8\"", "Method=\"9\"")
            }),
            ("encryption.xml of another entry", "encryption-differs", {
                edit(ENCRYPTION, "EPUB/one.xhtml", "EPUB/two.xhtml")
            }),
            (
                "encryption.xml naming another source of the key",
                "document-form",
                {
                    edit(
                        ENCRYPTION,
                        "META-INF/colophon/validation.xml",
                        "http://example.com/key",
                    )
                },
            ),
            ("encryption.xml without an entry", "encryption-differs", {
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
                    let (head, rest) = xml.split_once("<enc:EncryptedData").unwrap();
                    let (_, rest) = rest.split_once("</enc:EncryptedData>").unwrap();
                    replace(
                        entries,
                        &self.key,
                        ENCRYPTION,
                        format!("{head}{rest}").as_bytes(),
                    );
                })
            }),
            (
                "encryption.xml with an entry twice",
                "encryption-differs",
                {
                    self.changed(|entries| {
                        let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
                        let (head, rest) = xml.split_once("<enc:EncryptedData").unwrap();
                        let (first, rest) = rest.split_once("</enc:EncryptedData>").unwrap();
                        let twice =
                            format!("<enc:EncryptedData{first}</enc:EncryptedData>").repeat(2);
                        replace(
                            entries,
                            &self.key,
                            ENCRYPTION,
                            format!("{head}{twice}{rest}").as_bytes(),
                        );
                    })
                },
            ),
            ("encryption.xml with white space", "document-form", {
                edit(ENCRYPTION, "<enc:CipherData>", "<enc:CipherData> ")
            }),
            ("encryption.xml with a comment", "document-form", {
                edit(ENCRYPTION, "<enc:CipherData>", "<!-- --><enc:CipherData>")
            }),
            (
                "metadata with another author",
                "seal",
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, METADATA).content()).unwrap();
                    let xml = xml.replace("Herman M.", "Ahab");
                    let mut listing = Listing::of(entries);
                    entry(entries, METADATA).set(xml.as_bytes());
                    listing.refresh(entries, METADATA);
                    entry(entries, VALIDATION).set(listing.to_xml().as_bytes());
                }),
            ),
            (
                "metadata changed without listing",
                "digest",
                self.resealed(|entries| {
                    let content = entry(entries, METADATA).content();
                    replace(entries, &self.key, METADATA, &content);
                    let ahab = String::from_utf8(content)
                        .unwrap()
                        .replace("Herman", "Hermes");
                    entry(entries, METADATA).set(ahab.as_bytes());
                }),
            ),
            ("metadata with an XML declaration", "document-form", {
                edit(METADATA, "<metadata", "<?xml version=\"1.0\"?><metadata")
            }),
            ("metadata with a document type", "document-xml", {
                edit(
                    METADATA,
                    "<metadata",
                    "<!DOCTYPE metadata [<!ENTITY a \"b\">]><metadata",
                )
            }),
            (
                "metadata with an entity",
                "document-xml",
                edit(METADATA, "Herman M.", "&herman;"),
            ),
            ("metadata with a character reference", "document-form", {
                edit(METADATA, "Herman", "&#72;erman")
            }),
            ("metadata with an unknown element", "document-form", {
                edit(METADATA, "</title>", "</title><subtitle>x</subtitle>")
            }),
            ("metadata with an unknown attribute", "document-form", {
                edit(METADATA, "<title>", "<title lang=\"en\">")
            }),
            ("metadata with a processing instruction", "document-form", {
                edit(METADATA, "<title>", "<?x y?><title>")
            }),
            ("metadata with two titles", "document-form", {
                edit(METADATA, "<title>", "<title>x</title><title>")
            }),
            ("metadata in another namespace", "document-form", {
                edit(METADATA, "urn:colophon:title:1", "urn:colophon:title:0")
            }),
            (
                "metadata under a prefix",
                "document-form",
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, METADATA).content()).unwrap();
                    let xml = xml
                        .replace("xmlns=", "xmlns:c=")
                        .replace("</", "\u{1}")
                        .replace('<', "<c:")
                        .replace('\u{1}', "</c:");
                    replace(entries, &self.key, METADATA, xml.as_bytes());
                }),
            ),
            (
                "metadata nested too deep",
                "document-xml",
                self.changed(|entries| {
                    let xml = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
                    replace(entries, &self.key, METADATA, xml.as_bytes());
                }),
            ),
            ("metadata of another profile", "profile", {
                edit(METADATA, "profile=\"1\"", "profile=\"2\"")
            }),
            ("metadata of another media type", "media-type", {
                edit(METADATA, "application/epub+zip", "application/pdf")
            }),
            (
                "mimetype of another media type",
                "media-type",
                self.changed(|entries| {
                    replace(
                        entries,
                        &self.key,
                        "mimetype",
                        MediaType::CONTAINER.as_bytes(),
                    );
                }),
            ),
            ("validation of another profile", "profile", {
                validation("profile=\"1\"", "profile=\"2\"")
            }),
            (
                "validation with a comment",
                "document-form",
                validation("<entry", "<!----><entry"),
            ),
            (
                "validation of another form",
                "tail",
                validation("\"sealed\"", "\"licensed\""),
            ),
            ("validation of an unknown form", "document-form", {
                validation("\"sealed\"", "\"open\"")
            }),
            (
                "validation with a length not in its usual digits",
                "document-form",
                { validation("size=\"20\"", "size=\"020\"") },
            ),
            ("validation with a negative length", "document-form", {
                validation("size=\"20\"", "size=\"-20\"")
            }),
            (
                "validation with a digest not in canonical base64",
                "document-form",
                { validation("=\"><entry", "\"><entry") },
            ),
            ("validation of another salt", "commitment", {
                let listing = Listing::of(&self.entries());
                let salt = listing.root_attribute("salt");
                validation(&salt, &Base64::encode_string(&[7; 16]))
            }),
            (
                "validation listing a message that is too large",
                "document-form",
                {
                    self.changed(|entries| {
                        relist(entries, &self.key, |listing, _| {
                            listing.line(CHAPTER).size = (16 << 20) + 1;
                        });
                    })
                },
            ),
            (
                "validation listing another length of content",
                "encryption-differs",
                {
                    self.changed(|entries| {
                        relist(entries, &self.key, |listing, _| {
                            listing.line(CHAPTER).size += 1
                        });
                    })
                },
            ),
            (
                "validation and encryption.xml claiming more than there is",
                "inflation",
                { self.claimed_size(1) },
            ),
            (
                "validation and encryption.xml claiming less than there is",
                "inflation",
                { self.claimed_size(-1) },
            ),
            (
                "validation listing itself",
                "entry-missing",
                self.changed(|entries| {
                    relist(entries, &self.key, |listing, _| {
                        let mut line = listing.lines[0].clone();
                        line.path = VALIDATION.to_owned();
                        listing.lines.push(line);
                    });
                }),
            ),
            (
                "validation listing nothing",
                "entry-unlisted",
                self.changed(|entries| {
                    relist(entries, &self.key, |listing, _| listing.lines.clear());
                }),
            ),
            (
                "obfuscated font listed as encrypted",
                "encryption-differs",
                self.changed(|entries| {
                    relist(entries, &self.key, |listing, _| {
                        let line = listing.line("EPUB/font.otf");
                        line.protection = Some("message".to_owned());
                        line.size = line.stored - 28;
                    });
                }),
            ),
            (
                "container.xml listed as encrypted",
                "entry-facts",
                self.changed(|entries| {
                    let content = entry(entries, CONTAINER).content();
                    replace(entries, &self.key, CONTAINER, &content);
                    relist(entries, &self.key, |listing, _| {
                        let line = listing.line(CONTAINER);
                        line.protection = Some("message".to_owned());
                        line.size = line.stored - 28;
                    });
                }),
            ),
            (
                "encryption.xml obfuscating a font that is not there",
                "encryption-differs",
                edit(ENCRYPTION, "EPUB/font.otf", "EPUB/other.otf"),
            ),
            (
                "encryption.xml obfuscating an encrypted entry",
                "encryption-differs",
                edit(ENCRYPTION, "EPUB/font.otf", "EPUB/plate.png"),
            ),
            (
                "encryption.xml obfuscating a font twice",
                "encryption-differs",
                self.changed(|entries| {
                    let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
                    let at = xml.rfind("<enc:EncryptedData").unwrap();
                    let (head, font) = xml.split_at(at);
                    let font = font.strip_suffix("</encryption>").unwrap();
                    let twice = format!("{head}{font}{font}</encryption>");
                    replace(entries, &self.key, ENCRYPTION, twice.as_bytes());
                }),
            ),
            (
                "mimetype deflated",
                "entry-facts",
                self.changed(|entries| {
                    let mimetype = entry(entries, "mimetype");
                    let length = mimetype.data.len() as u16;
                    let mut deflated = vec![1];
                    deflated.extend(length.to_le_bytes());
                    deflated.extend((!length).to_le_bytes());
                    deflated.extend(&mimetype.data);
                    (mimetype.method, mimetype.data) = (8, deflated);
                    relist(entries, &self.key, |listing, entries| {
                        listing.refresh(entries, "mimetype")
                    });
                }),
            ),
            ("signatures that are none", "signature-form", {
                let tail = index(&self.entries(), VALIDATION) + 1;
                self.changed(|entries| {
                    let signatures = Entry::stored(SIGNATURES, b"<signatures></signatures>");
                    entries.insert(tail, signatures);
                })
            }),
            (
                "signatures after the seal",
                "tail",
                self.changed(|entries| {
                    entries.push(Entry::stored(SIGNATURES, b"<signatures></signatures>"));
                }),
            ),
        ]
    }

    /// The chapter with another original length, in both documents that say it.
    fn claimed_size(&self, more: i64) -> Vec<u8> {
        self.changed(|entries| {
            let mut listing = Listing::of(entries);
            let size = listing.line(CHAPTER).size;
            let claimed = size.checked_add_signed(more).unwrap();
            let xml = String::from_utf8(entry(entries, ENCRYPTION).content()).unwrap();
            let original = |size| format!("OriginalLength=\"{size}\"");
            let xml = xml.replacen(&original(size), &original(claimed), 1);
            entry(entries, ENCRYPTION).set(xml.as_bytes());
            relist(entries, &self.key, |listing, entries| {
                listing.refresh(entries, ENCRYPTION);
                listing.line(CHAPTER).size = claimed;
            });
        })
    }
}
