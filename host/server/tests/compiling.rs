//! Compiling in a process of its own: this very program, as a host starts it again.

#![expect(
    clippy::expect_used,
    reason = "what stands around the tests fails them like they fail themselves"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use colophon_forge::skipped;
use colophon_plugin_host::{
    CATALOG_PLUGIN, CompileLimits, CompilerFailed, CompilerProgram, Granted, Limits, LoadRefused,
    Sandbox, Settings, TooMuch,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_colophon");

fn compiler() -> CompilerProgram {
    CompilerProgram::new(PROGRAM, ["compile-plug-in"])
}

fn sandbox(compiler: Option<CompilerProgram>, folder: Option<&Path>) -> Arc<Sandbox> {
    let settings = Settings {
        compiler,
        precompiled: folder.map(Path::to_owned),
        ..Settings::default()
    };
    Sandbox::start(&settings).expect("a sandbox")
}

async fn load(sandbox: &Arc<Sandbox>, wasm: &[u8]) -> Result<(), LoadRefused> {
    let granted = Granted::catalog(Limits::default());
    sandbox.load(wasm, granted).await.map(drop)
}

/// The built-in plug-in with a label: that one itself is not compiled by a process.
fn component() -> Vec<u8> {
    [CATALOG_PLUGIN, &[0, 5, 4, b't', b'e', b's', b't']].concat()
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&leb(bytes.len())[..], bytes].concat()
}

fn section(id: u8, bytes: &[u8]) -> Vec<u8> {
    [&[id][..], &with_length(bytes)].concat()
}

/// A component with a module of functions, each of this many additions.
fn huge(functions: usize, additions: usize) -> Vec<u8> {
    // local.get 0, local.get 1, i32.add, local.set 0
    let addition = [0x20, 0, 0x20, 1, 0x6a, 0x21, 0];
    let mut body = vec![0];
    body.extend(addition.repeat(additions));
    body.extend([0x20, 0, 0x0b]);
    let body = with_length(&body);
    let mut code = leb(functions);
    let mut types = leb(functions);
    for _ in 0..functions {
        code.extend(&body);
    }
    types.extend(std::iter::repeat_n(0, functions));
    let module = [
        &b"\0asm\x01\0\0\0"[..],
        &section(1, &[1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f]),
        &section(3, &types),
        &section(10, &code),
    ]
    .concat();
    [&b"\0asm\x0d\0\x01\0"[..], &section(1, &module)].concat()
}

fn only_file(folder: &Path) -> (String, Vec<u8>) {
    let mut files = fs::read_dir(folder).expect("the folder");
    let file = files.next().expect("a file").expect("an entry");
    assert!(files.next().is_none(), "more than one file");
    let name = file.file_name().to_string_lossy().into_owned();
    (name, fs::read(file.path()).expect("the file"))
}

