//! Learning rates against PyTorch and Keras.

use jingwei_nn::{Duration, LearningRate, PlateauState, ReduceOnPlateau, Schedule};

use crate::support::{assert_close, cases, golden, numbers, recipe};

#[test]
fn rates_are_those_of_pytorch_and_keras() {
    for case in cases("keras_schedules")
        .into_iter()
        .chain(cases("torch_schedules"))
    {
        let text = case["recipe"].as_str().expect("a recipe");
        let rates = numbers(&case["rates"]);
        let schedule = LearningRate::new(0.1, recipe(text).expect("a schedule"));
        schedule.check().expect("settings that make sense");
        let total = rates.len() as u64;
        let found: Vec<f32> = (0..total).map(|step| schedule.at(step, total)).collect();
        assert_close(&found, &rates, 1e-6, text);
    }
}

#[test]
fn a_warm_up_comes_before_any_schedule() {
    let schedule = recipe("{ step = { every = 4, factor = 0.5 } }").expect("a schedule");
    let rate = LearningRate::new(1.0, schedule).warmup(recipe::<Duration>("0.2").expect("a share"));
    let found: Vec<f32> = (0..20).map(|step| rate.at(step, 20)).collect();
    let expected = [
        0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25,
    ];
    assert_close(&found[..16], &expected, 1e-6, "warm-up");
    assert_eq!(
        LearningRate::new(0.3, Schedule::Constant).at(1_000, 10),
        0.3,
        "steps beyond the end are no error"
    );
}

#[test]
fn a_plateau_lowers_the_rate_as_in_keras() {
    let case = golden("plateau");
    let plateau = ReduceOnPlateau {
        factor: 0.5,
        patience: 2,
        cooldown: 2,
        min_share: 0.2,
        ..Default::default()
    };
    let mut state = PlateauState::default();
    let mut rates = Vec::new();
    for value in case["values"].as_array().expect("a list") {
        plateau.observe(&mut state, value.as_f64().expect("a number"));
        rates.push(state.factor);
        let saved = serde_json::to_string(&state).expect("JSON");
        state = serde_json::from_str(&saved).expect("JSON");
    }
    assert_close(&rates, &numbers(&case["rates"]), 1e-6, "rates");
    assert!(!plateau.observe(&mut PlateauState::default(), f64::NAN));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let error = |text: &str| {
        recipe::<Schedule>(text)
            .expect("a schedule")
            .check()
            .expect_err("no sense")
            .to_string()
    };
    assert_eq!(
        error("{ cosine = { final_share = 2.0 } }"),
        "schedule: `final_share` must be between 0 and 1, found 2"
    );
    assert_eq!(
        error("{ one_cycle = { rise = 1.0 } }"),
        "schedule: `rise` must be between 0 and 1, found 1"
    );
    assert!(error("{ step = { every = 0 } }").contains("`every` must be at least 1 step"));
    assert!(
        recipe::<Duration>("1.5")
            .is_err_and(|error| error.contains("a share of the training between 0 and 1"))
    );
    assert!(recipe::<Duration>("-2").is_err());
}
