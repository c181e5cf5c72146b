//! GET over a local stream socket, for the daemons of containers: HTTP/1.1 (RFC 9112) as far as that needs it: a body of a
//! stated length, in chunks, or up to the connection's end. No redirects, no compression, one connection per request.
//!
//! Bound: [`MOST_BYTES`] of answer and the time that the caller gives, however the other side behaves.

use crate::sys::root::Root;
use std::io::{self, BufRead, BufReader, Read, Take, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Largest answer, bytes.
pub const MOST_BYTES: u64 = 8 << 20;
/// Most lines before the body.
const MOST_HEADERS: u32 = 200;

/// A stream whose reading ends at a moment.
struct Timed {
    stream: UnixStream,
    end: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        self.stream.set_read_timeout(Some(left))?;
        match self.stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::Error::from(io::ErrorKind::TimedOut)),
            read => read,
        }
    }
}

type Input = Take<BufReader<Timed>>;

/// The body of the answer to `GET path` on a socket below the root.
///
/// # Errors
/// The system's; TimedOut when `patience` is over; NotFound for any status but 200; FileTooLarge beyond [`MOST_BYTES`];
/// InvalidData and UnexpectedEof for what is no answer, or half of one. InvalidInput, without asking, for a path that
/// cannot stand in a request.
pub fn get(root: &Root, socket: &str, path: &str, patience: Duration) -> io::Result<Vec<u8>> {
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let end = Instant::now() + patience;
    let mut stream = root.connect(socket, patience)?;
    let request = ["GET ", path, " HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nConnection: close\r\n\r\n"].concat();
    stream.write_all(request.as_bytes())?;
    let mut input = BufReader::new(Timed { stream, end }).take(MOST_BYTES + 1);
    let body = answer(&mut input);
    // Whoever reaches the limit has not been read to the end.
    if input.limit() == 0 { Err(io::Error::from(io::ErrorKind::FileTooLarge)) } else { body }
}

/// A line without its end.
fn line(input: &mut Input) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    line.truncate(line.trim_ascii_end().len());
    Ok(line)
}

fn answer(input: &mut Input) -> io::Result<Vec<u8>> {
    let status = line(input)?;
    match (status.get(..7), status.get(8..13)) {
        (Some(b"HTTP/1."), Some(b" 200 ")) => {}
        (Some(b"HTTP/1."), Some(_)) => return Err(io::Error::from(io::ErrorKind::NotFound)),
        _ => return Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
    let (mut length, mut chunked) = (None, false);
    for _ in 0..MOST_HEADERS {
        let header = line(input)?;
        if header.is_empty() {
            return body(input, length, chunked);
        }
        let Ok(header) = std::str::from_utf8(&header) else { continue };
        let Some((name, value)) = header.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        }
    }
    Err(io::Error::from(io::ErrorKind::InvalidData))
}

fn body(input: &mut Input, length: Option<u64>, chunked: bool) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match length {
        _ if chunked => loop {
            let size = line(input)?;
            let size = std::str::from_utf8(&size).unwrap_or("").split(';').next().unwrap_or("").trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            if size == 0 {
                return Ok(body);
            }
            part(input, size, &mut body)?;
            if !line(input)?.is_empty() {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
        },
        Some(length) => part(input, length, &mut body)?,
        None => drop(input.read_to_end(&mut body)?),
    }
    Ok(body)
}

/// Appends exactly `size` bytes.
fn part(input: &mut Input, size: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if size > MOST_BYTES {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let got = input.by_ref().take(size).read_to_end(body)?;
    if got as u64 == size { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof)) }
}

