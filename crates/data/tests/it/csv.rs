use jingwei_data::csv::{CsvOptions, CsvTarget, read_csv};
use jingwei_data::{Dataset, Error, Limits, OnBad, Targets};
use proptest::prelude::*;

fn read(text: impl AsRef<[u8]>, options: &CsvOptions) -> Result<Dataset, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, text).unwrap();
    read_csv(&path, options, &Limits::default())
}

fn class(name: &str) -> CsvOptions {
    CsvOptions {
        target: CsvTarget::Class(name.into()),
        ..Default::default()
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

#[test]
fn a_table_with_classes_named_by_text() {
    let data = read(
        "\u{feff}a,kind,b\n1,cat, 2.5 \n-3e2,ant,4\n\n5,cat,\"6\"\n",
        &class("kind"),
    )
    .unwrap();
    assert_eq!(data.row(1), Some(&[-300.0, 4.0][..]));
    assert_eq!(data.row(2), Some(&[5.0, 6.0][..]));
    assert_eq!(
        (data.class_names(), data.labels()),
        (&strings(&["ant", "cat"])[..], Some(&[1, 0, 1][..]))
    );
    assert!(
        data.origin(2).ends_with("table.csv, line 5"),
        "{}",
        data.origin(2)
    );
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    for end in ["\n", "\r\n"] {
        let data = read(["a,y", "1,\"x\ny\"", "2,x", "", ""].join(end), &class("y")).unwrap();
        assert!(data.origin(0).ends_with(", line 2"), "{}", data.origin(0));
        assert!(data.origin(1).ends_with(", line 4"), "{}", data.origin(1));
        let error = read(["a,y", "1,\"x\ny\"", "2,x,z"].join(end), &class("y"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(
                "line 4: row with another number of fields than the header: 3 instead of 2"
            ),
            "{error}"
        );
    }
}

#[test]
fn classes_named_by_numbers_are_sorted_by_value() {
    let data = read("x,y\n1,10\n2,9\n3,-1\n", &class("y")).unwrap();
    assert_eq!(data.class_names(), strings(&["-1", "9", "10"]));
    assert_eq!(data.labels(), Some(&[2, 1, 0][..]));
}

#[test]
fn targets_can_be_numbers() {
    let options = CsvOptions {
        target: CsvTarget::Values(strings(&["c", "a"])),
        ..Default::default()
    };
    let data = read("a,b,c\n1,2,3\n4,5,6\n", &options).unwrap();
    assert_eq!(data.row(1), Some(&[5.0][..]));
    assert_eq!(
        data.targets(),
        &Targets::Values {
            names: strings(&["c", "a"]),
            values: vec![3.0, 1.0, 6.0, 4.0]
        }
    );
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let columns = Some(strings(&["c", "a"]));
    let data = read(
        "a,b,c\n1,words,3\n",
        &CsvOptions {
            columns,
            ..Default::default()
        },
    )
    .unwrap();
    assert_eq!(
        (data.row(0), data.targets()),
        (Some(&[3.0, 1.0][..]), &Targets::None)
    );
}

#[test]
fn given_classes_keep_their_numbers_and_admit_no_other() {
    let classes = Some(strings(&["yes", "no"]));
    let options = CsvOptions {
        classes,
        ..class("y")
    };
    assert_eq!(
        read("x,y\n1,no\n", &options).unwrap().labels(),
        Some(&[1][..])
    );
    let error = read("x,y\n1,no\n2,maybe\n", &options)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 3, column `y`: the class `maybe` is none of"),
        "{error}"
    );
}

#[test]
fn bad_rows_are_named() {
    let cases = [
        (
            "a,y\n1,0\n2\n",
            "line 3: row with another number of fields than the header: 1 instead of 2",
        ),
        (
            "a,y\n1,0,7\n",
            "line 2: row with another number of fields than the header: 3 instead of 2",
        ),
        ("a,y\nx,0\n", "line 2, column `a`: `x` is no number"),
        ("a,y\n1,0\n,0\n", "line 3, column `a`: the value is missing"),
        ("a,y\nNA,0\n", "line 2, column `a`: the value is missing"),
        ("a,y\ninf,0\n", "line 2, column `a`: `inf` is not finite"),
        ("a,y\n1e99,0\n", "line 2, column `a`: `1e99` is not finite"),
        ("a,y\n1,\n", "line 2, column `y`: the label is missing"),
        ("a,b\n1,2\n", "line 1: there is no column `y`"),
        ("a,a,y\n1,2,3\n", "line 1: the column `a` comes twice"),
        ("1,2\n3,4\n", "line 1: the first line holds numbers"),
        ("", "line 1: the file is empty"),
        ("a,y\n", "there is no row below the header"),
        ("y\n1\n2\n", "a sample has no values"),
    ];
    for (text, message) in cases {
        let error = read(text, &class("y")).unwrap_err().to_string();
        assert!(error.contains(message), "{error}\nlacks {message}");
    }
    let error = read(b"a,y\n\xff\xfe,0\n", &class("y"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2, column `a`: `") && error.contains("is no number"),
        "{error}"
    );
}

#[test]
fn bad_rows_can_be_set_aside_and_are_counted() {
    let options = CsvOptions {
        on_bad: OnBad::Quarantine,
        ..class("y")
    };
    let data = read("a,b,y\n1,2,p\n1,nan,p\n1\n3,4,\n5,6,q\n", &options).unwrap();
    assert_eq!(
        (data.len(), data.row(1), data.labels()),
        (2, Some(&[5.0, 6.0][..]), Some(&[0, 1][..]))
    );
    let reasons: Vec<&str> = data
        .quarantine()
        .iter()
        .map(|bad| bad.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "the value is missing",
            "row with another number of fields than the header: 1 instead of 3",
            "the label is missing"
        ]
    );
    assert!(data.quarantine()[0].origin.ends_with("line 3, column `b`"));
    let error = read("a,y\nx,p\ny,p\n", &options).unwrap_err().to_string();
    assert!(
        error.contains("all 2 rows are bad (first: `x` is no number)"),
        "{error}"
    );
}

#[test]
fn a_table_beyond_the_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.tsv");
    std::fs::write(&path, "a\tb\n".to_owned() + &"1\t2\n".repeat(10)).unwrap();
    let limits = |dataset_bytes| Limits {
        dataset_bytes,
        ..Limits::default()
    };
    assert_eq!(
        read_csv(&path, &CsvOptions::default(), &limits(1000))
            .unwrap()
            .len(),
        10
    );
    for bytes in [10, 50] {
        assert!(matches!(
            read_csv(&path, &CsvOptions::default(), &limits(bytes)),
            Err(Error::TooLarge { .. })
        ));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(a|b|y|,|\n|\"|1|nan|é|\r|-){0,60}", quarantine: bool) {
        let on_bad = if quarantine { OnBad::Quarantine } else { OnBad::Stop };
        let _ = read(format!("a,y\n{text}"), &CsvOptions { on_bad, ..class("y") });
        let _ = read(text, &CsvOptions { on_bad, ..CsvOptions::default() });
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = read(bytes, &CsvOptions::default());
    }
}

#[test]
fn tables_are_read_in_the_encoding_that_they_have() {
    let text = "面积,类别\n1,好的\n2,\"不好, 不行\"\n3,好的\n";
    let (gbk, _, unmapped) = encoding_rs::GBK.encode(text);
    assert!(!unmapped);
    for bytes in [text.as_bytes().to_vec(), gbk.to_vec()] {
        let data = read(bytes, &class("类别")).unwrap();
        assert_eq!(data.class_names(), strings(&["不好, 不行", "好的"]));
        assert_eq!(data.len(), 3);
    }
}

#[test]
fn a_quote_that_is_never_closed_costs_one_row() {
    let options = CsvOptions {
        on_bad: OnBad::Quarantine,
        ..class("y")
    };
    let data = read("a,y\n1,p\n2,\"q\n3,q\n4,p\n", &options).unwrap();
    assert_eq!((data.len(), data.quarantine().len()), (3, 1));
    assert!(data.quarantine()[0].origin.ends_with("line 3"));
    assert_eq!(data.quarantine()[0].reason, "quote never closed");
}
