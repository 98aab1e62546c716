//! A copy of level 5 is tried where it should open and where it should not.

use anyhow::Result;

use crate::demo::host::Host;
use crate::demo::http;
use crate::demo::said::{NEEDS_ACTIVATION, NOT_PERMITTED};
use crate::demo::story::readers::{Ada, Charles};
use crate::demo::story::{BOOK, Line, Story, at_once};

impl Story {
    /// Without a certificate there is nobody to license a copy to.
    pub(crate) fn buy_without_certificate(&mut self, host: &Host) -> Result<()> {
        let receipt = self.receipt(BOOK, Some(5), &["--persona", "nobody@example"])?;
        let refused = http::post(host.address(), "download", &receipt)?;
        let answer = refused.sent_back();
        let right = answer.contains("certificate-missing");
        self.note("buy at level 5 without a certificate", answer, right);
        Ok(())
    }

    /// Opens Ada's copy on her other device, and tries what must not work.
    pub(crate) fn try_everywhere(&mut self, ada: &Ada, charles: &Charles) -> Result<()> {
        let file = self.downloaded(BOOK, 5);
        let copy = file.as_path();
        let fresh = self.device("fresh")?;
        let stolen = self.device("stolen")?;
        stolen.copy_from(&self.desk)?;
        // Where it opens nothing is expected to be said; elsewhere, these words.
        let attempts = [
            (format!("open {BOOK} on Ada's laptop"), &ada.laptop, None),
            (
                "open it where nobody has activated".to_owned(),
                &fresh,
                Some("activate this reader"),
            ),
            (
                "open it on Charles's tablet".to_owned(),
                &charles.tablet,
                Some(ada.certificate.persona.as_str()),
            ),
            (
                "open it with Ada's reader, copied elsewhere".to_owned(),
                &stolen,
                Some("not activated on this machine"),
            ),
        ];
        let attempts = attempts.into_iter();
        let lines = at_once(attempts.map(|(done, device, words)| {
            move || {
                let said = device.open(copy)?;
                let line = Line::new(done, "");
                Ok(match words {
                    None => line.read(said, 5),
                    Some(words) => line.refused(said, NEEDS_ACTIVATION, &[words]),
                })
            }
        }))?;
        self.lines.extend(lines);
        let said = self.desk.write_out(copy)?;
        let line = Line::new("write its content to a folder", "");
        self.lines
            .push(line.refused(said, NOT_PERMITTED, &["copy right"]));
        Ok(())
    }
}
