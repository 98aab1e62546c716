//! Compiled plug-ins kept on disk.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use colophon_core::time::Timestamp;
use colophon_plugin_host::{
    CATALOG_PLUGIN, CompilerProgram, FolderRefused, Granted, Limits, Sandbox, Settings, StartFailed,
};

fn settings(folder: &Path) -> Settings {
    Settings {
        precompiled: Some(folder.to_owned()),
        ..Settings::default()
    }
}

async fn load(folder: &Path) {
    let sandbox = Sandbox::start(&settings(folder)).expect("a sandbox");
    sandbox
        .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
        .await
        .expect("it loads");
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).expect("the folder");
    let file = files.next().expect("a file").expect("an entry").path();
    assert!(files.next().is_none(), "more than one file");
    file
}

#[tokio::test]
async fn compiled_code_is_kept_closed_and_used_again() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join("compiled");
    load(&folder).await;
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&folder), 0o700);
    let kept = only_file(&folder);
    assert_eq!(mode(&kept), 0o600);
    let written = fs::metadata(&kept)
        .expect("it is there")
        .modified()
        .expect("a time");
    load(&folder).await;
    let still = fs::metadata(only_file(&folder))
        .expect("it is there")
        .modified();
    assert_eq!(still.expect("a time"), written);
}

#[tokio::test]
async fn forged_compiled_code_is_replaced_and_not_run() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join("compiled");
    load(&folder).await;
    let kept = only_file(&folder);
    let genuine = fs::read(&kept).expect("the file");
    let middle = genuine.len() / 2;
    let mut flipped = genuine.clone();
    flipped[middle] ^= 1;
    for forged in [&flipped[..], &genuine[..middle], b"", b"\x7fELF and so on"] {
        fs::write(&kept, forged).expect("written");
        load(&folder).await;
        let now = fs::read(only_file(&folder)).expect("the file");
        assert!(now != forged, "the forgery was kept");
    }
}

#[tokio::test]
async fn code_of_another_closed_folder_is_taken_over() {
    let base = tempfile::tempdir().expect("a folder");
    let (own, also) = (base.path().join("own"), base.path().join("also"));
    let both = || Settings {
        also_precompiled: Some(also.clone()),
        ..settings(&own)
    };
    let component = [CATALOG_PLUGIN, &[0, 5, 4, b't', b'e', b's', b't']].concat();
    let load = async |settings: Settings| {
        // What cannot compile has to take what is there.
        let compiler = CompilerProgram::new("/nonexistent", [""; 0]);
        let settings = Settings {
            compiler: Some(compiler),
            ..settings
        };
        let sandbox = Sandbox::start(&settings).expect("a sandbox");
        let granted = Granted::catalog(Limits::default());
        sandbox.load(&component, granted).await.map(drop)
    };
    assert!(load(both()).await.is_err(), "nothing is there yet");
    assert!(!also.exists(), "it was made");
    let elsewhere = Sandbox::start(&settings(&also)).expect("a sandbox");
    let granted = Granted::catalog(Limits::default());
    elsewhere.load(&component, granted).await.expect("it loads");
    let kept = only_file(&also);
    let genuine = fs::read(&kept).expect("the file");
    let set_mode = |mode| fs::set_permissions(&also, fs::Permissions::from_mode(mode));
    set_mode(0o755).expect("its mode");
    assert!(load(both()).await.is_err(), "others may write there");
    set_mode(0o700).expect("its mode");
    let set_file = |mode| fs::set_permissions(&kept, fs::Permissions::from_mode(mode));
    set_file(0o666).expect("its mode");
    assert!(load(both()).await.is_err(), "others may have written it");
    set_file(0o600).expect("its mode");
    let aside = base.path().join("aside");
    fs::rename(&kept, &aside).expect("moved");
    std::os::unix::fs::symlink(&aside, &kept).expect("a link");
    assert!(load(both()).await.is_err(), "it is taken from elsewhere");
    fs::rename(&aside, &kept).expect("moved back");
    fs::write(&kept, &genuine[..genuine.len() - 1]).expect("written");
    assert!(load(both()).await.is_err(), "it is damaged");
    fs::write(&kept, &genuine).expect("written");
    load(both()).await.expect("it is taken over");
    assert_eq!(fs::read(only_file(&own)).expect("the file"), genuine);
    load(settings(&own)).await.expect("it is its own now");
}

