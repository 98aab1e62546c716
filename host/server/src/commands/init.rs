//! `colophon init`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use colophon_core::time::Clock as _;
use colophon_receipt::{CenterId, RetailerId};
use colophon_store::retailers::NewRetailer;
use serde::Serialize;

use super::retailer::new_secret;
use super::{center_id, title};
use crate::cli::{BookArgs, CenterArg, InitArgs, RoleArg, TitleAddArgs};
use crate::config::Config;
use crate::house::{House, SystemClock, found};
use crate::output::Output;
use crate::sample;

/// What `init` made.
#[derive(Serialize)]
struct Founded {
    data: String,
    center: String,
    roots: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Sample>,
}

/// Rows to try things out with.
#[derive(Serialize)]
struct Sample {
    book_id: &'static str,
    book_id_type: &'static str,
    retailer: &'static str,
    /// The retailer's secret, in a file only its owner can read.
    secret_file: String,
}

const BOOK_ID: &str = "night-compositor";
const BOOK_ID_TYPE: &str = "SAMPLE";
const RETAILER: &str = "sample-shop";

pub(super) async fn run(config: &Config, arguments: &InitArgs, output: Output) -> Result<ExitCode> {
    let center = center_id(&arguments.center)?;
    found(config, &center).await?;
    let sample = if arguments.sample {
        Some(enter_sample(config, &center).await?)
    } else {
        None
    };
    let founded = Founded {
        data: config.data.display().to_string(),
        center: center.to_string(),
        roots: config.data.join("trust/roots.pem").display().to_string(),
        sample,
    };
    output.print(&founded, |founded| {
        let made = format!(
            "Made {} with the center {center}.\n\
             Keep a copy of {} in a safe place: without it nothing here can be decrypted.\n\
             Readers trust signatures under {}.\n",
            founded.data,
            config.keys.master_file.display(),
            founded.roots,
        );
        made + &match &founded.sample {
            None => format!(
                "next, with --data {}: colophon title add FILE --book-id ID, \
                 colophon retailer add ID --name NAME, colophon serve",
                founded.data
            ),
            Some(sample) => format!(
                "The sample title {} is sold by the sample retailer {}.\n\
                 next: colophon --data {} serve, and colophon receipt mint --center {center} \
                 --secret-file {} --book-id {} --book-id-type {} --transaction order-1 --user-name \"Ada Lovelace\"",
                sample.book_id,
                sample.retailer,
                founded.data,
                sample.secret_file,
                sample.book_id,
                sample.book_id_type
            ),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn enter_sample(config: &Config, center: &CenterId) -> Result<Sample> {
    let house = House::open(config).await?;
    let file = config.data.join("night-compositor.epub");
    sample::write(&file)?;
    title::enter(&house, &sample_title(&file, center)).await?;
    let id: RetailerId = RETAILER.parse()?;
    let secret = new_secret(&id, 1, true)?;
    let retailer = NewRetailer {
        center: center.clone(),
        id,
        name: "The Sample Shop".to_owned(),
        description: "Made by init --sample".to_owned(),
        error_urls: Vec::new(),
    };
    house
        .store
        .add_retailer(&retailer, &secret, SystemClock.now())
        .await?;
    house.close().await;
    let secret_file = config.data.join("sample-shop.secret");
    keep_private(&secret_file, &secret.to_text())?;
    Ok(Sample {
        book_id: BOOK_ID,
        book_id_type: BOOK_ID_TYPE,
        retailer: RETAILER,
        secret_file: secret_file.display().to_string(),
    })
}

fn sample_title(file: &Path, center: &CenterId) -> TitleAddArgs {
    TitleAddArgs {
        file: file.to_owned(),
        center: CenterArg {
            center: center.to_string(),
        },
        book: BookArgs {
            book_id: BOOK_ID.to_owned(),
            book_id_type: BOOK_ID_TYPE.to_owned(),
        },
        level: 2,
        licensed: false,
        rights: None,
        delegation: None,
        sign: vec![RoleArg::Tool],
        owner_certificate: None,
        owner_key: None,
        media_type: None,
        title: None,
        authors: Vec::new(),
        copyright: None,
        price: Some("499EUR".to_owned()),
        root: "main".to_owned(),
        attributes: Vec::new(),
    }
}

fn keep_private(file: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let written = opened.and_then(|mut opened| writeln!(opened, "{text}"));
    written.with_context(|| format!("cannot write {}", file.display()))
}
