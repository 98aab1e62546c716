//! Made-up machines.

use std::fs;
use std::os::unix::fs::symlink;

use colophon_activation::{FactSalt, InvalidFacts};
use colophon_crypto::Portable;
use tempfile::TempDir;

use super::*;
use crate::Machine;

const SALT: FactSalt = FactSalt::from_bytes([7; 16]);

/// A tree of files to read facts from.
struct Tree(TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Tree {
        let tree = Tree(TempDir::new().unwrap());
        files.iter().for_each(|(path, text)| tree.write(path, text));
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A symbolic link to another place of the tree.
    fn link(&self, path: &str, to: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.0.path().join(to), path).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.0.path().join(path)).unwrap();
    }

    #[track_caller]
    fn check(&self, kind: FactKind, expected: Option<&str>) {
        let facts = facts(self.0.path());
        let found = facts.iter().find(|(found, _)| *found == kind);
        assert_eq!(found.map(|(_, value)| value.as_str()), expected);
    }
}

const VDA: &str = "sys/devices/pci0000:00/0000:00:05.0/virtio2/block/vda";
const ROOT_ON_VDA1: &str = "21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n";

/// A virtual machine as QEMU makes them.
fn virtual_machine() -> Tree {
    let tree = Tree::new(&[
        (
            "sys/class/dmi/id/product_uuid",
            "5c9a8b2e-0001-4c4c-8051-b8c04f4e3132\n",
        ),
        ("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n"),
        ("proc/sys/kernel/hostname", "desk\n"),
        (
            "proc/cpuinfo",
            "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n\nprocessor\t: 1\nmodel name\t: Other\n",
        ),
        ("proc/self/mountinfo", ROOT_ON_VDA1),
        (&format!("{VDA}/serial"), "QM0001\n"),
        (&format!("{VDA}/dev"), "254:0\n"),
        (&format!("{VDA}/vda1/partition"), "1\n"),
    ]);
    tree.link("sys/dev/block/254:1", &format!("{VDA}/vda1"));
    tree.link("sys/class/block/vda", VDA);
    card(
        &tree,
        "eth0",
        "pci0000:00/0000:00:03.0/virtio0",
        "52:54:00:a1:b2:c3",
    );
    tree
}

fn card(tree: &Tree, name: &str, place: &str, address: &str) {
    let folder = format!("sys/devices/{place}/net/{name}");
    tree.write(&format!("{folder}/address"), &format!("{address}\n"));
    tree.write(&format!("{folder}/type"), "1\n");
    tree.write(&format!("{folder}/addr_assign_type"), "0\n");
    tree.link(&format!("{folder}/device"), &format!("sys/devices/{place}"));
    tree.link(&format!("sys/class/net/{name}"), &folder);
}

#[test]
fn a_virtual_machine_states_everything() {
    let tree = virtual_machine();
    tree.check(
        FactKind::Board,
        Some("5c9a8b2e-0001-4c4c-8051-b8c04f4e3132"),
    );
    tree.check(FactKind::System, Some("3d1219c7c4c5404aaa1f6d2a48adfda4"));
    tree.check(FactKind::Disk, Some("QM0001"));
    tree.check(FactKind::NetworkCard, Some("52:54:00:a1:b2:c3"));
    tree.check(FactKind::HostName, Some("desk"));
    tree.check(FactKind::Processor, Some("Some CPU @ 3 GHz"));
}

#[test]
fn an_empty_system_states_nothing_and_says_so() {
    let tree = Tree::new(&[]);
    let machine = Machine::linux_under(tree.0.path());
    assert_eq!(machine.kinds().count(), 0);
    assert_eq!(
        machine.facts(&Portable, &SALT),
        Err(InvalidFacts::TooFew { known: 0 })
    );
}

#[test]
fn what_firmware_leaves_open_counts_for_nothing() {
    let tree = Tree::new(&[
        ("sys/class/dmi/id/product_uuid", "Not Specified\n"),
        ("etc/machine-id", "uninitialized\n"),
        ("proc/sys/kernel/hostname", "localhost\n"),
        ("proc/cpuinfo", "model name : Some CPU\n"),
    ]);
    let facts = Machine::linux_under(tree.0.path()).facts(&Portable, &SALT);
    assert_eq!(facts, Err(InvalidFacts::TooFew { known: 1 }));
}

#[test]
fn one_change_is_the_same_machine_and_two_are_another() {
    let tree = virtual_machine();
    let facts = || {
        Machine::linux_under(tree.0.path())
            .facts(&Portable, &SALT)
            .unwrap()
    };
    let before = facts();
    tree.write("proc/sys/kernel/hostname", "attic\n");
    assert!(before.is_same_machine(&facts()));
    // What only the superuser may read is unknown to others.
    tree.write("proc/sys/kernel/hostname", "desk\n");
    tree.remove("sys/class/dmi/id/product_uuid");
    assert!(before.is_same_machine(&facts()));
    tree.write(&format!("{VDA}/serial"), "QM0002\n");
    assert!(!before.is_same_machine(&facts()));
}

#[test]
fn a_small_computer_states_its_serial_number_and_numbers_of_its_processor() {
    let tree = Tree::new(&[
        ("proc/device-tree/serial-number", "10000000a1b2c3d4\0"),
        (
            "proc/cpuinfo",
            "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd08\n",
        ),
    ]);
    tree.check(FactKind::Board, Some("10000000a1b2c3d4"));
    tree.check(FactKind::Processor, Some("0x41 0xd08"));
}

