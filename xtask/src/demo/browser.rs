//! A person's browser, without scripts: it keeps cookies, follows where an answer leads, and sends
//! the forms of the pages it shows.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::demo::http;

/// How often in a row an answer may lead elsewhere.
const REDIRECTS_MAX: usize = 8;

/// A browser that stays on one host.
pub(crate) struct Browser {
    agent: Agent,
    /// `http://` and the host's address.
    home: String,
    cookies: BTreeMap<String, String>,
}

/// A page that is shown.
pub(crate) struct Page {
    address: String,
    html: String,
}

/// What an answer has a browser do.
enum Turn {
    Show(Page),
    Go(String),
}

impl Browser {
    /// One that has never been anywhere.
    pub(crate) fn new(home: &str) -> Browser {
        Browser {
            agent: http::agent(),
            home: home.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a page, or the one that it leads to.
    pub(crate) fn open(&mut self, path: &str) -> Result<Page> {
        let mut path = path.to_owned();
        for _ in 0..REDIRECTS_MAX {
            let request = self.agent.get(format!("{}{path}", self.home));
            let answer = request.header("Cookie", self.cookies()).call();
            match self.take(&path, answer)? {
                Turn::Show(page) => return Ok(page),
                Turn::Go(next) => path = next,
            }
        }
        bail!("{path} leads elsewhere again and again")
    }

    /// Fills in the form of a page that is sent to `action`, sends it, and opens what comes of it.
    pub(crate) fn send(
        &mut self,
        page: &Page,
        action: &str,
        typed: &[(&str, &str)],
    ) -> Result<Page> {
        let fields = page.filled(action, typed)?;
        let request = self.agent.post(format!("{}{action}", self.home));
        let answer = request.header("Cookie", self.cookies()).send_form(fields);
        match self.take(action, answer)? {
            Turn::Show(page) => Ok(page),
            Turn::Go(next) => self.open(&next),
        }
    }

    fn cookies(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn take(&mut self, path: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Turn> {
        let mut answer = answer.with_context(|| format!("{path} does not answer"))?;
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap_or_default().split(';').next();
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(next) = answer.headers().get("location") {
            let next = next.to_str().unwrap_or_default();
            let next = next.strip_prefix(&self.home).unwrap_or(next);
            return Ok(Turn::Go(next.to_owned()));
        }
        let html = answer.body_mut().read_to_string();
        let page = Page {
            address: path.to_owned(),
            html: html.with_context(|| format!("{path} is no page"))?,
        };
        if answer.status().as_u16() >= 400 {
            bail!("{path}: {} {}", answer.status(), page.heading());
        }
        Ok(Turn::Show(page))
    }
}

impl Page {
    /// What stands above it.
    pub(crate) fn heading(&self) -> &str {
        self.between("<h1>", "</h1>").unwrap_or_default()
    }

    /// Fails unless this is its heading.
    pub(crate) fn expect(&self, heading: &str) -> Result<()> {
        if self.heading() != heading {
            bail!(
                "{} says {:?}, not {heading:?}",
                self.address,
                self.heading()
            );
        }
        Ok(())
    }

    /// The first text on it between these two.
    pub(crate) fn between(&self, before: &str, after: &str) -> Option<&str> {
        between(&self.html, before, after)
    }

    /// What its form sends: the fields a person does not see as they are, and what was typed into
    /// fields that are there.
    fn filled(&self, action: &str, typed: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        let begin = format!("action=\"{action}\"");
        let form = self.between(&begin, "</form>");
        let form = form.with_context(|| format!("{} has no form for {action}", self.address))?;
        let tags: Vec<&str> = form
            .split('<')
            .filter_map(|text| text.split_once('>').map(|(tag, _)| tag))
            .collect();
        let mut fields = Vec::new();
        for tag in &tags {
            if let (Some("hidden"), Some(name)) = (attribute(tag, "type"), attribute(tag, "name")) {
                let value = attribute(tag, "value").unwrap_or_default();
                fields.push((name.to_owned(), value.to_owned()));
            }
        }
        for (name, value) in typed {
            if !tags.iter().any(|tag| attribute(tag, "name") == Some(name)) {
                bail!("the form on {} does not ask for {name}", self.address);
            }
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        Ok(fields)
    }
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    between(tag, &format!(" {name}=\""), "\"")
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::Page;

    fn page() -> Page {
        Page {
            address: "/sign-up".to_owned(),
            html: "<h1>Sign up</h1><form action=\"/out\"><input type=\"hidden\" name=\"token\" \
                   value=\"other\"></form><form class=\"card\" action=\"/sign-up\"><input \
                   type=\"hidden\" name=\"token\" value=\"t-1\"><label for=\"name\">Name</label>\
                   <input id=\"name\" name=\"name\" type=\"text\" value=\"\"></form>"
                .to_owned(),
        }
    }

    #[test]
    fn a_form_sends_its_hidden_fields_and_what_was_typed() {
        let sent = page().filled("/sign-up", &[("name", "Ada")]).unwrap();
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(sent, [field("token", "t-1"), field("name", "Ada")]);
    }

    #[test]
    fn nothing_is_typed_into_what_is_not_there() {
        assert!(page().filled("/sign-up", &[("age", "36")]).is_err());
        assert!(page().filled("/elsewhere", &[]).is_err());
        assert!(page().expect("Sign in").is_err());
    }
}
