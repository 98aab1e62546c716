//! A center's own plug-in: replaced while downloads run, a bad version refused, and gone back from.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use crate::demo::host::Host;
use crate::demo::http;
use crate::demo::programs::json;
use crate::demo::story::{BETWEEN_QUESTIONS, BOOK, PATIENCE, Story};
use crate::plugins::built;
use crate::workspace::output;

const PLUGIN: &str = "file-style";

/// Buyers who download all the time.
const BUYERS: usize = 2;

/// What came of the downloads that ran meanwhile.
#[derive(Default)]
struct Meanwhile {
    served: usize,
    failed: usize,
    names: BTreeSet<String>,
}

impl Story {
    /// Three releases of a plug-in that names files. Where they could not be built, the table says so.
    pub(crate) fn bring_an_own_plugin(&mut self, host: &Host) -> Result<()> {
        let releases = [
            "file_style",
            "file_style_authors_first",
            "file_style_careless",
        ];
        let releases: Option<Vec<PathBuf>> = releases.into_iter().map(built).collect();
        let Some([first, second, careless]) = releases.as_deref() else {
            let answer = "skipped: examples are not built without the Rust target wasm32-wasip2";
            self.note("bring an own plug-in", answer, true);
            return Ok(());
        };
        let receipt = self.receipt(BOOK, Some(3), &[])?;
        let usual = self.name_of(host, &receipt)?;
        self.completed += 1;
        self.publish("0.1.0", first)?;
        json(self.colophon().args(["plugin", "promote", PLUGIN]))?;
        let styled = self.renamed(host, &receipt, &usual)?;
        let right = styled != usual;
        self.note(
            "let an own plug-in name files",
            arrow(&usual, &styled),
            right,
        );

        self.publish("0.2.0", second)?;
        let replaced = self.replace(host, &receipt, &styled)?;
        self.publish("0.3.0", careless)?;
        self.refuse_the_careless(host, &receipt, &replaced)?;

        let gone_back = json(self.colophon().args(["plugin", "rollback", PLUGIN]))?;
        let name = self.renamed(host, &receipt, &replaced)?;
        let right = gone_back
            .get("active")
            .is_some_and(|active| active == "0.1.0")
            && name == styled;
        self.note(
            "go back to the version before",
            arrow(&replaced, &name),
            right,
        );
        Ok(())
    }

    /// Puts the second version in the first one's place while buyers download.
    fn replace(&mut self, host: &Host, receipt: &str, before: &str) -> Result<String> {
        let stop = AtomicBool::new(false);
        let (after, meanwhile) = std::thread::scope(|scope| {
            let buyers: Vec<_> = (0..BUYERS)
                .map(|_| scope.spawn(|| downloads(host, receipt, &stop)))
                .collect();
            let promoted = json(self.colophon().args(["plugin", "promote", PLUGIN, "0.2.0"]));
            let after = promoted.and_then(|_| self.renamed(host, receipt, before));
            stop.store(true, Ordering::SeqCst);
            let mut all = Meanwhile::default();
            for buyer in buyers {
                let one = buyer.join();
                let one = one.map_err(|_| anyhow!("a buyer of the demonstration broke off"))??;
                all.served += one.served;
                all.failed += one.failed;
                all.names.extend(one.names);
            }
            Ok::<_, anyhow::Error>((after?, all))
        })?;
        let answer = format!(
            "{} downloads meanwhile, {} failed; {}",
            meanwhile.served,
            meanwhile.failed,
            arrow(before, &after)
        );
        let known = [before.to_owned(), after.clone()];
        let only_these = meanwhile.names.iter().all(|name| known.contains(name));
        let right = meanwhile.served > 0 && meanwhile.failed == 0 && only_these;
        self.note("replace it while downloads run", answer, right);
        Ok(after)
    }

    /// The third version is asked what the others were asked, fails, and is kept out.
    fn refuse_the_careless(&mut self, host: &Host, receipt: &str, name: &str) -> Result<()> {
        self.wait_for_decisions()?;
        let promoted = output(self.colophon().args(["plugin", "promote", PLUGIN, "0.3.0"]));
        let words = match promoted {
            Ok(_) => "it was promoted".to_owned(),
            Err(refused) => format!("{refused:#}"),
        };
        let words = words
            .rsplit_once("colophon: ")
            .map_or(&*words, |(_, cause)| cause);
        let cause = words
            .split_once(" Decision ")
            .map_or(words, |(cause, _)| cause);
        let still = self.name_of(host, receipt)?;
        let right = words.contains("recorded questions by its own fault") && still == name;
        self.note("promote a version with a mistake", cause, right);
        Ok(())
    }

    /// Decisions are written behind the downloads.
    fn wait_for_decisions(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let decisions = json(self.colophon().args(["plugin", "decisions", PLUGIN]))?;
            if decisions.as_array().is_some_and(|all| !all.is_empty()) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(anyhow!("no decision of {PLUGIN} was recorded"));
            }
            pause();
        }
    }

    /// Hands in a version: its component and its manifest.
    fn publish(&self, version: &str, component: &PathBuf) -> Result<()> {
        let folder = self.folder.join(format!("{PLUGIN}-{version}"));
        let manifest = format!(
            "id = \"{PLUGIN}\"\nversion = \"{version}\"\napi = \"1.0\"\nroles = [\"naming\"]\n"
        );
        std::fs::create_dir_all(folder.join("build"))
            .and_then(|()| std::fs::write(folder.join("plugin.toml"), manifest))
            .and_then(|()| std::fs::copy(component, folder.join("build/plugin.wasm")))
            .context("cannot write the plug-in's folder")?;
        let mut publish = self.colophon();
        publish
            .args(["plugin", "publish", "--without-cases"])
            .arg(folder);
        json(&mut publish)?;
        Ok(())
    }

    fn name_of(&self, host: &Host, receipt: &str) -> Result<String> {
        let answer = http::post(host.address(), "download", receipt)?;
        answer.file_name.context("a download has no name")
    }

    /// What the file is called once it is no longer called as before.
    fn renamed(&self, host: &Host, receipt: &str, before: &str) -> Result<String> {
        let begun = Instant::now();
        loop {
            let name = self.name_of(host, receipt)?;
            if name != before || begun.elapsed() > PATIENCE {
                return Ok(name);
            }
            pause();
        }
    }
}

/// Downloads until there is something to stop for, and once more.
fn downloads(host: &Host, receipt: &str, stop: &AtomicBool) -> Result<Meanwhile> {
    let mut meanwhile = Meanwhile::default();
    loop {
        let last = stop.load(Ordering::SeqCst);
        let answer = http::post(host.address(), "download", receipt)?;
        meanwhile.served += 1;
        match answer.file_name {
            Some(name) if answer.status == 200 => _ = meanwhile.names.insert(name),
            _ => meanwhile.failed += 1,
        }
        if last {
            return Ok(meanwhile);
        }
    }
}

/// Hosts follow within moments, and write decisions down behind the downloads.
fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a host tells nobody that it has followed; it is asked again"
    )]
    std::thread::sleep(BETWEEN_QUESTIONS);
}

fn arrow(before: &str, after: &str) -> String {
    format!("{before} → {after}")
}
