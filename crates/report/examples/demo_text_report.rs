//! Writes reports of texts with made data, to look at:
//! `cargo run -p jingwei-train --example demo_text_report -- FOLDER`.

use std::path::Path;

use jingwei_data::Sequences;
use jingwei_metrics::Error;
use jingwei_metrics::Evaluation;
use jingwei_metrics::{
    ClassificationSummary, LabelSummary, Labelled, Predictions, TagSummary, Tagged,
};
use jingwei_report::{
    BaselineScores, Counted, DataDescription, Explanation, Lengths, Part, Report, TagError,
    TextData, TextPart, TextReport, TokenWeight, WorstText, render,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("reviews.html"), render(&reviews()?)?)?;
    std::fs::write(folder.join("topics.html"), render(&topics()?)?)?;
    std::fs::write(folder.join("names.html"), render(&names()?)?)?;
    Ok(())
}

/// A small generator, so that the example needs no other crate.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.uniform() * limit as f32) as usize
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A classifier of two classes that is right in `skill` of all rows.
fn two_classes(rows: usize, skill: f32, seed: u64) -> Result<Evaluation, Error> {
    let mut random = Random(seed);
    let labels: Vec<u32> = (0..rows as u32).map(|row| row % 2).collect();
    let sure = |random: &mut Random| 0.5 + 0.49 * random.uniform().sqrt();
    let probabilities: Vec<f32> = labels
        .iter()
        .flat_map(|label| {
            let sure = sure(&mut random);
            let right = random.uniform() < skill;
            let positive = if right == (*label == 1) {
                sure
            } else {
                1.0 - sure
            };
            [1.0 - positive, positive]
        })
        .collect();
    let predictions = Predictions::new(&probabilities, 2, &labels, None)?;
    let summary = ClassificationSummary::compute(&predictions);
    Ok(Evaluation::Classification(Box::new(summary)))
}

fn text_data(unit: &str) -> TextData {
    let mut random = Random(5);
    let lengths = (0..2000).map(|_| (3.0 + 60.0 * random.uniform().powi(3) * 4.0) as usize);
    let part = |name: &str, texts| TextPart {
        name: name.into(),
        texts,
        tokens: texts * 38,
        unknown: texts * if name == "train" { 1 } else { 2 },
        cut: texts / 40,
    };
    TextData {
        unit: unit.into(),
        lengths: Lengths::of(lengths),
        length_limit: 128,
        vocabulary: 20_000,
        distinct: 41_208,
        once: 22_310,
        frequent: [
            ("，", 48_100),
            ("的", 36_209),
            ("很", 11_480),
            ("酒店", 6_233),
            ("不", 5_910),
        ]
        .map(|(name, count)| Counted::new(name, count))
        .into(),
        parts: vec![
            part("train", 9_972),
            part("valid", 1_107),
            part("test", 2_770),
        ],
        scripts: vec![
            Counted::new("Chinese, simplified", 13_120),
            Counted::new("Chinese, traditional", 611),
            Counted::new("Latin", 118),
        ],
        encodings: vec![Counted::new("GB18030", 13_849)],
        kept: 13_849,
        set_aside: vec![
            Counted::new("exact duplicate of a text kept", 412),
            Counted::new("empty after cleaning", 9),
            Counted::new("label missing", 3),
        ],
        bare: Vec::new(),
        changed: vec![
            Counted::new("cut to 128 words", 346),
            Counted::new("near duplicates moved to one part", 57),
        ],
    }
}

