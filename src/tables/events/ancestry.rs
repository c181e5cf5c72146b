//! Chains of ancestors: a walk over row ids, and the JSON of process_events' `ancestry` column.

use super::db;
use crate::sql::json::push_string;
use crate::sql::table::TableError;
use rusqlite::Connection;
use std::collections::HashMap;
use std::io::Write;

/// Memory that remembered elements may take, bytes; then all are forgotten.
const MOST_BYTES: usize = 512 * 1024;

/// One image, as an ancestor shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Image {
    pub id: i64,
    pub parent: i64,
    pub pid: i64,
    /// ns since the epoch; 0 not known.
    pub start_ns: i64,
    pub link: i64,
    pub uid: Option<i64>,
    pub path: Vec<u8>,
    pub cmdline: Vec<u8>,
    pub ended: bool,
}

impl Image {
    /// The last part of the path; nothing where there is no path (a kernel thread).
    pub fn exe_name(&self) -> &[u8] {
        self.path.rsplit(|&byte| byte == b'/').next().unwrap_or(b"")
    }
}

/// The ancestors of the image with this parent, nearest first, at most `depth` (0: all).
pub fn walk(connection: &Connection, parent: i64, depth: usize) -> Result<Vec<Image>, TableError> {
    let mut chain: Vec<Image> = Vec::new();
    let mut id = parent;
    while id != 0 && (depth == 0 || chain.len() < depth) {
        let Some(image) = db::image_by_id(connection, id)? else { break };
        // A parent's id is smaller than its child's: anything else is a damaged file, and could go round for ever.
        id = if image.parent < image.id { image.parent } else { 0 };
        chain.push(image);
    }
    Ok(chain)
}

struct Element {
    parent: i64,
    json: Vec<u8>,
}

/// Makes the JSON of chains and remembers the elements, because siblings share their ancestors.
#[derive(Default)]
pub struct Chains {
    elements: HashMap<i64, Element>,
    bytes: usize,
}

impl Chains {
    /// The ancestors of the image with this parent as a JSON array, nearest first, at most `depth` (0: all).
    pub fn json(&mut self, connection: &Connection, parent: i64, depth: usize) -> Result<Vec<u8>, TableError> {
        let mut out = vec![b'['];
        let (mut id, mut count) = (parent, 0);
        while id != 0 && (depth == 0 || count < depth) {
            if !self.elements.contains_key(&id) {
                self.learn(connection, id)?;
            }
            let Some(element) = self.elements.get(&id) else { break };
            if count > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&element.json);
            count += 1;
            id = if element.parent < id { element.parent } else { 0 };
        }
        out.push(b']');
        Ok(out)
    }

    fn learn(&mut self, connection: &Connection, id: i64) -> Result<(), TableError> {
        let Some(image) = db::image_by_id(connection, id)? else { return Ok(()) };
        let parent = match image.parent {
            0 => None,
            parent => db::image_by_id(connection, parent)?,
        };
        let json = element(&image, parent.as_ref());
        if self.bytes + json.len() > MOST_BYTES {
            self.elements.clear();
            self.bytes = 0;
        }
        self.bytes += json.len() + 64;
        self.elements.insert(id, Element { parent: image.parent, json });
        Ok(())
    }
}

/// One element: names and their order are part of the interface.
fn element(image: &Image, parent: Option<&Image>) -> Vec<u8> {
    let mut out = Vec::with_capacity(160 + image.path.len() + image.cmdline.len());
    let hundredths = |start_ns: i64| start_ns / 10_000_000;
    out.extend_from_slice(b"{\"exe_name\":");
    push_string(&mut out, image.exe_name());
    let (ppid, parent_ns) = parent.map_or((0, 0), |parent| (parent.pid, parent.start_ns));
    let _ = write!(out, ",\"pid\":{},\"ppid\":{ppid},\"pproc_time_hr\":{},\"path\":", image.pid, hundredths(parent_ns));
    push_string(&mut out, &image.path);
    out.extend_from_slice(b",\"cmdline\":");
    push_string(&mut out, &image.cmdline);
    let (seconds, hr) = (image.start_ns / 1_000_000_000, hundredths(image.start_ns));
    let _ = write!(out, ",\"proc_time\":{seconds},\"proc_time_hr\":{hr}}}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_as_documented_whatever_the_bytes() {
        let image = Image {
            id: 7,
            parent: 3,
            pid: 42,
            start_ns: 1_700_000_000_123_456_789,
            link: 1,
            uid: Some(0),
            path: b"/bin/a\"b".to_vec(),
            cmdline: b"x\n\xff".to_vec(),
            ended: false,
        };
        let parent = Image { pid: 1, start_ns: 1_690_000_000_000_000_000, ..image.clone() };
        let wanted = "{\"exe_name\":\"a\\\"b\",\"pid\":42,\"ppid\":1,\"pproc_time_hr\":169000000000,\
                      \"path\":\"/bin/a\\\"b\",\"cmdline\":\"x\\n\u{fffd}\",\"proc_time\":1700000000,\
                      \"proc_time_hr\":170000000012}";
        assert_eq!(String::from_utf8(element(&image, Some(&parent))).unwrap(), wanted);
    }
}
