//! Bundles that were tampered with. Each must be refused with its reason, without a panic and without much memory.

use std::fs;
use std::path::{Path, PathBuf};

use jingwei_bundle::{Bundle, Error, Existing, seal, write};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::{pictures, runtime};
use crate::seal::{manifest, write_sealed};

struct Victim {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Victim {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        pictures().write(&path);
        Self {
            _folder: folder,
            path,
        }
    }

    fn manifest(&self) -> PathBuf {
        self.path.join("jingwei.json")
    }

    fn weights(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// Changes the manifest, and its digest so that it fits again.
    fn edit(&self, change: impl FnOnce(&mut Value)) -> &Self {
        let mut content = manifest(&self.path);
        change(&mut content);
        write_sealed(&self.path, &content.to_string());
        self
    }

    /// Changes the weights, and the manifest so that hash and size fit again.
    fn forge(&self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> &Self {
        let bytes = change(fs::read(self.weights()).unwrap());
        fs::write(self.weights(), &bytes).unwrap();
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.edit(|manifest| {
            manifest["weights"]["sha256"] = json!(digest);
            manifest["weights"]["bytes"] = json!(bytes.len());
        })
    }

    /// Changes the header of the weights.
    fn forge_header(&self, change: impl FnOnce(String) -> String) -> &Self {
        self.forge(|bytes| {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
            let header = change(header);
            let length = (header.len() as u64).to_le_bytes();
            [&length, header.as_bytes(), &bytes[8 + bytes_of(&bytes)..]].concat()
        })
    }

    fn reason(&self) -> String {
        reason(&self.path)
    }
}

fn bytes_of(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
}

fn reason(path: &Path) -> String {
    match Bundle::load(path) {
        Err(error @ (Error::Refused { .. } | Error::Newer { .. } | Error::File { .. })) => {
            error.to_string()
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn refused(victim: &Victim, reason: &str) {
    let found = victim.reason();
    assert!(found.contains(reason), "{found}");
}

#[test]
fn the_victim_itself_is_sound() {
    let victim = Victim::new();
    victim
        .edit(|_| ())
        .forge(|bytes| bytes)
        .forge_header(|header| header);
    assert!(
        Bundle::load(&victim.path)
            .unwrap()
            .verify(&runtime())
            .unwrap()
            .exact
    );
}

#[test]
fn missing_files() {
    let victim = Victim::new();
    fs::remove_file(victim.weights()).unwrap();
    refused(&victim, "model.safetensors: cannot be read");
    refused(&victim, "check that it exists");
    fs::remove_dir_all(&victim.path).unwrap();
    refused(&victim, "jingwei.json: cannot be read");
}

#[test]
fn truncated_anywhere() {
    let victim = Victim::new();
    for path in [victim.manifest(), victim.weights()] {
        let whole = fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(whole.len() / 40 + 1) {
            fs::write(&path, &whole[..length]).unwrap();
            victim.reason();
        }
        fs::write(&path, whole).unwrap();
    }
    refused(
        victim.forge(|bytes| bytes[..bytes.len() - 4].to_vec()),
        "bytes, its tensors end at",
    );
    refused(
        victim.forge(|_| Vec::new()),
        "shorter than the length of its header",
    );
}

#[test]
fn every_flipped_byte_of_the_weights() {
    let victim = Victim::new();
    let whole = fs::read(victim.weights()).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(victim.weights(), bytes).unwrap();
        victim.reason();
    }
}

/// The digest covers every bit of the manifest, and its own place is fixed: none may be another.
#[test]
fn every_flipped_bit_of_the_manifest() {
    let victim = Victim::new();
    let whole = fs::read(victim.manifest()).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(victim.manifest(), bytes).unwrap();
            victim.reason();
        }
    }
    fs::write(victim.manifest(), [&whole[..], b" "].concat()).unwrap();
    refused(&victim, "its SHA-256 is not the one that it begins with");
}

/// No byte of the manifest may lead to a panic, whether it is still a sound manifest or not.
#[test]
fn every_flipped_byte_of_a_manifest_that_is_sealed_again() {
    let victim = Victim::new();
    let whole = manifest(&victim.path).to_string().into_bytes();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 3);
        fs::write(victim.manifest(), seal(&bytes)).unwrap();
        if let Ok(bundle) = Bundle::load(&victim.path) {
            let _ = bundle.verify(&runtime());
        }
    }
}

