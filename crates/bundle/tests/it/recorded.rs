//! Recorded records: made up from the preparation, prepared again by `verify`.

use std::path::Path;

use jingwei_bundle::{
    Bundle, Error, Existing, OutputKind, Parts, RecordedRecords, RecordedText, write,
};
use jingwei_data::Preparation;
use jingwei_data::prepare::{FeaturePreparation, TargetPreparation, TextOptions, TextPreparation};
use jingwei_engine::{Function, Layout};
use jingwei_graph::ops::ReduceKind;
use jingwei_graph::{Dim, Graph, Shape, Symbol};
use serde_json::{Value, json};

use crate::model::{Model, pictures, rows, runtime};
use crate::seal::{manifest, write_sealed};

fn made_up(model: &Model, folder: &Path) {
    write(folder, &model.parts(), &runtime(), Existing::Refuse).unwrap();
}

/// Whether `verify` notices a change of the manifest that `load` believes.
#[track_caller]
fn noticed(model: &Model, change: impl FnOnce(&mut Value)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    made_up(model, &path);
    let mut changed = manifest(&path);
    change(&mut changed);
    write_sealed(&path, &changed.to_string());
    let error = Bundle::load(&path).unwrap().verify(&runtime()).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("prepared input"), "{error}");
}

#[test]
fn another_preparation_is_noticed_even_where_the_digest_fits() {
    let scaling = json!({ "standardise": { "mean": [0.25], "std": [0.5] } });
    noticed(&pictures(), |manifest| {
        manifest["preparation"]["features"]["images"]["scaling"] = scaling;
    });
    noticed(&rows(), |manifest| {
        let std = &mut manifest["preparation"]["features"]["rows"][1]["scaling"]["standardise"];
        std["std"] = json!(4.06);
    });
}

#[test]
fn numbers_follow_from_the_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    made_up(&rows(), &path);
    let bundle = Bundle::load(&path).unwrap();
    assert_eq!(
        bundle.manifest().recorded.records,
        Some(RecordedRecords::Numbers)
    );
    let prepared = &bundle.recorded_inputs()[0];
    assert!(
        prepared.iter().all(|value| value.abs() <= 2.0),
        "{prepared:?}"
    );
    assert!(
        prepared.iter().any(|value| value.abs() > 0.5),
        "{prepared:?}"
    );
}

#[test]
fn a_model_that_overflows_far_from_the_mean_is_written_with_records_at_the_mean() {
    let mut model = rows();
    model.parameters[..2].copy_from_slice(&[3e38, 3e38]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    made_up(&model, &path);
    let bundle = Bundle::load(&path).unwrap();
    assert!(
        bundle.recorded_inputs()[0]
            .iter()
            .all(|&value| value == 0.0)
    );
    assert!(bundle.verify(&runtime()).unwrap().exact);
}

/// The mean of a token's embeddings, over texts of any length.
fn texts(preparation: TextPreparation) -> (Function, Vec<f32>, Preparation) {
    let ids = preparation.ids();
    let mut graph = Graph::new();
    let time = Shape(vec![Dim::Symbol(Symbol::Batch), Dim::Symbol(Symbol::Time)]);
    let x = graph.input("ids", time);
    let table = graph.parameter("table", &[ids, 2]);
    let y = graph.gather(table, x).unwrap();
    let y = graph.reduce(ReduceKind::Max, y, &[1], false).unwrap();
    let y = graph.softmax(y).unwrap();
    let layout = Layout::new([("table", vec![ids, 2])]);
    let weights = crate::model::noise(5, layout.len());
    let preparation = Preparation {
        features: FeaturePreparation::Text(Box::new(preparation)),
        targets: TargetPreparation::Classes(["good", "bad"].map(String::from).into()),
    };
    let function = Function::new(graph, vec![y], layout, Layout::default());
    (function, weights, preparation)
}

#[test]
fn texts_are_made_of_the_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    let data = [
        "这本书很好，房间 the room book",
        "这本书很好，房间 the room book",
        "Secret 4711",
    ];
    let fitted = TextPreparation::fit(&data[..], &TextOptions::default()).unwrap();
    let (function, parameters, preparation) = texts(fitted);
    let parts = Parts {
        task: "text-classification",
        function: &function,
        outputs: &[("probabilities", OutputKind::Probabilities)],
        parameters: &parameters,
        states: &[],
        preparation: Some(&preparation),
        reading: None,
        samples: &[],
        time: 0,
        metrics: Value::Null,
        report: None,
        recipe: None,
    };
    write(&path, &parts, &runtime(), Existing::Refuse).unwrap();
    let bundle = Bundle::load(&path).unwrap();
    assert!(bundle.verify(&runtime()).unwrap().exact);
    let Some(RecordedRecords::Texts(recorded)) = &bundle.manifest().recorded.records else {
        panic!("{:?}", bundle.manifest().recorded)
    };
    let all = recorded.iter().map(|text| match text {
        RecordedText::Text(text) | RecordedText::Tokens(text) => text.as_str(),
    });
    let all = all.collect::<Vec<_>>().join(" ");
    assert!(all.contains("房间") && all.contains("room"), "{all}");
    assert!(!all.contains("4711") && !all.contains("Secret"), "{all}");
    assert!(data.iter().all(|text| !all.contains(text)), "{all}");

    let sound = manifest(&path);
    for (place, value) in [
        ("/preparation/features/text/options/simplify", json!(false)),
        (
            "/preparation/features/text/options/strip_html",
            json!(false),
        ),
        (
            "/preparation/features/text/vocabulary/words/0",
            json!("outside"),
        ),
        ("/preparation/features/text/stop_words", json!(["房间"])),
    ] {
        let mut changed = sound.clone();
        *changed.pointer_mut(place).expect(place) = value;
        write_sealed(&path, &changed.to_string());
        let verified = Bundle::load(&path).unwrap().verify(&runtime());
        assert!(verified.is_err(), "{place}");
    }
}
