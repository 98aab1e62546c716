//! Cases as authors write them, in TOML or JSON.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use colophon_plugin_host::Role;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::folder;
use super::super::script::Host;

/// The largest file of cases that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One question and what is expected.
#[derive(Debug)]
pub(in super::super) struct Case {
    pub(in super::super) file: PathBuf,
    pub(super) name: String,
    pub(super) role: Role,
    /// The function's parameters by name.
    pub(super) input: Value,
    pub(super) host: Host,
    pub(super) expected: Expected,
}

impl Case {
    pub(in super::super) fn role(&self) -> Role {
        self.role
    }

    /// Whether the call is expected to be stopped.
    pub(in super::super) fn expects_a_stop(&self) -> bool {
        matches!(self.expected, Expected::Stopped(_))
    }

    /// What is asked, and the host that it is asked in.
    pub(in super::super) fn into_question(self) -> (Value, Host) {
        (self.input, self.host)
    }
}

/// The plainest question that can be put to a role.
pub(in super::super) fn plainest_question(role: Role) -> Value {
    let book = json!({ "id-type": "ISBN", "id": "9783161484100" });
    let context = told(role);
    match role {
        Role::Resolver => json!({ "ctx": context, "book": book }),
        Role::Policy => json!({ "ctx": context, "offer": offer() }),
        Role::Naming => json!({ "ctx": context, "facts": {
            "title": "A Title", "authors": "An Author", "book-id-type": "ISBN",
            "book-id": "9783161484100", "media-type": "application/epub+zip", "level": "3",
            "extension": "epub",
        } }),
        Role::Retailers => json!({ "ctx": context, "retailer": "bookshop" }),
    }
}

/// What a case expects.
#[derive(Debug)]
pub(super) enum Expected {
    /// This answer, or this failure of the plug-in's own, as `{"ok": …}` or `{"err": …}`.
    Given(Value),
    /// A failure of this kind, whatever its text.
    Failure(String),
    /// That the host stops the call or refuses the answer: `trapped`, `timed-out`, `out-of-fuel`,
    /// `limit-reached`, `unusable`.
    Stopped(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    #[serde(default)]
    host: Host,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(rename = "case")]
    cases: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    role: String,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default)]
    input: Map<String, Value>,
    #[serde(default)]
    host: Host,
    answer: Option<Value>,
    failure: Option<Value>,
    stopped: Option<String>,
}

/// All cases in these files and folders, in the order of their names. Those of a plug-in's own
/// folder, where it is given, lie in it.
pub(super) fn read(places: &[PathBuf], own: Option<&Path>) -> Result<Vec<Case>> {
    let mut files = Vec::new();
    for place in places {
        if place.is_dir() {
            let is_one = |file: &Path| format_of(file).is_some();
            let found = folder::files(place, folder::FILES_MAX, |_| true, is_one)?;
            let within = own.unwrap_or(place);
            files.extend(found.into_iter().map(|file| (file, Some(within))));
        } else {
            files.push((place.clone(), own));
        }
    }
    files.sort();
    let mut cases = Vec::new();
    for (file, within) in files {
        let read = one(&file, within).with_context(|| file.display().to_string())?;
        cases.extend(read);
    }
    Ok(cases)
}

/// How a file is written, by its name.
#[derive(Clone, Copy)]
enum Format {
    Toml,
    Json,
}

fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()? {
        "toml" => Some(Format::Toml),
        "json" => Some(Format::Json),
        _ => None,
    }
}

fn one(file: &Path, within: Option<&Path>) -> Result<Vec<Case>> {
    let format = format_of(file).context("cases are files named *.toml or *.json")?;
    let text = folder::read_text(within, file, FILE_BYTES_MAX)?;
    let cases: Cases = match format {
        Format::Toml => toml::from_str(&text)?,
        Format::Json => serde_json::from_str(&text)?,
    };
    let Cases {
        host,
        context,
        cases,
    } = cases;
    let read = cases.into_iter().map(|written| {
        let name = written.name.clone();
        case(file, &host, &context, written).with_context(|| format!("case {name:?}"))
    });
    read.collect()
}

fn case(file: &Path, host: &Host, context: &Map<String, Value>, case: Written) -> Result<Case> {
    let role = Role::ALL
        .into_iter()
        .find(|role| role.as_str() == case.role)
        .with_context(|| {
            let known = Role::ALL.map(Role::as_str).join(", ");
            format!("role is {:?} and none of {known}", case.role)
        })?;
    let mut asked = told(role);
    asked.extend(context.clone());
    asked.extend(case.context);
    let mut input = case.input;
    if role == Role::Policy {
        let mut offer = offer();
        if let Some(Value::Object(given)) = input.get("offer") {
            offer.extend(given.clone());
        }
        input.insert("offer".to_owned(), Value::Object(offer));
    }
    input.insert("ctx".to_owned(), Value::Object(asked));
    Ok(Case {
        file: file.to_owned(),
        name: case.name,
        role,
        input: Value::Object(input),
        host: host.with(&case.host),
        expected: expected(case.answer, case.failure, case.stopped)?,
    })
}

