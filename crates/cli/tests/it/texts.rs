//! Texts, from a file of reviews in GBK to a model behind HTTP.

use std::path::Path;

use crate::support::{Place, Ran};

/// A file or folder of the project's examples.
fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// The first of the shipped reviews that GBK can hold, in GBK.
fn reviews(count: usize) -> Vec<u8> {
    let path = example("zh_reviews/zh_reviews.csv");
    let mut reader = csv::Reader::from_path(path).expect("the reviews");
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["text", "label"]).expect("a header");
    let rows = reader.records().map(|row| row.expect("a row"));
    let fits = |row: &csv::StringRecord| !encoding_rs::GBK.encode(&row[0]).2;
    for row in rows.filter(fits).take(count) {
        let text = encoding_rs::GBK.encode(&row[0]).0;
        let fields = [&text[..], row[1].as_bytes()];
        writer.write_record(fields).expect("a row");
    }
    writer.into_inner().expect("all rows")
}

/// A recipe that trains in a moment.
fn recipe(data: &str) -> String {
    format!(
        r#"
task = "text-classification"
[data]
train = "{data}"
target = "label"
valid = {{ fraction = 0.2 }}
[model]
layers = [{{ embedding = {{ units = 4 }} }}, {{ global_avg_pool1d = {{}} }}]
[train]
epochs = 1
batch_size = 16
"#
    )
}

fn probabilities(values: impl IntoIterator<Item = serde_json::Value>) -> Vec<f64> {
    let values = values.into_iter().map(|value| value.as_f64());
    values.collect::<Option<_>>().expect("numbers")
}

#[test]
fn recipes_of_the_examples_are_fine() {
    let place = Place::new();
    for name in ["zh_lstm.toml", "text_conv.toml"] {
        let text = place.run(&["check", &example(name)]).done();
        assert!(text.contains("is fine: text classification"), "{text}");
    }
    let layers = place.run(&["inspect", &example("zh_lstm.toml")]).done();
    assert!(
        layers.contains("time × 16") && layers.contains("lstm_1"),
        "{layers}"
    );
}

#[test]
fn a_folder_with_tables_of_texts_is_one_of_texts() {
    let place = Place::new();
    place.write("set/train.csv", reviews(200));
    place.write("set/test.csv", reviews(40));
    place.run(&["init", "set"]).done();
    let recipe = place.read("recipe.toml");
    for line in [
        "task = \"text-classification\"\n",
        "train = \"set/train.csv\"\n",
        "valid = { fraction",
        "test = \"set/test.csv\"\n",
    ] {
        assert!(recipe.contains(line), "{recipe}");
    }
    let trained = place.run(&["train", "recipe.toml", "--run", "run", "--json"]);
    assert_eq!(trained.json()["test"]["rows"], 40);
}

#[test]
fn a_recipe_for_several_labels_looks_for_patterns() {
    let words = ["房间", "服务", "早餐", "内容", "价格"];
    let path = example("zh_reviews/zh_reviews.csv");
    let mut reader = csv::Reader::from_path(path).expect("the reviews");
    let mut table = String::from("text,label\n");
    for row in reader.records().map(|row| row.expect("a row")) {
        let text = row[0].replace([',', '"', '\n', '\r'], " ");
        let found: Vec<&str> = words
            .into_iter()
            .filter(|word| text.contains(word))
            .collect();
        if !found.is_empty() && table.len() < 200_000 {
            table += &format!("{text},{}\n", found.join("|"));
        }
    }
    let place = Place::new();
    place.write("topics.csv", table);
    place.run(&["init", "topics.csv"]).done();
    let recipe = place.read("recipe.toml");
    assert!(recipe.contains("label_separator = \"|\""), "{recipe}");
    let layers = place.run(&["inspect", "recipe.toml"]).done();
    assert!(layers.contains("patterns"), "{layers}");
    let sum = r#"["word_ngrams", "word_network", "word_patterns"]"#;
    assert!(recipe.contains(sum), "{recipe}");
}

