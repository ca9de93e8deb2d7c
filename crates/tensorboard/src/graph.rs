use crate::protobuf::Message;

/// A node of the graph to show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GraphNode {
    /// Unique name; slashes make groups, as in `block1/conv`.
    pub name: String,
    /// Kind of the node, such as `Conv2D`.
    pub op: String,
    /// Names of the nodes whose outputs it reads.
    pub inputs: Vec<String>,
    /// Output shape; `None` for a dimension known only at run time, such as the batch.
    pub shape: Vec<Option<u64>>,
    /// Further properties, as text.
    pub attributes: Vec<(String, String)>,
}

/// Encodes the message `GraphDef`.
pub(crate) fn encode(nodes: &[GraphNode]) -> Vec<u8> {
    let graph = nodes.iter().fold(Message::default(), |graph, node| {
        graph.message(1, encode_node(node))
    });
    graph.message(4, Message::default().integer(1, 22)).finish()
}

fn encode_node(node: &GraphNode) -> Message {
    let message = Message::default()
        .text(1, &name(&node.name))
        .text(2, &node.op);
    let message = node
        .inputs
        .iter()
        .fold(message, |message, input| message.text(3, &name(input)));
    let shapes = Message::default().message(7, shape(&node.shape));
    let message = attribute(
        message,
        "_output_shapes",
        Message::default().message(1, shapes),
    );
    node.attributes
        .iter()
        .fold(message, |message, (key, value)| {
            attribute(message, key, Message::default().text(2, value))
        })
}

/// TensorFlow reads `^name` as an order without data and `name:1` as a second output; our names mean neither.
fn name(name: &str) -> String {
    name.replace(['^', ':'], "_")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join("_")
}

fn shape(dimensions: &[Option<u64>]) -> Message {
    dimensions
        .iter()
        .fold(Message::default(), |message, dimension| {
            // A negative 64-bit integer is its two's complement on the wire.
            message.message(
                2,
                Message::default().integer(1, dimension.unwrap_or(-1i64 as u64)),
            )
        })
}

fn attribute(message: Message, key: &str, value: Message) -> Message {
    message.message(5, Message::default().text(1, key).message(2, value))
}
