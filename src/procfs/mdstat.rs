//! /proc/mdstat: what the kernel's software RAID says of itself (md(4) and the kernel's md documentation).

/// Something that an array does: as far as it has come, how long it will take, how fast it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Action<'a> {
    pub progress: &'a [u8],
    pub finish: &'a [u8],
    pub speed: &'a [u8],
}

/// Which of [`Array::actions`] is which.
pub const ACTIONS: [&[u8]; 4] = [b"recovery", b"resync", b"reshape", b"check"];

/// An array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Array<'a> {
    /// `md0`.
    pub name: &'a [u8],
    /// `active`, `inactive`.
    pub status: &'a [u8],
    /// `raid1`; empty for an inactive one.
    pub level: &'a [u8],
    /// Size in KiB.
    pub blocks: Option<i64>,
    /// What stands between the size and the state of the disks: `super 1.2 level 5, 512k chunk, algorithm 2`.
    pub other: &'a [u8],
    /// Disks that it should have, of `[3/2]`.
    pub disks: Option<i64>,
    /// Pages of the bitmap in memory, its chunk, its file.
    pub bitmap: [&'a [u8]; 3],
    /// By [`ACTIONS`].
    pub actions: [Action<'a>; 4],
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}

/// What stands behind `key` on a line that begins with it.
fn line_of<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    lines(text).find_map(|line| Some(line.strip_prefix(key)?.trim_ascii().strip_prefix(b":")?.trim_ascii()))
}

/// The RAID levels that the kernel can do, without their brackets.
pub fn personalities(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let names = line_of(text, b"Personalities").map(words).into_iter().flatten();
    names.filter_map(|word| word.strip_prefix(b"[")?.strip_suffix(b"]"))
}

/// Devices that are members of no array; `<none>` if there are none.
pub fn unused(text: &[u8]) -> &[u8] {
    line_of(text, b"unused devices").unwrap_or(&[])
}

/// The arrays, in order.
pub fn arrays(text: &[u8]) -> Vec<Array<'_>> {
    let mut arrays: Vec<Array<'_>> = Vec::new();
    for line in lines(text) {
        match (line.starts_with(b"md"), line.first().is_some_and(u8::is_ascii_whitespace)) {
            (true, _) => arrays.extend(array(line)),
            (_, true) => arrays.last_mut().into_iter().for_each(|array| array.detail(line.trim_ascii())),
            _ => {}
        }
    }
    arrays
}

/// `md0 : active (auto-read-only) raid1 sdb1[1] sda1[0]`.
fn array(line: &[u8]) -> Option<Array<'_>> {
    let mut words = words(line);
    let name = words.next()?;
    let status = words.find(|word| *word != b":")?;
    let level = words.find(|word| !word.starts_with(b"(")).filter(|word| !word.contains(&b'['));
    Some(Array { name, status, level: level.unwrap_or(&[]), ..Array::default() })
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl<'a> Array<'a> {
    /// One of the indented lines that follow an array's.
    fn detail(&mut self, line: &'a [u8]) {
        if let Some(bitmap) = line.strip_prefix(b"bitmap:") {
            for (part, text) in self.bitmap.iter_mut().zip(bitmap.splitn(3, |&byte| byte == b',')) {
                *part = text.trim_ascii();
                *part = part.strip_prefix(b"file:").unwrap_or(part).trim_ascii();
            }
        } else if let Some(at) = memchr::memmem::find(line, b" blocks") {
            self.blocks = line.get(..at).and_then(number);
            self.sizes(line.get(at + 7..).unwrap_or(&[]).trim_ascii());
        } else {
            for (action, name) in self.actions.iter_mut().zip(ACTIONS) {
                action.read(line, name);
            }
        }
    }

    /// `super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]`.
    fn sizes(&mut self, line: &'a [u8]) {
        let counts = words(line).find(|word| word.starts_with(b"[") && word.contains(&b'/'));
        let disks = counts.and_then(|counts| counts.get(1..)?.split(|&byte| byte == b'/').next());
        self.disks = disks.and_then(number);
        let end = memchr::memchr(b'[', line).unwrap_or(line.len());
        self.other = line.get(..end).unwrap_or(&[]).trim_ascii();
    }
}

