//! The first built-in network card.

use std::fs;
use std::path::{Path, PathBuf};

use super::text;

/// Its hardware address. Built in is what is a device (bridges, tunnels and the like are not), not
/// on USB, and has the address it was made with; the first is so by its place in the machine, as
/// names change with the system's habits.
pub(super) fn address(root: &Path) -> Option<String> {
    let folder = fs::read_dir(root.join("sys/class/net")).ok()?;
    let mut cards: Vec<(PathBuf, PathBuf)> = folder
        .flatten()
        .filter_map(|entry| place(root, &entry.path()).map(|place| (place, entry.path())))
        .filter(|(_, card)| has_own_address(card))
        .collect();
    cards.sort();
    cards
        .iter()
        .find_map(|(_, card)| text(&card.join("address")))
}

/// Where a card is plugged in, below the root; nothing for what is no card, or can be unplugged.
fn place(root: &Path, card: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(card.join("device")).ok()?;
    let root = fs::canonicalize(root).ok()?;
    let place = device.strip_prefix(root).ok()?.to_path_buf();
    let on_usb = place
        .components()
        .any(|part| part.as_os_str().to_string_lossy().starts_with("usb"));
    (!on_usb).then_some(place)
}

/// Whether the card is of the kind of Ethernet and wireless cards, and its address is neither
/// random nor set by somebody (`NET_ADDR_PERM`).
fn has_own_address(card: &Path) -> bool {
    let says = |file: &str, value: &str| text(&card.join(file)).is_none_or(|text| text == value);
    says("type", "1") && says("addr_assign_type", "0")
}
