use super::*;

/// Records of these lengths of payload, or less where a block ends, and where each begins. No byte of
/// a payload is zero.
fn manifest(payloads: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    for payload in payloads {
        let mut left = BLOCK - bytes.len() % BLOCK;
        if left < HEADER {
            bytes.resize(bytes.len() + left, 0);
            left = BLOCK;
        }
        starts.push(bytes.len());
        let payload = *payload.min(&(left - HEADER));
        let covered = vec![1; 1 + payload];
        bytes.extend(masked(crc32c::crc32c(&covered)).to_le_bytes());
        bytes.extend(u16::try_from(payload).unwrap().to_le_bytes());
        bytes.extend(covered);
    }
    (bytes, starts)
}

/// Five records, of which the fourth fills a block but for three bytes and the last lies in four
/// sectors.
fn example() -> (Vec<u8>, usize) {
    let (bytes, starts) = manifest(&[0, 90, 700, 31_947, 1_700]);
    assert_eq!(starts[4], BLOCK);
    (bytes, starts[4])
}

#[test]
fn whole_records_have_no_torn_end() {
    let (bytes, _) = example();
    assert_eq!((end_of_records(&bytes), torn_end(&bytes)), (bytes.len(), None));
    assert_eq!(torn_end(&[]), None);
}

/// RocksDB takes it for the end itself.
#[test]
fn a_record_cut_short_is_left_to_rocksdb() {
    let (bytes, last) = example();
    for length in last + 1..bytes.len() {
        assert_eq!(torn_end(&bytes[..length]), None, "{length} bytes");
    }
}

#[test]
fn a_record_without_one_of_its_sectors_is_a_torn_end() {
    let lengths: Vec<usize> = (0..300).map(|number| 40 + number * 7 % 1_800).collect();
    for count in 1..=lengths.len() {
        let (bytes, starts) = manifest(&lengths[..count]);
        let last = starts[count - 1];
        for sector in last / SECTOR..=(bytes.len() - 1) / SECTOR {
            let mut bytes = bytes.clone();
            let end = bytes.len().min((sector + 1) * SECTOR);
            bytes[last.max(sector * SECTOR)..end].fill(0);
            assert_eq!(torn_end(&bytes), Some(last), "{count} records, sector {sector}");
        }
    }
}

#[test]
fn a_flipped_bit_is_no_torn_end() {
    let (bytes, _) = example();
    for position in (0..bytes.len()).filter(|position| position % 7 == 0 || position % SECTOR < 8) {
        let mut bytes = bytes.clone();
        bytes[position] ^= 0x10;
        let is_padding = (BLOCK - 3..BLOCK).contains(&position);
        assert_eq!(end_of_records(&bytes) == bytes.len(), is_padding, "byte {position}");
        assert_eq!(torn_end(&bytes), None, "byte {position}");
    }
}