impl<'a> Action<'a> {
    /// `[=>...]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec`, or `resync=DELAYED`.
    fn read(&mut self, line: &'a [u8], name: &[u8]) {
        let Some(at) = memchr::memmem::find(line, name) else { return };
        let behind = line.get(at + name.len()..).unwrap_or(&[]).trim_ascii();
        let Some(state) = behind.strip_prefix(b"=").map(<[u8]>::trim_ascii) else { return };
        let finish = memchr::memmem::find(state, b"finish=").unwrap_or(state.len());
        let (progress, rest) = state.split_at_checked(finish).unwrap_or((state, &[]));
        self.progress = progress.trim_ascii();
        self.finish = words(rest).find_map(|word| word.strip_prefix(b"finish=")).unwrap_or(&[]);
        self.speed = words(rest).find_map(|word| word.strip_prefix(b"speed=")).unwrap_or(&[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"Personalities : [raid1] [raid6] [raid5] [raid4] \n\
        md0 : active raid1 sdb1[1] sda1[0]\n      976630464 blocks super 1.2 [2/2] [UU]\n      bitmap: 0/8 pages [0KB], 65536KB chunk\n\n\
        md5 : active (auto-read-only) raid5 sdd1[3](F) sdc1[1] sdb2[0]\n\
        \x20     2095104 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]\n\
        \x20     [=>...................]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec\n\
        \x20     bitmap: 1/1 pages [4KB], 64KB chunk, file: /var/bitmap\n\n\
        md7 : active raid1 sde1[0]\n      1024 blocks [2/1] [U_]\n      \tresync=DELAYED\n\n\
        md127 : inactive sdf[0](S)\n      488386496 blocks super external:imsm\n       \n\
        unused devices: sdz\n";

    #[test]
    fn arrays_and_what_they_do() {
        let arrays = arrays(TEXT);
        let names: Vec<_> = arrays.iter().map(|array| (array.name, array.status, array.level, array.blocks)).collect();
        let wanted: [(&[u8], &[u8], &[u8], _); 4] = [
            (b"md0", b"active", b"raid1", Some(976630464)),
            (b"md5", b"active", b"raid5", Some(2095104)),
            (b"md7", b"active", b"raid1", Some(1024)),
            (b"md127", b"inactive", b"", Some(488386496)),
        ];
        assert_eq!(names, wanted);
        assert_eq!(arrays[0].bitmap, [&b"0/8 pages [0KB]"[..], b"65536KB chunk", b""]);
        assert_eq!((arrays[1].other, arrays[1].disks), (&b"super 1.2 level 5, 512k chunk, algorithm 2"[..], Some(3)));
        assert_eq!(arrays[1].bitmap[2], b"/var/bitmap");
        let recovery = Action { progress: b"12.6% (37043392/292945152)", finish: b"127.5min", speed: b"33440K/sec" };
        assert_eq!(arrays[1].actions, [recovery, Action::default(), Action::default(), Action::default()]);
        assert_eq!(arrays[2].actions[1], Action { progress: b"DELAYED", ..Action::default() });
        assert_eq!(arrays[3].other, b"super external:imsm");
        assert_eq!(personalities(TEXT).collect::<Vec<_>>(), [&b"raid1"[..], b"raid6", b"raid5", b"raid4"]);
        assert_eq!(unused(TEXT), b"sdz");
    }

    #[test]
    fn half_a_file_is_no_trouble() {
        for length in 0..TEXT.len() {
            let _ = (arrays(&TEXT[..length]), personalities(&TEXT[..length]).count(), unused(&TEXT[..length]));
        }
        assert!(arrays(b"\n   12 blocks\nmd\nmd1\nmd2 :\n").is_empty());
    }
}
