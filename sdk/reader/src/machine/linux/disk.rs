//! The disk the system starts from.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::text;

/// More layers (partition, encryption, volume group, array …) than a root disk has.
const LAYERS_MAX: usize = 8;

/// The serial number or id of the disk below the root file system.
pub(super) fn id(root: &Path) -> Option<String> {
    let disk = whole_disk(root, root_device(root)?)?;
    let sysfs = ["serial", "device/serial", "wwid", "device/wwid"];
    sysfs
        .iter()
        .find_map(|file| text(&disk.join(file)))
        .or_else(|| unit_serial_number(&disk))
        .or_else(|| known_to_udev(root, &disk))
}

/// The folder of the device the root file system lies on, from the kernel's table of mounts.
fn root_device(root: &Path) -> Option<PathBuf> {
    let mounts = text(&root.join("proc/self/mountinfo"))?;
    // Fields: id, parent, major:minor, root, mount point, options, …, "-", type, source, …
    // A later mount hides an earlier one.
    let line = mounts
        .lines()
        .rfind(|line| line.split(' ').nth(4) == Some("/"))?;
    let numbers = line.split(' ').nth(2)?;
    let by_numbers = root.join("sys/dev/block").join(numbers);
    let source = line.split_once(" - ")?.1.split(' ').nth(1)?;
    // File systems over several devices have numbers of their own, and name one device.
    let by_name = source
        .strip_prefix("/dev/")
        .map(|name| root.join("sys/class/block").join(name));
    [Some(by_numbers), by_name]
        .into_iter()
        .flatten()
        .find_map(|path| fs::canonicalize(path).ok())
}

/// The disk that a device is, is a part of, or is made of; the first by name of several.
fn whole_disk(root: &Path, mut device: PathBuf) -> Option<PathBuf> {
    for _ in 0..LAYERS_MAX {
        let part_of = device
            .parent()
            .filter(|_| device.join("partition").is_file());
        let made_of = names(&device.join("slaves")).into_iter().next();
        device = match (part_of, made_of) {
            (Some(disk), _) => disk.to_path_buf(),
            (None, Some(name)) => fs::canonicalize(root.join("sys/class/block").join(name)).ok()?,
            (None, None) => return Some(device),
        };
    }
    None
}

/// The page of vital product data in which SCSI and SATA disks have their serial number: four
/// bytes of header, then text.
fn unit_serial_number(disk: &Path) -> Option<String> {
    let page = fs::read(disk.join("device/vpd_pg80")).ok()?;
    let number = String::from_utf8_lossy(page.get(4..)?).trim().to_owned();
    (!number.is_empty()).then_some(number)
}

/// What the device manager has found out, for disks of which the kernel states nothing.
fn known_to_udev(root: &Path, disk: &Path) -> Option<String> {
    let numbers = text(&disk.join("dev"))?;
    let properties = text(&root.join(format!("run/udev/data/b{numbers}")))?;
    ["E:ID_SERIAL_SHORT=", "E:ID_SERIAL=", "E:ID_WWN="]
        .iter()
        .find_map(|name| properties.lines().find_map(|line| line.strip_prefix(name)))
        .map(str::to_owned)
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    names
}
