"""Golden values of the recurrent layers of crates/nn, from Keras.

Needs tensorflow-cpu and numpy. Writes crates/nn/tests/golden/recurrent.json.
"""

import json
import os
from pathlib import Path

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
from keras import layers as L

OUT = Path(__file__).resolve().parents[2] / "crates/nn/tests/golden/recurrent.json"
SIZES = (5, 3)
rng = np.random.default_rng(11)


def numbers(array):
    return [float(f"{value:.9g}") for value in np.asarray(array, np.float32).ravel()]


def draw(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def case(recipe, layer, turn=False):
    """What a layer makes of two samples; `turn` where Keras gives the last step first."""
    x = draw(2, *SIZES)
    layer(x)
    weights = [draw(*w.shape) for w in layer.weights]
    layer.set_weights(weights)
    y = np.asarray(layer(x))
    if turn:
        y = y[:, ::-1]
    return {
        "recipe": recipe,
        "sizes": list(SIZES),
        "output": list(y.shape[1:]),
        "parameters": int(sum(w.size for w in weights)),
        "x": numbers(x),
        "weights": [numbers(w) for w in weights],
        "y": numbers(y),
    }


def both(layer, merge):
    return L.Bidirectional(layer, merge_mode=merge)


CASES = [
    case("simple_rnn = { units = 4 }", L.SimpleRNN(4)),
    case("simple_rnn = { units = 4, activation = 'relu', return_sequences = true }", L.SimpleRNN(4, activation="relu", return_sequences=True)),
    case("simple_rnn = { units = 2, use_bias = false, go_backwards = true }", L.SimpleRNN(2, use_bias=False, go_backwards=True)),
    case("lstm = { units = 4 }", L.LSTM(4)),
    case("lstm = { units = 4, return_sequences = true, go_backwards = true }", L.LSTM(4, return_sequences=True, go_backwards=True), turn=True),
    case("lstm = { units = 3, recurrent_activation = 'tanh', activation = 'sigmoid' }", L.LSTM(3, recurrent_activation="tanh", activation="sigmoid")),
    case("lstm = { units = 3, use_bias = false, dropout = 0.5, recurrent_dropout = 0.5 }", L.LSTM(3, use_bias=False, dropout=0.5, recurrent_dropout=0.5)),
    case("lstm = { units = 3, bidirectional = true }", both(L.LSTM(3), "concat")),
    case("lstm = { units = 3, bidirectional = true, merge = 'sum', return_sequences = true }", both(L.LSTM(3, return_sequences=True), "sum")),
    case("gru = { units = 4 }", L.GRU(4)),
    case("gru = { units = 4, use_bias = false, return_sequences = true }", L.GRU(4, use_bias=False, return_sequences=True)),
    case("gru = { units = 3, reset_after = false }", L.GRU(3, reset_after=False)),
    case("gru = { units = 3, bidirectional = true, merge = 'ave', return_sequences = true }", both(L.GRU(3, return_sequences=True), "ave")),
    case("gru = { units = 3, bidirectional = true, merge = 'mul', reset_after = false }", both(L.GRU(3, reset_after=False), "mul")),
]

if __name__ == "__main__":
    lines = ",\n".join(json.dumps(one) for one in CASES)
    OUT.write_text(f"[\n{lines}\n]\n")
    print(len(CASES), "cases")
