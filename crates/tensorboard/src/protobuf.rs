//! The protocol buffer wire format, as far as event files need it.

const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const DELIMITED: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// A message being encoded.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn integer(mut self, field: u64, value: u64) -> Self {
        self.key(field, VARINT);
        varint(&mut self.0, value);
        self
    }

    pub(crate) fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, EIGHT_BYTES);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, FOUR_BYTES);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, DELIMITED);
        varint(&mut self.0, value.len() as u64);
        self.0.extend(value);
        self
    }

    pub(crate) fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(crate) fn message(self, field: u64, value: Message) -> Self {
        self.bytes(field, &value.0)
    }

    /// A packed repeated field.
    pub(crate) fn doubles(self, field: u64, values: &[f64]) -> Self {
        let packed: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.bytes(field, &packed)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        varint(&mut self.0, field << 3 | wire_type);
    }
}

/// The value of an integer field of an encoded message: its last occurrence, 0 if there is none, `None` if the bytes
/// are no message.
pub(crate) fn integer(mut message: &[u8], field: u64) -> Option<u64> {
    let mut value = 0;
    while !message.is_empty() {
        let key = take_varint(&mut message)?;
        match key & 7 {
            VARINT => {
                let found = take_varint(&mut message)?;
                value = if key >> 3 == field { found } else { value };
            }
            EIGHT_BYTES => skip(&mut message, 8)?,
            DELIMITED => {
                let length = take_varint(&mut message)?;
                skip(&mut message, length)?;
            }
            FOUR_BYTES => skip(&mut message, 4)?,
            _ => return None,
        }
    }
    Some(value)
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn skip(bytes: &mut &[u8], count: u64) -> Option<()> {
    *bytes = bytes.get(usize::try_from(count).ok()?..)?;
    Some(())
}
