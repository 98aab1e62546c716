//! From a file and its flags to the stored forms of a title.

use std::fs::File;
use std::io::{BufReader, IsTerminal as _, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use colophon_core::catalog::{Forms, Money, ObjectPath, StoreRoot, StoredForm, TitleFacts};
use colophon_core::ingest::{
    EncryptedForm, IngestOrder, IngestedTitle, Place, Workshop, ingest, keep_licensed,
};
use colophon_core::ports::{Catalog as _, ContentWriter};
use colophon_core::time::Clock as _;
use colophon_keys::{Leaf, SystemRandom};
use colophon_store::titles::{KeptForms, TitleDetails, TitleRecord};
use colophon_title::source::{Limits, Source};
use colophon_title::{
    ContentKey, CopyId, CopyKey, CopyTerms, Level, MediaType, Metadata, OpenTitle, Progress,
    Signer, SignerRole, SignerRoles, StoredTitle, TrustRoots, personalize,
};
use indicatif::{ProgressBar, ProgressStyle};

use super::parsed;
use crate::cli::{RoleArg, TitleAddArgs, TitleUpdateArgs};
use crate::commands::known_center;
use crate::house::{House, SystemClock};

/// An ingest about to run.
pub(super) struct Ingest {
    path: PathBuf,
    file: File,
    pub(super) order: IngestOrder,
    signers: Vec<Arc<dyn Signer>>,
}

impl Ingest {
    /// Reads what `title add` was told.
    pub(super) async fn new(house: &House, arguments: &TitleAddArgs) -> Result<Self> {
        // A file that is not there is the likeliest mistake and the first to be told.
        let file = source(&arguments.file)?;
        let signatures = roles(&arguments.sign);
        let order = IngestOrder {
            center: known_center(house, &arguments.center.center).await?,
            book: parsed(&arguments.book)?,
            root: StoreRoot::parse(&arguments.root)
                .with_context(|| format!("{:?} is no content-store root", arguments.root))?,
            file_name: file_name(&arguments.file)?,
            claimed: claimed(&arguments.file, arguments.media_type.as_deref())?,
            min_level: Level::from_number(arguments.level).context("--level")?,
            licensed: arguments.licensed,
            signatures,
            title: arguments.title.clone(),
            authors: arguments.authors.clone(),
            copyright: arguments.copyright.clone(),
            price: arguments.price.as_deref().map(price).transpose()?,
            attributes: arguments
                .attributes
                .iter()
                .map(|text| attribute(text))
                .collect::<Result<_>>()?,
            at: SystemClock.now(),
        };
        let roots: Vec<&str> = house
            .content
            .roots()
            .map(|(root, _)| root.as_str())
            .collect();
        if !roots.contains(&order.root.as_str()) {
            bail!(
                "no content-store root is called {}; content.roots names: {}",
                order.root.as_str(),
                roots.join(", ")
            );
        }
        let mut signers = Vec::new();
        if signatures.contains(SignerRole::Tool) {
            signers.push(center_signer(house, &order, SignerRole::Tool).await?);
        }
        if signatures.contains(SignerRole::Owner) {
            signers.push(owner(arguments)?);
        }
        if signatures.contains(SignerRole::Provider) {
            // Signs each copy at delivery; a center without one should learn that now.
            center_signer(house, &order, SignerRole::Provider).await?;
        }
        Ok(Self {
            path: arguments.file.clone(),
            file,
            order,
            signers,
        })
    }

    /// Takes in new content for a title that is in the catalog.
    pub(super) async fn again(
        house: &House,
        title: &TitleRecord,
        path: &Path,
        arguments: &TitleUpdateArgs,
    ) -> Result<Self> {
        let file = source(path)?;
        let facts = &title.facts;
        let level = arguments.level.and_then(Level::from_number);
        if facts.signatures.contains(SignerRole::Owner) {
            bail!(
                "the rights owner signs this title; remove it and add it again with the owner's key"
            );
        }
        let order = IngestOrder {
            center: facts.center.clone(),
            book: facts.book.clone(),
            root: facts.location.root.clone(),
            file_name: file_name(path)?,
            claimed: claimed(path, None)?,
            min_level: level.unwrap_or(facts.min_level),
            licensed: arguments.licensed || facts.forms.licensed.is_some(),
            signatures: facts.signatures,
            // What stands in the catalog was chosen once; a new file alone does not undo it.
            title: arguments
                .title
                .clone()
                .or_else(|| Some(facts.title.clone())),
            authors: if arguments.authors.is_empty() {
                facts.authors.clone()
            } else {
                arguments.authors.clone()
            },
            copyright: arguments
                .copyright
                .clone()
                .or_else(|| title.copyright.clone()),
            price: None,
            attributes: Vec::new(),
            at: SystemClock.now(),
        };
        let mut signers = Vec::new();
        if facts.signatures.contains(SignerRole::Tool) {
            signers.push(center_signer(house, &order, SignerRole::Tool).await?);
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            order,
            signers,
        })
    }

    /// Runs it, on the thread it is called on: nothing else waits for a command.
    pub(super) async fn run(self, house: &House) -> Result<IngestedTitle> {
        let signers: Vec<&dyn Signer> = self.signers.iter().map(AsRef::as_ref).collect();
        let mut workshop = Workshop {
            engine: house.engine.as_ref(),
            random: &mut SystemRandom,
            signers: &signers,
            writer: house.content.as_ref(),
            limits: &Limits::default(),
        };
        let bar = bar();
        let mut progress = |done: Progress| {
            bar.set_length(done.bytes_total);
            bar.set_position(done.bytes_done);
        };
        let reader = BufReader::with_capacity(256 * 1024, self.file);
        let taken = ingest(&mut workshop, &self.order, reader, &mut progress);
        bar.finish_and_clear();
        taken.with_context(|| format!("{} was not taken in", self.path.display()))
    }
}