#[test]
fn manifests_without_their_digest() {
    let victim = Victim::new();
    fs::write(victim.manifest(), manifest(&victim.path).to_string()).unwrap();
    refused(&victim, "does not begin with its own SHA-256");
}

#[cfg(unix)]
#[test]
fn symbolic_links_and_pipes() {
    use std::os::unix::fs::symlink;
    for name in ["jingwei.json", "model.safetensors"] {
        let victim = Victim::new();
        let (path, elsewhere) = (victim.path.join(name), victim.path.join("elsewhere"));
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        refused(&victim, "is a symbolic link");
        fs::remove_file(&path).unwrap();
        symlink("/dev/zero", &path).unwrap();
        refused(&victim, "is a symbolic link");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        refused(&victim, "is no plain file");
        fs::remove_dir(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        if made.is_ok_and(|status| status.success()) {
            refused(&victim, "is no plain file");
        }
    }
}

#[test]
fn sparse_giants() {
    let victim = Victim::new();
    let weights = fs::OpenOptions::new()
        .write(true)
        .open(victim.weights())
        .unwrap();
    weights.set_len(1 << 40).unwrap();
    refused(&victim, "the manifest states");
    victim.edit(|manifest| manifest["weights"]["bytes"] = json!(1u64 << 40));
    refused(&victim, "its tensors end at");
    let manifest = fs::OpenOptions::new()
        .write(true)
        .open(victim.manifest())
        .unwrap();
    manifest.set_len(1 << 40).unwrap();
    refused(&victim, "has more than 16777216 bytes");
}

#[test]
fn lying_headers() {
    let huge = |bytes: Vec<u8>| [&u64::MAX.to_le_bytes(), &bytes[8..]].concat();
    refused(Victim::new().forge(huge), "states a header of");
    let padded = |header: String| header + &" ".repeat(1 << 20);
    refused(
        Victim::new().forge_header(padded),
        "too long for its tensors",
    );
    refused(
        Victim::new().forge_header(|_| "{}".to_owned()),
        "lacks the tensor",
    );
    refused(
        Victim::new().forge_header(|_| "[".repeat(400)),
        "its header is wrong",
    );
    let deep = |_| format!("{{\"a\":{}", "[".repeat(3000));
    refused(Victim::new().forge_header(deep), "its header is wrong");
}

#[test]
fn lying_tensors() {
    let with = |from: &'static str, to: &'static str| {
        let victim = Victim::new();
        victim.forge_header(|header| {
            assert!(header.contains(from), "{header}");
            header.replace(from, to)
        });
        victim.reason()
    };
    let shape = with("\"shape\":[36,3]", "\"shape\":[3,36]");
    assert!(
        shape.contains("`dense/kernel` should be F32 [36, 3], found F32 [3, 36]"),
        "{shape}"
    );
    let absurd = with("\"shape\":[36,3]", "\"shape\":[4294967296,4294967296]");
    assert!(absurd.contains("model.safetensors"), "{absurd}");
    let dtype = with(
        "\"dense/kernel\":{\"dtype\":\"F32\"",
        "\"dense/kernel\":{\"dtype\":\"I32\"",
    );
    assert!(dtype.contains("found I32"), "{dtype}");
    let name = with("dense/kernel", "dense/colonel");
    assert!(name.contains("lacks the tensor `dense/kernel`"), "{name}");
    let twice = with("\"dense/bias\":{", "\"dense/kernel\":{");
    assert!(twice.contains("`dense/kernel` is there twice"), "{twice}");
    let more = with(
        "\"dense/bias\":{",
        "\"extra\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"dense/bias\":{",
    );
    assert!(more.contains("model.safetensors"), "{more}");
}

#[test]
fn overlapping_tensors() {
    let victim = Victim::new();
    victim.forge_header(|header| {
        let mut table: Value = serde_json::from_str(&header).unwrap();
        let offsets = table["conv/bias"]["data_offsets"].clone();
        table["dense/bias"]["data_offsets"] = offsets;
        table.to_string()
    });
    assert!(victim.reason().contains("model.safetensors"));
}

#[test]
fn values_that_are_no_numbers() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let victim = Victim::new();
        let parameter = pictures().parameters[..1].to_vec();
        victim.forge(|mut bytes| {
            let sought = parameter[0].to_le_bytes();
            let at = bytes
                .windows(4)
                .position(|window| window == sought)
                .unwrap();
            bytes[at..at + 4].copy_from_slice(&bad.to_le_bytes());
            bytes
        });
        refused(&victim, &format!("`conv/kernel`: value 0 is {bad}"));
    }
}

