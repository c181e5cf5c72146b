//! Where results go: standard output or the file of `--output`, in pieces of 8 KB. On standard output a person may stop
//! them (Ctrl-C), and what is said about a query that takes long makes room for them.

use crate::sys::interrupt;
use std::fs::File;
use std::io::{self, Error, Write};

/// Bytes gathered before they are written.
const PIECE: usize = 8 << 10;

/// See the module's head.
#[derive(Default)]
pub struct Out {
    file: Option<File>,
    gathered: Vec<u8>,
}

impl Out {
    /// To a file, which is made or emptied; `-` and nothing: to standard output.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn to(path: &str) -> io::Result<Self> {
        let file = if matches!(path, "" | "-") { None } else { Some(File::create(path)?) };
        Ok(Out { file, gathered: Vec::new() })
    }

    /// Forgets what was not written yet.
    pub fn forget(&mut self) {
        self.gathered.clear();
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        if interrupt::interrupted() {
            return Err(Error::other("interrupted"));
        }
        interrupt::quiet();
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gathered.len() + bytes.len() > PIECE {
            self.flush()?;
        }
        if bytes.len() > PIECE {
            self.put(bytes)?;
        } else {
            self.gathered.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        let result = if gathered.is_empty() { Ok(()) } else { self.put(&gathered) };
        self.gathered = gathered;
        self.gathered.clear();
        result
    }
}
