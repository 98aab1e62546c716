//! What a grant gives for nothing.

use super::{Grant, Manifest};

impl Grant {
    /// What none of these manifests asks for, as it would be written in one line. It is in nobody's hands,
    /// and most often a slip of the pen, or left over from a version before. How far limits may go is not
    /// among it: they are ceilings.
    pub fn unasked(&self, manifests: &[Manifest]) -> Vec<String> {
        let asks = |by: &dyn Fn(&Manifest) -> bool| manifests.iter().any(by);
        let mut unasked = Vec::new();
        let mut given = |is_given: bool, is_asked: bool, line: String| {
            if is_given && !is_asked {
                unasked.push(line);
            }
        };
        let catalog = "catalog = true".to_owned();
        given(self.catalog, asks(&|manifest| manifest.catalog), catalog);
        given(
            self.log,
            asks(&|manifest| manifest.log),
            "log = true".to_owned(),
        );
        for name in self.config.keys() {
            let is_asked = asks(&|manifest| manifest.config.contains(name));
            given(true, is_asked, format!("config.{name}"));
        }
        for name in self.secrets.keys() {
            let is_asked = asks(&|manifest| manifest.secrets.contains_key(name));
            given(true, is_asked, format!("secrets.{name}"));
        }
        for name in self.sql.iter().flat_map(|sql| &sql.statements) {
            let is_asked = asks(&|manifest| manifest.statements.contains_key(name));
            given(true, is_asked, format!("\"{name}\" in sql.statements"));
        }
        for address in &self.http {
            let covered = |manifest: &Manifest| {
                let mut asked = manifest.http.iter();
                asked.any(|asked| address.covers(asked))
            };
            given(true, asks(&covered), format!("\"{address}\" in http.allow"));
        }
        let kv = asks(&|manifest| manifest.kv.is_some());
        given(self.kv.is_some(), kv, "[kv]".to_owned());
        unasked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_manifest_asks_for_is_named() {
        let grant = "plugin = \"a\"\ncatalog = true\nlog = true\n[kv]\nquota = \"1KiB\"\n\
            [http]\nallow = [\"https://a.example/\", \"https://b.example/\"]\n\
            [sql]\ndatabase = \"sqlite:///a\"\nstatements = [\"one\"]\n\
            [limits]\nmemory = \"128MiB\"\n";
        let grant = Grant::parse(grant).unwrap();
        let head = "id = \"a\"\nversion = \"1\"\napi = \"1.0\"\nroles = [\"naming\"]\n";
        let manifest = |rest: &str| Manifest::parse(&format!("{head}{rest}")).unwrap();
        let one = manifest("log = true\nhttp.allow = [\"https://a.example/v1/\"]\n");
        let rest = [
            "catalog = true",
            "\"one\" in sql.statements",
            "\"https://b.example/\" in http.allow",
            "[kv]",
        ];
        assert_eq!(grant.unasked(std::slice::from_ref(&one)), rest);
        let other = manifest("catalog = true\nkv.quota = \"1KiB\"\n");
        assert_eq!(grant.unasked(&[one, other]), rest[1..3]);
    }
}