#[test]
fn wrong_hashes() {
    let victim = Victim::new();
    victim.edit(|manifest| manifest["weights"]["sha256"] = json!("00"));
    refused(&victim, "its SHA-256 is not the one");
    let victim = Victim::new();
    victim.edit(|manifest| manifest["weights"]["parameters_sha256"] = json!("00"));
    let error = Bundle::load(&victim.path)
        .unwrap()
        .verify(&runtime())
        .unwrap_err();
    assert!(
        error.to_string().contains("hash of the parameters"),
        "{error}"
    );
}

#[test]
fn predictions_that_do_not_come_out() {
    let victim = Victim::new();
    victim.forge(|mut bytes| {
        // The recorded outputs are the last tensor by name that is not a smaller one's neighbour: change its last value.
        let expected = Bundle::load(&victim.path).unwrap().recorded_outputs()[0][4];
        let at = bytes
            .windows(4)
            .rposition(|window| window == expected.to_le_bytes())
            .unwrap();
        bytes[at..at + 4].copy_from_slice(&0.5f32.to_le_bytes());
        bytes
    });
    let error = Bundle::load(&victim.path)
        .unwrap()
        .verify(&runtime())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sample 1, output `probabilities`"),
        "{error}"
    );
    assert!(error.contains("where 0.5 is recorded"), "{error}");
}

#[test]
fn other_formats_and_versions() {
    let victim = Victim::new();
    victim.edit(|manifest| {
        manifest["version"] = json!(2);
        manifest["library"] = json!("9.1.0");
        manifest["graph"] = json!("in a form of the future");
    });
    refused(
        &victim,
        "has version 2 of the format (written by Jingwei 9.1.0)",
    );
    refused(&victim, "install that version of Jingwei or a later one");
    let changes: [(&str, Value, &str); 5] = [
        ("version", json!(0), "version 0"),
        ("version", json!(-1), "invalid value"),
        ("version", json!("1"), "invalid type"),
        ("format", json!("onnx"), "states the format `onnx`"),
        ("surprise", json!(1), "unknown field `surprise`"),
    ];
    for (key, value, reason) in changes {
        refused(Victim::new().edit(|manifest| manifest[key] = value), reason);
    }
}

#[test]
fn deep_and_repeated_json() {
    let victim = Victim::new();
    let whole = manifest(&victim.path).to_string();
    let nested = "[".repeat(100_000) + &"]".repeat(100_000);
    let deep = whole.replacen("\"metrics\":", &format!("\"metrics\":{nested},\"was\":"), 1);
    write_sealed(&victim.path, &deep);
    refused(&victim, "recursion limit");
    write_sealed(&victim.path, &whole.replacen('{', "{\"task\":\"a\",", 1));
    refused(&victim, "duplicate field `task`");
    fs::write(victim.manifest(), nested).unwrap();
    refused(&victim, "is no manifest");
}

#[test]
fn broken_graphs() {
    let node = |index: usize, key: &'static str, value: Value, reason: &str| {
        let victim = Victim::new();
        victim.edit(|manifest| manifest["graph"]["nodes"][index][key] = value);
        refused(&victim, reason);
    };
    let last = Bundle::load(&Victim::new().path).unwrap().outputs()[0]
        .node
        .index();
    node(last, "inputs", json!([last]), "does not come before it");
    node(last, "inputs", json!([u32::MAX]), "does not come before it");
    node(last, "inputs", json!([]), "broken graph");
    node(last, "op", json!({ "relu": {} }), "unknown variant `relu`");
    node(last, "shape", json!(["batch", 4]), "broken graph");
    node(1, "shape", json!([3, 3, 1, 5]), "broken graph");
    node(
        0,
        "op",
        json!({ "input": { "name": "conv/kernel" } }),
        "is taken by an earlier node",
    );
}