#[tokio::test]
async fn a_process_compiles_to_the_same_code_as_the_host_itself() {
    let base = tempfile::tempdir().expect("a folder");
    let (here, there) = (base.path().join("here"), base.path().join("there"));
    load(&sandbox(None, Some(&here)), &component())
        .await
        .expect("it loads");
    load(&sandbox(Some(compiler()), Some(&there)), &component())
        .await
        .expect("it loads");
    let ((name, code), (other_name, other_code)) = (only_file(&here), only_file(&there));
    assert_eq!(name, other_name);
    assert!(code == other_code, "the code differs");
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_the_compilers_reason() {
    let (inside, outside) = (sandbox(None, None), sandbox(Some(compiler()), None));
    let whole = component();
    let cut = &whole[..whole.len() / 2];
    let pages = [&b"\0asm\x0d\0\x01\0"[..], &section(1, &cut[..200])].concat();
    for garbage in [&b"rubbish"[..], b"\0asm\x01\0\0\0", cut, &pages] {
        let expected = load(&inside, garbage).await.expect_err("garbage");
        let refused = load(&outside, garbage).await.expect_err("garbage");
        let (LoadRefused::NotAComponent(expected), LoadRefused::NotAComponent(refused)) =
            (expected, refused)
        else {
            panic!("another refusal")
        };
        assert_eq!(format!("{refused:#}"), format!("{expected:#}"));
    }
    // The same process is not needed twice, and the next component is compiled as ever.
    load(&outside, &component()).await.expect("it loads");
}

#[tokio::test]
async fn functions_that_take_long_are_given_up() {
    let limits = CompileLimits {
        cpu_seconds: 1,
        wall: Duration::from_secs(300),
        ..CompileLimits::default()
    };
    let sandbox = sandbox(Some(compiler().within(limits)), None);
    let refused = load(&sandbox, &huge(30, 100_000)).await;
    let refused = refused.expect_err("it takes long");
    assert!(
        matches!(
            refused,
            LoadRefused::TooCostly(TooMuch::Time { seconds: 1 })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_function_that_takes_too_much_memory_is_given_up() {
    let limits = CompileLimits {
        memory_bytes: 300 << 20,
        wall: Duration::from_secs(300),
        ..CompileLimits::default()
    };
    let sandbox = sandbox(Some(compiler().within(limits)), None);
    // A usual component has room under the same limit.
    load(&sandbox, &component()).await.expect("it loads");
    let refused = load(&sandbox, &huge(1, 500_000)).await;
    let refused = refused.expect_err("it takes too much");
    assert!(
        matches!(refused, LoadRefused::TooCostly(TooMuch::Memory { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_host_that_stops_waiting_stops_its_compiler() {
    let limits = CompileLimits {
        wall: Duration::from_millis(50),
        ..CompileLimits::default()
    };
    let sandbox = sandbox(Some(compiler().within(limits)), None);
    let refused = load(&sandbox, &huge(30, 100_000)).await;
    assert!(matches!(
        refused,
        Err(LoadRefused::NotCompiled(CompilerFailed::Starved { .. }))
    ));
}

#[tokio::test]
async fn a_compiler_that_stands_still_is_not_waited_for() {
    let limits = CompileLimits {
        wall: Duration::from_secs(300),
        still: Duration::from_millis(200),
        ..CompileLimits::default()
    };
    // It reads nothing, answers nothing and does nothing.
    let idle = CompilerProgram::new("/bin/sleep", ["600"]).within(limits);
    let refused = load(&sandbox(Some(idle), None), &component()).await;
    assert!(
        matches!(
            refused,
            Err(LoadRefused::NotCompiled(CompilerFailed::StoodStill { .. }))
        ),
        "{refused:?}"
    );
}

/// A line of what the system says of a process that this one has started to compile, if it is there.
fn line_of_compiler(name: &str) -> Option<String> {
    let own = format!("/proc/{}/task", std::process::id());
    let threads = fs::read_dir(own).expect("this process's threads");
    let mut children = threads.flat_map(|thread| {
        let children = thread.map(|thread| fs::read_to_string(thread.path().join("children")));
        let children = children.and_then(|read| read).unwrap_or_default();
        let children = children.split_whitespace().map(str::to_owned);
        children.collect::<Vec<_>>()
    });
    children.find_map(|child| {
        let of = |what: &str| fs::read_to_string(format!("/proc/{child}/{what}")).ok();
        of("cmdline").filter(|line| line.contains("compile-plug-in"))?;
        let status = of("status")?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        Some(line.to_owned())
    })
}

#[tokio::test]
async fn a_compiler_gains_no_rights() {
    // What this process has renounced its children have renounced, whatever they do.
    let own = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !own.lines().any(|line| line == "NoNewPrivs:\t0") {
        return skipped(
            "a_compiler_gains_no_rights",
            "a process that may gain rights by what it starts",
        );
    }
    let sandbox = sandbox(Some(compiler()), None);
    let component = huge(30, 100_000);
    let compiling = load(&sandbox, &component);
    let looking = async {
        while line_of_compiler("NoNewPrivs:").as_deref() != Some("NoNewPrivs:\t1") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        ended = compiling => panic!("it ended: {ended:?}"),
        () = looking => {}
    }
}

#[test]
fn people_do_not_meet_the_command() {
    let alone = Command::new(PROGRAM)
        .arg("compile-plug-in")
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert!(!alone.status.success());
    assert!(alone.stdout.is_empty());
    let order = fs::File::open("/dev/zero").expect("zeroes");
    let misled = Command::new(PROGRAM)
        .arg("compile-plug-in")
        .stdin(order)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&misled.stderr);
    assert!(said.contains("no person calls it"), "{said}");
    let help = Command::new(PROGRAM)
        .arg("--help")
        .output()
        .expect("it runs");
    assert!(!String::from_utf8_lossy(&help.stdout).contains("compile-plug-in"));
}
