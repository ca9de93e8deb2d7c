//! Running the binary, and small data to run it on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up; generous, as machines are busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder that vanishes with the test, and the binary run in it.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders are made");
        fs::write(path, content).expect("the file is written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jingwei"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
            .env_remove("JINGWEI_SIMD")
            .env("JINGWEI_THREADS", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(
            self.command(arguments).output().expect("the binary runs"),
            arguments,
        )
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }
}

/// How a process ended and what it said.
pub struct Ran {
    pub status: Option<i32>,
    pub output: String,
    pub errors: String,
    arguments: String,
}

impl Ran {
    pub fn of(output: Output, arguments: &[&str]) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            status: output.status.code(),
            output: text(output.stdout),
            errors: text(output.stderr),
            arguments: arguments.join(" "),
        }
    }

    /// Its output, if it did what it was asked to do.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(
            self.status,
            Some(0),
            "jingwei {}: {}",
            self.arguments,
            self.errors
        );
        self.output
    }

    /// Its error, if it failed and said all of these.
    #[track_caller]
    pub fn fails(self, status: i32, parts: &[&str]) {
        assert_eq!(
            self.status,
            Some(status),
            "jingwei {}: {}{}",
            self.arguments,
            self.output,
            self.errors
        );
        assert!(self.errors.starts_with("error: "), "{}", self.errors);
        for part in parts {
            assert!(
                self.errors.contains(part),
                "`{part}` is not in: {}",
                self.errors
            );
        }
    }

    /// The last line of its output as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let output = self.done();
        json_lines(&output).pop().expect("a line")
    }
}

pub fn json_lines(output: &str) -> Vec<Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Waits until something is there.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(found) = look() {
            return found;
        }
        std::thread::yield_now();
    }
    panic!("{what} did not come within {PATIENCE:?}")
}

/// The digits that the project ships.
pub fn digits() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits/digits");
    path.to_str().expect("UTF-8").to_owned()
}

/// A recipe for the digits that trains in a moment.
pub fn digits_recipe(epochs: u32) -> String {
    format!(
        r#"
task = "image-classification"

[data]
train = {:?}
valid = {{ fraction = 0.1 }}
test = {{ fraction = 0.2 }}

[augment]
shift = 0.125

[model]
layers = [
  {{ conv2d = {{ filters = 8, kernel = 3, activation = "relu" }} }},
  {{ batch_norm = {{}} }},
  {{ flatten = {{}} }},
  {{ dropout = {{ rate = 0.1 }} }},
  {{ dense = {{ units = 32, activation = "relu" }} }},
]

[train]
epochs = {epochs}
batch_size = 32
checkpoint = {{ every_steps = 5 }}
"#,
        digits()
    )
}

/// A grey PNG of 12 × 12 pixels: a bright square in one corner or the other.
pub fn picture(class: usize, number: usize) -> Vec<u8> {
    let mut pixels = [20_u8; 144];
    for (at, pixel) in pixels.iter_mut().enumerate() {
        let inside = at % 12 < 5 && at / 12 < 5;
        let other = at % 12 > 6 && at / 12 > 6;
        if (class == 0 && inside) || (class == 1 && other) {
            *pixel = 150 + ((at * 7 + number * 13) % 100) as u8;
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 12, 12);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("pixels");
    writer.finish().expect("an end");
    bytes
}
