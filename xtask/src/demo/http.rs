//! The buyer's browser.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ureq::Agent;
use ureq::http::Response;
use ureq::{Body, config::Config};

/// More than any book of the demonstration has.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// What came back.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The name the file shall get.
    pub(crate) file_name: Option<String>,
    /// Where the buyer is sent instead.
    pub(crate) location: Option<String>,
    /// Names these bytes.
    pub(crate) entity_tag: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// From the request to the last byte.
    pub(crate) took: Duration,
}

impl Answer {
    /// Where a buyer is sent who gets no copy.
    pub(crate) fn sent_back(&self) -> String {
        let location = self.location.as_deref().unwrap_or_default();
        format!("{} to {location}", self.status)
    }
}

/// Posts a receipt, as a shop's download button does.
pub(crate) fn post(address: &str, action: &str, receipt: &str) -> Result<Answer> {
    send(address, &[("action", action), ("value", receipt)])
}

/// Posts a receipt for a copy at level 5, with the buyer's certificate as the shop has kept it.
pub(crate) fn post_licensed(address: &str, receipt: &str, certificate: &str) -> Result<Answer> {
    let form = [
        ("action", "download"),
        ("value", receipt),
        ("Certificate", certificate),
    ];
    send(address, &form)
}

fn send(address: &str, form: &[(&str, &str)]) -> Result<Answer> {
    let begun = Instant::now();
    let request = agent().post(format!("{address}/main/ds"));
    let response = request.send_form(form.iter().copied());
    answer(response.context("the host did not answer")?, begun)
}

/// How many downloads the host was asked for so far.
pub(crate) fn downloads_asked_for(address: &str) -> Result<u64> {
    let response = agent().get(format!("{address}/metrics")).call();
    let body = response
        .context("the host did not answer")?
        .into_body()
        .read_to_string();
    let body = body.context("the host's counters broke off")?;
    let line = body
        .lines()
        .find_map(|line| line.strip_prefix("colophon_download_requests_total "));
    let count = line.context("the host does not count downloads")?;
    count
        .trim()
        .parse()
        .context("the host's count is no number")
}

/// Goes on with a download that broke off after `from` bytes.
pub(crate) fn resume(address: &str, receipt: &str, from: usize, tag: &str) -> Result<Answer> {
    let begun = Instant::now();
    let request = agent().get(link(address, receipt));
    let request = request
        .header("Range", format!("bytes={from}-"))
        .header("If-Range", tag);
    answer(request.call().context("the host did not answer")?, begun)
}

/// A link that downloads; a receipt is made of characters that need no escaping.
pub(crate) fn link(address: &str, receipt: &str) -> String {
    format!("{address}/main/ds?action=download&value={receipt}")
}

/// Asks this machine itself, whatever proxy it is told to use.
pub(crate) fn agent() -> Agent {
    let config = Config::builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None);
    config
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent()
}

fn answer(mut response: Response<Body>, begun: Instant) -> Result<Answer> {
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let (location, entity_tag) = (header("location"), header("etag"));
    let file_name = header("content-disposition")
        .as_deref()
        .and_then(quoted_file_name);
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .with_config()
        .limit(BODY_BYTES_MAX)
        .read_to_vec();
    Ok(Answer {
        status,
        file_name,
        location,
        entity_tag,
        body: body.context("the download broke off")?,
        took: begun.elapsed(),
    })
}

fn quoted_file_name(disposition: &str) -> Option<String> {
    let (_, rest) = disposition.split_once("filename=\"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::quoted_file_name;

    #[test]
    fn the_plain_file_name_is_taken() {
        let header = "attachment; filename=\"a book.epub\"; filename*=UTF-8''a%20book.epub";
        assert_eq!(quoted_file_name(header).as_deref(), Some("a book.epub"));
        assert_eq!(quoted_file_name("attachment"), None);
    }
}