/// The title's forms with a licensed one beside them, made of the sealed form: whoever has the
/// content in its stored form need not be asked for it again.
pub(super) async fn with_licensed_form(house: &House, title: &TitleRecord) -> Result<KeptForms> {
    let facts = &title.facts;
    if facts.signatures.contains(SignerRole::Owner) {
        bail!("the rights owner signs this title; remove it and add it again with the owner's key");
    }
    let Some(sealed) = &facts.forms.sealed else {
        bail!(
            "the title has no sealed form to make a licensed one of; give the source with --file"
        );
    };
    let key = house
        .store
        .content_key(&facts.center, &sealed.version)
        .await?;
    let key = key.context("the catalog has no content key for the sealed form")?;
    let mut signers = Vec::new();
    if facts.signatures.contains(SignerRole::Tool) {
        let signer = house.store.signer(&facts.center, SignerRole::Tool).await?;
        signers.push(signer.context("the center has no tool certificate")?);
    }
    let made = licensed_form(house, facts, sealed, &key, &signers)?;
    Ok(KeptForms {
        keys: vec![(made.form.version, made.key)],
        forms: Forms {
            licensed: Some(made.form),
            ..facts.forms.clone()
        },
    })
}

fn licensed_form(
    house: &House,
    facts: &TitleFacts,
    sealed: &StoredForm,
    key: &ContentKey,
    signers: &[Arc<dyn Signer>],
) -> Result<EncryptedForm> {
    let engine = house.engine.as_ref();
    let writer: &dyn ContentWriter = house.content.as_ref();
    let root = &facts.location.root;
    // Staged and never published: both are gone when this ends.
    let scratch = |name: &str| -> Result<_> {
        let path = ObjectPath::parse(&format!("{}/{name}", facts.location.path))?;
        Ok(writer.create(root, &path)?)
    };
    let stored = house.content.open(root, &sealed.object)?;
    let mut file = stored.file();
    let title = StoredTitle::read(engine, &mut file)?;
    let copy_terms = CopyTerms {
        level: Level::SourceSealed,
        bookplate: None,
        copy_id: CopyId::of(engine, &CopyKey::generate(&mut SystemRandom), &[]),
        issued_at_unix_s: SystemClock.now().unix_seconds().get(),
        signers: &[],
        license: None,
    };
    let tail = personalize(engine, &title, key, &copy_terms)?;
    let mut copy = scratch("copy")?;
    file.rewind()?;
    std::io::copy(&mut file.take(title.prefix_length()), &mut copy)?;
    copy.write_all(&tail.bytes)?;
    let mut opened = OpenTitle::open(engine, copy, &TrustRoots::new())?;
    let name = content_name(&opened);
    let mut content = scratch("content")?;
    opened.write_publication(&mut content)?;
    content.rewind()?;
    let limits = Limits::default();
    let mut source = Source::inspect(content, &title.metadata().media_type, &name, &limits)?;
    let signers: Vec<&dyn Signer> = signers.iter().map(AsRef::as_ref).collect();
    let mut workshop = Workshop {
        engine,
        random: &mut SystemRandom,
        signers: &signers,
        writer,
        limits: &limits,
    };
    let place = Place {
        location: &facts.location,
        metadata: title.metadata(),
        at: SystemClock.now(),
    };
    let bar = bar();
    let mut progress = |done: Progress| {
        bar.set_length(done.bytes_total);
        bar.set_position(done.bytes_done);
    };
    let made = keep_licensed(&mut workshop, &place, &mut source, &mut progress);
    bar.finish_and_clear();
    made.context("the licensed form could not be made")
}

