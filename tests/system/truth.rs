//! The generator: compiling it, running it, and reading the truth it wrote (format: tests/families/truth.c).

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How a process ended, as it had planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Code(i64),
    Signal(i64),
    /// This image gave way to another one by exec.
    Replaced,
}

/// An image, or a fork copy that forked.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    pub forker: String,
    pub kind: String,
    /// A fork copy: it has the image of its forker.
    pub copy: bool,
    pub pid: i64,
    /// The parent at the time of the record, in its own namespace.
    pub getppid: i64,
    pub fork_ns: i64,
    pub now_ns: i64,
    pub in_pidns: bool,
    pub end: End,
    pub path: Vec<u8>,
    pub cwd: Vec<u8>,
    pub cmdline: Vec<u8>,
}

/// A process of a chain as it must be reported.
#[derive(Clone, Debug)]
pub struct Ancestor {
    pub pid: i64,
    pub path: Vec<u8>,
    pub cmdline: Vec<u8>,
    /// Start, ns since the epoch; 0: not known to the truth.
    pub fork_ns: i64,
}

/// All that one run of the generator did.
pub struct Truth {
    pub nodes: HashMap<String, Node>,
    /// Whoever started the generator, up to pid 1.
    above: Vec<Ancestor>,
}

impl Truth {
    pub fn read(file: &Path) -> Truth {
        let text = fs::read_to_string(file).expect("a truth file");
        let mut nodes = HashMap::new();
        for line in text.lines() {
            let node = node(line);
            assert!(!nodes.contains_key(&node.id), "two records for {}", node.id);
            nodes.insert(node.id.clone(), node);
        }
        Truth { nodes, above: living_chain(i64::from(std::process::id())) }
    }

    /// The execs, in the order of the records' times.
    pub fn images(&self) -> Vec<&Node> {
        let mut images: Vec<&Node> = self.nodes.values().filter(|n| !n.copy).collect();
        images.sort_by_key(|n| n.now_ns);
        images
    }

    /// The image a node had: its own, or for a copy that of whoever it was copied from.
    fn image_of<'a>(&'a self, mut node: &'a Node) -> &'a Node {
        while node.copy {
            node = &self.nodes[&node.forker];
        }
        node
    }

    /// The parents of a node, nearest first, up to pid 1.
    pub fn chain(&self, node: &Node) -> Vec<Ancestor> {
        let (mut chain, mut forker) = (Vec::new(), &node.forker);
        while forker != "-" {
            let parent = self.nodes.get(forker).unwrap_or_else(|| panic!("no record of {forker}"));
            let image = self.image_of(parent);
            let (path, cmdline) = (image.path.clone(), image.cmdline.clone());
            chain.push(Ancestor { pid: parent.pid, path, cmdline, fork_ns: parent.fork_ns });
            forker = &parent.forker;
        }
        chain.extend_from_slice(&self.above);
        chain
    }
}

fn node(line: &str) -> Node {
    let fields: Vec<&str> = line.split('\t').collect();
    let number = |i: usize| fields[i].parse::<i64>().unwrap_or_else(|e| panic!("{line}: {e}"));
    let (id, forker) = (fields[1].to_owned(), fields[2].to_owned());
    match fields[0] {
        "E" => {
            let args: Vec<Vec<u8>> = fields[13].split(',').map(unhex).collect();
            assert_eq!(args.len() as i64, number(12), "{line}");
            Node {
                id,
                forker,
                kind: fields[3].into(),
                copy: false,
                pid: number(4),
                getppid: number(5),
                fork_ns: number(6),
                now_ns: number(7),
                in_pidns: fields[8] == "1",
                end: end(fields[9]),
                path: unhex(fields[10]),
                cwd: unhex(fields[11]),
                cmdline: args.join(&b' '),
            }
        }
        "F" => Node {
            id,
            forker,
            kind: fields[3].into(),
            copy: true,
            pid: number(4),
            getppid: 0,
            fork_ns: number(5),
            now_ns: number(6),
            in_pidns: false,
            end: End::Replaced,
            path: Vec::new(),
            cwd: Vec::new(),
            cmdline: Vec::new(),
        },
        _ => panic!("the generator failed: {line}"),
    }
}

