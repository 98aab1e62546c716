//! How much memory is free: the smaller of what the machine has and what the control groups around
//! this process leave.
//!
//! *Machine*: `MemAvailable` of `/proc/meminfo`, the kernel's own estimate of what can be had
//! without swapping. *Control groups*: for each group from the process's own up to the root, its
//! limit less what is in use, where inactive file pages do not count as used, for the kernel gives
//! them up before it refuses memory. Version 2 (`memory.max`, `memory.current`) and version 1
//! (`memory.limit_in_bytes`, `memory.usage_in_bytes`) are both read; a group without a limit, or one
//! that cannot be seen from inside a container, limits nothing.
//!
//! The figure is taken once, at start: a cache that followed it would shrink because it had grown.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The share of free memory that the cache takes where the configuration does not say, in percent.
pub const SHARE_PERCENT: u64 = 80;

/// Bytes of memory that this process could still take.
///
/// # Errors
///
/// If `/proc/meminfo` cannot be read or has no `MemAvailable` (kernels before 3.14).
pub fn free_bytes() -> io::Result<u64> {
    free_bytes_by(&Accounts {
        proc: "/proc".into(),
        groups: "/sys/fs/cgroup".into(),
    })
}

/// [`SHARE_PERCENT`] of `free_bytes`.
pub fn default_cache_bytes(free_bytes: u64) -> u64 {
    free_bytes / 100 * SHARE_PERCENT
}

/// Where the kernel keeps its accounts.
struct Accounts {
    proc: PathBuf,
    groups: PathBuf,
}

fn free_bytes_by(accounts: &Accounts) -> io::Result<u64> {
    let machine = fs::read_to_string(accounts.proc.join("meminfo"))?;
    let machine = field(&machine, "MemAvailable:")
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "MemAvailable is missing"))?;
    let machine = machine.saturating_mul(1024);
    let groups = fs::read_to_string(accounts.proc.join("self/cgroup")).unwrap_or_default();
    let left = groups
        .lines()
        .filter_map(|line| left_in_hierarchy(&accounts.groups, line))
        .min();
    Ok(left.map_or(machine, |left| left.min(machine)))
}

/// What a line of `/proc/self/cgroup` (`number:controllers:path`) leaves to this process.
fn left_in_hierarchy(mount: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    if number == "0" && controllers.is_empty() {
        return least_left(mount, path, &VERSION_2);
    }
    let memory = controllers
        .split(',')
        .any(|controller| controller == "memory");
    if memory {
        least_left(&mount.join("memory"), path, &VERSION_1)
    } else {
        None
    }
}

struct Version {
    limit: &'static str,
    used: &'static str,
    reclaimable: &'static str,
}

const VERSION_1: Version = Version {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};
const VERSION_2: Version = Version {
    limit: "memory.max",
    used: "memory.current",
    reclaimable: "inactive_file",
};

fn least_left(mount: &Path, path: &str, version: &Version) -> Option<u64> {
    let own = Path::new(path.trim_start_matches('/'));
    own.ancestors()
        .filter_map(|group| left(&mount.join(group), version))
        .min()
}

fn left(group: &Path, version: &Version) -> Option<u64> {
    let number = |file: &str| {
        fs::read_to_string(group.join(file))
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    // "max", where there is no limit, is no number.
    let limit = number(version.limit)?;
    let used = number(version.used)?;
    let statistics = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let reclaimable = field(&statistics, version.reclaimable).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(reclaimable)))
}

/// The number after a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some(name)).then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "MemTotal:  9000 kB\nMemAvailable:   8000 kB\nMemFree: 1 kB\n";

    fn check(files: &[(&str, &str)], expected: u64) {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let accounts = Accounts {
            proc: root.path().join("proc"),
            groups: root.path().join("cg"),
        };
        assert_eq!(free_bytes_by(&accounts).unwrap(), expected);
    }

    #[test]
    fn without_groups_the_machine_decides() {
        check(&[("proc/meminfo", MACHINE)], 8_192_000);
        check(
            &[("proc/meminfo", MACHINE), ("proc/self/cgroup", "0::/\n")],
            8_192_000,
        );
    }

    #[test]
    fn the_tightest_group_on_the_way_up_decides() {
        check(
            &[
                ("proc/meminfo", MACHINE),
                ("proc/self/cgroup", "0::/system.slice/colophon.service\n"),
                ("cg/system.slice/colophon.service/memory.max", "max\n"),
                ("cg/system.slice/colophon.service/memory.current", "1000\n"),
                ("cg/system.slice/memory.max", "5000000\n"),
                ("cg/system.slice/memory.current", "3000000\n"),
                (
                    "cg/system.slice/memory.stat",
                    "anon 1\nfile 2\ninactive_file 400000\n",
                ),
            ],
            2_400_000,
        );
    }

    #[test]
    fn a_group_beyond_its_limit_leaves_nothing() {
        check(
            &[
                ("proc/meminfo", MACHINE),
                ("proc/self/cgroup", "0::/a\n"),
                ("cg/a/memory.max", "10\n"),
                ("cg/a/memory.current", "20\n"),
            ],
            0,
        );
    }

    #[test]
    fn groups_of_version_1_count_too() {
        check(
            &[
                ("proc/meminfo", MACHINE),
                (
                    "proc/self/cgroup",
                    "7:cpu,cpuacct:/x\n5:memory:/docker/id\n0::/\n",
                ),
                // Inside a container the own group is mounted as the root of the hierarchy.
                ("cg/memory/memory.limit_in_bytes", "1000000\n"),
                ("cg/memory/memory.usage_in_bytes", "300000\n"),
                ("cg/memory/memory.stat", "total_inactive_file 100000\n"),
            ],
            800_000,
        );
    }

    #[test]
    fn this_machine_has_some() {
        let free = free_bytes().unwrap();
        assert!(free > 0);
        assert!(default_cache_bytes(free) < free);
    }
}
