//! `colophon title add|list|show|update|remove|verify`.

mod record;
mod take_in;
mod verify;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use colophon_core::catalog::{Availability, Book, Forms, TitleFacts};
use colophon_core::time::Clock as _;
use colophon_receipt::CenterId;
use colophon_store::titles::{Edit, KeptForms, NewTitle, TitleChange, TitleFilter, TitleRecord};
use colophon_title::Level;

use self::record::TitleRow;
use self::take_in::{Ingest, price};
use super::delegation::{CopiesOffered, RightsBefore, RightsChange, read_delegation};
use super::known_center;
use super::rights::read_rights;
use crate::cli::{BookArgs, TitleAddArgs, TitleCommand, TitleListArgs, TitleUpdateArgs};
use crate::config::Config;
use crate::house::{House, LicensedCopies, OfferedForms, SystemClock};
use crate::output::{Output, confirm};

pub(super) async fn run(
    config: &Config,
    command: TitleCommand,
    output: Output,
) -> Result<ExitCode> {
    let house = House::open(config).await?;
    let code = match command {
        TitleCommand::Add(arguments) => add(&house, &arguments, output).await?,
        TitleCommand::List(arguments) => list(&house, &arguments, output).await?,
        TitleCommand::Show { center, book } => {
            let title = find(
                &house,
                &known_center(&house, &center.center).await?,
                &parsed(&book)?,
            )
            .await?;
            output.print(&TitleRow::of(&title), TitleRow::page)?;
            ExitCode::SUCCESS
        }
        TitleCommand::Update(arguments) => update(&house, &arguments, output).await?,
        TitleCommand::Remove { center, book, yes } => {
            remove(
                &house,
                &known_center(&house, &center.center).await?,
                &parsed(&book)?,
                yes,
                output,
            )
            .await?
        }
        TitleCommand::Verify {
            center,
            book_id,
            book_id_type,
        } => {
            let center = known_center(&house, &center.center).await?;
            let book = book_id
                .map(|book_id| {
                    parsed(&BookArgs {
                        book_id,
                        book_id_type,
                    })
                })
                .transpose()?;
            verify::run(&house, &center, book.as_ref(), output).await?
        }
    };
    house.close().await;
    Ok(code)
}

pub(super) fn parsed(arguments: &BookArgs) -> Result<Book> {
    Ok(Book {
        id: arguments.book_id.parse().context("--book-id")?,
        id_type: arguments.book_id_type.parse().context("--book-id-type")?,
    })
}

async fn find(house: &House, center: &CenterId, book: &Book) -> Result<TitleRecord> {
    let title = house.store.show_title(center, book).await?;
    title.with_context(|| not_there(center, book))
}

fn not_there(center: &CenterId, book: &Book) -> String {
    format!(
        "center {center} has no title {} {}; see `colophon title list`",
        book.id_type, book.id
    )
}

async fn add(house: &House, arguments: &TitleAddArgs, output: Output) -> Result<ExitCode> {
    let title = enter(house, arguments).await?;
    output.print(&TitleRow::of(&title), TitleRow::page)?;
    Ok(ExitCode::SUCCESS)
}

/// Takes a title's file in and enters it into the catalog.
pub(super) async fn enter(house: &House, arguments: &TitleAddArgs) -> Result<TitleRecord> {
    let ingest = Ingest::new(house, arguments).await?;
    let order = ingest.order.clone();
    let change = RightsChange {
        rights: match &arguments.rights {
            Some(file) => Edit::Set(read_rights(file)?),
            None => Edit::Keep,
        },
        delegation: match &arguments.delegation {
            Some(file) => Edit::Set(read_delegation(house, file, &order.book)?),
            None => Edit::Keep,
        },
    };
    let forms = OfferedForms {
        sealed: order.min_level < Level::FullyIndividualized,
        licensed: order.licensed || order.min_level == Level::FullyIndividualized,
    };
    let copies = CopiesOffered {
        before: Vec::new(),
        after: LicensedCopies::of(forms, order.signatures),
    };
    let before = RightsBefore::none();
    let rights = change.decide(house, &order.center, before, &copies).await?;
    if house
        .store
        .show_title(&order.center, &order.book)
        .await?
        .is_some()
    {
        bail!(
            "center {} already has a title {} {}; change it with `colophon title update`",
            order.center,
            order.book.id_type,
            order.book.id
        );
    }
    let taken = ingest.run(house).await?;
    let title = NewTitle {
        center: order.center.clone(),
        title_id: taken.title_id,
        book: order.book.clone(),
        location: taken.location.clone(),
        details: take_in::details(&taken.metadata),
        min_level: order.min_level,
        signatures: order.signatures,
        availability: Availability::Ready,
        price: order.price.clone(),
        price_structure: None,
        attributes: order.attributes.clone(),
        rights: rights.unwrap_or_default(),
        kept: KeptForms {
            forms: taken.forms.clone(),
            keys: taken.keys,
        },
    };
    if let Err(error) = house.store.add_title(&title, order.at).await {
        // Without a catalog entry nobody could ever use the files.
        delete_forms(house, &taken.location.root, &taken.forms);
        return Err(error).context("the title was not entered into the catalog");
    }
    find(house, &order.center, &order.book).await
}

