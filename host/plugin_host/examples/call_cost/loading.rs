//! How long a compiled component takes to be ready, by its size.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use colophon_plugin_host::{Granted, Limits};
use sha2::{Digest as _, Sha256};

use crate::Rows;
use crate::guest::resolver;
use crate::measured::{Measured, us};
use crate::sale::sandbox;

const FUNCTIONS: usize = 6_000;
const ROUNDS: usize = 30;

/// Loads a large plug-in that was compiled before: read and held against its digest, linked, started,
/// described and tested, as at the start of a host. The peer reads the same bytes and digests them.
pub(crate) async fn measure() -> Result<Rows, Box<dyn Error>> {
    let wasm = large_plugin()?;
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let granted = Granted::catalog(Limits::default());
    sandbox.load(&wasm, granted.clone()).await?;
    let kept = only_file(&folder.path().join("compiled"))?;
    let mib = fs::metadata(&kept)?.len() as f64 / f64::from(1 << 20);
    let (mut loading, mut reading) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        black_box(sandbox.load(&wasm, granted.clone()).await?);
        loading.push(begun.elapsed());
        let begun = Instant::now();
        black_box(Sha256::digest(fs::read(&kept)?));
        reading.push(begun.elapsed());
    }
    let per_mib = |measured: Vec<_>| Measured::of(measured).p50_us() / 1000.0 / mib;
    let begun = Instant::now();
    black_box(Sha256::digest(&wasm));
    Ok(vec![
        ("load_large_mib", mib),
        ("load_large_ms_per_mib", per_mib(loading)),
        ("read_large_ms_per_mib", per_mib(reading)),
        ("digest_component_us", us(begun.elapsed())),
    ])
}

fn only_file(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let first = fs::read_dir(folder)?.next().ok_or("nothing was kept")?;
    Ok(first?.path())
}

/// A resolver with many functions that nobody calls, each a little different.
fn large_plugin() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut body = String::from("(func $resolve (param i32) (result i32) (call $not_mine))\n");
    for number in 0..FUNCTIONS {
        writeln!(
            body,
            "(func (param $a i32) (param $b i32) (result i32)
               (local.set $a (i32.mul (local.get $a) (i32.const {number})))
               (loop $again
                 (i32.store (i32.and (local.get $a) (i32.const 65532))
                   (i32.xor (local.get $b) (i32.const {number})))
                 (br_if $again
                   (local.tee $b (i32.shr_u (local.get $b) (i32.const 1)))))
               (i32.add (i32.load (i32.const {number})) (local.get $a)))"
        )?;
    }
    Ok(resolver(&body))
}
