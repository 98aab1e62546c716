//! Sealing a large file against reading it and computing its SHA-256.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use colophon_core::catalog::{ObjectPath, StoreRoot};
use colophon_crypto::{Engine as _, Key32, Randomness as _};
use colophon_keys::{AwsLc, SystemRandom};
use colophon_origin::DirectoryStore;
use colophon_tests::book::noise;
use colophon_title::source::{Limits, Source};
use colophon_title::{
    ContentKey, Form, MediaType, Metadata, SealTerms, SignerRoles, VersionId, VersionSalt, seal,
};

use crate::figure::{Figure, Target};

const BYTES: usize = 1_000_000_000;

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let source = folder.path().join("large.bin");
    write_source(&source).map_err(|error| error.to_string())?;
    let root = StoreRoot::parse("bench").ok_or("no root")?;
    let store = DirectoryStore::new([(root.clone(), folder.path().to_owned())]);
    let mut sealing = Vec::new();
    let mut hashing = Vec::new();
    for _ in 0..3 {
        hashing.push(rate(|| hash(&source))?);
        sealing.push(rate(|| seal_file(&source, &store, &root))?);
    }
    Ok(vec![Figure {
        name: "sealing a 1 GB file".to_owned(),
        ours: median(sealing),
        peer: Some((
            "reading the same file and its SHA-256".to_owned(),
            median(hashing),
        )),
        unit: "MB/s",
        target: Target::RatioAtLeast(0.5),
    }])
}

fn write_source(path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let block = noise(1_000_000, 11);
    for _ in 0..BYTES / block.len() {
        out.write_all(&block)?;
    }
    out.flush()
}

fn rate(work: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let begun = Instant::now();
    work()?;
    Ok(BYTES as f64 / 1e6 / begun.elapsed().as_secs_f64())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn hash(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut digest = AwsLc.sha256();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(|error| error.to_string())? {
            0 => break,
            read => digest.update(&buffer[..read]),
        }
    }
    std::hint::black_box(digest.finish());
    Ok(())
}

fn seal_file(path: &Path, store: &DirectoryStore, root: &StoreRoot) -> Result<(), String> {
    let object = ObjectPath::parse("sealed").map_err(|error| error.to_string())?;
    let file = File::open(path).map_err(|error| error.to_string())?;
    let media_type =
        MediaType::parse("application/octet-stream").map_err(|error| error.to_string())?;
    let mut source = Source::inspect(file, &media_type, "large.bin", &Limits::default())
        .map_err(|error| error.to_string())?;
    let mut random = SystemRandom;
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let key = ContentKey::new(Key32::new(bytes));
    let metadata = Metadata {
        book_id: "large".to_owned(),
        book_id_type: "PATH".to_owned(),
        title: "Large".to_owned(),
        authors: Vec::new(),
        publisher: None,
        language: None,
        copyright: None,
        media_type,
        cover: None,
        required_signatures: SignerRoles::default(),
    };
    let terms = SealTerms {
        version: VersionId::generate(&mut random),
        salt: VersionSalt::generate(&mut random),
        key: &key,
        form: Form::Sealed,
        metadata: &metadata,
        signers: &[],
        issued_at_unix_s: 1_800_000_000,
    };
    // As ingest does, but not published: the peer waits for no disk either.
    let mut staged = store
        .create(root, &object)
        .map_err(|error| error.to_string())?;
    seal(
        &AwsLc,
        &mut random,
        &mut source,
        &terms,
        &mut staged,
        &mut |_| {},
    )
    .map_err(|error| error.to_string())?;
    staged.flush().map_err(|error| error.to_string())
}
