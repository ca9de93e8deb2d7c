#![no_main]

//! The first byte chooses the form, the rest is the file: word vectors as text, or as `.npy`.

use jingwei_text::prepare::Vocabulary;
use jingwei_text::vectors::VectorFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&form, content)) = bytes.split_first() else {
        return;
    };
    let words = ["的", "a", "b c", "1"].map(str::to_owned).to_vec();
    let vocabulary = Vocabulary::of(words, vec![1; 4]).expect("four words");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let npy = form % 2 == 1;
    let path = folder.path().join(if npy { "v.npy" } else { "v.txt" });
    std::fs::write(&path, content).expect("room for the input");
    let list = folder.path().join("words");
    std::fs::write(&list, "a\n的\n").expect("room for two words");
    let file = VectorFile {
        path,
        vocabulary: npy.then_some(list),
    };
    if let Ok(vectors) = file.load(&vocabulary) {
        assert_eq!(vectors.rows.len(), vectors.width * vocabulary.ids());
        assert!(vectors.rows.iter().all(|value| value.is_finite()));
    }
});
