//! From files of texts to a bundle whose report shows the baseline, the worst texts and wrong spans.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jingwei_engine::Runtime;
use jingwei_kernels::Level;
use jingwei_metrics::Evaluation;
use jingwei_tasks::run::{Job, Prepared, RunResult, run_training};

const MODEL: &str = r#"
[prepare.text]
tokenizer = { character = {} }
[model]
layers = [{ embedding = { units = 16 } }, { global_avg_pool1d = {} }]
[train]
epochs = 4
batch_size = 16
optimizer = { adam = { learning_rate = 0.02 } }
"#;

/// Trains on `data` and gives the report's page with what the run came to.
fn train(folder: &Path, file: &str, data: &str, recipe: &str) -> (RunResult, String) {
    fs::write(folder.join(file), data).unwrap();
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    let job = Job::load(&folder.join("recipe.toml")).unwrap();
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    let cancel = AtomicBool::new(false);
    let result = run_training(&job, &folder.join("run"), &runtime, &mut [], &cancel).unwrap();
    let page = fs::read_to_string(folder.join("run/bundle/report.html")).unwrap();
    (result, page)
}

/// Reviews of which the words tell the class, but for a few with a wrong label.
fn reviews(labels: [&str; 2]) -> String {
    const WORDS: [[&str; 3]; 2] = [["差劲", "失望", "难吃"], ["很好", "喜欢", "满意"]];
    const THINGS: [&str; 5] = ["房间", "早餐", "服务", "The book", "位置"];
    let mut data = "text,label\n".to_owned();
    for row in 0..300 {
        let class = row % 2;
        let label = if row % 29 == 0 { 1 - class } else { class };
        let (thing, word) = (THINGS[row / 2 % 5], WORDS[class][row / 3 % 3]);
        writeln!(data, "{thing}{word}，第{row}次,{}", labels[label]).unwrap();
    }
    data
}

#[test]
fn a_report_of_reviews_has_a_baseline_mistakes_and_weighed_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = format!(
        "task = \"text-classification\"\n[data]\ntrain = \"reviews.csv\"\ntarget = \"label\"\n\
         test = {{ fraction = 0.3 }}\n{MODEL}"
    );
    let (result, page) = train(
        folder.path(),
        "reviews.csv",
        &reviews(["差评", "好评"]),
        &recipe,
    );
    let Some(baseline) = &result.baseline else {
        panic!("no baseline");
    };
    let (Some(Evaluation::Classification(own)), Some(Evaluation::Classification(other))) =
        (&result.test, &baseline.test)
    else {
        panic!("no test figures");
    };
    assert_eq!(own.rows, other.rows);
    assert!(own.accuracy > 0.85 && other.accuracy > 0.85);
    for words in [
        "Baseline, test",
        "The baseline (TF-IDF and logistic regression",
        "Worst texts",
        "What moved the decision",
        "class=\"for\"",
        "Chinese characters",
        "Most frequent",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_report_of_labels_has_a_baseline_too() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = format!(
        "task = \"text-classification\"\n[data]\ntrain = \"topics.csv\"\ntarget = \"label\"\n\
         text = {{ label_separator = \";\" }}\n{MODEL}"
    );
    let data = reviews(["差评;旧", "好评;新"]);
    let (result, page) = train(folder.path(), "topics.csv", &data, &recipe);
    let baseline = result.baseline.unwrap();
    let (Some(Evaluation::Labels(own)), Some(Evaluation::Labels(other))) =
        (&result.valid, &baseline.valid)
    else {
        panic!("no figures of labels");
    };
    assert_eq!((own.labels.len(), own.rows), (4, other.rows));
    assert!(page.contains("By label") && page.contains("Baseline, validation"));
}

const MEMBERS: &str = r#"
[prepare.text]
tokenizer = { words_and_characters = {} }
[model]
layers = [
  { name = "words", inputs = ["input"], token_filter = { keep = "words" } },
  { embedding = { units = 16 } },
  { global_avg_pool1d = {} },
  { name = "of_words", dense = { units = 2 } },
  { name = "characters", inputs = ["input"], token_filter = { keep = "characters" } },
  { name = "of_characters", ngram_bayes = { units = 2, buckets = 4096, gain = 20.0 } },
]
outputs = ["of_words", "of_characters"]
[train]
epochs = 4
batch_size = 16
optimizer = { adam = { learning_rate = 0.02 } }
"#;

