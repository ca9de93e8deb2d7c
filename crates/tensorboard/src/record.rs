use crc32c::crc32c;

/// Bytes of a record before its payload: the length and its checksum.
const HEADER: usize = 12;
/// Bytes of a record after its payload: its checksum.
const FOOTER: usize = 4;

/// Frames a payload as a TFRecord.
pub(crate) fn encode(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(HEADER + payload.len() + FOOTER);
    record.extend(length);
    record.extend(masked_crc32c(&length).to_le_bytes());
    record.extend(payload);
    record.extend(masked_crc32c(payload).to_le_bytes());
    record
}

/// One step of reading a file of records.
pub(crate) enum Next<'a> {
    /// A whole record: its payload, and how many bytes it takes with its frame.
    Record(&'a [u8], usize),
    /// The rest is empty, or the beginning of a record that was never finished.
    End,
    /// The rest is no record.
    Damaged(&'static str),
}

/// Reads the record at the beginning of `bytes`.
pub(crate) fn next(bytes: &[u8]) -> Next<'_> {
    // A file system may leave zeros where a write never arrived.
    if bytes.len() < HEADER || bytes.iter().all(|byte| *byte == 0) {
        return Next::End;
    }
    let (length, rest) = bytes.split_at(8);
    if rest[..4] != masked_crc32c(length).to_le_bytes() {
        return Next::Damaged("the checksum of a record's length does not match");
    }
    let length = length
        .iter()
        .rev()
        .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let payload = usize::try_from(length)
        .ok()
        .and_then(|length| rest[4..].split_at_checked(length));
    let Some((payload, footer)) = payload.filter(|(_, footer)| footer.len() >= FOOTER) else {
        return Next::End;
    };
    if footer[..FOOTER] != masked_crc32c(payload).to_le_bytes() {
        return Next::Damaged("the checksum of a record does not match");
    }
    Next::Record(payload, HEADER + payload.len() + FOOTER)
}

/// The CRC-32C as TFRecords store it: rotated and shifted, so that a CRC over data with CRCs inside stays useful.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