#[tokio::test]
async fn code_that_nobody_names_goes_after_a_while() {
    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join("compiled");
    let sandbox = Sandbox::start(&settings(&folder)).expect("a sandbox");
    let granted = Granted::catalog(Limits::default());
    sandbox
        .load(CATALOG_PLUGIN, granted)
        .await
        .expect("it loads");
    let built_in = only_file(&folder);
    let engine = built_in.file_stem().and_then(|stem| stem.to_str());
    let (_, engine) = engine
        .and_then(|stem| stem.split_once('-'))
        .expect("a name");
    let now = 1000 * DAY;
    let file = |name: &str, age: u64| {
        let place = folder.join(name);
        let file = fs::File::options().create(true).append(true).open(&place);
        let written = UNIX_EPOCH + Duration::from_secs(now - age);
        let file = file.expect("a file");
        file.set_modified(written).expect("a time");
        place
    };
    let code =
        |byte: u8, engine: &str| format!("{}-{engine}.cwasm", format!("{byte:02x}").repeat(32));
    let other_engine = "0123456789abcdef";
    let name = built_in.file_name().and_then(|name| name.to_str());
    let stay = [
        file(name.expect("a name"), 100 * DAY),
        file(&code(1, engine), 100 * DAY),
        file(&code(1, other_engine), 29 * DAY),
        // It may be on its way into the database.
        file(&code(2, engine), 23 * HOUR),
        file(&code(3, other_engine), 23 * HOUR),
        // What is not ours.
        file("notes.cwasm", 100 * DAY),
        file(&format!("{}.old", code(2, engine)), 100 * DAY),
    ];
    let go = [
        file(&code(4, engine), DAY),
        file(&code(5, other_engine), DAY),
        file(&code(1, "fedcba9876543210"), 30 * DAY),
        file(&code(1, engine).replace("cwasm", "4711"), DAY),
        file("probe-4711", DAY),
    ];
    let now = Timestamp::from_unix_ms((now * 1000) as i64);
    let named = HashSet::from([[1; 32]]);
    assert_eq!(sandbox.forget_code_but(named.clone(), now).await, go.len());
    for place in &stay {
        assert!(place.exists(), "{} is gone", place.display());
    }
    for place in &go {
        assert!(!place.exists(), "{} is there", place.display());
    }
    assert_eq!(sandbox.forget_code_but(named, now).await, 0);
    // What is loaded is none of the folder's business.
    let granted = Granted::catalog(Limits::default());
    sandbox
        .load(CATALOG_PLUGIN, granted)
        .await
        .expect("it loads");
}

#[tokio::test]
async fn a_folder_that_nobody_sweeps_keeps_what_was_written_last() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join("compiled");
    load(&folder).await;
    let built_in = only_file(&folder);
    let bytes = fs::metadata(&built_in).expect("a file").len();
    fs::remove_file(&built_in).expect("removed");
    let file = |name: String, written: u64| {
        let place = folder.join(name);
        let file = fs::File::create(&place).expect("a file");
        file.set_len(100).expect("a length");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(written))
            .expect("a time");
        place
    };
    let code = |byte: &str| format!("{}-0123456789abcdef.cwasm", byte.repeat(32));
    let gone = [
        file(code("02"), 1),
        file(code("01").replace("cwasm", "4711"), 2),
    ];
    let stay = [
        file(code("01"), 3),
        file(code("03"), 4),
        // What is not ours.
        file("notes.cwasm".to_owned(), 0),
    ];
    let settings = |bytes_max: u64| Settings {
        precompiled_bytes_max: Some(bytes_max),
        ..settings(&folder)
    };
    let compiled = async |bytes_max: u64| {
        let sandbox = Sandbox::start(&settings(bytes_max)).expect("a sandbox");
        let granted = Granted::catalog(Limits::default());
        sandbox
            .load(CATALOG_PLUGIN, granted)
            .await
            .expect("it loads");
    };
    compiled(bytes + 200).await;
    assert!(gone.iter().all(|place| !place.exists()));
    assert!(stay.iter().all(|place| place.exists()) && built_in.exists());
    // What is just compiled stays, however much it is.
    fs::remove_file(&built_in).expect("removed");
    compiled(1).await;
    let [one, other, notes] = stay;
    assert!(!one.exists() && !other.exists());
    assert!(notes.exists() && built_in.exists());
}

#[tokio::test]
async fn folder_that_others_may_enter() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join("open");
    fs::create_dir(&folder).expect("made");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("opened");
    let refused = Sandbox::start(&settings(&folder)).err();
    assert!(matches!(
        refused,
        Some(StartFailed::Folder(FolderRefused::Open { .. }))
    ));
}

#[tokio::test]
async fn folder_that_is_a_link_or_a_file() {
    let base = tempfile::tempdir().expect("a folder");
    let elsewhere = base.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    let link = base.path().join("link");
    symlink(&elsewhere, &link).expect("linked");
    let refused = Sandbox::start(&settings(&link)).err();
    assert!(matches!(
        refused,
        Some(StartFailed::Folder(FolderRefused::NoFolder { .. }))
    ));
    let file = base.path().join("file");
    fs::write(&file, b"").expect("written");
    let refused = Sandbox::start(&settings(&file)).err();
    assert!(matches!(
        refused,
        Some(StartFailed::Folder(FolderRefused::Unwritable { .. }))
    ));
}
