//! Bytes by which kinds of files are known, and the words and MIME types of file(1) for them.

/// (offset, bytes, data, MIME type); the first that fits holds.
const SIGNATURES: &[(usize, &[u8], &str, &str)] = &[
    // Archives and compressed files.
    (0, b"\x1f\x8b", "gzip compressed data", "application/gzip"),
    (0, b"BZh", "bzip2 compressed data", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "XZ compressed data", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard compressed data", "application/zstd"),
    (0, b"\x04\x22\x4d\x18", "LZ4 compressed data", "application/x-lz4"),
    (0, b"LZIP", "lzip compressed data", "application/x-lzip"),
    (0, b"\x5d\0\0", "LZMA compressed data", "application/x-lzma"),
    (0, b"PK\x03\x04", "Zip archive data", "application/zip"),
    (0, b"PK\x05\x06", "Zip archive data (empty)", "application/zip"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-zip archive data", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "RAR archive data", "application/x-rar"),
    (257, b"ustar\0", "POSIX tar archive", "application/x-tar"),
    (257, b"ustar  \0", "POSIX tar archive (GNU)", "application/x-tar"),
    (0, b"07070", "ASCII cpio archive", "application/x-cpio"),
    (0, b"!<arch>\ndebian-binary", "Debian binary package", "application/vnd.debian.binary-package"),
    (0, b"!<arch>\n", "current ar archive", "application/x-archive"),
    (0, b"\xed\xab\xee\xdb", "RPM", "application/x-rpm"),
    // Programs.
    (0, b"MZ", "MS-DOS executable", "application/x-dosexec"),
    (0, b"\xca\xfe\xba\xbe", "compiled Java class data or Mach-O universal binary", "application/x-java-applet"),
    (0, b"\xcf\xfa\xed\xfe", "Mach-O 64-bit", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "Mach-O", "application/x-mach-binary"),
    (0, b"\0asm", "WebAssembly (wasm) binary module", "application/wasm"),
    (0, b"\x1bLua", "Lua bytecode", "application/octet-stream"),
    // Pictures, sounds, films.
    (0, b"\x89PNG\r\n\x1a\n", "PNG image data", "image/png"),
    (0, b"\xff\xd8\xff", "JPEG image data", "image/jpeg"),
    (0, b"GIF8", "GIF image data", "image/gif"),
    (8, b"WEBP", "RIFF (little-endian) data, Web/P image", "image/webp"),
    (8, b"WAVE", "RIFF (little-endian) data, WAVE audio", "audio/x-wav"),
    (8, b"AVI ", "RIFF (little-endian) data, AVI", "video/x-msvideo"),
    (0, b"II*\0", "TIFF image data, little-endian", "image/tiff"),
    (0, b"MM\0*", "TIFF image data, big-endian", "image/tiff"),
    (0, b"\0\0\x01\0", "MS Windows icon resource", "image/vnd.microsoft.icon"),
    (0, b"OggS", "Ogg data", "application/ogg"),
    (0, b"fLaC", "FLAC audio bitstream data", "audio/flac"),
    (0, b"ID3", "Audio file with ID3", "audio/mpeg"),
    (4, b"ftyp", "ISO Media", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska data", "video/x-matroska"),
    // Documents and data.
    (0, b"%PDF-", "PDF document", "application/pdf"),
    (0, b"%!PS-", "PostScript document text", "application/postscript"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Composite Document File V2 Document", "application/CDFV2"),
    (0, b"{\\rtf", "Rich Text Format data", "text/rtf"),
    (0, b"<?xml", "XML document, text", "text/xml"),
    (0, b"<!DOCTYPE html", "HTML document, text", "text/html"),
    (0, b"<html", "HTML document, text", "text/html"),
    (0, b"SQLite format 3\0", "SQLite 3.x database", "application/vnd.sqlite3"),
    (0, b"wOFF", "Web Open Font Format", "font/woff"),
    (0, b"wOF2", "Web Open Font Format (Version 2)", "font/woff2"),
    (0, b"OTTO", "OpenType font data", "application/vnd.ms-opentype"),
    (0, b"\0\x01\0\0\0", "TrueType Font data", "font/sfnt"),
    (0, b"\xd4\xc3\xb2\xa1", "pcap capture file (little-endian)", "application/vnd.tcpdump.pcap"),
    (0, b"\xa1\xb2\xc3\xd4", "pcap capture file (big-endian)", "application/vnd.tcpdump.pcap"),
    (0, b"\x0a\x0d\x0d\x0a", "pcapng capture file", "application/x-pcapng"),
    (0, b"PACK", "Git pack", "application/x-git"),
    (0, b"DIRC", "Git index", "application/x-git"),
    (0, b"LPKSHHRH", "Journal file", "application/octet-stream"),
    (0, b"TZif", "timezone data (fat or slim)", "application/tzif"),
    // Keys and certificates.
    (0, b"-----BEGIN CERTIFICATE-----", "PEM certificate", "text/plain"),
    (0, b"-----BEGIN CERTIFICATE REQUEST-----", "PEM certificate request", "text/plain"),
    (0, b"-----BEGIN RSA PRIVATE", "PEM RSA private key", "text/plain"),
    (0, b"-----BEGIN DSA PRIVATE", "PEM DSA private key", "text/plain"),
    (0, b"-----BEGIN EC PRIVATE", "PEM EC private key", "text/plain"),
    (0, b"-----BEGIN PRIVATE KEY-----", "PEM private key", "text/plain"),
    (0, b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "PEM encrypted private key", "text/plain"),
    (0, b"-----BEGIN OPENSSH PRIVATE KEY-----", "OpenSSH private key", "text/plain"),
    (0, b"-----BEGIN PGP", "PGP data in text", "text/PGP"),
    (0, b"ssh-rsa ", "OpenSSH RSA public key", "text/plain"),
    (0, b"ssh-ed25519 ", "OpenSSH ED25519 public key", "text/plain"),
    // Kernels, firmware, images of file systems.
    (0x202, b"HdrS", "Linux kernel x86 boot executable", "application/octet-stream"),
    (0x38, b"ARM\x64", "Linux kernel ARM64 boot executable Image", "application/octet-stream"),
    (0x24, b"\x18\x28\x6f\x01", "Linux kernel ARM boot executable zImage (little-endian)", "application/octet-stream"),
    (0, b"\x27\x05\x19\x56", "u-boot legacy uImage", "application/octet-stream"),
    (0, b"\xd0\x0d\xfe\xed", "Device Tree Blob", "application/octet-stream"),
    (0, b"hsqs", "Squashfs filesystem, little endian", "application/octet-stream"),
    (0, b"\x45\x3d\xcd\x28", "Linux Compressed ROM File System data", "application/octet-stream"),
    (0, b"\x85\x19", "Linux jffs2 filesystem data little endian", "application/octet-stream"),
    (0, b"\x19\x85", "Linux jffs2 filesystem data big endian", "application/octet-stream"),
    (0, b"UBI#", "UBI image, version 1", "application/octet-stream"),
    (0, b"\x31\x18\x10\x06", "UBIFS filesystem", "application/octet-stream"),
    (0, b"LUKS\xba\xbe", "LUKS encrypted file", "application/octet-stream"),
    (0, b"XFSB", "SGI XFS filesystem data", "application/octet-stream"),
    (0x438, b"\x53\xef", "Linux ext2, ext3 or ext4 filesystem data", "application/octet-stream"),
    (32769, b"CD001", "ISO 9660 CD-ROM filesystem data", "application/x-iso9660-image"),
    (4086, b"SWAPSPACE2", "Linux swap file", "application/octet-stream"),
];

/// Data and MIME type of what begins with `head`; None: no signature fits. A text needs more than four bytes to be
/// something else: many begin with `MZ` or `PACK`.
pub fn of(head: &[u8], is_text: bool) -> Option<(&'static str, &'static str)> {
    let fits = |(offset, bytes, _, _): &&(usize, &[u8], _, _)| {
        (!is_text || bytes.len() > 4) && head.get(*offset..).is_some_and(|at| at.starts_with(bytes))
    };
    SIGNATURES.iter().find(fits).map(|(_, _, data, mime)| (*data, *mime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_at_its_offset_and_none_hides_another() {
        for (index, (offset, bytes, data, mime)) in SIGNATURES.iter().enumerate() {
            let mut head = vec![b' '; *offset];
            head.extend_from_slice(bytes);
            assert_eq!(of(&head, false), Some((*data, *mime)), "{index}");
            assert_eq!(
                of(&head[..head.len() - 1], false).filter(|found| found.0 == *data && !data.starts_with("HTML")),
                None,
                "{index}"
            );
        }
        assert_eq!(of(b"", true), None);
        assert_eq!(of(b"plain text", true), None);
    }
}
