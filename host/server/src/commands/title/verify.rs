//! `colophon title verify`: reads every byte of the stored forms.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use colophon_core::catalog::{Book, StoredForm, TitleFacts};
use colophon_crypto::Engine;
use colophon_receipt::CenterId;
use colophon_store::titles::TitleFilter;
use colophon_title::StoredTitle;
use serde::Serialize;

use super::super::UNHEALTHY;
use super::find;
use crate::house::House;
use crate::output::{Output, table};

#[derive(Serialize)]
struct Verified {
    book_id: String,
    title: String,
    form: &'static str,
    object: String,
    problem: Option<String>,
}

pub(super) async fn run(
    house: &House,
    center: &CenterId,
    book: Option<&Book>,
    output: Output,
) -> Result<ExitCode> {
    let titles = match book {
        Some(book) => vec![find(house, center, book).await?.facts],
        None => all(house, center).await?,
    };
    let verified: Vec<Verified> = titles
        .iter()
        .flat_map(|facts| verify(house, facts))
        .collect();
    let healthy = verified.iter().all(|form| form.problem.is_none());
    output.print(&verified, |verified| {
        let rows = verified.iter().map(|form| {
            let state = form.problem.clone().unwrap_or_else(|| "sound".to_owned());
            vec![
                form.book_id.clone(),
                form.title.clone(),
                form.form.to_owned(),
                state,
            ]
        });
        table(&["Book ID", "title", "form", "state"], rows)
    })?;
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNHEALTHY)
    })
}

async fn all(house: &House, center: &CenterId) -> Result<Vec<TitleFacts>> {
    let mut titles = Vec::new();
    let mut after = None;
    loop {
        let filter = TitleFilter::default();
        let page = house
            .store
            .list_titles(center, &filter, after.as_ref(), 500)
            .await?;
        titles.extend(page.titles.into_iter().map(|title| title.facts));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(titles),
        }
    }
}

fn verify(house: &House, facts: &TitleFacts) -> Vec<Verified> {
    let forms = [
        ("clear", &facts.forms.clear),
        ("sealed", &facts.forms.sealed),
        ("licensed", &facts.forms.licensed),
    ];
    let kept = forms
        .iter()
        .filter_map(|(name, form)| Some((*name, form.as_ref()?)));
    kept.map(|(name, form)| Verified {
        book_id: facts.book.id.to_string(),
        title: facts.title.clone(),
        form: name,
        object: form.object.to_string(),
        problem: check(house, facts, name, form)
            .err()
            .map(|error| format!("{error:#}")),
    })
    .collect()
}

fn check(house: &House, facts: &TitleFacts, name: &str, form: &StoredForm) -> Result<()> {
    let stored = house.content.open(&facts.location.root, &form.object)?;
    let mut file = stored.file();
    let (size, sha256) = digest(house.engine.as_ref(), &mut file)?;
    if size != form.size {
        bail!("it has {size} bytes, the catalog says {}", form.size);
    }
    if sha256 != form.sha256 {
        bail!("its bytes are not those the catalog knows");
    }
    if name != "clear" {
        StoredTitle::read(house.engine.as_ref(), file)?;
    }
    Ok(())
}

fn digest(engine: &dyn Engine, file: &mut dyn std::io::Read) -> Result<(u64, [u8; 32])> {
    let mut stream = engine.sha256();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0u64;
    loop {
        let read = file.take(buffer.len() as u64).read(&mut buffer)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else {
            return Ok((size, stream.finish()));
        };
        stream.update(chunk);
        size = size.saturating_add(chunk.len() as u64);
    }
}