#[test]
fn absurd_sizes() {
    let giant = json!(["batch", u64::MAX, 1]);
    let victim = Victim::new();
    victim.edit(|manifest| manifest["graph"]["nodes"][0]["shape"] = giant);
    refused(&victim, "broken graph: node 0");
    for shape in [json!([1u64 << 31]), json!([1u64 << 40, 1u64 << 40])] {
        let victim = Victim::new();
        victim.edit(|manifest| {
            let table = manifest["parameters"].as_array_mut().unwrap();
            table.push(json!({ "name": "giant", "shape": shape }));
        });
        refused(&victim, "`giant` has too many values");
    }
    let victim = Victim::new();
    victim.edit(|manifest| {
        let constant = json!({ "op": { "constant": { "value": 1.0 } }, "inputs": [], "shape": [] });
        let nodes = manifest["graph"]["nodes"].as_array_mut().unwrap();
        nodes.extend(std::iter::repeat_n(constant, 60_000));
    });
    refused(&victim, "the limit is 50000");
    let victim = Victim::new();
    victim.edit(|manifest| manifest["recorded"]["samples"] = json!(u64::MAX));
    refused(&victim, "1 to 256 are allowed");
}

/// Each tensor is allowed, but together they are too much.
#[test]
fn memory_of_one_prediction() {
    let victim = Victim::new();
    victim.edit(|manifest| {
        let nodes = manifest["graph"]["nodes"].as_array_mut().unwrap();
        let shape = json!(["batch", 1u64 << 30]);
        let one = nodes.len();
        nodes.push(json!({ "op": { "constant": { "value": 1.0 } }, "inputs": [], "shape": [] }));
        let broadcast = json!({ "broadcast_to": { "shape": shape, "average": false } });
        let mut last = json!({ "op": broadcast, "inputs": [one], "shape": shape });
        for _ in 0..6 {
            let index = nodes.len();
            nodes.push(last);
            let exp = json!({ "unary": { "kind": "exp" } });
            last = json!({ "op": exp, "inputs": [index], "shape": shape });
        }
        let end = nodes.len();
        let concat = json!({ "concat": { "axis": 1 } });
        let inputs: Vec<usize> = (one + 1..end).collect();
        let shape = json!(["batch", 6u64 << 30]);
        nodes.push(json!({ "op": concat, "inputs": inputs, "shape": shape }));
    });
    let found = victim.reason();
    assert!(
        found.contains("bytes") || found.contains("broken graph"),
        "{found}"
    );
}

#[test]
fn what_nothing_needs() {
    let constant = |manifest: &mut Value| {
        let node = json!({ "op": { "constant": { "value": 1.0 } }, "inputs": [], "shape": [] });
        manifest["graph"]["nodes"]
            .as_array_mut()
            .unwrap()
            .push(node);
    };
    refused(Victim::new().edit(constant), ": no output depends on it");
    let spare = json!({ "name": "spare", "shape": [4] });
    for table in ["parameters", "states"] {
        let victim = Victim::new();
        victim.edit(|manifest| manifest[table].as_array_mut().unwrap().push(spare.clone()));
        refused(&victim, "the graph does not read `spare`");
    }
}

#[test]
fn outputs_that_come_twice() {
    for (name, reason) in [
        ("again", "`again` is the same node as `probabilities`"),
        ("probabilities", "`probabilities` is named twice"),
    ] {
        let victim = Victim::new();
        victim.edit(|manifest| {
            let mut again = manifest["outputs"][0].clone();
            again["name"] = json!(name);
            manifest["outputs"].as_array_mut().unwrap().push(again);
        });
        refused(&victim, reason);
    }
    let victim = Victim::new();
    victim.edit(|manifest| manifest["outputs"][0]["kind"] = json!("values"));
    refused(&victim, "holds Values where the targets are Probabilities");
}

