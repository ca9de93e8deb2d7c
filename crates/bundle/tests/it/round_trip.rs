use std::fs;

use jingwei_bundle::{Bundle, Error, Existing, Parts, weights_hash, write};
use jingwei_engine::{Level, Runtime};

use crate::model::{Model, pictures, rows, runtime};

fn written(model: &Model) -> (tempfile::TempDir, Bundle) {
    let folder = tempfile::tempdir().unwrap();
    model.write(&folder.path().join("model.bundle"));
    let bundle = Bundle::load(folder.path().join("model.bundle")).unwrap();
    (folder, bundle)
}

#[test]
fn everything_comes_back() {
    let model = pictures();
    let (folder, bundle) = written(&model);
    assert_eq!(bundle.parameters()[..], model.parameters[..]);
    assert_eq!(bundle.preparation(), Some(&model.preparation));
    assert_eq!(bundle.recorded_inputs()[0], model.samples);
    assert_eq!(bundle.recorded_outputs()[0].len(), 5 * 3);
    let manifest = bundle.manifest();
    assert_eq!(
        (&*manifest.task, manifest.recorded.samples),
        ("image-classification", 5)
    );
    assert_eq!(manifest.metrics, model.parts().metrics);
    let hash = weights_hash(&model.function.parameters, &model.parameters);
    assert_eq!(manifest.weights.parameters_sha256, hash);
    let report = folder.path().join("model.bundle/report.html");
    assert_eq!(fs::read_to_string(report).unwrap(), "<!doctype html>");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "a temporary folder is left"
    );
}

#[test]
fn recorded_predictions_come_out_again() {
    for model in [pictures(), rows()] {
        let (_folder, bundle) = written(&model);
        let verified = bundle.verify(&runtime()).unwrap();
        assert!(verified.exact && verified.difference == 0.0, "{verified:?}");
        for level in Level::available() {
            let verified = bundle.verify(&Runtime::new(level, 1).unwrap()).unwrap();
            assert!(verified.exact || level != Level::best());
        }
    }
}

#[test]
fn samples_are_made_up_where_none_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    write(&path, &pictures().parts(), &runtime(), Existing::Refuse).unwrap();
    let bundle = Bundle::load(path).unwrap();
    assert_eq!(bundle.manifest().recorded.samples, 8);
    assert!(bundle.verify(&runtime()).unwrap().exact);
}

#[test]
fn what_inference_does_not_need_is_left_out() {
    let mut model = pictures();
    let graph = &mut model.function.graph;
    let probabilities = model.function.outputs[0];
    let labels = graph.input("labels", jingwei_graph::Shape::batch_of(&[3]));
    graph.multiply(probabilities, labels).unwrap();
    let (_folder, bundle) = written(&model);
    let names: Vec<&str> = bundle.inputs().iter().map(|input| &*input.name).collect();
    assert_eq!(names, ["pixels"]);
}

#[test]
fn the_hash_of_weights_does_not_depend_on_their_order() {
    let a = jingwei_engine::Layout::new([("a", vec![1]), ("b", vec![2])]);
    let b = jingwei_engine::Layout::new([("b", vec![2]), ("a", vec![1])]);
    let (mut first, mut second) = (vec![0.0; 32], vec![0.0; 32]);
    (first[0], first[16], first[17]) = (1.0, 2.0, 3.0);
    (second[16], second[0], second[1]) = (1.0, 2.0, 3.0);
    assert_eq!(weights_hash(&a, &first), weights_hash(&b, &second));
    second[1] = 4.0;
    assert_ne!(weights_hash(&a, &first), weights_hash(&b, &second));
}

#[test]
fn an_existing_bundle_is_refused_or_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    pictures().write(&path);
    let error = write(&path, &rows().parts(), &runtime(), Existing::Refuse).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    write(&path, &rows().parts(), &runtime(), Existing::Replace).unwrap();
    assert_eq!(Bundle::load(&path).unwrap().manifest().task, "regression");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_of_something_else_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let error = write(
        folder.path(),
        &rows().parts(),
        &runtime(),
        Existing::Replace,
    )
    .unwrap_err();
    assert!(error.to_string().contains("`thesis.txt`"), "{error}");
    assert!(folder.path().join("thesis.txt").exists());
}

#[test]
fn a_failure_leaves_the_earlier_bundle_intact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    pictures().write(&path);
    let mut broken = pictures();
    broken.parameters[2] = f32::NAN;
    let error = write(&path, &broken.parts(), &runtime(), Existing::Replace).unwrap_err();
    assert!(
        error.to_string().contains("`conv/kernel`: value 2 is NaN"),
        "{error}"
    );
    assert!(
        Bundle::load(&path)
            .unwrap()
            .verify(&runtime())
            .unwrap()
            .exact
    );
    let nowhere = folder.path().join("missing/b");
    let error = write(&nowhere, &pictures().parts(), &runtime(), Existing::Replace).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A device that is always full stands in for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_place_is_a_clear_error() {
    let error = write(
        "/proc/bundle",
        &pictures().parts(),
        &runtime(),
        Existing::Refuse,
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("check the free space"),
        "{error}"
    );
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let model = pictures();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    let cause = |parts: Parts<'_>| {
        write(&path, &parts, &runtime(), Existing::Refuse)
            .unwrap_err()
            .to_string()
    };
    let short = cause(Parts {
        parameters: &model.parameters[1..],
        ..model.parts()
    });
    assert!(short.contains("parameters are given"), "{short}");
    let outputs = cause(Parts {
        outputs: &[],
        ..model.parts()
    });
    assert!(
        outputs.contains("0 outputs are named, 1 are computed"),
        "{outputs}"
    );
    let samples = cause(Parts {
        samples: &[&[0.0; 65]],
        ..model.parts()
    });
    assert!(samples.contains("do not fit the inputs"), "{samples}");
    let other = rows();
    let preparation = cause(Parts {
        preparation: Some(&other.preparation),
        ..model.parts()
    });
    assert!(
        preparation.contains("the preparation gives [2]"),
        "{preparation}"
    );
    assert!(!path.exists());
}