fn expected(
    answer: Option<Value>,
    failure: Option<Value>,
    stopped: Option<String>,
) -> Result<Expected> {
    const STOPS: [&str; 5] = [
        "trapped",
        "timed-out",
        "out-of-fuel",
        "limit-reached",
        "unusable",
    ];
    match (answer, failure, stopped) {
        (Some(answer), None, None) => Ok(Expected::Given(json!({ "ok": answer }))),
        (None, Some(Value::String(kind)), None) => Ok(Expected::Failure(kind)),
        (None, Some(failure), None) => Ok(Expected::Given(json!({ "err": failure }))),
        (None, None, Some(stop)) if STOPS.contains(&stop.as_str()) => Ok(Expected::Stopped(stop)),
        (None, None, Some(stop)) => bail!("stopped is {stop:?} and none of {}", STOPS.join(", ")),
        _ => bail!("a case expects exactly one of answer, failure and stopped"),
    }
}

/// What the host says of the request, where a case does not say otherwise.
fn told(role: Role) -> Map<String, Value> {
    let mut told = Map::from_iter([
        ("request-id".to_owned(), json!("0".repeat(32))),
        // Noon of 1 March 2026, UTC.
        ("now-ms".to_owned(), json!(1_772_366_400_000_u64)),
        ("center".to_owned(), json!("main")),
    ]);
    if role != Role::Retailers {
        told.insert("retailer".to_owned(), json!("bookshop"));
    }
    told
}

/// The plainest sale.
fn offer() -> Map<String, Value> {
    Map::from_iter([
        (
            "book".to_owned(),
            json!({ "id-type": "ISBN", "id": "9783161484100" }),
        ),
        ("resource-class".to_owned(), json!("application/epub+zip")),
        ("requested-protection".to_owned(), json!("")),
    ])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn read_one(text: &str) -> Result<Vec<Case>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.toml");
        fs::write(&file, text).unwrap();
        read(&[folder.path().to_owned()], None)
    }

    const PLAIN: &str = "[[case]]\nname = 'a'\nrole = 'resolver'\n";

    #[test]
    fn a_case_says_differently_what_its_file_says_of_all() {
        let text = format!(
            "context = {{ center = 'north' }}\n{PLAIN}context = {{ territory = 'DE' }}\nanswer = 'not-mine'\n"
        );
        let cases = read_one(&text).unwrap();
        let context = &cases[0].input["ctx"];
        assert_eq!(context["center"], "north");
        assert_eq!(context["territory"], "DE");
        assert_eq!(context["retailer"], "bookshop");
    }

    #[test]
    fn the_same_cases_can_be_written_in_json() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.json");
        let text =
            r#"{"case": [{"name": "a", "role": "naming", "answer": "b", "input": {"facts": {}}}]}"#;
        fs::write(&file, text).unwrap();
        let cases = read(&[file], None).unwrap();
        assert!(matches!(&cases[0].expected, Expected::Given(value) if value["ok"] == "b"));
    }

    #[test]
    fn hostile_folders_are_read_as_far_as_they_are_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let cases = folder.path().join("cases");
        fs::create_dir(&cases).unwrap();
        fs::write(cases.join("a.toml"), format!("{PLAIN}answer = 'not-mine'")).unwrap();
        symlink(&cases, cases.join("again")).unwrap();
        symlink(folder.path(), cases.join("up.toml.d")).unwrap();
        let read = || read(std::slice::from_ref(&cases), Some(folder.path()));
        assert_eq!(read().unwrap().len(), 1);
        for outside in ["/dev/zero", "/etc/hostname"] {
            let link = cases.join("b.toml");
            symlink(outside, &link).unwrap();
            let refused = format!("{:#}", read().unwrap_err());
            assert!(refused.contains("leads out of"), "{refused}");
            fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn cases_that_could_not_fail_are_refused() {
        for (text, said) in [
            (PLAIN.to_owned(), "exactly one of"),
            (
                format!("{PLAIN}answer = 'a'\nfailure = 'invalid'"),
                "exactly one of",
            ),
            (format!("{PLAIN}stopped = 'somehow'"), "none of trapped"),
            (format!("{PLAIN}anwser = 'not-mine'"), "unknown field"),
            (
                PLAIN.replace("resolver", "resolve") + "answer = ''",
                "none of resolver",
            ),
            (
                format!("{PLAIN}answer = 'a'\nhost = {{ confg = {{}} }}"),
                "unknown field",
            ),
        ] {
            let refused = format!("{:#}", read_one(&text).unwrap_err());
            assert!(refused.contains(said), "{refused}");
        }
    }
}
