#![no_main]

use jingwei_data::Limits;
use jingwei_data::idx::read_from;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(idx) = read_from(bytes, bytes.len() as u64, "images", &Limits::default()) {
        assert_eq!(idx.dimensions.iter().product::<usize>(), idx.bytes.len());
    }
});