fn reviews() -> Result<Report, Error> {
    let long = "早上退房的时候，前台的态度还算可以，但是房间隔音实在太差了，半夜走廊里有人大声说话听得一清二楚。\
                空调的声音也很大，打电话叫人来修，等了一个多小时也没有人来，最后只好自己关掉。早餐品种少，味道一般，\
                果汁像是兑了水的。唯一的优点是位置不错，离火车站很近，走路五分钟就到。";
    let worst = |text: &str, truth: usize, probability: f32, row: usize| WorstText {
        text: text.into(),
        truth: vec![truth],
        predicted: vec![1 - truth],
        probability,
        truth_probability: 1.0 - probability,
        origin: format!("zh_reviews.csv, line {row}"),
    };
    let weights = |pieces: &[(&str, f32)]| -> Vec<TokenWeight> {
        let token = |(text, weight): &(&str, f32)| TokenWeight {
            text: (*text).into(),
            weight: *weight,
        };
        pieces.iter().map(token).collect()
    };
    let explanation = |pieces: &[(&str, f32)], class, probability, truth| Explanation {
        tokens: weights(pieces),
        class,
        probability,
        truth: Some(truth),
        origin: "zh_reviews.csv, line 1024".into(),
    };
    Ok(Report {
        title: "中文评论情感分类".into(),
        task: "text classification".into(),
        created: "2026-01-01 12:00 UTC".into(),
        data: DataDescription {
            classes: strings(&["差评", "好评"]),
            parts: vec![Part {
                name: "train".into(),
                rows: 9_972,
                counts: vec![4_690, 5_282],
            }],
            ..DataDescription::default()
        },
        valid: Some(two_classes(1_107, 0.87, 1)?),
        test: Some(two_classes(2_770, 0.865, 2)?),
        text: TextReport {
            data: Some(text_data("words")),
            baseline: Some(BaselineScores {
                name: "TF-IDF and logistic regression".into(),
                valid: Some(two_classes(1_107, 0.85, 3)?),
                test: Some(two_classes(2_770, 0.85, 4)?),
                seconds: 2.4,
            }),
            worst: vec![
                worst("房间很大，服务也很好，就是再也不会来了。", 0, 0.9931, 411),
                worst(&long.repeat(3), 0, 0.981, 9_203),
                worst(
                    "The hotel was <b>fine</b> & quiet.\nWe would come again.",
                    1,
                    0.92,
                    77,
                ),
            ],
            explanations: vec![
                explanation(
                    &[
                        ("这家", 0.001),
                        ("酒店", -0.004),
                        ("位置", 0.05),
                        ("不错", 0.21),
                        ("，", 0.0),
                        ("但是", -0.12),
                        ("房间", -0.01),
                        ("太", -0.06),
                        ("旧", -0.25),
                        ("，", 0.0),
                        ("服务员", 0.0),
                        ("很", 0.03),
                        ("热情", 0.31),
                        ("。", 0.01),
                    ],
                    1,
                    0.7312,
                    1,
                ),
                explanation(
                    &[
                        ("The", 0.0),
                        (" ", 0.0),
                        ("room", 0.02),
                        (" ", 0.0),
                        ("was", 0.0),
                        (" ", 0.0),
                        ("not", 0.4),
                        (" ", 0.0),
                        ("bad", -0.1),
                        (".", 0.0),
                    ],
                    0,
                    0.66,
                    1,
                ),
            ],
            ..TextReport::default()
        },
        ..Report::default()
    })
}

fn topics() -> Result<Report, Error> {
    let mut random = Random(8);
    let names = strings(&["体育", "财经", "科技", "娱乐", "health & food"]);
    let mut labels = Sequences::default();
    let mut probabilities = Vec::new();
    for _ in 0..600 {
        let own: Vec<u32> = (0..5).filter(|_| random.uniform() < 0.3).collect();
        labels.push(&own);
        for label in 0..5 {
            let noise = 0.75 * random.uniform();
            probabilities.push(if own.contains(&label) {
                0.99 - noise
            } else {
                0.01 + noise
            });
        }
    }
    let summary = LabelSummary::compute(&Labelled::new(&probabilities, 5, &labels)?);
    let evaluation = Evaluation::Labels(Box::new(summary));
    Ok(Report {
        title: "新闻主题".into(),
        task: "text classification, several labels".into(),
        data: DataDescription {
            classes: names,
            ..DataDescription::default()
        },
        test: Some(evaluation.clone()),
        text: TextReport {
            baseline: Some(BaselineScores {
                name: "TF-IDF and logistic regression".into(),
                test: Some(evaluation),
                ..BaselineScores::default()
            }),
            worst: vec![WorstText {
                text: "国家队主场迎战，球迷热情高涨，相关概念股开盘大涨。".into(),
                truth: vec![0, 1],
                predicted: vec![3],
                probability: 0.91,
                truth_probability: 0.08,
                origin: "news.jsonl, line 12".into(),
            }],
            ..TextReport::default()
        },
        ..Report::default()
    })
}

fn names() -> Result<Report, Error> {
    let mut random = Random(3);
    let names = strings(&["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]);
    let text: Vec<String> =
        "新华社记者王小明一月一日从北京大学获悉，中国科学院院士李四光教授将赴上海市参加会议。"
            .chars()
            .map(String::from)
            .collect();
    let mut tags = vec![0; text.len()];
    let mut mark = |start: usize, length: usize, first: u32| {
        tags[start] = first;
        tags[start + 1..start + length].fill(first + 1);
    };
    mark(0, 3, 5);
    mark(5, 3, 1);
    mark(13, 4, 5);
    mark(20, 5, 5);
    mark(27, 3, 1);
    mark(34, 3, 3);
    let (mut truth, mut said) = (Sequences::default(), Sequences::default());
    for _ in 0..400 {
        truth.push(&tags);
        let wrong = tags.iter().map(|tag| match random.uniform() {
            noise if noise < 0.97 => *tag,
            _ => random.below(7) as u32,
        });
        said.push(&wrong.collect::<Vec<_>>());
    }
    let tagged = Tagged::new(said, &truth, &names)?;
    let summary = TagSummary::compute(&tagged);
    let spans = summary.spans.as_ref();
    let tag_errors = spans.map(|spans| {
        TagError::examples(spans, &tagged, |row| {
            (text.clone(), format!("199801.txt, line {}", row + 1))
        })
    });
    Ok(Report {
        title: "人名地名机构名".into(),
        task: "sequence tagging".into(),
        data: DataDescription {
            classes: names.clone(),
            ..DataDescription::default()
        },
        text: TextReport {
            data: Some(text_data("characters")),
            tag_errors: tag_errors.unwrap_or_default(),
            ..TextReport::default()
        },
        test: Some(Evaluation::Tags(Box::new(summary))),
        ..Report::default()
    })
}
