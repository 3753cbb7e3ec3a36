//! The bytes of event files: messages in the wire format of protocol buffers, in `TFRecord`s.
//!
//! Written by hand: the four kinds of field below are all that event files of scalars hold.

/// A message under way.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

/// How a field's value is laid out.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Varint = 0,
    EightBytes = 1,
    Counted = 2,
    FourBytes = 5,
}

impl Message {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn varint(mut self, field: u32, value: u64) -> Self {
        self.key(field, Layout::Varint);
        self.push(value);
        self
    }

    pub(super) fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, Layout::EightBytes);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, Layout::FourBytes);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A text, or a message within this one.
    pub(super) fn bytes(mut self, field: u32, content: &[u8]) -> Self {
        self.key(field, Layout::Counted);
        self.push(content.len() as u64);
        self.0.extend(content);
        self
    }

    fn key(&mut self, field: u32, layout: Layout) {
        self.push(u64::from(field) << 3 | layout as u64);
    }

    /// Seven bits in a byte, the lowest first; the eighth says that more follow.
    fn push(&mut self, mut value: u64) {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }
}

/// A `TFRecord`: the length, its checksum, the bytes, their checksum.
pub(super) fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    [&length, &masked_crc(&length)[..], bytes, &masked_crc(bytes)].concat()
}

/// CRC-32C, turned and shifted, since a checksum of data that holds checksums is weak.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the protocol's own documentation.
    #[test]
    fn messages_are_those_of_the_protocol() {
        assert_eq!(Message::default().varint(1, 150).as_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::default().bytes(2, b"testing");
        assert_eq!(text.as_bytes(), b"\x12\x07testing");
        let nested = Message::default().bytes(3, Message::default().varint(1, 150).as_bytes());
        assert_eq!(nested.as_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let most = Message::default().varint(1, u64::MAX);
        assert_eq!(most.as_bytes()[1..], [[0xff; 9].as_slice(), &[0x01]].concat());
        // A field number of two bytes.
        assert_eq!(Message::default().varint(16, 0).as_bytes(), [0x80, 0x01, 0x00]);
        assert_eq!(Message::default().float(2, 1.0).as_bytes(), [0x15, 0, 0, 0x80, 0x3f]);
    }

    /// CRC-32C of 32 zero bytes and of 32 bytes of ones (RFC 3720, B.4).
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        let unmasked = u32::from_le_bytes(masked_crc(&[0; 32])).wrapping_sub(0xa282_ead8);
        assert_eq!(unmasked.rotate_left(15), 0x8a91_36aa);
        let record = record(b"abc");
        assert_eq!(
            (record.len(), &record[..8], &record[12..15]),
            (19, &[3, 0, 0, 0, 0, 0, 0, 0][..], &b"abc"[..])
        );
    }
}
