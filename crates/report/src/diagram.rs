use std::collections::HashMap;
use std::fmt::Write;

use crate::Layer;
use crate::svg::{escape, shorten};
use crate::text;

const BOX_WIDTH: f64 = 330.0;
const BOX_HEIGHT: f64 = 46.0;
const GAP: f64 = 20.0;
const LANE: f64 = 16.0;
const EDGE: f64 = 8.0;

/// Light and dark by the reader's preference, and by class, so that the drawing may stand inside a page.
const STYLE: &str = "\
.jingwei-diagram{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','PingFang SC','Microsoft YaHei',\
'Noto Sans CJK SC',sans-serif;color:#1b2430;max-width:100%;height:auto}\
.jingwei-diagram .box{fill:#fff;stroke:#c9d1dc}.jingwei-diagram .wire{fill:none;stroke:#7b8794;stroke-width:1.5}\
.jingwei-diagram text{fill:currentColor;font-size:13px}.jingwei-diagram .kind{font-weight:600}\
.jingwei-diagram .small{font-size:11.5px;opacity:.78}.jingwei-diagram .head{fill:#7b8794}\
.jingwei-diagram .convolution{fill:#2563eb}.jingwei-diagram .pooling{fill:#0d9488}.jingwei-diagram .dense{fill:#7c3aed}\
.jingwei-diagram .norm{fill:#b45309}.jingwei-diagram .other{fill:#94a3b8}\
@media (prefers-color-scheme:dark){.jingwei-diagram{color:#e5eaf1}.jingwei-diagram .box{fill:#161d27;stroke:#3a4656}}\
@media print{.jingwei-diagram{color:#000}.jingwei-diagram .box{fill:#fff;stroke:#999}}";

/// Draws a network as SVG, the first layer at the top.
///
/// Layers stand in a column in the order given; a layer that reads another than the one before it is joined by a
/// line along the side. Inputs that name no layer are left out.
pub fn diagram(layers: &[Layer]) -> String {
    let edges = edges(layers);
    let lanes = lanes(&edges);
    let width = EDGE
        + BOX_WIDTH
        + EDGE
        + LANE * lanes.iter().map(|lane| lane.2 + 1).max().unwrap_or(0) as f64
        + 4.0;
    let height = 2.0 * EDGE + layers.len() as f64 * (BOX_HEIGHT + GAP)
        - if layers.is_empty() { 0.0 } else { GAP };
    let mut content = String::new();
    edges
        .iter()
        .filter(|(from, to)| from + 1 == *to)
        .for_each(|edge| straight(&mut content, edge.0));
    lanes
        .iter()
        .for_each(|(from, to, lane)| bent(&mut content, *from, *to, *lane));
    layers
        .iter()
        .enumerate()
        .for_each(|(row, layer)| layer_box(&mut content, row, layer));
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="jingwei-diagram" role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-label="Network of {} layers"><style>{STYLE}</style>{content}</svg>"#,
        layers.len()
    )
}

/// Which layer (by place) is read by which later one.
fn edges(layers: &[Layer]) -> Vec<(usize, usize)> {
    let index: HashMap<&str, usize> = layers
        .iter()
        .enumerate()
        .map(|(index, layer)| (layer.name.as_str(), index))
        .collect();
    layers
        .iter()
        .enumerate()
        .flat_map(|(to, layer)| {
            layer
                .inputs
                .iter()
                .filter_map(|name| index.get(name.as_str()))
                .map(move |from| (*from, to))
        })
        .filter(|(from, to)| from < to)
        .collect()
}

/// The edges that pass by other layers, each with the innermost lane that is free all along.
fn lanes(edges: &[(usize, usize)]) -> Vec<(usize, usize, usize)> {
    let mut long: Vec<_> = edges
        .iter()
        .copied()
        .filter(|(from, to)| from + 1 < *to)
        .collect();
    long.sort_by_key(|(from, to)| (to - from, *from));
    let mut placed: Vec<(usize, usize, usize)> = Vec::new();
    for (from, to) in long {
        let taken = |lane: usize| {
            placed
                .iter()
                .any(|other| other.2 == lane && from < other.1 && other.0 < to)
        };
        let lane = (0..).find(|lane| !taken(*lane)).unwrap_or(0);
        placed.push((from, to, lane));
    }
    placed
}

fn top(row: usize) -> f64 {
    EDGE + row as f64 * (BOX_HEIGHT + GAP)
}

fn straight(content: &mut String, from: usize) {
    let (x, y) = (EDGE + BOX_WIDTH / 2.0, top(from) + BOX_HEIGHT);
    let end = top(from + 1);
    let _ = write!(
        content,
        r#"<path class="wire" d="M{x} {y}V{}"/>"#,
        end - 6.0
    );
    let _ = write!(content, r#"<path class="head" d="M{x} {end}l-4.5 -7h9z"/>"#);
}

fn bent(content: &mut String, from: usize, to: usize, lane: usize) {
    let side = EDGE + BOX_WIDTH;
    let out = side + EDGE + LANE * (lane as f64 + 0.5);
    let (start, end) = (top(from) + BOX_HEIGHT * 0.7, top(to) + BOX_HEIGHT * 0.3);
    let _ = write!(
        content,
        r#"<path class="wire" d="M{side} {start:.1}H{:.1}q6 0 6 6V{:.1}q0 6 -6 6H{:.1}"/><path class="head" d="M{side} {end:.1}l7 -4.5v9z"/>"#,
        out - 6.0,
        end - 6.0,
        side + 6.0
    );
}

fn layer_box(content: &mut String, row: usize, layer: &Layer) {
    let (y, right) = (top(row), EDGE + BOX_WIDTH - 12.0);
    let parameters = match layer.parameters {
        0 => String::new(),
        1 => "1 parameter".into(),
        count => format!("{} parameters", text::count(count as f64)),
    };
    let _ = write!(
        content,
        r#"<g><title>{}</title><rect class="box" x="{EDGE}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7"/><rect class="{}" x="{EDGE}" y="{:.1}" width="4" height="{:.1}" rx="2"/>"#,
        escape(&layer.name),
        family(&layer.kind),
        y + 7.0,
        BOX_HEIGHT - 14.0
    );
    let mut text = |class: &str, x: f64, line: f64, anchor: &str, text: &str| {
        let _ = write!(
            content,
            r#"<text class="{class}" x="{x}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            y + line,
            escape(text)
        );
    };
    text(
        "kind",
        EDGE + 14.0,
        19.0,
        "start",
        &shorten(&layer.kind, 22),
    );
    text("small", right, 19.0, "end", &shorten(&layer.name, 22));
    text("", EDGE + 14.0, 37.0, "start", &shorten(&layer.output, 26));
    text("small", right, 37.0, "end", &parameters);
    content.push_str("</g>");
}

/// The colour of a kind; the kind itself stands in words beside it.
fn family(kind: &str) -> &'static str {
    let kind = kind.to_ascii_lowercase();
    let families = [
        ("conv", "convolution"),
        ("pool", "pooling"),
        ("dense", "dense"),
        ("norm", "norm"),
    ];
    families
        .into_iter()
        .find(|family| kind.contains(family.0))
        .map_or("other", |family| family.1)
}
