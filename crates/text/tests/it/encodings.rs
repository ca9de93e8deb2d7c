use jingwei_text::OnBad;
use jingwei_text::encoding::{Lines, decode};
use std::path::Path;

const TEXT: &str = "第一行，质量很好。\nsecond line\n第三行";

#[test]
fn chinese_in_every_usual_encoding_is_the_same_text() {
    let gbk = encoding_rs::GBK.encode(TEXT).0.into_owned();
    let mut marked = "\u{feff}".as_bytes().to_vec();
    marked.extend(TEXT.as_bytes());
    let little: Vec<u8> = std::iter::once(0xfeff)
        .chain(TEXT.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = std::iter::once(0xfeff)
        .chain(TEXT.encode_utf16())
        .flat_map(u16::to_be_bytes)
        .collect();
    for bytes in [TEXT.as_bytes().to_vec(), gbk, marked, little, big] {
        let decoded = decode(&bytes, OnBad::Stop).unwrap();
        assert_eq!(decoded.text, TEXT, "{}", decoded.encoding);
        let mut lines = Lines::of(bytes, Path::new("memory"), 1 << 20);
        let mut line = String::new();
        let mut all = Vec::new();
        while lines.next_line(&mut line).unwrap().is_some() {
            all.push(line.clone());
        }
        assert_eq!(all.join("\n"), TEXT);
    }
}

#[test]
fn rare_characters_of_gb18030_are_read() {
    let text = "𠮷野家，㐀字，很好的一家店，我们都很喜欢";
    let bytes = encoding_rs::GB18030.encode(text).0.into_owned();
    assert_eq!(decode(&bytes, OnBad::Stop).unwrap().text, text);
}

#[test]
fn mixed_encodings_are_named_or_counted() {
    let mut bytes = "第一行是正常的文字，这里有很多很多的字，都是对的\n"
        .as_bytes()
        .repeat(3);
    bytes.extend(&encoding_rs::GBK.encode("坏").0[..]);
    let error = decode(&bytes, OnBad::Stop).unwrap_err().to_string();
    assert!(
        error.contains("line 4") && error.contains("UTF-8"),
        "{error}"
    );
    let decoded = decode(&bytes, OnBad::Quarantine).unwrap();
    assert!(decoded.replaced > 0 && decoded.encoding == "UTF-8");
}

#[test]
fn a_long_line_is_cut_and_told() {
    let mut bytes = "好".repeat(4_000_000).into_bytes();
    bytes.extend("\n短".as_bytes());
    let mut lines = Lines::of(bytes, Path::new("memory"), 100);
    let mut line = String::new();
    let first = lines.next_line(&mut line).unwrap().unwrap();
    assert!(first.too_long && first.bytes == 12_000_000 && line.len() == 99);
    assert!(!lines.next_line(&mut line).unwrap().unwrap().too_long);
    assert_eq!(line, "短");
    assert!(lines.next_line(&mut line).unwrap().is_none());
}

#[test]
fn an_encoding_is_found_behind_much_ascii() {
    let folder = tempfile::tempdir().unwrap();
    for before in [0, 100, (1 << 18) - 3, 1 << 18, 700_001] {
        let path = folder.path().join("a.txt");
        let mut bytes = vec![b'a'; before];
        bytes.extend(
            &encoding_rs::GBK
                .encode("\n质量很好，酒店不错，我们都很喜欢这里\n")
                .0[..],
        );
        std::fs::write(&path, &bytes).unwrap();
        let lines = Lines::open(&path, None, 1 << 10).unwrap();
        assert_eq!(lines.encoding(), "gb18030", "{before}");
    }
    let path = folder.path().join("b.txt");
    std::fs::write(&path, "好".repeat(200_000)).unwrap();
    assert_eq!(
        Lines::open(&path, None, 1 << 10).unwrap().encoding(),
        "UTF-8"
    );
}
