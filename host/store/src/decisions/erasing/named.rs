//! Whether a recorded decision names a person, and as whose it was made.

use base64ct::{Base64, Encoding as _};
use serde_json::Value;

/// What a buyer is known by, the first that a receipt has: the log keeps rows under it, and plug-ins
/// are told it under these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KnownBy {
    Customer,
    UserName,
    Sale,
}

impl KnownBy {
    fn told_as(self) -> &'static str {
        match self {
            Self::Customer => "customer-id",
            Self::UserName => "user-name",
            Self::Sale => "transaction",
        }
    }

    fn find(told_as: &str) -> Option<Self> {
        let mut all = [Self::Customer, Self::UserName, Self::Sale].into_iter();
        all.find(|known_by| known_by.told_as() == told_as)
    }
}

/// What a person is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) known_by: KnownBy,
    pub(crate) text: &'a str,
}

/// What the records of a request say of a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// What its buyer is known by, and whether that is the person.
    buyer: Option<(KnownBy, bool)>,
    /// Whether the person stands in them, as what or wherever that may be.
    pub(super) mentioned: bool,
}

/// Shorter texts are ids of other things as well: they count only where plug-ins are told the person.
const TELLING: usize = 5;

impl Told {
    /// Whether the buyer is the person; none where the records do not tell.
    pub(super) fn is_buyer(self) -> Option<bool> {
        self.buyer.map(|(_, is_person)| is_person)
    }

    /// What several records of one request say together.
    pub(super) fn and(self, other: Self) -> Self {
        let mut told = Self {
            mentioned: self.mentioned || other.mentioned,
            ..self
        };
        if let Some((known_by, is_person)) = other.buyer {
            told.buyer(known_by, is_person);
        }
        told
    }

    /// Counts one more that the buyer is called by.
    fn buyer(&mut self, known_by: KnownBy, is_person: bool) {
        let (first, was_person) = self.buyer.unwrap_or((known_by, false));
        self.buyer = Some(match known_by.cmp(&first) {
            std::cmp::Ordering::Less => (known_by, is_person),
            std::cmp::Ordering::Equal => (first, was_person || is_person),
            std::cmp::Ordering::Greater => (first, was_person),
        });
    }
}

