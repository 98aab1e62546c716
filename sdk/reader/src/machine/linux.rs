//! The facts of a Linux system, from the files in which the kernel and the system state them.
//!
//! Everything is read below a root, so that a made-up tree is as good as a machine. What cannot
//! be read is not known, and no reason to fail: some facts are for the superuser alone.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use colophon_activation::FactKind;

mod disk;
mod network_card;

/// More than any of the files read has that matters.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What the system below `root` states, at most one value for each kind.
pub(super) fn facts(root: &Path) -> Vec<(FactKind, String)> {
    let values = [
        (FactKind::Board, board(root)),
        (FactKind::System, system(root)),
        (FactKind::Disk, disk::id(root)),
        (FactKind::NetworkCard, network_card::address(root)),
        (FactKind::HostName, host_name(root)),
        (FactKind::Processor, processor(root)),
    ];
    let stated = values.into_iter();
    stated
        .filter_map(|(kind, value)| value.map(|value| (kind, value)))
        .collect()
}

fn board(root: &Path) -> Option<String> {
    first(
        root,
        &[
            "sys/class/dmi/id/product_uuid",
            "sys/firmware/devicetree/base/serial-number",
            "proc/device-tree/serial-number",
        ],
    )
}

fn system(root: &Path) -> Option<String> {
    first(root, &["etc/machine-id", "var/lib/dbus/machine-id"])
}

fn host_name(root: &Path) -> Option<String> {
    first(root, &["proc/sys/kernel/hostname", "etc/hostname"])
}

/// The model's name where the kernel knows one; on ARM it states numbers instead.
fn processor(root: &Path) -> Option<String> {
    let text = text(&root.join("proc/cpuinfo"))?;
    let field = |name: &str| {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        let mut values = fields.filter(|(key, _)| key.trim() == name);
        values.next().map(|(_, value)| value.trim().to_owned())
    };
    let numbers = || {
        Some(format!(
            "{} {}",
            field("CPU implementer")?,
            field("CPU part")?
        ))
    };
    field("model name")
        .or_else(|| field("cpu model"))
        .or_else(numbers)
}

/// The first of these files that says something.
fn first(root: &Path, files: &[&str]) -> Option<String> {
    files.iter().find_map(|file| text(&root.join(file)))
}

/// The beginning of a file as text without the white space and zero bytes around it; nothing if
/// nothing is left, or the file cannot be read.
fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_matches(|character: char| character.is_whitespace() || character == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
