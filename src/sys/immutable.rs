//! An SQLite database that somebody else owns, read through a descriptor that is open already: what was checked is what
//! is read, whatever its path is in which mount namespace, and nothing is left beside it (no lock, journal or shared
//! memory). A layer of our own between SQLite and the system (sqlite.org/vfs.html), which can read and nothing else.
//! A path is the descriptor's number.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, OpenFlags, Result, ffi};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

const NAME: &CStr = c"stemma-descriptor";

/// What SQLite has of an open file: its own part first.
#[repr(C)]
struct Open {
    base: ffi::sqlite3_file,
    fd: c_int,
}

/// The file of a handle, without owning it.
///
/// # Safety
/// `file` is one that `open_file` filled in, and the descriptor still open.
unsafe fn borrowed(file: *mut ffi::sqlite3_file) -> ManuallyDrop<File> {
    // SAFETY: by contract.
    ManuallyDrop::new(unsafe { File::from_raw_fd((*file.cast::<Open>()).fd) })
}

unsafe extern "C" fn open_file(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for `szOsFile` bytes, a C string or NULL (a temporary file) and a place for flags or NULL.
    unsafe {
        (*file).pMethods = std::ptr::null();
        let name = if name.is_null() { c"" } else { CStr::from_ptr(name) };
        let number = name.to_str().ok().and_then(|name| name.parse().ok());
        let Some(fd) = number.filter(|_| flags & ffi::SQLITE_OPEN_MAIN_DB != 0) else { return ffi::SQLITE_CANTOPEN };
        (*file.cast::<Open>()).fd = fd;
        (*file).pMethods = &raw const METHODS;
        if !out.is_null() {
            *out = ffi::SQLITE_OPEN_READONLY;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path(_: *mut ffi::sqlite3_vfs, path: *const c_char, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite gives a C string and a buffer of `room` bytes.
    unsafe {
        let path = CStr::from_ptr(path).to_bytes_with_nul();
        if usize::try_from(room).unwrap_or(0) < path.len() {
            return ffi::SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(path.as_ptr().cast(), out, path.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, _: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives a place for the answer: no other file is there.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, bytes: c_int, offset: i64) -> c_int {
    let (bytes, offset) = (usize::try_from(bytes).unwrap_or(0), u64::try_from(offset).unwrap_or(u64::MAX));
    // SAFETY: an open file, and room for `bytes`.
    let (file, to) = unsafe { (borrowed(file), std::slice::from_raw_parts_mut(to.cast::<u8>(), bytes)) };
    let mut filled = 0;
    while let Some(rest) = to.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => {
                // SQLite wants zeros where there is nothing.
                rest.fill(0);
                return ffi::SQLITE_IOERR_SHORT_READ;
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return ffi::SQLITE_IOERR_READ,
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: an open file, and a place for the answer.
    unsafe {
        let Ok(status) = borrowed(file).metadata() else { return ffi::SQLITE_IOERR_FSTAT };
        *out = i64::try_from(status.len()).unwrap_or(i64::MAX);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn write(_: *mut ffi::sqlite3_file, _: *const c_void, _: c_int, _: i64) -> c_int {
    ffi::SQLITE_READONLY
}

unsafe extern "C" fn truncate(_: *mut ffi::sqlite3_file, _: i64) -> c_int {
    ffi::SQLITE_READONLY
}

/// Closing (whoever opened the file closes it), syncing and locking.
unsafe extern "C" fn nothing(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn nothing_more(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn is_reserved(_: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_bytes(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_IMMUTABLE
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(nothing),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(nothing_more),
    xFileSize: Some(size),
    xLock: Some(nothing_more),
    xUnlock: Some(nothing_more),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_bytes),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Registers the layer, once; whether it is there.
fn is_registered() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        // SAFETY: the default layer is SQLite's and lives for ever, and so does the copy, which keeps its clock and its
        // source of random numbers.
        unsafe {
            let default = ffi::sqlite3_vfs_find(std::ptr::null());
            if default.is_null() {
                return false;
            }
            let mut layer = Box::new(*default);
            layer.zName = NAME.as_ptr();
            layer.szOsFile = size_of::<Open>() as c_int;
            layer.xOpen = Some(open_file);
            layer.xFullPathname = Some(full_path);
            layer.xAccess = Some(access);
            ffi::sqlite3_vfs_register(Box::leak(layer), 0) == ffi::SQLITE_OK
        }
    })
}

/// Longest text or blob in such a database, bytes.
const VALUE_BYTES: c_int = 33 << 20;

/// A database in an open file, with a page cache of 256 KiB. Who made it is not trusted: its views and triggers are not
/// run, nor are functions in it that could do harm, and no value may be larger than 33 MiB. Writers are not waited for: what they do meanwhile may make
/// an error of what is read, and what is in a write-ahead log is not seen.
pub struct Database {
    connection: Connection,
    /// Closed after the connection.
    _file: File,
}

impl Database {
    /// Opens it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open(file: File) -> Result<Self> {
        if !is_registered() {
            return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), None));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags_and_vfs(file.as_raw_fd().to_string(), flags, NAME)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // SAFETY: the handle is open.
        unsafe { ffi::sqlite3_limit(connection.handle(), ffi::SQLITE_LIMIT_LENGTH, VALUE_BYTES) };
        connection.execute_batch("PRAGMA cache_size = -256")?;
        Ok(Database { connection, _file: file })
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

#[cfg(test)]
mod tests {
    use super::Database;
    use crate::sql::testing::Tree;
    use rusqlite::Connection;
    use std::fs::{self, File};

    #[test]
    fn a_database_of_any_mode_is_read_and_nothing_appears_beside_it() {
        let tree = Tree::new("immutable");
        let path = tree.place("/db");
        for (mode, tables) in [("delete", 1), ("wal", 2)] {
            let writer = Connection::open(&path).unwrap();
            writer.execute_batch(&format!("PRAGMA journal_mode={mode}; CREATE TABLE t_{mode}(x)")).unwrap();
            drop(writer);
            let reader = Database::open(File::open(&path).unwrap()).unwrap();
            // The name may go, even to another file: the descriptor counts.
            fs::rename(&path, tree.place("/moved")).unwrap();
            let sql = "SELECT count(*) FROM sqlite_schema";
            let count: i64 = reader.connection().query_row(sql, [], |row| row.get(0)).unwrap();
            assert_eq!(count, tables);
            assert!(reader.connection().execute("CREATE TABLE y(x)", []).is_err());
            fs::rename(tree.place("/moved"), &path).unwrap();
        }
        let names: Vec<_> = fs::read_dir(tree.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["db"]);
    }

    #[test]
    fn views_of_strangers_are_not_run() {
        let tree = Tree::new("immutable-view");
        let writer = Connection::open(tree.place("/db")).unwrap();
        let endless = "CREATE VIEW v AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x FROM r) SELECT x FROM r";
        writer.execute_batch(endless).unwrap();
        let reader = Database::open(File::open(tree.place("/db")).unwrap()).unwrap();
        assert!(reader.connection().prepare("SELECT * FROM v").is_err());
        assert!(reader.connection().query_row("SELECT zeroblob(40 << 20)", [], |_| Ok(())).is_err());
    }

    #[test]
    fn what_is_no_database_is_an_error() {
        let tree = Tree::new("immutable-bad");
        tree.file("/short", "SQLite format 3\0").file("/text", "x".repeat(5000)).file("/empty", "");
        for name in ["/short", "/text"] {
            let opened = Database::open(File::open(tree.place(name)).unwrap());
            let read = opened.and_then(|database| database.connection().prepare("SELECT * FROM x").map(|_| ()));
            assert!(read.is_err(), "{name}");
        }
        assert!(Database::open(File::open(tree.place("/empty")).unwrap()).is_ok());
    }
}
