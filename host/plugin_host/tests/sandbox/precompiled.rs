//! Compiled plug-ins kept on disk.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use colophon_plugin_host::{
    CATALOG_PLUGIN, FolderRefused, Granted, Limits, Sandbox, Settings, StartFailed,
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
