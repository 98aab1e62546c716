//! A person with an account at the activation service, who fills in its pages.

use anyhow::{Context, Result};

use crate::demo::activating::Activating;
use crate::demo::browser::{Browser, Page};
use crate::demo::device::Device;
use crate::demo::host::Host;

/// Everybody's password here.
pub(crate) const PASSWORD: &str = "four plain words here";

/// What a person says a device is.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Another one.
    New,
    /// In place of one that is lost.
    Recovery,
}

/// Somebody who has signed in.
pub(crate) struct Person {
    browser: Browser,
}

impl Person {
    /// Creates an account, which signs the person in.
    pub(crate) fn sign_up(host: &Host, username: &str, name: &str) -> Result<Person> {
        let mut browser = Browser::new(host.address());
        let page = browser.open("/activation/sign-up")?;
        let email = format!("{username}@people.example");
        let typed = [
            ("name", name),
            ("username", username),
            ("email", &email),
            ("password", PASSWORD),
        ];
        let page = browser.send(&page, "/activation/sign-up", &typed)?;
        page.expect("Your devices")?;
        Ok(Person { browser })
    }

    /// Begins to activate a device and approves it. Its reader finds that out in its own time.
    pub(crate) fn activate(
        &mut self,
        host: &Host,
        device: &Device,
        purpose: Purpose,
    ) -> Result<Activating> {
        let reader = Activating::begin(device.reader(), host);
        let reader = reader.with_context(|| format!("{} was not activated", device.name()))?;
        let approved = self.approve(&reader, device.name(), purpose);
        approved.with_context(|| format!("{} was not approved", device.name()))?;
        Ok(reader)
    }

    /// Opens the address that a reader shows, and says yes.
    fn approve(&mut self, reader: &Activating, device: &str, purpose: Purpose) -> Result<()> {
        let page = self.browser.open(reader.page())?;
        let code = [("user_code", reader.code())];
        let page = self.browser.send(&page, "/activation", &code)?;
        page.expect("Is this your device?")?;
        let purpose = match purpose {
            Purpose::New => "new",
            Purpose::Recovery => "recovery",
        };
        let typed = [
            ("device_name", device),
            ("purpose", purpose),
            ("answer", "approve"),
        ];
        let page = self.browser.send(&page, "/activation/approve", &typed)?;
        page.expect("Waiting for your reader")
    }

    /// The page on which this person sees what became of a reader.
    pub(crate) fn progress(&mut self, code: &str) -> Result<Page> {
        let path = format!("/activation/progress?user_code={code}");
        self.browser.open(&path)
    }

    /// How much of what was granted is used, as the page of devices says.
    pub(crate) fn used(&mut self) -> Result<String> {
        let page = self.browser.open("/activation/me")?;
        let used = page.between("<p class=\"gauge\">", "</p>");
        Ok(used.context("no word on what is used")?.to_owned())
    }
}
