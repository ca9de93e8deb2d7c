"""Prints what TensorBoard's own reader finds in a folder of event files."""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

accumulator = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
accumulator.Reload()
scalars = accumulator.Scalars("train/loss")
print("scalars", [event.step for event in scalars], scalars[-1].value)
histograms = accumulator.Histograms("weights/dense 1")
print("histograms", len(histograms), int(sum(histograms[-1].histogram_value.bucket)))
graph = accumulator.Graph()
image, convolution = graph.node
shape = convolution.attr["_output_shapes"].list.shape[0]
print(
    "graph",
    f"{image.name}:{image.op}",
    f"{convolution.name}:{convolution.op}<-{convolution.input[0]}",
    [dimension.size for dimension in shape.dim],
    convolution.attr["activation"].s.decode(),
)
