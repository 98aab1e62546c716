//! Compilers that are no good, and what is said of the component then.

use std::time::{Duration, Instant};

use colophon_plugin_host::{
    CATALOG_PLUGIN, CompileLimits, CompilerFailed, CompilerProgram, Granted, Limits, LoadRefused,
    Sandbox, Settings, TooMuch,
};

use sha2::{Digest as _, Sha256};

use crate::guest::resolver_that_first;

/// What comes of a plug-in where this is what compiles it.
async fn refused(compiler: CompilerProgram) -> LoadRefused {
    let settings = Settings {
        compiler: Some(compiler),
        ..Settings::default()
    };
    let sandbox = Sandbox::start(&settings).expect("a sandbox");
    let granted = || Granted::catalog(Limits::default());
    // The built-in plug-in is there whatever becomes of others.
    let built_in = sandbox.load(CATALOG_PLUGIN, granted()).await;
    assert!(built_in.is_ok());
    match sandbox.load(&resolver_that_first(""), granted()).await {
        Ok(_) => panic!("it was loaded"),
        Err(refused) => refused,
    }
}

fn script(text: &str) -> CompilerProgram {
    CompilerProgram::new("/bin/sh", ["-c", text])
}

#[tokio::test]
async fn a_compiler_that_answers_nothing_or_nonsense_says_nothing_of_the_component() {
    let missing = refused(CompilerProgram::new("/nonexistent/colophon", ["compile"])).await;
    assert!(matches!(
        missing,
        LoadRefused::NotCompiled(CompilerFailed::NotStarted { .. })
    ));
    for text in ["cat", "cat >/dev/null", "exit 0"] {
        let damaged = refused(script(text)).await;
        assert!(
            matches!(damaged, LoadRefused::NotCompiled(CompilerFailed::Damaged)),
            "{text}: {damaged:?}"
        );
    }
    // Somebody else has killed it, as a system does that is short of memory.
    for text in ["exit 1", "kill -KILL $$", "kill -TERM $$"] {
        let ended = refused(script(text)).await;
        assert!(
            matches!(
                ended,
                LoadRefused::NotCompiled(CompilerFailed::Ended { .. })
            ),
            "{text}: {ended:?}"
        );
    }
}

#[tokio::test]
async fn a_compiler_stopped_by_its_limits_tells_that_the_component_takes_too_much() {
    let time = refused(script("kill -XCPU $$")).await;
    assert!(matches!(
        time,
        LoadRefused::TooCostly(TooMuch::Time { seconds: 60 })
    ));
    let memory = refused(script("kill -ABRT $$")).await;
    assert!(matches!(
        memory,
        LoadRefused::TooCostly(TooMuch::Memory { .. })
    ));
    assert_eq!(
        memory.to_string(),
        "compiling the plug-in takes more than 2048 MiB of memory"
    );
}

/// A compiler that answers so, with nothing in its answer.
fn answering(kind: u8) -> CompilerProgram {
    let digest: String = Sha256::digest(b"")
        .iter()
        .map(|byte| format!("\\{byte:03o}"))
        .collect();
    let zeros = "\\000".repeat(16);
    script(&format!(
        "cat >/dev/null; printf 'cmp-ans1\\{kind:03o}{zeros}{digest}'"
    ))
}

#[tokio::test]
async fn a_compiler_that_breaks_down_over_a_component_tells_that_it_is_no_good() {
    let broken = refused(answering(3)).await;
    assert!(matches!(broken, LoadRefused::BreaksCompiler), "{broken:?}");
    let unknown = refused(answering(4)).await;
    assert!(
        matches!(unknown, LoadRefused::NotCompiled(CompilerFailed::Damaged)),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_compiler_that_announces_more_than_is_taken_is_not_listened_to() {
    let length = "\\377".repeat(8);
    let endless = format!("printf 'cmp-ans1\\000'; printf '{length}{length}'; cat /dev/zero");
    let refused = refused(script(&endless)).await;
    assert!(
        matches!(refused, LoadRefused::NotCompiled(CompilerFailed::Damaged)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_compiler_that_does_not_end_is_killed() {
    let wall = Duration::from_millis(200);
    let limits = CompileLimits {
        wall,
        ..CompileLimits::default()
    };
    let begun = Instant::now();
    let starved = refused(script("exec sleep 60").within(limits)).await;
    assert!(begun.elapsed() < Duration::from_secs(50));
    // Had it been at work, its limit of processor time would have ended it.
    assert!(matches!(
        starved,
        LoadRefused::NotCompiled(CompilerFailed::Starved { after }) if after == wall
    ));
}

#[tokio::test(start_paused = true)]
async fn a_busy_machine_is_no_reason_to_give_up() {
    let begun = tokio::time::Instant::now();
    // It stands for a compiler that others leave nothing of the processor: minutes pass here before it
    // has had any, and it waits for nothing else.
    let usual = CompileLimits::default();
    // That it stands still is told by looking at it, for which no time passes here.
    let limits = CompileLimits {
        still: 2 * usual.wall,
        ..usual
    };
    let starved = refused(script("while :; do :; done").within(limits)).await;
    let by_itself = usual.cpu_seconds;
    assert!(begun.elapsed() >= Duration::from_secs(10 * by_itself));
    assert!(matches!(
        starved,
        LoadRefused::NotCompiled(CompilerFailed::Starved { .. })
    ));
}

#[tokio::test]
async fn a_compiler_is_given_nothing_of_the_hosts_surroundings() {
    let text =
        "[ \"$(pwd)\" = / ] && [ -z \"$HOME$CARGO_MANIFEST_DIR$RUST_LOG\" ] && kill -XCPU $$";
    let found = refused(script(text)).await;
    assert!(matches!(found, LoadRefused::TooCostly(_)), "{found:?}");
}