#[test]
fn the_disk_is_found_below_encryption_and_volumes() {
    let nvme = "sys/devices/pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1";
    let tree = Tree::new(&[
        (
            "proc/self/mountinfo",
            "21 1 253:1 / / rw - ext4 /dev/mapper/vg-root rw\n",
        ),
        ("sys/devices/virtual/block/dm-1/dev", "253:1\n"),
        (&format!("{nvme}/device/serial"), "S4EVNX0M\n"),
        (&format!("{nvme}/nvme0n1p3/partition"), "3\n"),
    ]);
    tree.link("sys/dev/block/253:1", "sys/devices/virtual/block/dm-1");
    tree.link(
        "sys/devices/virtual/block/dm-1/slaves/dm-0",
        "sys/devices/virtual/block/dm-0",
    );
    tree.link(
        "sys/devices/virtual/block/dm-0/slaves/nvme0n1p3",
        &format!("{nvme}/nvme0n1p3"),
    );
    tree.link("sys/class/block/dm-0", "sys/devices/virtual/block/dm-0");
    tree.link("sys/class/block/nvme0n1p3", &format!("{nvme}/nvme0n1p3"));
    tree.check(FactKind::Disk, Some("S4EVNX0M"));
}

#[test]
fn a_circle_of_devices_ends() {
    let tree = Tree::new(&[(
        "proc/self/mountinfo",
        "21 1 253:0 / / rw - ext4 /dev/dm-0 rw\n",
    )]);
    tree.link("sys/dev/block/253:0", "sys/devices/virtual/block/dm-0");
    tree.link(
        "sys/devices/virtual/block/dm-0/slaves/dm-0",
        "sys/devices/virtual/block/dm-0",
    );
    tree.link("sys/class/block/dm-0", "sys/devices/virtual/block/dm-0");
    tree.check(FactKind::Disk, None);
}

#[test]
fn a_file_system_over_several_devices_names_one() {
    let tree = Tree::new(&[
        (
            "proc/self/mountinfo",
            "21 1 0:25 /@ / rw - btrfs /dev/sda2 rw,subvol=/@\n",
        ),
        ("sys/devices/ata1/block/sda/dev", "8:0\n"),
        ("sys/devices/ata1/block/sda/sda2/partition", "2\n"),
        (
            "run/udev/data/b8:0",
            "S:disk/by-id/ata-X\nE:ID_SERIAL=X_S1\nE:ID_SERIAL_SHORT=S1\n",
        ),
    ]);
    tree.link("sys/class/block/sda2", "sys/devices/ata1/block/sda/sda2");
    tree.check(FactKind::Disk, Some("S1"));
    tree.write(
        "sys/devices/ata1/block/sda/device/vpd_pg80",
        "\0\u{1}\0\u{8}  WD-0815",
    );
    tree.check(FactKind::Disk, Some("WD-0815"));
}

#[test]
fn a_container_has_no_disk() {
    let tree = Tree::new(&[(
        "proc/self/mountinfo",
        "21 1 0:50 / / rw - overlay overlay rw\n",
    )]);
    tree.check(FactKind::Disk, None);
}

#[test]
fn a_later_mount_hides_an_earlier_one() {
    let tree = virtual_machine();
    let other = "sys/devices/other/block/vdb";
    tree.write(&format!("{other}/serial"), "QM0009");
    tree.link("sys/dev/block/254:16", other);
    let later = "22 21 254:16 / / rw - ext4 /dev/vdb rw\n";
    tree.write("proc/self/mountinfo", &format!("{ROOT_ON_VDA1}{later}"));
    tree.check(FactKind::Disk, Some("QM0009"));
}

#[test]
fn the_first_card_is_so_by_its_place() {
    let tree = virtual_machine();
    card(
        &tree,
        "aaa0",
        "pci0000:00/0000:00:09.0",
        "52:54:00:00:00:09",
    );
    tree.check(FactKind::NetworkCard, Some("52:54:00:a1:b2:c3"));
    card(
        &tree,
        "zzz0",
        "pci0000:00/0000:00:01.0",
        "52:54:00:00:00:01",
    );
    tree.check(FactKind::NetworkCard, Some("52:54:00:00:00:01"));
}

#[test]
fn what_is_plugged_in_made_up_or_no_device_is_no_card() {
    let tree = virtual_machine();
    card(
        &tree,
        "usb0",
        "pci0000:00/0000:00:01.0/usb1/1-4/1-4:1.0",
        "aa:bb:cc:00:00:01",
    );
    card(
        &tree,
        "wlan0",
        "pci0000:00/0000:00:02.0",
        "aa:bb:cc:00:00:02",
    );
    let random = "sys/devices/pci0000:00/0000:00:02.0/net/wlan0/addr_assign_type";
    tree.write(random, "3\n");
    tree.write("sys/class/net/docker0/address", "02:42:00:00:00:01\n");
    tree.write("sys/class/net/lo/address", "00:00:00:00:00:00\n");
    tree.check(FactKind::NetworkCard, Some("52:54:00:a1:b2:c3"));
}

#[test]
fn values_are_not_printed() {
    let printed = format!("{:?}", Machine::linux_under(virtual_machine().0.path()));
    assert!(
        printed.contains("Board") && !printed.contains("5c9a8b2e"),
        "{printed}"
    );
}
