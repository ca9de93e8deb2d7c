//! How much memory the process used, and how much it may use.

use std::fs;
use std::path::Path;

/// What a machine is taken to have where it does not say: 1 TiB.
pub const UNKNOWN: u64 = 1 << 40;

/// The largest resident memory of this process so far, in bytes; 0 where the system does not tell.
#[must_use]
pub fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    kilobytes(&status, "VmHWM:").unwrap_or(0)
}

/// The memory that this process may use in all, in bytes: that of the machine, or less where a control group or a
/// limit on the address space says so. [`UNKNOWN`] where the system does not tell.
#[must_use]
pub fn limit() -> u64 {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let machine = kilobytes(&read("/proc/meminfo"), "MemTotal:");
    let address_space = address_space(&read("/proc/self/limits"));
    let group = group(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    let known = [machine, address_space, group].into_iter().flatten();
    known.min().unwrap_or(UNKNOWN)
}

/// A size as people read it, in decimal units: `512 B`, `1.4 kB`, `23 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    match unit == "B" || value >= 100.0 {
        true => format!("{value:.0} {unit}"),
        false => format!("{value:.1} {unit}"),
    }
}

/// The bytes behind a key of a table in kB.
fn kilobytes(table: &str, key: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix(key))?;
    let number = line.trim().strip_suffix("kB")?.trim();
    number.parse::<u64>().ok()?.checked_mul(1024)
}

/// The soft limit on the address space, if there is one.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits.lines();
    let line = line
        .map(|line| line.strip_prefix("Max address space"))
        .find(Option::is_some)??;
    line.split_whitespace().next()?.parse().ok()
}

/// The least limit of the control groups that a process is in, of version 1 or 2.
fn group(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (
            fields.next().unwrap_or("-"),
            fields.next().unwrap_or_default(),
        );
        let (root, file) = match controllers.split(',').any(|name| name == "memory") {
            true => (root.join("memory"), "memory.limit_in_bytes"),
            false => (root.to_owned(), "memory.max"),
        };
        let own = root.join(path.trim_start_matches('/'));
        let outer = own
            .ancestors()
            .take_while(|folder| folder.starts_with(&root));
        let limit = |folder: &Path| {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            text.trim().parse::<u64>().ok()
        };
        outer.filter_map(limit).collect::<Vec<_>>()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{address_space, group, kilobytes, limit, size};

    #[test]
    fn limits_are_read() {
        assert_eq!(
            kilobytes("A: 1 kB\nMemTotal:   24 kB\n", "MemTotal:"),
            Some(24 * 1024)
        );
        let limits =
            "Limit   Soft Limit  Hard Limit  Units\nMax address space  4096000  unlimited  bytes\n";
        assert_eq!(address_space(limits), Some(4_096_000));
        assert_eq!(
            address_space("Max address space  unlimited  unlimited  bytes"),
            None
        );
        assert!(limit() > 0);
    }

    #[test]
    fn the_least_of_all_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("outer/inner")).unwrap();
        fs::write(root.path().join("outer/memory.max"), "1000\n").unwrap();
        fs::write(root.path().join("outer/inner/memory.max"), "max\n").unwrap();
        assert_eq!(group("0::/outer/inner\n", root.path()), Some(1000));
        assert_eq!(group("0::/\n", root.path()), None);
        fs::create_dir_all(root.path().join("memory/job")).unwrap();
        fs::write(root.path().join("memory/job/memory.limit_in_bytes"), "500").unwrap();
        assert_eq!(
            group("4:cpu,memory:/job\n0::/outer\n", root.path()),
            Some(500)
        );
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(
            [size(999), size(1_440), size(u64::MAX)],
            ["999 B", "1.4 kB", "18.4 EB"]
        );
    }
}