#[test]
fn reviews_in_gbk_go_all_the_way() {
    const OWN: &str = "房间很干净，下次还来";
    let place = Place::new();
    place.write("reviews.csv", reviews(200));
    place.run(&["init", "reviews.csv"]).done();
    let recipe = place.read("recipe.toml");
    assert!(recipe.contains("text-classification"), "{recipe}");
    let (mut short, epochs) = (recipe.replace("262144", "512"), "epochs = 1\n");
    let line = recipe.lines().find(|line| line.starts_with("epochs"));
    short = short.replace(&format!("{}\n", line.expect("the epochs")), epochs);
    place.write("recipe.toml", short);
    place.run(&["train", "recipe.toml", "--run", "run"]).done();

    let told = place.run(&["predict", "run/bundle", "--text", OWN, "--json"]);
    let told = told.json();
    assert_eq!(told["record"], OWN);
    let own = told["probabilities"].as_object().expect("probabilities");
    assert_eq!(own.keys().collect::<Vec<_>>(), ["neg", "pos"]);
    let own = probabilities(own.values().cloned());
    assert!((own.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{own:?}");

    let measured = place.run(&["evaluate", "run/bundle", "reviews.csv", "--json"]);
    assert_eq!(measured.json()["rows"], 200);
    let table = place.run(&["predict", "run/bundle", "reviews.csv"]).done();
    assert_eq!(table.lines().count(), 201);
    place.write("x.png", "no picture at all");
    place
        .run(&["predict", "run/bundle", "x.png"])
        .fails(1, &["x.png", "reads texts", "--text"]);
    place.write("other.csv", "review,label\n很好,pos\n");
    place
        .run(&["predict", "run/bundle", "other.csv"])
        .fails(1, &["other.csv", "`text`", "`review`", "--text-column"]);
    let named = [
        "predict",
        "run/bundle",
        "other.csv",
        "--text-column",
        "review",
    ];
    place.run(&named).done();
    place.write("new.csv", "text,label\n很好,good\n");
    place
        .run(&["evaluate", "run/bundle", "new.csv"])
        .fails(1, &["new.csv", "`good`", "training part"]);
    #[cfg(unix)]
    served::answers_are_those_of_predict(&place, OWN, &own);
}

#[test]
fn files_that_are_no_texts_are_named() {
    let place = Place::new();
    let train = |data: &str| -> Ran {
        place.write("recipe.toml", recipe(data));
        place.run(&["train", "recipe.toml", "--run", "run"])
    };
    place.write("empty.csv", "");
    train("empty.csv").fails(1, &["empty.csv", "holds no texts"]);
    place
        .run(&["init", "empty.csv", "--output", "new.toml"])
        .fails(1, &["empty.csv", "empty"]);
    place.write("unnamed.csv", "review,label\n房间很干净,pos\n太差了,neg\n");
    let columns = "its columns are `review`, `label`";
    train("unnamed.csv").fails(1, &["unnamed.csv", "no column `text`", columns, "column ="]);
    place.write("plain.csv", "text,kind\n房间很干净,pos\n太差了,neg\n");
    let columns = "its columns are `text`, `kind`";
    train("plain.csv").fails(1, &["plain.csv", "no column `label`", columns, "target ="]);
    train("absent.csv").fails(1, &["absent.csv", "cannot be read"]);
    place.write("gap.csv", "text,label\n房间很干净,pos\n,neg\n");
    train("gap.csv").fails(1, &["gap.csv, line 3", "empty text", "quarantine"]);
}

#[cfg(unix)]
mod served {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;

    use rustix::process::Signal;
    use serde_json::{Value, json};

    use super::probabilities;
    use crate::runs::signal;
    use crate::support::{Place, json_lines};

    /// Serves the bundle, and compares what it says about a text with what `predict` said.
    pub fn answers_are_those_of_predict(place: &Place, text: &str, expected: &[f64]) {
        let arguments = ["serve", "run/bundle", "--address", "127.0.0.1:0", "--json"];
        let mut server = place.start(&arguments);
        let mut line = String::new();
        let mut output = BufReader::new(server.stdout.take().expect("an output"));
        output.read_line(&mut line).expect("a line");
        let address = json_lines(&line)[0]["address"].clone();
        let address = address.as_str().expect("an address");

        let body = json!({ "instances": [text, { "text": text }] }).to_string();
        let (status, answer) = post(address, "application/json", body.as_bytes());
        assert_eq!(status, "200", "{answer}");
        for prediction in answer["predictions"].as_array().expect("predictions") {
            let found = prediction["probabilities"].as_array().expect("an array");
            let found = probabilities(found.iter().cloned());
            let near = found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(
                near && found.len() == 2,
                "{found:?} instead of {expected:?}"
            );
        }
        let (status, answer) = post(address, "text/plain; charset=utf-8", text.as_bytes());
        assert_eq!(status, "200", "{answer}");
        let (status, answer) = post(address, "image/png", b"no picture at all");
        assert_eq!(status, "400", "{answer}");
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains("reads texts"), "{answer}");
        signal(&server, Signal::INT);
        assert_eq!(server.wait().expect("it ends").code(), Some(0));
    }

    /// The status and the body of an answer.
    fn post(address: &str, kind: &str, body: &[u8]) -> (String, Value) {
        let mut stream = TcpStream::connect(address).expect("a connection");
        let head = format!(
            "POST /v1/predict HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("a head");
        stream.write_all(body).expect("a body");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status").to_owned();
        (status, serde_json::from_str(body).expect("JSON"))
    }
}

#[test]
fn a_bundle_is_enough_without_its_recipe() {
    let place = Place::new();
    let reviews = String::from_utf8(std::fs::read(example("zh_reviews/zh_reviews.csv")).unwrap());
    let rows: Vec<String> = reviews
        .unwrap()
        .lines()
        .skip(1)
        .take(120)
        .map(str::to_owned)
        .collect();
    place.write("own.csv", format!("review,mood\n{}\n", rows.join("\n")));
    let own = "train = \"own.csv\"\ntarget = \"mood\"\ntext = { column = \"review\" }";
    let text = recipe("own.csv").replace("train = \"own.csv\"\ntarget = \"label\"", own);
    place.write("r.toml", text);
    place.run(&["train", "r.toml"]).done();
    let asked = |command: &str| {
        place
            .run(&[command, "runs/r/bundle", "own.csv", "--json"])
            .done()
    };
    let before = [asked("evaluate"), asked("predict")];
    for file in ["recipe.toml", "report.html"] {
        std::fs::remove_file(place.path("runs/r/bundle").join(file)).expect("the file");
    }
    assert_eq!(before, [asked("evaluate"), asked("predict")]);
}
