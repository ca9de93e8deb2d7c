//! Files larger than memory, line by line, decoded on the way.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use encoding_rs::{Decoder, Encoding};

use crate::encoding::detect;
use crate::{Error, Result};

const CHUNK: usize = 1 << 16;
/// The detector sees this many bytes from the first one that is not ASCII.
const SAMPLE: usize = 1 << 18;

/// One line, or as much of it as the bound allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its number, the first line being 1.
    pub number: u64,
    /// Bytes of UTF-8 that it has in all, without its end.
    pub bytes: u64,
    /// Whether it has more than the bound, and was cut.
    pub too_long: bool,
}

/// The lines of a file as UTF-8, whatever its encoding, in bounded memory.
///
/// Bytes that do not fit the encoding come as U+FFFD.
pub struct Lines {
    source: Box<dyn Read>,
    path: PathBuf,
    decoder: Decoder,
    encoding: &'static Encoding,
    raw: Vec<u8>,
    raw_at: usize,
    text: String,
    at: usize,
    ended: bool,
    number: u64,
    bound: usize,
}

impl Lines {
    /// Opens a file; its encoding is found out unless given; lines longer than `bound` bytes are cut.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn open(path: &Path, encoding: Option<&'static Encoding>, bound: usize) -> Result<Self> {
        let unreadable = |source| Error::unreadable(path, source);
        let encoding = match encoding {
            Some(encoding) => encoding,
            None => sniff(File::open(path).map_err(unreadable)?).map_err(unreadable)?,
        };
        let file = File::open(path).map_err(unreadable)?;
        Ok(Self::new(Box::new(file), path, encoding, bound))
    }

    /// The lines of bytes in memory.
    pub fn of(bytes: Vec<u8>, name: &Path, bound: usize) -> Self {
        let encoding = detect(&bytes, true).encoding;
        Self::new(Box::new(std::io::Cursor::new(bytes)), name, encoding, bound)
    }

    fn new(source: Box<dyn Read>, path: &Path, encoding: &'static Encoding, bound: usize) -> Self {
        Self {
            source,
            path: path.to_owned(),
            decoder: encoding.new_decoder_with_bom_removal(),
            encoding,
            raw: Vec::new(),
            raw_at: 0,
            text: String::new(),
            at: 0,
            ended: false,
            number: 0,
            bound,
        }
    }

    /// The encoding that is being decoded.
    pub fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// The file that is being read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the next line into `line`, without its end, or says that there is none.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn next_line(&mut self, line: &mut String) -> Result<Option<Line>> {
        line.clear();
        let mut bytes = 0_u64;
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find('\n');
            let piece = &rest[..end.unwrap_or(rest.len())];
            bytes += piece.len() as u64;
            push_bounded(line, piece, self.bound);
            self.at += piece.len();
            if end.is_some() {
                self.at += 1;
                break;
            }
            if !self.refill()? {
                if bytes == 0 {
                    return Ok(None);
                }
                break;
            }
        }
        if line.ends_with('\r') {
            line.pop();
            bytes -= 1;
        }
        self.number += 1;
        Ok(Some(Line {
            number: self.number,
            bytes,
            too_long: bytes > self.bound as u64,
        }))
    }

    /// Decodes more, and says whether there was more.
    fn refill(&mut self) -> Result<bool> {
        self.text.clear();
        self.at = 0;
        while self.text.is_empty() && !self.ended {
            if self.raw_at == self.raw.len() {
                self.raw.resize(CHUNK, 0);
                let read = read_some(&mut *self.source, &mut self.raw)
                    .map_err(|source| Error::unreadable(&self.path, source))?;
                self.raw.truncate(read);
                self.raw_at = 0;
            }
            let last = self.raw.is_empty();
            let input = &self.raw[self.raw_at..];
            self.text.reserve(
                self.decoder
                    .max_utf8_buffer_length(input.len())
                    .unwrap_or(CHUNK * 4),
            );
            let (_, read, _) = self.decoder.decode_to_string(input, &mut self.text, last);
            self.raw_at += read;
            self.ended = last;
        }
        Ok(!self.text.is_empty())
    }
}

fn read_some(source: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn push_bounded(line: &mut String, piece: &str, bound: usize) {
    let room = bound.saturating_sub(line.len());
    if piece.len() <= room {
        line.push_str(piece);
    } else {
        line.push_str(&piece[..piece.floor_char_boundary(room)]);
    }
}

/// Reads from the first byte that is not ASCII on until there is enough to tell the encoding.
fn sniff(mut file: File) -> std::io::Result<&'static Encoding> {
    let mut sample = vec![0; SAMPLE];
    let mut filled = fill(&mut file, &mut sample)?;
    let marked = Encoding::for_bom(&sample[..filled]).is_some();
    while !marked && filled == SAMPLE {
        let first = sample.iter().position(|byte| !byte.is_ascii());
        let from = first.unwrap_or(SAMPLE);
        sample.copy_within(from.., 0);
        filled = SAMPLE - from + fill(&mut file, &mut sample[SAMPLE - from..])?;
        if first.is_some() {
            break;
        }
    }
    Ok(detect(&sample[..filled], filled < SAMPLE).encoding)
}

fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_some(file, &mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
