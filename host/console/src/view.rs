//! What the templates are filled with.

use askama::Template;
use colophon_core::activation::persona::Persona;
use colophon_core::activation::quota::{QuotaTerms, Standing};
use colophon_core::time::Timestamp;
use jiff::tz::TimeZone;

use crate::fields::Fields;
use crate::settings::ReturnAddress;

/// What surrounds every page.
pub(crate) struct Frame {
    pub(crate) service: String,
    /// What the persona that has signed in is called.
    pub(crate) signed_in: Option<String>,
    /// What every form carries.
    pub(crate) token: String,
    pub(crate) support: Option<Link>,
    pub(crate) journey: Journey,
}

impl Frame {
    pub(crate) fn name_of(persona: &Persona) -> String {
        match &persona.profile.name {
            Some(name) => name.to_string(),
            None => persona.id.to_string(),
        }
    }
}

/// A link, or plain text where there is nothing to link to.
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) href: Option<String>,
}

impl Link {
    pub(crate) fn new(text: &str, href: String) -> Self {
        Self {
            text: text.to_owned(),
            href: Some(href),
        }
    }

    /// Back to where everything begins.
    pub(crate) fn begin() -> Self {
        Self::new("Begin again", "/activation".to_owned())
    }

    /// A contact as an operator wrote it: addresses become links, the rest stays text.
    pub(crate) fn of(contact: &str) -> Self {
        let is_web = contact.starts_with("https://") && !contact.contains(char::is_whitespace);
        let is_mail = contact.contains('@') && !contact.contains([' ', '/', ':', '?', '&', '%']);
        let href = match (is_web, is_mail) {
            (true, _) => Some(contact.to_owned()),
            (false, true) => Some(format!("mailto:{contact}")),
            (false, false) => None,
        };
        Self {
            text: contact.to_owned(),
            href,
        }
    }
}

/// What somebody is on the way to, carried from page to page in links and forms. It is read anew
/// on every page, so it need not be believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Journey {
    /// The code of the reader to be activated, as it was typed.
    pub(crate) user_code: Option<String>,
    /// The page of a shop it began on, if that is registered.
    pub(crate) back: Option<String>,
}

impl Journey {
    /// Reads the fields `user_code` and `return`.
    pub(crate) fn of(fields: &Fields, registered: &[ReturnAddress]) -> Self {
        let user_code = fields.filled("user_code");
        let user_code = user_code.filter(|code| code.len() <= 32).map(str::to_owned);
        let wish = fields.filled("return");
        let back = wish.filter(|wish| registered.iter().any(|known| known.as_str() == *wish));
        Self {
            user_code,
            back: back.map(str::to_owned),
        }
    }

    /// The address of a page on this way.
    pub(crate) fn to(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(code) = &self.user_code {
            query.append_pair("user_code", code);
        }
        if let Some(back) = &self.back {
            query.append_pair("return", back);
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

/// A field of a form, with what was typed into it.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) autocomplete: &'static str,
    pub(crate) chars_max: usize,
    pub(crate) hint: Option<&'static str>,
    pub(crate) value: String,
    pub(crate) fault: Option<String>,
    pub(crate) is_code: bool,
}

impl Field {
    /// A line of text.
    pub(crate) fn text(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            kind: "text",
            autocomplete: "off",
            chars_max: 100,
            hint: None,
            value: String::new(),
            fault: None,
            is_code: false,
        }
    }

    /// A password. What was typed is never shown again.
    pub(crate) fn password(name: &'static str, label: &'static str) -> Self {
        Self {
            kind: "password",
            autocomplete: "new-password",
            chars_max: crate::password::BYTES_MAX,
            ..Self::text(name, label)
        }
    }

    /// What browsers may fill it with.
    pub(crate) fn autocomplete(self, autocomplete: &'static str) -> Self {
        Self {
            autocomplete,
            ..self
        }
    }

    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    pub(crate) fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// What was typed.
    pub(crate) fn value(self, value: &str) -> Self {
        Self {
            value: value.to_owned(),
            ..self
        }
    }

    /// What is wrong with it.
    pub(crate) fn fault(self, fault: Option<&str>) -> Self {
        Self {
            fault: fault.map(str::to_owned),
            ..self
        }
    }

    /// A code in large letters.
    pub(crate) fn code(self) -> Self {
        Self {
            is_code: true,
            ..self
        }
    }

    /// The elements that describe it to those who do not see it.
    pub(crate) fn described_by(&self) -> Option<String> {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let fault = self.fault.as_ref().map(|_| format!("{}-fault", self.name));
        match (hint, fault) {
            (Some(hint), Some(fault)) => Some(format!("{hint} {fault}")),
            (hint, fault) => hint.or(fault),
        }
    }
}

/// Declares pages by template and content.
macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident = $path:literal { $($field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Template)]
            #[template(path = $path)]
            pub(crate) struct $name {
                pub(crate) frame: Frame,
                $(pub(crate) $field: $type,)*
            }
        )*
    };
}

