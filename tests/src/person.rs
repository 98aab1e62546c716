//! Somebody with an account at the activation service, who approves readers.

use crate::browser::{Browser, between};
use crate::colophon::Host;

/// A person who has signed in.
pub struct Person<'h> {
    browser: Browser<'h>,
    name: String,
}

impl<'h> Person<'h> {
    /// Makes an account, which signs the person in.
    pub fn sign_up(host: &'h Host, username: &str) -> Person<'h> {
        let mut browser = Browser::new(host);
        browser.open("/activation/sign-up");
        browser.submit(
            "/activation/sign-up",
            &[
                ("name", username),
                ("username", username),
                ("email", &format!("{username}@mail.example")),
                ("password", "four plain words here"),
            ],
        );
        let name = username.to_owned();
        Person { browser, name }
    }

    /// The name of the account.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Approves the reader that shows this link, under a name for the device.
    pub fn approve(&mut self, link: &str, device: &str) {
        let code = self.follow(link);
        let fields = [
            ("user_code", code.as_str()),
            ("device_name", device),
            ("purpose", "new"),
            ("answer", "approve"),
        ];
        self.browser
            .submit("/activation/approve", &fields)
            .expect(200, "Waiting for your reader");
    }

    /// Tells the reader that shows this link no.
    pub fn deny(&mut self, link: &str) {
        let code = self.follow(link);
        let fields = [("user_code", code.as_str()), ("answer", "deny")];
        self.browser
            .submit("/activation/approve", &fields)
            .expect(200, "The device was refused");
    }

    /// Follows a reader's link up to the question, and gives the code in it.
    fn follow(&mut self, link: &str) -> String {
        let (_, path) = link
            .split_once("/activation")
            .expect("the link of a reader");
        let page = self.browser.open(&format!("/activation{path}"));
        let code = between(&page.html(), "name=\"user_code\"", ">").expect("a field for the code");
        let code = between(&code, "value=\"", "\"").expect("the code in it");
        self.browser
            .submit("/activation", &[("user_code", &code)])
            .expect(200, "Is this your device?");
        code
    }
}
