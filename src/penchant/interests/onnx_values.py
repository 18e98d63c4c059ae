"""Formulas as an ONNX graph: values are added and multiplied like arrays, and become its nodes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Union

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import MissingExtraError

try:
    from onnx import NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper
except ImportError as error:
    raise MissingExtraError("onnx", "writing a model as ONNX", "onnx") from error

OPSET: Final = 17
"""Of the operators used; what runs ONNX has read it since 2022 (onnxruntime 1.12)."""
IR_VERSION: Final = 8
"""Of the file format, of the same time."""
BATCH: Final = "users"
"""The first axis of every input and output: as many users as the caller likes."""

Type = Literal["float32", "float64", "int32"]
Operand = Union["Value", NDArray[Any], np.generic, float]
"""A number without a type of its own counts as float32."""


class Port(NamedTuple):
    """One input or output of a graph."""

    name: str
    dtype: Type
    shape: tuple[int, ...]
    """Of one user; before it stands the axis `BATCH`."""
    meaning: str

    def info(self) -> ValueInfoProto:
        """As ONNX declares it."""
        return helper.make_tensor_value_info(self.name, _code(self.dtype), [BATCH, *self.shape])


class Value:
    """A value inside a graph; shapes follow one another as NumPy's do."""

    def __init__(self, graph: "Graph", name: str) -> None:
        self.graph, self.name = graph, name

    def op(self, kind: str, *others: Operand, **attributes: Any) -> "Value":
        """What the operator `kind` makes of this value and `others`."""
        (made,) = self.graph.node(kind, (self, *others), attributes)
        return made

    def split(self, sizes: Sequence[int]) -> list["Value"]:
        """Parts of the last axis: (..., sum of sizes) -> (..., size) each."""
        parts = np.array(sizes, np.int64)
        return self.graph.node("Split", (self, parts), {"axis": -1}, len(parts))

    def shaped(self, *shape: int) -> "Value":
        """The same numbers of each user in another shape."""
        return self.op("Reshape", np.array([0, *shape], np.int64))  # 0: the axis as it is

    def cast(self, dtype: Type) -> "Value":
        """The same numbers in another type."""
        return self.op("Cast", to=_code(dtype))

    def __add__(self, other: Operand) -> "Value":
        return self.op("Add", other)

    def __sub__(self, other: Operand) -> "Value":
        return self.op("Sub", other)

    def __rsub__(self, other: float) -> "Value":
        return self.graph.constant(other).op("Sub", self)

    def __mul__(self, other: Operand) -> "Value":
        return self.op("Mul", other)

    def __truediv__(self, other: Operand) -> "Value":
        return self.op("Div", other)

    def __matmul__(self, other: Operand) -> "Value":
        return self.op("MatMul", other)


class Graph:
    """A graph that grows with the formulas over its inputs."""

    def __init__(self, inputs: Sequence[Port]) -> None:
        self._inputs = inputs
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def inputs(self) -> list[Value]:
        """In the order of the ports."""
        return [Value(self, port.name) for port in self._inputs]

    def constant(self, number: NDArray[np.generic] | np.generic | float) -> Value:
        """A value that is part of the model."""
        kept = number if isinstance(number, np.ndarray | np.generic) else np.float32(number)
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(kept, order="C"), name))
        return Value(self, name)

    def node(
        self, kind: str, given: Sequence[Operand], attributes: Mapping[str, Any], count: int = 1
    ) -> list[Value]:
        """The `count` values that an operator makes."""
        values = [one if isinstance(one, Value) else self.constant(one) for one in given]
        at = len(self._nodes)
        made = [Value(self, f"{kind.lower()}_{at}_{n}") for n in range(count)]
        ends = [one.name for one in values], [one.name for one in made]
        self._nodes.append(helper.make_node(kind, *ends, **attributes))
        return made

    def model(self, name: str, outputs: Mapping[Port, Value]) -> bytes:
        """The file's content, checked: shapes and types are those of the ports."""
        named = [
            helper.make_node("Identity", [value.name], [port.name])
            for port, value in outputs.items()
        ]
        graph = helper.make_graph(
            [*self._nodes, *named],
            name,
            [port.info() for port in self._inputs],
            [port.info() for port in outputs],
            self._constants,
        )
        model = helper.make_model(
            graph,
            producer_name="penchant",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())


def concatenated(values: Sequence[Value]) -> Value:
    """Beside one another along the last axis."""
    return values[0].op("Concat", *values[1:], axis=-1)


def _code(dtype: Type) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