async fn list(house: &House, arguments: &TitleListArgs, output: Output) -> Result<ExitCode> {
    let center = known_center(house, &arguments.center.center).await?;
    let filter = TitleFilter {
        text: arguments.matching.clone(),
        ..TitleFilter::default()
    };
    let page = house
        .store
        .list_titles(&center, &filter, None, arguments.limit)
        .await?;
    let rows: Vec<TitleRow> = page.titles.iter().map(TitleRow::of).collect();
    let more = page.next.is_some();
    output.print(
        &serde_json::json!({ "titles": &rows, "more": more }),
        |_| {
            let mut text = TitleRow::table(&rows);
            if more {
                text.push_str("\nThere are more; narrow with --matching or raise --limit.");
            }
            text
        },
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn update(house: &House, arguments: &TitleUpdateArgs, output: Output) -> Result<ExitCode> {
    let center = known_center(house, &arguments.center.center).await?;
    let book = parsed(&arguments.book)?;
    let level = arguments.level.and_then(Level::from_number);
    let licensed = arguments.licensed || level == Some(Level::FullyIndividualized);
    let rights = change_of_rights(house, &center, &book, arguments).await?;
    let before = find(house, &center, &book).await?;
    let mut change = TitleChange {
        min_level: level,
        price: arguments
            .price
            .as_deref()
            .map(price)
            .transpose()?
            .map_or(Edit::Keep, Edit::Set),
        availability: match (arguments.withdrawn, arguments.ready) {
            (true, _) => Some(Availability::Withdrawn),
            (false, true) => Some(Availability::Ready),
            (false, false) => None,
        },
        ..rights
    };
    match &arguments.file {
        Some(file) => {
            let ingest = Ingest::again(house, &before, file, arguments).await?;
            if arguments.title.is_none()
                && arguments.authors.is_empty()
                && arguments.copyright.is_none()
            {
                eprintln!(
                    "Title, author and copyright stay as the catalog has them; change them with \
                     --title, --author and --copyright."
                );
            }
            let taken = ingest.run(house).await?;
            change.location = Some(taken.location);
            change.details = Some(take_in::details(&taken.metadata));
            change.kept = Some(KeptForms {
                forms: taken.forms,
                keys: taken.keys,
            });
        }
        None if licensed && before.facts.forms.licensed.is_none() => {
            change.kept = Some(take_in::with_licensed_form(house, &before).await?);
        }
        None => check_form(&before.facts, level)?,
    }
    house
        .store
        .update_title(&center, &book, &change, SystemClock.now())
        .await
        .context("the title was not changed")?;
    let title = find(house, &center, &book).await?;
    output.print(&TitleRow::of(&title), TitleRow::page)?;
    Ok(ExitCode::SUCCESS)
}

/// What a command changes about a title's rights, decided on the state they are in. Rights that
/// cannot be read are replaced at once: until then nobody can read what else the title is.
async fn change_of_rights(
    house: &House,
    center: &CenterId,
    book: &Book,
    arguments: &TitleUpdateArgs,
) -> Result<TitleChange> {
    let kept = house.store.kept_rights(center, book).await?;
    let kept = kept.with_context(|| not_there(center, book))?;
    let seen = kept.seen;
    let wanted = RightsChange {
        rights: match (&arguments.rights, arguments.center_rights) {
            (Some(file), _) => Edit::Set(read_rights(file)?),
            (None, true) => Edit::Remove,
            (None, false) => Edit::Keep,
        },
        delegation: match (&arguments.delegation, arguments.no_delegation) {
            (Some(file), _) => Edit::Set(read_delegation(house, file, book)?),
            (None, true) => Edit::Remove,
            (None, false) => Edit::Keep,
        },
    };
    let is_usable = kept.is_usable();
    let copies = match is_usable {
        true => {
            let facts = find(house, center, book).await?.facts;
            CopiesOffered {
                before: LicensedCopies::of(kept_forms(&facts), facts.signatures),
                after: LicensedCopies::of(offered(&facts, arguments), facts.signatures),
            }
        }
        // Which kinds there are cannot be read until the rights are mended.
        false => {
            let both = vec![LicensedCopies::ForPersonas, LicensedCopies::ForAnybody];
            CopiesOffered {
                before: both.clone(),
                after: both,
            }
        }
    };
    let rights = wanted.decide(house, center, kept.into(), &copies).await?;
    let change = TitleChange {
        seen: rights.is_some().then_some(seen),
        rights,
        ..TitleChange::default()
    };
    match (is_usable, &change.rights) {
        (true, _) => Ok(change),
        (false, Some(_)) => {
            let mended = house
                .store
                .update_title(center, book, &change, SystemClock.now());
            mended.await.context("the title was not changed")?;
            Ok(TitleChange::default())
        }
        (false, None) => bail!(
            "what the title's licenses grant is damaged in the database: give it anew, with \
             --delegation or --no-delegation, and --rights or --center-rights"
        ),
    }
}

/// The forms that a title is kept in.
fn kept_forms(facts: &TitleFacts) -> OfferedForms {
    OfferedForms {
        sealed: facts.forms.sealed.is_some(),
        licensed: facts.forms.licensed.is_some(),
    }
}

/// The forms that a title is kept in once a command is done.
fn offered(facts: &TitleFacts, arguments: &TitleUpdateArgs) -> OfferedForms {
    let level = arguments.level.and_then(Level::from_number);
    let least = level.unwrap_or(facts.min_level);
    let is_licensed = least == Level::FullyIndividualized || arguments.licensed;
    OfferedForms {
        sealed: match arguments.file {
            Some(_) => least < Level::FullyIndividualized,
            None => facts.forms.sealed.is_some(),
        },
        licensed: is_licensed || facts.forms.licensed.is_some(),
    }
}

/// Only a sealed form is kept of a title sold at level 2 and up, so its clear form has to come
/// from the source again.
fn check_form(facts: &TitleFacts, level: Option<Level>) -> Result<()> {
    match level {
        Some(level) if facts.forms.at(level).is_none() => bail!(
            "the title is not kept in the form for level {}; give the source again with --file",
            level.as_number()
        ),
        Some(_) | None => Ok(()),
    }
}

async fn remove(
    house: &House,
    center: &CenterId,
    book: &Book,
    yes: bool,
    output: Output,
) -> Result<ExitCode> {
    let title = find(house, center, book).await?;
    let question = format!(
        "Remove {:?} and delete its files? Past buyers can no longer download it.",
        title.facts.title
    );
    confirm(&question, yes)?;
    // The catalog goes first: files without an entry are waste, an entry without files is a fault.
    house
        .store
        .remove_title(center, book)
        .await
        .context("the title was not removed")?;
    delete_forms(house, &title.facts.location.root, &title.facts.forms);
    output.print(
        &serde_json::json!({ "removed": title.facts.title_id.to_string() }),
        |_| {
            format!(
                "{:?} is removed. Running hosts follow within seconds.",
                title.facts.title
            )
        },
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Deletes stored forms as far as the content store lets; what stays is only waste.
fn delete_forms(house: &House, root: &colophon_core::catalog::StoreRoot, forms: &Forms) {
    for form in [&forms.clear, &forms.sealed, &forms.licensed]
        .into_iter()
        .flatten()
    {
        if let Err(error) = house.content.remove(root, &form.object) {
            eprintln!("colophon: {} was left behind: {error}", form.object);
        }
    }
}
