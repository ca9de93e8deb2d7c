//! The messages `Event`, `Summary` and `SessionLog` of TensorFlow's `event.proto` and `summary.proto`.

use crate::Histogram;
use crate::protobuf::{self, Message};

/// What an event carries.
pub(crate) enum Content<'a> {
    /// The first event of every file.
    Version,
    /// Tells TensorBoard to forget what it has read from this step on.
    Start,
    /// A number to plot over steps.
    Scalar(&'a str, f32),
    /// A distribution to plot over steps.
    Histogram(&'a str, &'a Histogram),
    /// An encoded `GraphDef`.
    Graph(Vec<u8>),
}

/// Encodes an `Event` of `seconds` after 1970.
pub(crate) fn encode(seconds: f64, step: u64, content: Content) -> Vec<u8> {
    let event = Message::default().double(1, seconds).integer(2, step);
    let event = match content {
        Content::Version => event.text(3, "brain.Event:2"),
        Content::Graph(graph) => event.bytes(4, &graph),
        Content::Scalar(tag, value) => {
            event.message(5, summary(tag, |message| message.float(2, value)))
        }
        Content::Histogram(tag, histogram) => event.message(
            5,
            summary(tag, |message| message.message(5, histogram.encode())),
        ),
        Content::Start => event.message(7, Message::default().integer(1, 1)),
    };
    event.finish()
}

/// The step of an encoded event; `None` if the bytes are no event.
pub(crate) fn step(event: &[u8]) -> Option<u64> {
    protobuf::integer(event, 2)
}

fn summary(tag: &str, value: impl FnOnce(Message) -> Message) -> Message {
    Message::default().message(1, value(Message::default().text(1, tag)))
}
