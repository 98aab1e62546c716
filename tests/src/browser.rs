//! A browser without scripts: it keeps cookies, follows redirects and posts forms with the token
//! of the page they are on.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::colophon::{Answer, Host, request};

/// Redirects that are followed in a row.
const REDIRECTS_MAX: usize = 12;

/// A browser that begins at one host.
pub struct Browser<'a> {
    home: &'a Host,
    /// By host, which for a browser includes the port only here: tests have all on one address.
    cookies: BTreeMap<(SocketAddr, String), String>,
    token: String,
}

/// A page that is shown.
#[derive(Debug)]
pub struct Page {
    /// Where it is, with its query; of another host, the whole address.
    pub location: String,
    /// The answer that brought it.
    pub answer: Answer,
}

impl Page {
    /// Its text, as it was sent.
    pub fn html(&self) -> String {
        String::from_utf8_lossy(&self.answer.body).into_owned()
    }

    /// Whether it says this, letter for letter.
    pub fn says(&self, text: &str) -> bool {
        self.html().contains(text)
    }

    /// Fails the test unless it has this status and says this.
    #[track_caller]
    pub fn expect(&self, status: u16, text: &str) -> &Self {
        assert_eq!(
            self.answer.status,
            status,
            "{}\n{}",
            self.location,
            self.html()
        );
        assert!(self.says(text), "{text:?} is not in\n{}", self.html());
        self
    }
}

impl<'a> Browser<'a> {
    /// One that has never been anywhere.
    pub fn new(host: &'a Host) -> Self {
        Self {
            home: host,
            cookies: BTreeMap::new(),
            token: String::new(),
        }
    }

    /// The cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let key = (self.home.address(), name.to_owned());
        self.cookies.get(&key).map(String::as_str)
    }

    /// Puts a cookie there, as somebody else might.
    pub fn plant(&mut self, name: &str, value: &str) {
        let key = (self.home.address(), name.to_owned());
        self.cookies.insert(key, value.to_owned());
    }

    /// The token of the page shown last.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Opens an address and follows where it leads on this machine.
    pub fn open(&mut self, path: &str) -> Page {
        let answer = self.ask("GET", path, None);
        self.follow(path, answer)
    }

    /// Posts a form from the page shown last and follows where it leads on this machine.
    pub fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token.clone();
        let mut all = vec![("token", token.as_str())];
        all.extend(fields);
        let answer = self.post(path, &all);
        self.follow(path, answer)
    }

    /// Posts exactly these fields, and follows nothing.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask("POST", path, Some(&form(fields)))
    }

    /// Asks at home, and follows nothing.
    pub fn ask(&mut self, method: &str, path: &str, form: Option<&str>) -> Answer {
        self.ask_at(self.home.address(), method, path, form)
    }

    fn ask_at(
        &mut self,
        address: SocketAddr,
        method: &str,
        path: &str,
        form: Option<&str>,
    ) -> Answer {
        let own = self
            .cookies
            .iter()
            .filter(|((host, _), _)| *host == address);
        let cookies: Vec<String> = own
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let headers = [("Cookie", cookies.as_str())];
        let headers = if cookies.is_empty() {
            &[][..]
        } else {
            &headers[..]
        };
        let form = form.map(|form| ("application/x-www-form-urlencoded", form));
        let answer = request(address, method, path, headers, form);
        let answer = answer.expect("an answer");
        self.keep(address, &answer);
        answer
    }

    fn follow(&mut self, path: &str, answer: Answer) -> Page {
        let mut address = self.home.address();
        let mut page = Page {
            location: path.to_owned(),
            answer,
        };
        for _ in 0..REDIRECTS_MAX {
            let Some(next) = page.answer.header("location").map(str::to_owned) else {
                break;
            };
            page.location = match place(&next) {
                Some((other, path)) => {
                    address = other;
                    path
                }
                None => next,
            };
            if !page.location.starts_with('/') {
                return page;
            }
            page.answer = self.ask_at(address, "GET", &page.location, None);
        }
        if let Some(token) = between(&page.html(), "name=\"token\" value=\"", "\"") {
            self.token = token;
        }
        page
    }

    fn keep(&mut self, address: SocketAddr, answer: &Answer) {
        let cookies = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie");
        for (_, cookie) in cookies {
            let mut parts = cookie.split(';').map(str::trim);
            let (name, value) = parts
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a cookie has a name");
            let key = (address, name.to_owned());
            let is_over = |part: &str| {
                part.eq_ignore_ascii_case("max-age=0")
                    || part
                        .to_ascii_lowercase()
                        .starts_with("expires=thu, 01 jan 1970")
            };
            if parts.any(is_over) {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
    }
}

/// The place on this machine that an address leads to.
fn place(address: &str) -> Option<(SocketAddr, String)> {
    let rest = address.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host: SocketAddr = host.parse().ok()?;
    Some((host, format!("/{path}")))
}

/// Fields as they are posted, or stand in a query.
pub fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    pairs.join("&")
}

/// Text as it stands in a query.
pub fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// What stands between two texts.
pub fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let (found, _) = rest.split_once(after)?;
    Some(found.to_owned())
}