/// The name of a title's one file, as it was handed in; an EPUB has many, and its own name is in
/// none of its forms.
fn content_name<R: std::io::Read + std::io::Seek>(title: &OpenTitle<'_, R>) -> String {
    let paths = title.entries().map(|path| path.as_str());
    let mut content = paths.filter(|path| *path != "mimetype" && !path.starts_with("META-INF/"));
    let first = content.next().unwrap_or("book.epub");
    let name = first.rsplit('/').next().unwrap_or(first);
    name.to_owned()
}

fn source(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !file.metadata()?.is_file() {
        bail!("{} is not a file", path.display());
    }
    Ok(file)
}

async fn center_signer(
    house: &House,
    order: &IngestOrder,
    role: SignerRole,
) -> Result<Arc<dyn Signer>> {
    let signer = house.store.signer(&order.center, role).await?;
    signer.with_context(|| {
        format!(
            "center {} has no {} certificate",
            order.center,
            role.as_str()
        )
    })
}

fn owner(arguments: &TitleAddArgs) -> Result<Arc<dyn Signer>> {
    let (Some(certificate), Some(key)) = (&arguments.owner_certificate, &arguments.owner_key)
    else {
        bail!("--sign owner needs --owner-certificate and --owner-key");
    };
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let leaf = Leaf::from_pem(&read(key)?, &read(certificate)?)
        .context("the owner's certificate and key cannot be used")?;
    let signer = leaf
        .signer()
        .filter(|signer| signer.role() == SignerRole::Owner);
    Ok(Arc::new(
        signer.context("the certificate is not a rights owner's")?,
    ))
}

/// Owner and provider sign over the tool's signature, so theirs come with it.
fn roles(asked: &[RoleArg]) -> SignerRoles {
    let mut roles = SignerRoles::default();
    for role in asked {
        roles.insert(SignerRole::Tool);
        roles.insert(match role {
            RoleArg::Tool => SignerRole::Tool,
            RoleArg::Owner => SignerRole::Owner,
            RoleArg::Provider => SignerRole::Provider,
        });
    }
    roles
}

fn file_name(file: &Path) -> Result<String> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .with_context(|| format!("{} has no readable name", file.display()))
}

/// What a file claims to be by its name, unless a flag says otherwise. Names that tell nothing
/// claim nothing: then the bytes decide.
fn claimed(file: &Path, flag: Option<&str>) -> Result<MediaType> {
    let ending = file
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let by_name = match ending.to_ascii_lowercase().as_str() {
        "epub" => "application/epub+zip",
        "pdf" => "application/pdf",
        "mp3" => "audio/mpeg",
        "m4a" | "m4b" => "audio/mp4",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "mp4" | "m4v" => "video/mp4",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    };
    let text = flag.unwrap_or(by_name);
    MediaType::parse(text).with_context(|| format!("{text:?} is no media type"))
}

/// `1299EUR`: minor units and currency.
pub(super) fn price(text: &str) -> Result<Money> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (minor, currency) = text.split_at(digits);
    match (minor.parse(), currency.trim().parse()) {
        (Ok(minor), Ok(currency)) => Ok(Money { minor, currency }),
        _ => bail!(
            "{text:?} is no price; write minor units (cents) and an ISO 4217 code of three capital \
             letters, such as 1299EUR"
        ),
    }
}

fn attribute(text: &str) -> Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("--attribute {text}: write NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The catalog's copy of what is sealed into the title.
pub(super) fn details(metadata: &Metadata) -> TitleDetails {
    TitleDetails {
        title: metadata.title.clone(),
        authors: metadata.authors.clone(),
        publisher: metadata.publisher.clone(),
        language: metadata.language.clone(),
        copyright: metadata.copyright.clone(),
        media_type: metadata.media_type.clone(),
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template(
        "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    );
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_minor_units_and_currency() {
        let money = price("1299EUR").unwrap();
        assert_eq!(
            (money.minor, money.currency.to_string().as_str()),
            (1299, "EUR")
        );
        for text in [
            "",
            "EUR",
            "12.99EUR",
            "-1EUR",
            "1299",
            "1299euro",
            "99999999999999999999EUR",
        ] {
            assert!(price(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_that_tells_nothing_claims_nothing() {
        let claim = |name: &str| claimed(Path::new(name), None).unwrap().as_str().to_owned();
        assert_eq!(claim("A.EPUB"), "application/epub+zip");
        assert_eq!(claim("a"), "application/octet-stream");
        assert_eq!(claim("a.unknown"), "application/octet-stream");
        assert!(claimed(Path::new("a"), Some("no media type")).is_err());
    }
}