#[test]
fn networks_of_words_and_of_characters_decide_together() {
    let folder = tempfile::tempdir().unwrap();
    let data = "task = \"text-classification\"\n[data]\ntrain = \"reviews.csv\"\ntarget = \"label\"\n\
         test = { fraction = 0.3 }\n";
    let recipe = format!("{data}{MEMBERS}");
    let reviews = reviews(["差评", "好评"]);
    let (result, page) = train(folder.path(), "reviews.csv", &reviews, &recipe);
    let Some(Evaluation::Classification(summary)) = &result.test else {
        panic!("no figures of classes");
    };
    assert!(summary.accuracy > 0.9, "{}", summary.accuracy);
    // A word weighs what it and its characters do: it is one piece of the explained text.
    assert!(
        page.contains(">差劲<") || page.contains(">很好<"),
        "no word is marked"
    );

    let wrong = recipe.replace("dense = { units = 2 }", "dense = { units = 3 }");
    fs::write(folder.path().join("recipe.toml"), wrong).unwrap();
    let job = Job::load(&folder.path().join("recipe.toml"));
    let error = job.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("[batch, 3] and [batch, 2]"), "{error}");
    let wrong = recipe.replace("units = 2", "units = 3");
    fs::write(folder.path().join("recipe.toml"), wrong).unwrap();
    let job = Job::load(&folder.path().join("recipe.toml")).unwrap();
    let error = Prepared::new(&job)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        error.contains("layer 4 `of_words`") && error.contains("2 values"),
        "{error}"
    );
}

#[test]
fn a_report_of_names_shows_wrong_spans_in_their_texts() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = String::new();
    for row in 0..200 {
        let name = ["王 小 明", "李 四", "张 三 丰"][row % 3];
        for word in ["今", "天"] {
            writeln!(data, "{word} O").unwrap();
        }
        for (place, word) in name.split(' ').enumerate() {
            // Some names are not marked, so that there are errors to show.
            let tag = match (row % 5, place) {
                (0, _) => "O",
                (_, 0) => "B-PER",
                _ => "I-PER",
            };
            writeln!(data, "{word} {tag}").unwrap();
        }
        data.push_str("来 O\n了 O\n\n");
    }
    let recipe = "task = \"sequence-tagging\"\n[data]\ntrain = \"names.conll\"\n\
         [prepare.text]\ntokenizer = { character = {} }\n\
         [model]\nlayers = [{ embedding = { units = 16 } }]\n\
         [train]\nepochs = 4\nbatch_size = 16\noptimizer = { adam = { learning_rate = 0.03 } }\n";
    let (result, page) = train(folder.path(), "names.conll", &data, recipe);
    assert!(result.baseline.is_none());
    // All sentences are one of three, so that no part could be held back if each stayed on one side.
    assert!(page.contains("texts of the valid part are in the training part too"));
    let Some(Evaluation::Tags(summary)) = &result.valid else {
        panic!("no figures of tags");
    };
    let spans = summary.spans.as_ref().unwrap();
    assert!(spans.scores.recall > 0.9 && spans.scores.f1 < 1.0);
    for words in ["Errors by kind", "Wrong spans", "invented", "PER", "今天"] {
        assert!(page.contains(words), "{words}");
    }
}

/// Reviews of which some come again, letter by letter or with another mark at the end.
fn doubled() -> String {
    let mut data = reviews(["差评", "好评"]);
    let rows: Vec<String> = data.lines().skip(1).map(str::to_owned).collect();
    for row in rows.iter().take(60) {
        writeln!(data, "{row}").unwrap();
    }
    for row in rows.iter().skip(100).take(40) {
        let (text, label) = row.split_once(',').unwrap();
        writeln!(data, "{text}！,{label}").unwrap();
    }
    data
}