#[cfg(test)]
pub(in crate::tables) mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    /// A daemon for a test: answers each request by its path, with the very bytes that it is given, until dropped.
    pub struct Server {
        stop: UnixStream,
        /// Paths that were asked for.
        pub asked: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        pub fn new(socket: &Path, answer: impl Fn(&str, &mut UnixStream) + Send + 'static) -> Self {
            std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
            let listener = UnixListener::bind(socket).unwrap();
            let (stop, stopped) = UnixStream::pair().unwrap();
            let asked: Arc<Mutex<Vec<String>>> = Arc::default();
            let log = asked.clone();
            std::thread::spawn(move || {
                use std::os::fd::AsFd;
                loop {
                    let ready = crate::sys::poll::readable(&[listener.as_fd(), stopped.as_fd()], None).unwrap();
                    if ready & 2 != 0 {
                        return;
                    }
                    let Ok((mut stream, _)) = listener.accept() else { return };
                    let mut request = BufReader::new(stream.try_clone().unwrap());
                    let mut line = String::new();
                    let _ = request.read_line(&mut line);
                    let path = line.split(' ').nth(1).unwrap_or("").to_string();
                    let mut rest = String::new();
                    while request.read_line(&mut rest).is_ok_and(|count| count > 2) {}
                    assert!(rest.contains("Host: "), "a server wants to know its name: {rest}");
                    log.lock().unwrap().push(path.clone());
                    answer(&path, &mut stream);
                }
            });
            Server { stop, asked }
        }

        /// Answers with JSON by path, 404 for others.
        pub fn json(socket: &Path, answers: &'static [(&'static str, &'static str)]) -> Self {
            Server::new(socket, move |path, stream| {
                let (status, body) = match answers.iter().find(|(known, _)| *known == path) {
                    Some((_, body)) => ("200 OK", *body),
                    None => ("404 Not Found", "{\"message\": \"page not found\"}"),
                };
                let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
                let length = body.len();
                let _ = stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes());
            })
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.stop.write_all(b"x");
        }
    }

    fn ask(name: &str, patience_ms: u64, answer: impl Fn(&mut UnixStream) + Send + 'static) -> io::Result<Vec<u8>> {
        let socket = std::env::temp_dir().join(format!("stemma-http-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let _server = Server::new(&socket, move |_, stream| answer(stream));
        let body = get(&Root::default(), socket.to_str().unwrap(), "/x", Duration::from_millis(patience_ms));
        std::fs::remove_file(&socket).unwrap();
        body
    }

    fn say(name: &str, text: &'static str) -> Result<String, io::ErrorKind> {
        let body = ask(name, 2000, move |stream| drop(stream.write_all(text.as_bytes())));
        body.map(|body| String::from_utf8(body).unwrap()).map_err(|error| error.kind())
    }

    #[test]
    fn takes_a_body_of_every_kind() {
        let body = |text: &str| Ok(text.to_string());
        assert_eq!(say("length", "HTTP/1.1 200 OK\r\ncontent-LENGTH:  3 \r\n\r\nabcdef"), body("abc"));
        assert_eq!(say("end", "HTTP/1.0 200 OK\r\nOdd\r\n\r\nto the end"), body("to the end"));
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n";
        assert_eq!(say("chunked", chunked), body("abc0123456789abcdef"));
        assert_eq!(say("empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), body(""));
    }

    #[test]
    fn half_an_answer_is_none() {
        use io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
        let cases = [
            ("", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", InvalidData),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", InvalidData),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", InvalidData),
            ("HTTP/1.1 404 Not Found\r\n\r\n", NotFound),
            ("HTTP/1.1 301 Moved\r\nLocation: /y\r\n\r\n", NotFound),
            ("SSH-2.0-OpenSSH_9.2\r\n", InvalidData),
        ];
        for (index, (text, kind)) in cases.into_iter().enumerate() {
            assert_eq!(say(&format!("half-{index}"), text), Err(kind), "{text:?}");
        }
    }

    #[test]
    fn no_answer_is_waited_for_and_none_is_too_long() {
        let start = Instant::now();
        let kind = |body: io::Result<Vec<u8>>| body.unwrap_err().kind();
        let silent = ask("silent", 100, |_| std::thread::sleep(Duration::from_millis(400)));
        assert_eq!(kind(silent), io::ErrorKind::TimedOut);
        let drip = ask("drip", 100, |stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        assert_eq!(kind(drip), io::ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(2));
        let endless = ask("endless", 20_000, |stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'['; 65536]).is_ok() {}
        });
        assert_eq!(kind(endless), io::ErrorKind::FileTooLarge);
        let headers = ask("headers", 20_000, |stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            while stream.write_all(b"A: b\r\n").is_ok() {}
        });
        assert_eq!(kind(headers), io::ErrorKind::InvalidData);
        let promised = ask("promised", 2000, |stream| {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"));
        });
        assert_eq!(kind(promised), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_cannot_stand_in_a_request_is_not_asked() {
        for path in ["x", "/a b", "/a\r\nX: y", "/\u{e9}", ""] {
            let asked = get(&Root::default(), "/nonexistent", path, Duration::from_secs(1));
            assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::InvalidInput, "{path:?}");
        }
    }
}