impl Named<'_> {
    /// What a record says of the person: whether its buyer is it, and whether it stands there. It
    /// does where plug-ins are told it as what it is, or in any other text, as all of it or as words
    /// of their own, but not where somebody is called so by something else. Bodies of requests and
    /// answers are kept in base64, and a name may stand in an address or a form with its letters
    /// escaped. What is compressed, or escaped as in XML, is not seen.
    pub(super) fn told_in(self, record: &[u8]) -> Told {
        let mut told = Told::default();
        let Ok(record) = serde_json::from_slice(record) else {
            return told;
        };
        self.look(&record, &mut told);
        if let Some(sales) = sales(&record) {
            told.buyer = None;
            for pair in sales.into_iter().flatten() {
                self.look_at_sale(pair, &mut told);
            }
        }
        told
    }

    /// One of the pairs that a policy is told of a sale.
    fn look_at_sale(self, pair: &Value, told: &mut Told) {
        if let Some([Value::String(name), Value::String(text)]) = pair.as_array().map(Vec::as_slice)
            && let Some(known_by) = KnownBy::find(name)
        {
            told.buyer(known_by, known_by == self.known_by && text == self.text);
        }
    }

    fn look(self, value: &Value, told: &mut Told) {
        match value {
            Value::String(text) => self.look_at_text(text, told),
            Value::Array(items) => {
                if let [Value::String(name), Value::String(text)] = items.as_slice()
                    && let Some(known_by) = KnownBy::find(name)
                {
                    let is_person = known_by == self.known_by && text == self.text;
                    told.mentioned |= is_person;
                    told.buyer(known_by, is_person);
                    return;
                }
                items.iter().for_each(|item| self.look(item, told));
            }
            Value::Object(members) => members.values().for_each(|item| self.look(item, told)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn look_at_text(self, text: &str, told: &mut Told) {
        let decoded = Base64::decode_vec(text).ok();
        let decoded = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.look_at_plain(text, told);
        if let Some(decoded) = decoded {
            self.look_at_plain(&decoded, told);
        }
    }

    /// Texts may hold JSON, whose letters may be escaped in their turn, also in a field of a form.
    fn look_at_plain(self, text: &str, told: &mut Told) {
        if self.look_at_json(text, told) {
            return;
        }
        self.look_at_words(text, told);
        if text.contains(['%', '+']) {
            self.look_at_words(&unescaped(text), told);
            for field in text.split(['&', ';']) {
                let value = field.split_once('=').map_or(field, |(_, value)| value);
                self.look_at_json(&unescaped(value), told);
            }
        }
    }

    /// Whether a text was JSON, or lines of it, from begin to end: it is no text besides then.
    fn look_at_json(self, text: &str, told: &mut Told) -> bool {
        let text = text.trim_start_matches('\u{feff}').trim();
        if !text.starts_with(['{', '[', '"']) {
            return false;
        }
        for inner in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            match inner {
                Ok(inner) => self.look(&inner, told),
                Err(_) => return false,
            }
        }
        true
    }

    fn look_at_words(self, text: &str, told: &mut Told) {
        told.mentioned |= self.text.chars().count() >= TELLING && self.is_word_of(text);
    }

    fn is_word_of(self, text: &str) -> bool {
        text.match_indices(self.text).any(|(at, found)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text.get(at + found.len()..);
            let after = after.and_then(|text| text.chars().next());
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
    }
}

/// What the host told a policy of the sale, in a record as this release writes it: in its question, and
/// in those of the same request before it. Whatever else has the same names was said by the plug-in, by
/// the retailer or by a service, about whomever they meant. None where the record is another release's,
/// of which nobody knows where the sale stands.
fn sales(record: &Value) -> Option<Vec<&Vec<Value>>> {
    let decision = record.get("decision").filter(|turn| turn.is_object())?;
    let before = record.get("before").and_then(Value::as_array);
    let turns = before.into_iter().flatten().chain([decision]);
    let sales = turns.filter_map(|turn| turn.pointer("/input/policy/offer/sale")?.as_array());
    Some(sales.collect())
}

/// A text as it stands in an address or a form, without its escapes.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let escaped = rest.get(..2).and_then(|digits| {
            let [high, low] = *digits else { return None };
            let [high, low] = [high, low].map(|digit| char::from(digit).to_digit(16));
            u8::try_from(high? * 16 + low?).ok()
        });
        let (byte, after) = match (first, escaped) {
            (b'%', Some(byte)) => (byte, rest.get(2..).unwrap_or_default()),
            (b'+', _) => (b' ', rest),
            (other, _) => (*other, rest),
        };
        bytes.push(byte);
        left = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finds(text: &str, record: &Value) -> bool {
        told(KnownBy::Customer, text, record).mentioned
    }

    fn told(known_by: KnownBy, text: &str, record: &Value) -> Told {
        let named = Named { known_by, text };
        named.told_in(record.to_string().as_bytes())
    }

    #[test]
    fn a_name_is_found_however_deep_it_stands() {
        for name in ["Ada Lovelace", "Zoë \"Q\" 李\\", "anna\nb"] {
            let question = json!([["user-name", name]]).to_string();
            let asked = json!({ "question": question });
            assert!(told(KnownBy::UserName, name, &asked).mentioned, "{name}");
            assert!(
                finds(name, &json!({ "path": format!("for/{name}.epub") })),
                "{name}"
            );
            assert!(!finds("nobody at all", &json!({ "question": question })));
        }
    }

    #[test]
    fn a_name_is_found_in_bodies_and_addresses() {
        let name = "Zoë Lovelace";
        let plain = json!({ "buyer": { "name": name } }).to_string();
        let form = "id=7&buyer=Zo%C3%AB+Lovelace&x=%zz%";
        for body in [plain.as_str(), form, name] {
            let call = json!({ "body": Base64::encode_string(body.as_bytes()) });
            assert!(finds(name, &call), "{body}");
            assert!(!finds("nobody at all", &call), "{body}");
        }
        let asked = json!({ "url": "https://a.example/v1/Zo%C3%AB%20Lovelace?x=1" });
        assert!(finds(name, &asked));
        assert!(!finds("Zoë Love", &asked));
        // What happens to read as base64 is a text all the same.
        assert!(finds("Lovelace", &json!({ "name": "Lovelace" })));
    }

    #[test]
    fn others_are_not_meant() {
        let told = json!({ "sale": [["customer-id", "7"], ["edition", "12"]] });
        assert!(finds("7", &told));
        assert!(
            !finds("12", &told),
            "a short text that is told as something else"
        );
        assert!(!finds(
            "1",
            &json!({ "limits": { "fuel": 1 }, "id": "978-1" })
        ));
        assert!(!finds(
            "order-1",
            &json!({ "sale": [["customer-id", "order-17"]] })
        ));
        assert!(!finds("Jane D", &json!({ "name": "Jane Doe" })));
    }

    #[test]
    fn escaped_json_is_read_wherever_it_stands() {
        let name = "Zo\u{eb} Lovelace";
        let escaped = r#"{"name":"Zo\u00eb Lovelace"}"#;
        for body in [
            format!(" \r\n{escaped}"),
            format!("\u{feff}{escaped}"),
            format!("{{}}\n{escaped}\n"),
            format!(
                "id=7&data={}&x=1",
                escaped.replace('{', "%7B").replace(' ', "+")
            ),
        ] {
            let call = json!({ "body": Base64::encode_string(body.as_bytes()) });
            assert!(finds(name, &call), "{body}");
        }
    }

    #[test]
    fn who_is_called_so_by_something_else_is_not_meant() {
        let sale = |pairs: Value| json!({ "question": json!({ "sale": pairs }).to_string() });
        let eve = sale(json!([
            ["transaction", "t-1"],
            ["customer-id", "eve"],
            ["user-name", "Ada Q"]
        ]));
        let customer = told(KnownBy::Customer, "Ada Q", &eve);
        assert_eq!(
            (customer.is_buyer(), customer.mentioned),
            (Some(false), false)
        );
        // She is the buyer's name, and yet another buyer is kept under it.
        let name = told(KnownBy::UserName, "Ada Q", &eve);
        assert_eq!((name.is_buyer(), name.mentioned), (Some(false), true));
        let named = sale(json!([["transaction", "t-1"], ["user-name", "Ada Q"]]));
        assert_eq!(
            told(KnownBy::UserName, "Ada Q", &named).is_buyer(),
            Some(true)
        );
        assert_eq!(told(KnownBy::Sale, "t-1", &named).is_buyer(), Some(false));
        let nobody = sale(json!([["transaction", "t-1"]]));
        assert_eq!(told(KnownBy::Sale, "t-1", &nobody).is_buyer(), Some(true));
        assert_eq!(told(KnownBy::Sale, "t-1", &json!({})).is_buyer(), None);
        // What somebody else says, under whatever name, tells nobody who the buyer is.
        let heard = json!({
            "before": [],
            "decision": {
                "input": { "policy": { "offer": {
                    "sale": [["transaction", "t-1"], ["customer-id", "eve"]],
                    "extra": [["customer-id", "c-9"]],
                } } },
                "calls": [{ "answer": [["customer-id", "c-8"], ["user-name", "Ada Q"]] }],
            },
        });
        for (known_by, text, is_buyer) in [
            (KnownBy::Customer, "eve", true),
            (KnownBy::Customer, "c-8", false),
            (KnownBy::Customer, "c-9", false),
            (KnownBy::UserName, "Ada Q", false),
        ] {
            let told = told(known_by, text, &heard);
            assert_eq!(
                (told.is_buyer(), told.mentioned),
                (Some(is_buyer), true),
                "{text}"
            );
        }
        let naming = json!({
            "before": [],
            "decision": {
                "input": { "naming": { "facts": [["user-name", "Ada Q"]] } },
                "calls": [],
            },
        });
        let told_naming = told(KnownBy::UserName, "Ada Q", &naming);
        assert_eq!(
            (told_naming.is_buyer(), told_naming.mentioned),
            (None, true)
        );
        // Another record of the request knows better.
        let both = told(KnownBy::Sale, "t-1", &nobody).and(told(KnownBy::Sale, "t-1", &named));
        assert_eq!(both.is_buyer(), Some(false));
    }
}
