//! Two people activate their readers. One of them loses a device, the other wants one too many.

use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::demo::activating::Activating;
use crate::demo::browser::Page;
use crate::demo::device::{Certificate, Device};
use crate::demo::host::Host;
use crate::demo::http;
use crate::demo::person::{Person, Purpose};
use crate::demo::programs::{json, member};
use crate::demo::said::{NOT_ACTIVATED, Said};
use crate::demo::story::{BETWEEN_QUESTIONS, BOOK, BUYER, Line, PATIENCE, SUPPORT, Story};

/// What Charles calls his devices: as many as anybody may activate within the first 90 days.
const HIS: [&str; 5] = ["tablet", "phone", "workshop", "library", "mill"];

/// The heading of the page on which a person sees that a reader has its activation.
const ACTIVATED: &str = "Congratulations!";

/// The heading of the same page where there was none to be had.
const LIMITED: &str = "No activation is left right now";

/// The buyer. Her computer at the desk is the story's; the rest is here.
pub(crate) struct Ada {
    person: Person,
    /// Her other device.
    pub(crate) laptop: Device,
    /// Her certificate, as the shop keeps it.
    pub(crate) certificate: Certificate,
}

/// Somebody else, with all the devices he may have for now, who wants one more.
pub(crate) struct Charles {
    person: Person,
    /// One of his devices.
    pub(crate) tablet: Device,
    /// The reader of a sixth one.
    sixth: Activating,
}

impl Story {
    /// Both create accounts and activate what they have. A reader asks every few seconds whether
    /// it was approved; all of them wait at the same time.
    pub(crate) fn activate_readers(&mut self, host: &Host) -> Result<(Ada, Charles)> {
        let mut ada = Person::sign_up(host, "ada", BUYER)?;
        let mut charles = Person::sign_up(host, "charles", "Charles Babbage")?;
        let used = ada.used()?;
        let right = used == charles.used()? && used.starts_with("0 of ");
        self.note("create accounts for Ada and Charles", used, right);

        let laptop = self.device("laptop")?;
        let desk_asks = ada.activate(host, &self.desk, Purpose::New)?;
        let laptop_asks = ada.activate(host, &laptop, Purpose::New)?;
        let devices = HIS.iter().map(|name| self.device(name));
        let devices = devices.collect::<Result<Vec<_>>>()?;
        let his = devices.iter();
        let his = his.map(|device| charles.activate(host, device, Purpose::New));
        let his = his.collect::<Result<Vec<_>>>()?;

        let line = arrival("activate Ada's desk", &mut ada, desk_asks)?;
        self.lines.push(line);
        let line = arrival("activate Ada's laptop", &mut ada, laptop_asks)?;
        self.lines.push(line);
        let certificate = self.desk.certificate(host)?;
        let Certificate { center, until, .. } = &certificate;
        let line = Line::new("make Ada's certificate for the shop", "");
        self.lines.push(Line {
            reader: format!("sealed to the center {center}, good until {until}"),
            right: center == "main",
            ..line
        });
        let line = arrivals("activate five devices of Charles", &mut charles, his)?;
        self.lines.push(line);
        let ada = Ada {
            certificate,
            person: ada,
            laptop,
        };
        let charles = Charles {
            sixth: charles.activate(host, &self.device("sixth")?, Purpose::New)?,
            tablet: devices.into_iter().next().context("no tablet")?,
            person: charles,
        };
        Ok((ada, charles))
    }

    /// Ada's laptop is lost with everything on it. What she bought opens on a new one, for which
    /// nothing but the activation is asked for.
    pub(crate) fn recover(&mut self, host: &Host, ada: Ada) -> Result<()> {
        let bought = self.downloaded(BOOK, 5);
        let mut person = ada.person;
        ada.laptop.lose()?;
        let downloads = http::downloads_asked_for(host.administration())?;
        let new = self.device("new-laptop")?;
        let asks = person.activate(host, &new, Purpose::Recovery)?;
        let line = arrival("lose the laptop, activate a new one", &mut person, asks)?;
        self.lines.push(line);
        let said = new.open(&bought)?;
        let more = http::downloads_asked_for(host.administration())?.saturating_sub(downloads);
        let answer = match more {
            0 => "nothing was downloaded, nothing licensed again".to_owned(),
            more => format!("{more} downloads were asked for"),
        };
        let line = Line::new("open the old file on the new laptop", answer);
        let line = line.read(said, 5);
        self.lines.push(Line {
            right: line.right && more == 0,
            ..line
        });
        Ok(())
    }

    /// Charles and the reader of his sixth device learn when he can have it, and whom to ask.
    pub(crate) fn reach_the_limit(&mut self, charles: Charles) -> Result<()> {
        let mut person = charles.person;
        let persona = charles.tablet.persona()?;
        let standing = json(self.colophon().args(["activation", "show", &persona]))?;
        let next_grant = member(&standing, "next_grant")?;
        let code = charles.sixth.code().to_owned();
        let said = charles.sixth.finish()?;
        let page = settled(&mut person, &code)?;
        let next = page.between("<strong>", "</strong>").unwrap_or_default();
        let answer = format!("{}. {next}", page.heading());
        let line = Line::new("activate a sixth device of Charles", answer);
        let line = line.refused(said, NOT_ACTIVATED, &[&next_grant, SUPPORT]);
        self.lines.push(Line {
            right: line.right && page.heading() == LIMITED,
            ..line
        });
        Ok(())
    }
}

/// What became of a reader, as its person and itself see it.
fn arrival(done: &str, person: &mut Person, reader: Activating) -> Result<Line> {
    let code = reader.code().to_owned();
    let (words, activated) = match reader.finish()? {
        Said::Done(said) => (format!("activated for {}", member(&said, "persona")?), true),
        Said::Refused(refusal) => (refusal.words, false),
    };
    let heading = settled(person, &code)?.heading().to_owned();
    Ok(Line {
        done: done.to_owned(),
        right: activated && heading == ACTIVATED,
        answer: format!("{heading} {}", person.used()?),
        reader: words,
    })
}

/// The same for several, in the line of the first that went wrong, else of the last.
fn arrivals(done: &str, person: &mut Person, readers: Vec<Activating>) -> Result<Line> {
    let last = readers.len().saturating_sub(1);
    let lines = readers.into_iter();
    let lines = lines.map(|reader| arrival(done, person, reader));
    let lines = lines.collect::<Result<Vec<_>>>()?;
    let wrong = lines.iter().position(|line| !line.right);
    let line = lines.into_iter().nth(wrong.unwrap_or(last));
    line.context("nobody activates nothing")
}

/// The page of a reader that has ended. That a package was sent is noted a moment after it was.
fn settled(person: &mut Person, code: &str) -> Result<Page> {
    let begun = Instant::now();
    loop {
        let page = person.progress(code)?;
        let ended = [ACTIVATED, LIMITED].contains(&page.heading());
        if ended || begun.elapsed() > PATIENCE {
            return Ok(page);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a page tells nobody that it has changed; it is asked again, as by a person"
        )]
        thread::sleep(BETWEEN_QUESTIONS);
    }
}