/// Scalings that no pixel of 0 to 255 can lead to.
#[test]
fn scalings_out_of_range() {
    let misfit = "for 1 channels";
    for (scaling, reason) in [
        (
            json!({ "standardise": { "mean": [0.5], "std": [4.06] } }),
            misfit,
        ),
        (
            json!({ "standardise": { "mean": [0.5], "std": [0.0] } }),
            misfit,
        ),
        (
            json!({ "standardise": { "mean": [-0.5], "std": [0.25] } }),
            misfit,
        ),
        (
            json!({ "standardise": { "mean": [1e39], "std": [0.25] } }),
            "number out of range",
        ),
        (
            json!({ "min_max": { "min": [0.75], "max": [0.25] } }),
            misfit,
        ),
    ] {
        let victim = Victim::new();
        victim.edit(|manifest| {
            manifest["preparation"]["features"]["images"]["scaling"] = scaling.clone();
        });
        refused(&victim, reason);
    }
}

#[test]
fn recorded_records_that_do_not_fit() {
    let made_up = || {
        let victim = Victim::new();
        fs::remove_dir_all(&victim.path).unwrap();
        write(
            &victim.path,
            &pictures().parts(),
            &runtime(),
            Existing::Refuse,
        )
        .unwrap();
        victim
    };
    let texts = json!({ "texts": [{ "text": "a" }] });
    refused(
        made_up().edit(|manifest| manifest["recorded"]["records"] = texts.clone()),
        "the recorded records are not what the preparation reads",
    );
    refused(
        made_up().edit(|manifest| drop(manifest["recorded"]["records"].take())),
        "holds the tensor `recorded/raw`",
    );
    refused(
        made_up().edit(|manifest| {
            manifest["preparation"]["features"]["images"]["height"] = json!(1 << 14);
            manifest["preparation"]["features"]["images"]["width"] = json!(1 << 13);
            manifest["inputs"][0]["shape"] = json!([1 << 14, 1 << 13, 1]);
            manifest["graph"] = json!({ "nodes": [
                { "op": { "input": { "name": "pixels" } }, "inputs": [], "shape": ["batch", 1 << 14, 1 << 13, 1] },
                { "op": { "reduce": { "kind": "mean", "axes": [1, 2], "keep": false } }, "inputs": [0], "shape": ["batch", 1] },
            ] });
            manifest["parameters"] = json!([]);
            manifest["outputs"][0]["node"] = json!(1);
            manifest["outputs"][0]["shape"] = json!([1]);
            manifest["preparation"]["targets"] = json!({ "classes": ["a", "b"] });
        }),
        "records more than 1073741824 bytes",
    );
}

#[test]
fn tables_that_disagree_with_the_graph() {
    let changed = |change: fn(&mut Value), reason: &str| {
        let victim = Victim::new();
        refused(victim.edit(change), reason);
    };
    changed(
        |m| m["parameters"][0]["shape"] = json!([9, 4]),
        "`conv/kernel` is not [3, 3, 1, 4] as in the graph",
    );
    changed(
        |m| m["parameters"][0]["name"] = json!("conv/bias"),
        "`conv/bias` is named twice",
    );
    changed(
        |m| m["states"] = m["parameters"].take(),
        "invalid type: null",
    );
    changed(|m| m["inputs"][0]["name"] = json!("y"), "inputs: states");
    changed(|m| m["outputs"] = json!([]), "has 0 outputs");
    changed(
        |m| m["outputs"][0]["node"] = json!(4_000_000),
        "which is not there",
    );
    changed(
        |m| m["outputs"][0]["node"] = json!(1),
        "not [batch, sizes…]",
    );
    changed(
        |m| m["outputs"][0]["shape"] = json!([4]),
        "states [4], the graph has [3]",
    );
    changed(
        |m| m["preparation"]["targets"]["classes"] = json!(["a", "b"]),
        "3 values for 2 classes",
    );
    changed(
        |m| m["preparation"]["targets"]["classes"] = json!(["a", "a", "b"]),
        "`a` comes twice",
    );
    changed(
        |m| m["preparation"]["features"]["images"]["height"] = json!(u64::MAX),
        "pictures of",
    );
    changed(
        |m| m["preparation"]["features"]["images"]["height"] = json!(9),
        "the preparation gives [9, 8, 1]",
    );
}