#[test]
fn texts_that_come_again_do_not_cross_the_split() {
    for (rule, words) in [
        ("", "none is torn apart by a split"),
        (
            "duplicates = \"drop\"\n",
            "100 texts left out of the training",
        ),
        ("duplicates = \"ignore\"\n", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let recipe = format!(
            "task = \"text-classification\"\n[data]\ntrain = \"reviews.csv\"\n{rule}\
             test = {{ fraction = 0.3 }}\n{MODEL}"
        );
        let (result, page) = train(folder.path(), "reviews.csv", &doubled(), &recipe);
        let Some(found) = &result.duplicates else {
            assert_eq!(words, "");
            assert!(!page.contains("<h3 id=\"duplicates\">"));
            continue;
        };
        assert_eq!((found.exact, found.near, found.groups), (60, 40, 100));
        assert_eq!(found.crossing, []);
        assert!(
            result.notes.iter().any(|note| note.contains(words)),
            "{:?}",
            result.notes
        );
        assert!(page.contains(words) && page.contains("<h3 id=\"duplicates\">"));
        let parts = found
            .examples
            .iter()
            .map(|group| [&group[0].part, &group[1].part]);
        let dropped = found.dropped;
        assert!(parts.into_iter().all(|[one, other]| match dropped {
            true => other.is_empty(),
            false => one == other,
        }));
        let Some(Evaluation::Classification(test)) = &result.test else {
            panic!("no test figures");
        };
        let texts = if dropped { 300.0 } else { 400.0 };
        assert!(
            (test.rows as f64 - texts * 0.3).abs() <= 1.0,
            "{}",
            test.rows
        );
    }
}

#[test]
fn texts_of_a_test_file_that_train_too_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = reviews(["差评", "好评"]);
    let mut other = "text,label\n别的东西很好,好评\n完全不同的话题,差评\n".to_owned();
    for row in data.lines().skip(1).take(7) {
        writeln!(other, "{row}").unwrap();
    }
    fs::write(folder.path().join("test.csv"), other).unwrap();
    for (rule, crossing) in [("together", 7), ("drop", 0)] {
        let recipe = format!(
            "task = \"text-classification\"\n[data]\ntrain = \"reviews.csv\"\ntest = \"test.csv\"\n\
             duplicates = \"{rule}\"\n{MODEL}"
        );
        fs::remove_dir_all(folder.path().join("run")).ok();
        let (result, page) = train(folder.path(), "reviews.csv", &data, &recipe);
        let found = result.duplicates.unwrap();
        let crosses: u64 = found.crossing.iter().map(|part| part.count).sum();
        assert_eq!((found.exact, crosses), (7, crossing));
        let warned = page.contains("7 texts of the test part are in the training part too");
        assert_eq!(warned, crossing > 0);
    }
}

#[test]
fn an_embedding_begins_with_pretrained_vectors() {
    let data = reviews(["差评", "好评"]);
    let embedding = |settings: &str| {
        format!(
            "task = \"text-classification\"\n[data]\ntrain = \"reviews.csv\"\n\
             [prepare.text]\ntokenizer = {{ character = {{}} }}\n[model]\n\
             layers = [{{ embedding = {{ units = 3, {settings} }} }}, {{ global_avg_pool1d = {{}} }}]\n\
             [train]\nepochs = 2\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("vectors.txt"), "好 1 2 3\n不在 4 5 6\n差 7 8 9\n").unwrap();
    for trained in [false, true] {
        fs::remove_dir_all(path.join("run")).ok();
        let settings = format!("vectors = \"vectors.txt\", trainable = {trained}");
        let (result, page) = train(path, "reviews.csv", &data, &embedding(&settings));
        assert!(page.contains("id=\"pretrained\"") && page.contains("2 of "));
        assert!(page.contains(if trained { "trained on)" } else { "frozen)" }));
        // The bundle holds the vectors: the file is not needed for predictions.
        let bundle = jingwei_bundle::Bundle::load(result.bundle.unwrap()).unwrap();
        let preparation = bundle.preparation().unwrap().text().unwrap();
        let words = preparation.vocabulary.words();
        let row = words.iter().position(|word| word == "好").unwrap() + 2;
        let mut entries = bundle.function().parameters.entries().iter();
        let entry = entries
            .find(|entry| entry.name.ends_with("embeddings"))
            .unwrap();
        let table = &bundle.parameters()[entry.range()];
        assert_eq!(table[row * 3..][..3] == [1.0, 2.0, 3.0], !trained);
    }
    let fails = |settings: &str, words: &[&str]| {
        fs::write(path.join("recipe.toml"), embedding(settings)).unwrap();
        let runtime = Runtime::new(Level::best(), 1).unwrap();
        let run = path.join("bad");
        let failed = Job::load(&path.join("recipe.toml"))
            .and_then(|job| run_training(&job, &run, &runtime, &mut [], &AtomicBool::new(false)));
        let message = failed.unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    };
    fs::write(path.join("wide.txt"), "好 1 2 3 4\n差 7 8 9 10\n").unwrap();
    fs::write(path.join("cut.txt"), "好 1 2 3\n差 7 8\n").unwrap();
    fails(
        "vectors = \"absent.txt\"",
        &["recipe.toml:7:", "no file", "absent.txt"],
    );
    fails(
        "vectors = \"wide.txt\"",
        &["have 4 numbers", "set `units` to 4"],
    );
    fails("vectors = \"cut.txt\"", &["cut.txt, line 2", "cut short"]);
    fails(
        "words = \"wide.txt\"",
        &["`words`", "none without `vectors`"],
    );
    fs::write(path.join("lone.npy"), "").unwrap();
    fails(
        "vectors = \"lone.npy\"",
        &["`embedding.words`", "an .npy file has no words"],
    );
    fails(
        "vectors = \"wide.txt\", words = \"wide.txt\"",
        &["`embedding.words`", "leave it out"],
    );
    fails(
        "vector = \"wide.txt\"",
        &["unknown key `vector`", "did you mean `vectors`"],
    );
}
