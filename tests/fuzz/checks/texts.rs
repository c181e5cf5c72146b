//! Record texts as the kernel writes them (`kernel/audit.c`, `kernel/auditsc.c`), for simulated processes: seeds of the
//! fuzz targets and what the simulated machine of the fault injector says.

pub const SYSCALL: u16 = 1300;
pub const PATH: u16 = 1302;
pub const CWD: u16 = 1307;
pub const EXECVE: u16 = 1309;
pub const EOE: u16 = 1320;
pub const PROCTITLE: u16 = 1327;

/// Characters of arguments that one EXECVE record may hold (`MAX_EXECVE_AUDIT_LEN`).
const RECORD_CHARACTERS: usize = 7500;
/// What a name like ` a12_len=131071 a12[3]=` may take.
const NAME_CHARACTERS: usize = 32;

/// Record type and text.
pub type Text = (u16, Vec<u8>);

/// A system call that makes or ends an image, as audit saw it.
#[derive(Clone, Debug)]
pub struct Call {
    pub ms: u64,
    pub serial: u64,
    pub arch: u32,
    pub number: u32,
    pub success: bool,
    pub exit: i64,
    pub first: u64,
    pub pid: u32,
    pub ppid: u32,
    pub uid: u32,
    pub exe: Vec<u8>,
}

impl Default for Call {
    fn default() -> Self {
        Call {
            ms: 1_700_000_000_004,
            serial: 4711,
            arch: 0xc000_003e,
            number: 59,
            success: true,
            exit: 0,
            first: 0x55d0_c0de_f00d,
            pid: 3538,
            ppid: 2686,
            uid: 1000,
            exe: b"/usr/bin/cat".to_vec(),
        }
    }
}

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte != b'"' && (0x21..=0x7e).contains(&byte))
}

fn hex(text: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len() * 2);
    for &byte in text {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out
}

/// Untrusted text: in quotes, or in hex if a byte of it could be mistaken.
pub fn encoded(text: &[u8]) -> Vec<u8> {
    if is_plain(text) { [b"\"", text, b"\""].concat() } else { hex(text) }
}

impl Call {
    fn header(&self) -> Vec<u8> {
        format!("audit({}.{:03}:{}): ", self.ms / 1000, self.ms % 1000, self.serial).into_bytes()
    }

    fn record(&self, kind: u16, body: &[u8]) -> Text {
        (kind, [&self.header(), body].concat())
    }

    pub fn syscall(&self) -> Text {
        let Call { arch, number, exit, first, ppid, pid, uid, .. } = self;
        let success = if self.success { "yes" } else { "no" };
        let comm = self.exe.rsplit(|&byte| byte == b'/').next().unwrap_or(b"");
        let comm = encoded(&comm[..comm.len().min(15)]);
        let result = match number {
            60 | 231 => String::new(),
            _ => format!(" success={success} exit={exit}"),
        };
        let numbers = format!(
            "arch={arch:x} syscall={number}{result} a0={first:x} a1=7ffc0 a2=55d0c8 a3=8 items=2 ppid={ppid} pid={pid} \
             auid={uid} uid={uid} gid={uid} euid={uid} suid={uid} fsuid={uid} egid={uid} sgid={uid} fsgid={uid} \
             tty=pts0 ses=1 comm="
        );
        let rest = b" subj=unconfined key=\"stemma\"";
        self.record(SYSCALL, &[numbers.as_bytes(), &comm, b" exe=", &encoded(&self.exe), rest].concat())
    }

    pub fn cwd(&self, cwd: &[u8]) -> Text {
        self.record(CWD, &[b"cwd=", encoded(cwd).as_slice()].concat())
    }

    pub fn path(&self, item: usize, name: &[u8]) -> Text {
        let rest = format!(
            " inode={} dev=fe:00 mode=0100755 ouid=0 ogid={} rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 \
             cap_fver=0 cap_frootid=0",
            1000 + item,
            item
        );
        self.record(PATH, &[format!("item={item} name=").as_bytes(), &encoded(name), rest.as_bytes()].concat())
    }

    pub fn proctitle(&self, argv: &[Vec<u8>]) -> Text {
        let joined = argv.join(&0);
        self.record(PROCTITLE, &[b"proctitle=", encoded(&joined[..joined.len().min(128)]).as_slice()].concat())
    }

    pub fn end(&self) -> Text {
        self.record(EOE, b"")
    }

    /// The arguments, in as many records as they need.
    pub fn arguments(&self, argv: &[Vec<u8>]) -> Vec<Text> {
        let mut body = format!("argc={}", argv.len()).into_bytes();
        let mut room = RECORD_CHARACTERS - body.len();
        let mut records = Vec::new();
        for (number, text) in argv.iter().enumerate() {
            let spans = text.len() >= RECORD_CHARACTERS;
            let in_hex = spans || !is_plain(text);
            let characters = if in_hex { text.len() * 2 } else { text.len() + 2 };
            let mut next = |room: &mut usize, body: &mut Vec<u8>| {
                if *room < NAME_CHARACTERS + 8 {
                    records.push(self.record(EXECVE, body));
                    body.clear();
                    *room = RECORD_CHARACTERS;
                }
            };
            next(&mut room, &mut body);
            if !spans && characters + NAME_CHARACTERS <= room {
                let piece =
                    [format!(" a{number}=").as_bytes(), &if in_hex { hex(text) } else { encoded(text) }].concat();
                room -= piece.len().min(room);
                body.extend(piece);
                continue;
            }
            let length = if in_hex { text.len() * 2 } else { text.len() };
            body.extend(format!(" a{number}_len={length}").into_bytes());
            room -= NAME_CHARACTERS.min(room);
            let (mut rest, mut piece) = (text.as_slice(), 0);
            while !rest.is_empty() {
                next(&mut room, &mut body);
                let bytes = if in_hex { room / 2 } else { room - 2 }.min(rest.len()).max(1);
                let (now, later) = rest.split_at(bytes);
                let written = if in_hex { hex(now) } else { [b"\"", now, b"\""].concat() };
                body.extend([format!(" a{number}[{piece}]=").as_bytes(), &written].concat());
                room -= written.len().min(room);
                (rest, piece) = (later, piece + 1);
            }
        }
        records.push(self.record(EXECVE, &body));
        records
    }

    /// Everything about a successful exec, in the kernel's order; with `script` exe is its interpreter.
    pub fn exec(&self, argv: &[Vec<u8>], cwd: &[u8], script: Option<&[u8]>) -> Vec<Text> {
        let mut records = vec![self.syscall()];
        records.extend(self.arguments(argv));
        records.push(self.cwd(cwd));
        let names = [script.unwrap_or(&self.exe), &self.exe, b"/lib64/ld-linux-x86-64.so.2"];
        let names = if script.is_some() { &names[..] } else { &names[1..] };
        records.extend(names.iter().enumerate().map(|(item, name)| self.path(item, name)));
        records.push(self.proctitle(argv));
        records.push(self.end());
        records
    }

    /// A call without arguments and files: fork, exit, an exec that failed.
    pub fn alone(&self) -> Vec<Text> {
        vec![self.syscall(), self.proctitle(&[b"sh".to_vec()]), self.end()]
    }
}
