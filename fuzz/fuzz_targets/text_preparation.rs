#![no_main]

//! A preparation as it stands in a bundle; what passes its check encodes texts.

use jingwei_text::prepare::{Encoder, TextPreparation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(preparation) = serde_json::from_slice::<TextPreparation>(bytes) else {
        return;
    };
    if preparation.check().is_err() {
        return;
    }
    let ids = preparation.ids() as u32;
    let encoder = Encoder::new(preparation).expect("a checked preparation loads");
    let mut row = Vec::new();
    for text in ["", "这家酒店很好，hello World 3.5！", "<p>買&amp;賣</p> http://a.cn e\u{301}", "沈\u{0}乾"] {
        encoder.encode(text, &mut row);
        assert!(row.iter().all(|&id| id < ids));
        encoder.decode(&row);
        encoder.tokens(text);
    }
});