fn end(field: &str) -> End {
    let number = field.get(1..).and_then(|n| n.parse().ok());
    match (field.chars().next(), number) {
        (Some('x'), Some(code)) => End::Code(code),
        (Some('s'), Some(signal)) => End::Signal(signal),
        _ => End::Replaced,
    }
}

/// Bytes from hex digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    let digit = |b: &u8| (*b as char).to_digit(16).unwrap_or_else(|| panic!("not hex: {digits:.40}")) as u8;
    digits.as_bytes().chunks(2).map(|pair| digit(&pair[0]) << 4 | digit(&pair[1])).collect()
}

/// A living process and its parents as /proc has them.
pub fn living_chain(mut pid: i64) -> Vec<Ancestor> {
    let mut chain = Vec::new();
    while pid > 0 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a living parent");
        let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let cmdline = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let cmdline = cmdline.strip_suffix(b"\0").unwrap_or(&cmdline);
        let cmdline = cmdline.iter().map(|&b| if b == 0 { b' ' } else { b }).collect();
        chain.push(Ancestor { pid, path: exe.as_os_str().as_bytes().into(), cmdline, fork_ns: 0 });
        let after = stat.rsplit(')').next().unwrap_or_default();
        pid = after.split_whitespace().nth(1).and_then(|p| p.parse().ok()).expect("a ppid");
    }
    chain
}

/// Compiles C sources of tests/ once for each test process; returns the program.
pub fn compile(name: &str, folder: &str, only: Option<&str>, flags: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut sources: Vec<PathBuf> = match only {
        Some(file) => vec![folder.join(file)],
        None => fs::read_dir(&folder).expect("sources").map(|e| e.expect("an entry").path()).collect(),
    };
    sources.retain(|p| p.extension().is_some_and(|e| e == "c"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let fresh = target.with_extension(format!("{:?}", std::thread::current().id()));
    let out = Command::new("cc").args(["-O2", "-static"]).args(flags).arg("-o").arg(&fresh).args(&sources).output();
    let out = out.expect("cc");
    assert!(out.status.success(), "cc {name}: {}", String::from_utf8_lossy(&out.stderr));
    // Renamed, so that a copy that runs is never written to.
    fs::rename(&fresh, &target).expect("rename");
    target
}

/// The generator as a process that has been started.
pub struct Generator {
    pub child: Child,
    truth: PathBuf,
}

impl Generator {
    /// `scratch` must outlive the comparison: paths lead there.
    pub fn start(scratch: &Path, run: &str, options: &[&str]) -> Generator {
        let program = compile("families", "families", None, &["-pthread"]);
        let truth = scratch.join(format!("truth-{run}"));
        let child = Command::new(program)
            .arg("--truth")
            .arg(&truth)
            .arg("--scratch")
            .arg(scratch.join("families"))
            .args(["--run", run])
            .args(options)
            .stdout(Stdio::null())
            .spawn()
            .expect("the generator starts");
        Generator { child, truth }
    }

    /// Waits for its end and reads what it wrote.
    pub fn finish(mut self) -> Truth {
        let status = self.child.wait().expect("wait");
        assert!(status.success(), "the generator failed: {status}");
        Truth::read(&self.truth)
    }

    /// Ends it early; what it wrote so far is the truth.
    pub fn cut_short(mut self) -> Truth {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The families that were on their way end by themselves.
        std::thread::sleep(std::time::Duration::from_millis(500));
        Truth::read(&self.truth)
    }
}

/// The storm program and the program it starts (tests/bench/storm.c).
pub fn storm(execs: u32, jobs: u32, rate: u32) -> Command {
    let nothing = compile("nothing", "bench", Some("nothing.c"), &["-nostdlib"]);
    let mut command = Command::new(compile("storm", "bench", Some("storm.c"), &[]));
    command.args([execs, jobs, rate].map(|n| n.to_string())).arg(nothing).stdout(Stdio::null());
    command
}