pages! {
    /// Where the code of a reader is typed.
    Enter = "enter.html" { fault: Option<String>, fields: Vec<Field>, }
    SignIn = "sign_in.html" {
        fault: Option<String>,
        fields: Vec<Field>,
        provider: Option<String>,
        accounts: bool,
    }
    SignUp = "sign_up.html" { fault: Option<String>, fields: Vec<Field>, }
    ResetAsk = "reset_ask.html" { fault: Option<String>, fields: Vec<Field>, }
    ResetChoose = "reset_choose.html" {
        fault: Option<String>,
        fields: Vec<Field>,
        reset: String,
    }
    /// Where a reader is approved.
    Approve = "approve.html" {
        fault: Option<String>,
        fields: Vec<Field>,
        code: String,
        reader: String,
        asked: String,
        persona: String,
        quota: String,
        recovery: bool,
    }
    Progress = "progress.html" {
        heading: String,
        text: String,
        refreshing: bool,
        still: String,
        again: String,
    }
    Limit = "limit.html" { used: u32, next_allowed_at: Option<String>, }
    Done = "done.html" { device: String, quota: String, gift: Option<String>, }
    Me = "me.html" {
        fault: Option<String>,
        notice: Option<String>,
        gauge: String,
        used: u32,
        granted: u32,
        next: String,
        devices: Vec<DeviceLine>,
        persona: String,
        email: Option<String>,
        has_password: bool,
    }
    Release = "release.html" { device: DeviceLine, }
    Rename = "rename.html" {
        device: DeviceLine,
        fault: Option<String>,
        fields: Vec<Field>,
    }
    ChangePassword = "change_password.html" { fault: Option<String>, fields: Vec<Field>, }
    Message = "message.html" { heading: String, lines: Vec<String>, link: Option<Link>, }
}

/// A device on its persona's page.
pub(crate) struct DeviceLine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) since: String,
    /// When it was released.
    pub(crate) released: Option<String>,
}

/// How a persona stands, in a sentence each.
pub(crate) struct Gauge {
    pub(crate) used: u32,
    pub(crate) granted: u32,
    pub(crate) line: String,
    pub(crate) next: String,
}

impl Gauge {
    pub(crate) fn of(terms: QuotaTerms, standing: Standing, now: Timestamp) -> Self {
        let granted = terms.granted(standing, now);
        let used = standing.used;
        let next = match (standing.first_activation, terms.grows_at(standing, now)) {
            (None, _) => "Your time of activations begins with the first one.".to_owned(),
            (Some(_), Some(at)) => format!("The next one is granted on {}.", date(at)),
            (Some(_), None) => "No more are granted by themselves.".to_owned(),
        };
        Self {
            used,
            granted,
            line: format!("{used} of {granted} activations used"),
            next,
        }
    }
}

/// A day as people write it, in UTC.
pub(crate) fn date(at: Timestamp) -> String {
    formatted(at, "%-d %B %Y")
}

/// A moment as people write it, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    formatted(at, "%-d %B %Y, %H:%M UTC")
}

fn formatted(at: Timestamp, format: &str) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or_default();
    moment.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_addresses_are_returned_to() {
        let registered = ["https://shop.example/thanks".parse().unwrap()];
        let back = |wish: &str| {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("return", wish)
                .finish();
            Journey::of(&Fields::parse(query.as_bytes()).unwrap(), &registered).back
        };
        assert_eq!(
            back("https://shop.example/thanks").as_deref(),
            Some("https://shop.example/thanks")
        );
        for wish in [
            "https://shop.example/thanks/",
            "https://shop.example/thanks?x=https://evil.example",
            "https://shop.example/thanks#x",
            "https://shop.example",
            "https://shop.example.evil.example/thanks",
            "https://shop.example@evil.example/thanks",
            "//evil.example",
            "javascript:alert(1)",
            "/activation",
        ] {
            assert_eq!(back(wish), None, "{wish}");
        }
    }

    #[test]
    fn a_journey_is_carried_in_escaped_fields() {
        let journey = Journey {
            user_code: Some("BCDF-GHJK&x=1".to_owned()),
            back: Some("https://shop.example/?a=b".to_owned()),
        };
        assert_eq!(
            journey.to("/activation"),
            "/activation?user_code=BCDF-GHJK%26x%3D1&return=https%3A%2F%2Fshop.example%2F%3Fa%3Db"
        );
        assert_eq!(Journey::default().to("/activation"), "/activation");
    }

    #[test]
    fn contacts_become_links_where_they_can() {
        let href = |contact: &str| Link::of(contact).href;
        assert_eq!(
            href("help@shop.example").as_deref(),
            Some("mailto:help@shop.example")
        );
        assert_eq!(
            href("https://shop.example/help").as_deref(),
            Some("https://shop.example/help")
        );
        assert_eq!(href("call 555-0100"), None);
        assert_eq!(href("javascript:alert(1)@x"), None);
        assert_eq!(href("write to help@shop.example"), None);
    }

    #[test]
    fn text_in_a_page_stands_for_itself() {
        let message = Message {
            frame: Frame {
                service: "<b>Books & more</b>".to_owned(),
                signed_in: Some("\"><script>alert(1)</script>".to_owned()),
                token: "t".to_owned(),
                support: None,
                journey: Journey::default(),
            },
            heading: "'quoted'".to_owned(),
            lines: vec!["<img src=x>".to_owned()],
            link: None,
        };
        let html = message.render().unwrap();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
    }

    #[test]
    fn days_are_written_as_people_write_them() {
        assert_eq!(
            date(Timestamp::from_unix_ms(1_802_563_200_000)),
            "14 February 2027"
        );
    }
}
