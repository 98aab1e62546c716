//! Content under keys that are not its own.

use colophon_crypto::{Engine, Key32, Portable};

use super::super::forge::{Entry, content_key, index, parse, replace, reseal, resource_key};
use super::{CHAPTER, Forged, SECOND_CHAPTER, Victims};

impl Victims {
    pub(super) fn keys(&self) -> Vec<Forged> {
        let encrypted = |key: &Key32, nonce: [u8; 12], content: &[u8]| {
            let mut content = content.to_vec();
            let tag = Portable.aes256_gcm(key).seal(&nonce, &[], &mut content);
            [nonce.as_slice(), &content, &tag].concat()
        };
        let chapter_key = |path| resource_key(&self.entries(), &self.key, path);
        let deflated = |entries: &[Entry]| {
            let stored = &entries[index(entries, CHAPTER)].data;
            let (nonce, rest) = stored.split_at(12);
            let (content, tag) = rest.split_at(rest.len() - 16);
            let mut content = content.to_vec();
            let cipher = Portable.aes256_gcm(&chapter_key(CHAPTER));
            cipher
                .open(
                    nonce.try_into().unwrap(),
                    &[],
                    &mut content,
                    tag.try_into().unwrap(),
                )
                .unwrap();
            content
        };
        vec![
            (
                "content key of another version, sealed well",
                "commitment",
                {
                    let next = content_key(&parse(&self.next_version));
                    self.changed(|entries| reseal(entries, &next))
                },
            ),
            (
                "chapter encrypted under the content key itself",
                "decryption",
                {
                    let key = self.key.duplicate();
                    let content = deflated(&self.entries());
                    let stored = encrypted(&key, [1; 12], &content);
                    self.changed(|entries| replace(entries, &self.key, CHAPTER, &stored))
                },
            ),
            (
                "chapter encrypted under another chapter's key",
                "decryption",
                {
                    let content = deflated(&self.entries());
                    let stored = encrypted(&chapter_key(SECOND_CHAPTER), [1; 12], &content);
                    self.changed(|entries| replace(entries, &self.key, CHAPTER, &stored))
                },
            ),
            (
                "chapter with something after its deflate stream",
                "inflation",
                {
                    let content = [deflated(&self.entries()), vec![0]].concat();
                    let stored = encrypted(&chapter_key(CHAPTER), [1; 12], &content);
                    self.changed(|entries| replace(entries, &self.key, CHAPTER, &stored))
                },
            ),
            ("chapter that is no deflate stream", "inflation", {
                let stored = encrypted(&chapter_key(CHAPTER), [1; 12], &[0xFF; 100]);
                self.changed(|entries| replace(entries, &self.key, CHAPTER, &stored))
            }),
            (
                "chapter left clear under an encrypted name",
                "decryption",
                { self.changed(|entries| replace(entries, &self.key, CHAPTER, &[0x20; 100])) },
            ),
        ]
    }
}
