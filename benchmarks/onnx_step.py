"""One step of the default model: in NumPy, as it is served, and in onnxruntime, as it is exported.

`python benchmarks/onnx_step.py`: weights and events are generated, sizes are the default ones.
Both run on one thread, in turns of a hundred steps, so that what else the machine does meets both.
"""

# ruff: noqa: E402  threads are counted at import
import argparse
import json
import os
from collections.abc import Callable
from typing import Any

for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(library, "1")  # before NumPy is loaded

import numpy as np
import onnxruntime
import torch

from penchant.core.contracts import EventFeatures
from penchant.evaluation.speed import spread_ms, timed
from penchant.interests.onnx_models import step_graph
from penchant.interests.recurrent import Recurrent, RecurrentConfig
from penchant.interests.recurrent_net import RecurrentNet

ITEMS, TYPES, TURN = 1_000, 5, 100


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5_000)
    parser.add_argument("--users", type=int, default=64, help="users in one call, beside one")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    torch.manual_seed(0)
    sizes = RecurrentConfig()
    net = RecurrentNet(ITEMS, TYPES, sizes)
    weights = {name: each.numpy() for name, each in net.state_dict().items()}
    graph = step_graph("recurrent", sizes.model_dump(), weights)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph.content, options)
    steps = {
        "numpy": numpy_step(Recurrent(weights, sizes), weights),
        "onnxruntime": onnx_step(session, 1),
        f"onnxruntime, {given.users} users a call": onnx_step(session, given.users),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(0, given.steps, TURN):
        for name, step in steps.items():
            step()  # what the others left in the caches
            times[name] += [timed(step) for _ in range(TURN)]
    told = {name: spread_ms(each) for name, each in times.items()}
    print(json.dumps({"weights": "generated", "load_average": round(load, 1), "step_ms": told}))


def numpy_step(model: Recurrent, weights: dict[str, Any]) -> Callable[[], None]:
    """The next event of one user, from the state before."""
    vectors, state, n = weights["events.items.weight"], model.start(), 0

    def step() -> None:
        nonlocal state, n
        n += 1
        row = n % ITEMS
        state = model.step(state, EventFeatures(row, vectors[row], 1, 1.0, 0.0, 1.7e9 + 60.0 * n))

    return step


def onnx_step(session: onnxruntime.InferenceSession, users: int) -> Callable[[], None]:
    """The same of `users` users at once."""
    shapes = [[users, *port.shape[1:]] for port in session.get_inputs()]
    rng = np.random.default_rng(0)
    layers = np.zeros(shapes[0], np.float32)

    def step() -> None:
        nonlocal layers
        fed = {
            "layers": layers,
            "vector": vector,
            "type": np.ones(users, np.int32),
            "weight": np.ones(users, np.float32),
            "value": np.zeros(users, np.float32),
            "elapsed_s": np.full(users, 60.0),
        }
        layers, _ = session.run(["layers_after", "latest"], fed)

    vector = rng.normal(size=shapes[1]).astype(np.float32)
    return step


if __name__ == "__main__":
    main()
