//! `colophon-reader activate`.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use colophon_reader::reading::printable;
use colophon_reader::repository::Activated;
use colophon_reader::{Activating, ActivationService, Address, Attendant, DeviceCode, Step};
use jiff::Timestamp;
use serde_json::json;

use crate::cli::arguments::ActivateArguments;
use crate::cli::connect::network;
use crate::cli::failure::Failure;
use crate::cli::output::{day, note, print};
use crate::cli::places::Places;

pub(crate) fn run(
    places: &Places,
    arguments: &ActivateArguments,
    json: bool,
) -> Result<ExitCode, Failure> {
    // An activation that is of no use is no reason not to make another.
    if let (false, Ok(Some(activated))) = (arguments.again, places.activation()) {
        if !json {
            note(
                "this reader is activated already; to do it again: colophon-reader activate --again",
            );
        }
        report(&activated, json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = places.settings()?;
    let address = settings.activation(arguments.at.as_deref())?;
    let network = network(settings.tls_root(arguments.tls_root.as_deref()))?;
    let machine = places.machine()?;
    let roots = places.roots()?;
    let activating = Activating {
        service: ActivationService::new(&network, &address),
        folder: &places.activation_folder,
        roots: &roots,
        machine: &machine,
        device_name: arguments.device_name.as_deref(),
    };
    let mut attendant = Terminal {
        json,
        browser: !arguments.no_browser,
    };
    let activated = activating.run(&mut attendant);
    let activated = activated.map_err(|error| Failure::activating(&error, &address))?;
    report(&activated, json)?;
    Ok(ExitCode::SUCCESS)
}

fn report(activated: &Activated, json: bool) -> Result<(), Failure> {
    let persona = printable(activated.persona().as_str());
    if json {
        let value = json!({
            "persona": activated.persona().as_str(),
            "machine": activated.machine().to_string(),
            "certificate_until": day(activated.certificate_until_unix_s()),
        });
        return print(&format!("{value}\n"));
    }
    print(&format!(
        "Activated for {persona}. Copies of level 5 that were bought with this persona open here, \
         without network.\n"
    ))
}

/// Whoever sits before the terminal.
struct Terminal {
    json: bool,
    browser: bool,
}

impl Attendant for Terminal {
    fn now_unix_s(&self) -> i64 {
        Timestamp::now().as_second()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the service says how long to wait before it may be asked again"
    )]
    fn wait(&mut self, how_long: Duration) {
        std::thread::sleep(how_long);
    }

    fn show_code(&mut self, code: &DeviceCode) {
        let link = code.page_with_code.as_ref().unwrap_or(&code.page);
        if self.json {
            let value = json!({
                "user_code": code.user_code,
                "page": code.page.as_str(),
                "page_with_code": link.as_str(),
                "lasts_s": code.lasts.as_secs(),
            });
            // If nobody reads it, nobody will approve, and the code runs out.
            let _unheard = print(&format!("{value}\n"));
            return;
        }
        let opened = self.browser && open_in_browser(link);
        let opened = if opened {
            "Your browser should show it now.\n"
        } else {
            ""
        };
        self.say(&format!(
            "To activate this reader, open\n\n    {link}\n\nand sign in. Or open {page} on \
             another device and enter the code\n\n    {code}\n\nIt is good for {minutes} minutes. \
             {opened}Waiting …\n",
            page = code.page,
            code = code.user_code,
            minutes = code.lasts.as_secs() / 60,
        ));
    }

    fn tell(&mut self, step: Step<'_>) {
        match step {
            Step::Approved { persona } => {
                self.say(&format!(
                    "Approved by {persona}. Fetching the activation …\n"
                ));
            }
            Step::Resumed { persona } => self.say(&format!(
                "Going on with the activation that {persona} has approved …\n"
            )),
            Step::Unreachable { wait } => self.say(&format!(
                "The connection broke off. Trying again in {} seconds …\n",
                wait.as_secs()
            )),
            Step::Busy { wait } => self.say(&format!(
                "The activation service is busy. Trying again in {} seconds …\n",
                wait.as_secs()
            )),
        }
    }
}

impl Terminal {
    /// What goes on is said on standard error; standard output holds the outcome.
    fn say(&self, words: &str) {
        let words = words.lines().map(|line| format!("{}\n", printable(line)));
        let words: String = words.collect();
        let _unheard = io::stderr().write_all(words.as_bytes());
    }
}

/// Opens a page where there is a desktop and somebody to look at it.
fn open_in_browser(page: &Address) -> bool {
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"];
    let desktop = desktop.iter().any(|name| env::var_os(name).is_some());
    if !desktop || !io::stderr().is_terminal() {
        return false;
    }
    let mut command = Command::new("xdg-open");
    command.arg(page.as_str()).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
