"""What a user of tritonclient[http] does, with its defaults: list, describe, infer.

python triton_client.py HOST:PORT FOLDER, where FOLDER holds five samples and the expected probabilities.
"""

import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address, folder = sys.argv[1:]
samples = np.fromfile(f"{folder}/samples", np.float32).reshape(5, 28, 28, 1)
expected = np.fromfile(f"{folder}/expected", np.float32).reshape(5, 10)

client = http.InferenceServerClient(url=address)
assert client.is_server_live()
assert client.is_server_ready()
assert client.is_model_ready("mnist")
assert client.is_model_ready("mnist", "1")
assert not client.is_model_ready("other")
assert "binary_tensor_data" in client.get_server_metadata()["extensions"]

models = client.get_model_repository_index()
assert [(model["name"], model["state"]) for model in models] == [("mnist", "READY")]
metadata = client.get_model_metadata("mnist")
assert metadata["inputs"] == [{"name": "pixels", "datatype": "FP32", "shape": [-1, 28, 28, 1]}]
config = client.get_model_config("mnist")
assert config["max_batch_size"] >= 1
assert config["output"][0]["dims"] == [10]

tensor = http.InferInput("pixels", [5, 28, 28, 1], "FP32")
tensor.set_data_from_numpy(samples)

# Everything by default: tensors as bytes, all outputs.
result = client.infer("mnist", [tensor], request_id="7")
assert result.get_response()["id"] == "7"
np.testing.assert_array_equal(result.as_numpy("probabilities"), expected)
result = client.infer("mnist", [tensor], model_version="1")
np.testing.assert_array_equal(result.as_numpy("probabilities"), expected)

# Many at once over several connections.
with http.InferenceServerClient(url=address, concurrency=4) as several:
    waiting = [several.async_infer("mnist", [tensor]) for _ in range(16)]
    for one in waiting:
        np.testing.assert_array_equal(one.get_result().as_numpy("probabilities"), expected)

# JSON there, bytes back, and the other way round.
asked = http.InferRequestedOutput("probabilities", binary_data=False)
result = client.infer("mnist", [tensor], outputs=[asked])
np.testing.assert_array_equal(result.as_numpy("probabilities"), expected)
tensor.set_data_from_numpy(samples, binary_data=False)
for binary in (True, False):
    asked = http.InferRequestedOutput("probabilities", binary_data=binary)
    result = client.infer("mnist", [tensor], outputs=[asked])
    np.testing.assert_array_equal(result.as_numpy("probabilities"), expected)

# The classification extension.
for binary in (True, False):
    asked = http.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)
    lines = client.infer("mnist", [tensor], outputs=[asked]).as_numpy("probabilities")
    assert lines.shape == (5, 3), lines.shape
    for row, probabilities in zip(lines, expected):
        text = row[0].decode() if isinstance(row[0], bytes) else str(row[0])
        value, index, label = text.split(":")
        assert int(index) == probabilities.argmax() and label == f"digit {index}"
        assert abs(float(value) - probabilities.max()) < 1e-6

# A refusal arrives as the exception that the client knows, with the reason.
wrong = http.InferInput("pixels", [1, 784], "FP32")
wrong.set_data_from_numpy(samples[:1].reshape(1, 784))
try:
    client.infer("mnist", [wrong])
    raise SystemExit("a wrong shape was accepted")
except InferenceServerException as error:
    assert error.status() == "400" and "expected the shape" in error.message(), error
print("tritonclient", __import__("tritonclient").__file__ is not None and "agrees")
