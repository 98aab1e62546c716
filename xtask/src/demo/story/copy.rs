//! What a reader says of a copy.

use serde_json::Value;

use crate::demo::story::BUYER;

/// What the reader says of a copy.
pub(crate) struct Copy {
    level: u64,
    owner: Option<String>,
    proven: Option<bool>,
    signers: Vec<String>,
    rights: Vec<String>,
}

impl Copy {
    pub(crate) fn of(about: &Value) -> Copy {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let all = |list: &str, member: &str| {
            let items = about.get(list).and_then(Value::as_array);
            let items = items.into_iter().flatten();
            items
                .filter_map(|item| item.get(member).and_then(text))
                .collect()
        };
        Copy {
            level: about
                .get("level")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            owner: about.get("owner").and_then(text),
            proven: about.get("origin_proven").and_then(Value::as_bool),
            signers: all("signatures", "role"),
            rights: all("rights", "right"),
        }
    }

    pub(crate) fn words(&self) -> String {
        let owner = self.owner.as_deref().unwrap_or("nobody");
        let origin = match self.proven {
            Some(true) => format!("signed by {}", self.signers.join(" and ")),
            Some(false) => "origin unproven".to_owned(),
            None => "unprotected".to_owned(),
        };
        let rights = match self.rights.as_slice() {
            [] => String::new(),
            rights => format!(", grants: {}", rights.join(", ")),
        };
        format!("level {}, belongs to {owner}, {origin}{rights}", self.level)
    }

    /// Whether it is what was asked for. Level 4 is the highest sealed level there is data for,
    /// with the provider's signature.
    pub(crate) fn is_right(&self, asked: u8) -> bool {
        let owned = self.owner.as_deref() == Some(BUYER);
        let provider = self.signers.iter().any(|role| role == "provider");
        let signed = self.proven == Some(true);
        match asked {
            1 => self.level == 1 && self.owner.is_none() && self.proven.is_none(),
            2 => self.level == 2 && self.owner.is_none() && signed && !provider,
            3 => self.level == 3 && owned && signed && !provider,
            4 => self.level == 3 && owned && signed && provider,
            _ => self.level == 5 && owned && signed && self.rights == ["view"],
        }
    }
}
