"""Owns how an embedding model that is only weights becomes one that can be run: BERT as safetensors to ONNX.

Many sentence models are published as weights alone. This writes the graph of a BERT encoder around them and
makes it small (int8), with nothing fetched. Needs ``onnx`` and ``onnxruntime``, once.
"""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS = "model.safetensors"
RUNNABLE = "model_int8.onnx"
OPSET = 20
LONGEST = 256
"""Tokens of a text that are read."""
LONGEST_HEADER = 10_000_000
BESIDE = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json")


def import_model(source: Path, target: Path) -> Path:
    """Make a model that fastembed can load of the weights in ``source``; the folder it is in."""
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise ModelError(
            f"{source.name} holds weights alone, and making a model of them needs onnx and onnxruntime.",
            hint="Run: python -m pip install 'codemad-jupyter[embeddings]'",
        ) from error
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "bert":
        raise ModelError(
            f"{source.name} is a {config.get('model_type')} model; only BERT can be imported.",
            hint="Name a folder with a model in ONNX format.",
        )
    target.mkdir(parents=True, exist_ok=True)
    whole = target / "whole.onnx"
    onnx.save(_Encoder(config, read_weights(source / WEIGHTS)).model(), whole)
    for name in BESIDE:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    _shorten(target / "tokenizer_config.json")
    quantize_dynamic(
        whole, target / RUNNABLE, weight_type=QuantType.QInt8, per_channel=True,
        op_types_to_quantize=["MatMul", "Gather"],
    )  # fmt: skip
    whole.unlink()
    return target


def _shorten(path: Path) -> None:
    """Chunks are short: what is behind `LONGEST` tokens costs time and says little."""
    tokens = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    tokens["model_max_length"] = min(int(tokens.get("model_max_length", LONGEST)), LONGEST)
    path.write_text(json.dumps(tokens), encoding="utf-8")


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a safetensors file, as 32-bit floats."""
    import numpy as np

    raw = np.memmap(path, dtype=np.uint8, mode="r")
    (size,) = struct.unpack("<Q", raw[:8].tobytes())
    if size > min(LONGEST_HEADER, raw.size):
        raise ModelError(f"{path.name} is no safetensors file.", hint="Fetch it again.")
    kinds = {"F32": np.float32, "F16": np.float16}
    found: dict[str, NDArray[np.float32]] = {}
    for name, entry in json.loads(raw[8 : 8 + size].tobytes()).items():
        if name != "__metadata__" and entry["dtype"] in kinds:
            begin, end = entry["data_offsets"]
            values = raw[8 + size + begin : 8 + size + end].tobytes()
            array = np.frombuffer(values, dtype=kinds[entry["dtype"]]).reshape(entry["shape"])
            found[name.removeprefix("bert.")] = array.astype(np.float32)
    return found


class _Encoder:
    """The graph of a BERT encoder, node by node."""

    def __init__(self, config: dict[str, Any], weights: dict[str, NDArray[np.float32]]) -> None:
        self._config = config
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._width = int(config["hidden_size"])
        self._heads = int(config["num_attention_heads"])

    def model(self) -> Any:
        """The model: ids, mask and types in, one vector for each token out."""
        from onnx import TensorProto, helper

        hidden = self._embedded()
        mask = self._mask()
        for layer in range(int(self._config["num_hidden_layers"])):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, mask)
        self._node("Identity", [hidden], output="last_hidden_state")
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"]) for name in names]
        shape = ("b", "s", self._width)
        output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)
        graph = helper.make_graph(self._nodes, "bert", inputs, [output], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        # The graph is simple as it is; without this the quantiser warns on the log.
        helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
        return model

    def _node(self, kind: str, inputs: list[str], *, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _numbers(self, *values: int) -> str:
        import numpy as np

        return self._constant(f"c{len(self._constants)}", np.array(values, dtype=np.int64))

    def _embedded(self) -> str:
        words = self._node("Gather", [self._weight("embeddings.word_embeddings.weight"), "input_ids"])
        kinds = self._node(
            "Gather", [self._weight("embeddings.token_type_embeddings.weight"), "token_type_ids"]
        )
        length = self._node("Shape", ["input_ids"], start=1, end=2)
        places = self._weight("embeddings.position_embeddings.weight")
        places = self._node("Slice", [places, self._numbers(0), length, self._numbers(0)])
        total = self._node("Add", [self._node("Add", [words, kinds]), places])
        return self._normal("embeddings.LayerNorm", total)

    def _mask(self) -> str:
        """0 where a token counts, a very small number where it is padding."""
        import numpy as np
        from onnx import TensorProto

        one = self._constant("one", np.array(1, dtype=np.float32))
        small = self._constant("small", np.array(-1e9, dtype=np.float32))
        wide = self._node("Unsqueeze", ["attention_mask", self._numbers(1, 2)])
        padding = self._node("Sub", [one, self._node("Cast", [wide], to=TensorProto.FLOAT)])
        return self._node("Mul", [padding, small])

    def _normal(self, name: str, value: str) -> str:
        inputs = [value, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]
        return self._node(
            "LayerNormalization", inputs, axis=-1, epsilon=float(self._config["layer_norm_eps"])
        )

    def _dense(self, name: str, value: str) -> str:
        turned = self._constant(f"{name}.weight", self._weights[f"{name}.weight"].T.copy())
        return self._node("Add", [self._node("MatMul", [value, turned]), self._weight(f"{name}.bias")])

    def _split(self, name: str, value: str, order: list[int]) -> str:
        shape = self._numbers(0, 0, self._heads, self._width // self._heads)
        parts = self._node("Reshape", [self._dense(name, value), shape])
        return self._node("Transpose", [parts], perm=order)

    def _layer(self, name: str, hidden: str, mask: str) -> str:
        import numpy as np

        own = f"{name}.attention.self"
        query = self._split(f"{own}.query", hidden, [0, 2, 1, 3])
        key = self._split(f"{own}.key", hidden, [0, 2, 3, 1])
        value = self._split(f"{own}.value", hidden, [0, 2, 1, 3])
        root = np.array(1 / np.sqrt(self._width // self._heads), dtype=np.float32)
        scale = self._constant(f"{name}.scale", root)
        fit = self._node("Mul", [self._node("MatMul", [query, key]), scale])
        weights = self._node("Softmax", [self._node("Add", [fit, mask])], axis=-1)
        seen = self._node("Transpose", [self._node("MatMul", [weights, value])], perm=[0, 2, 1, 3])
        seen = self._node("Reshape", [seen, self._numbers(0, 0, self._width)])
        seen = self._dense(f"{name}.attention.output.dense", seen)
        hidden = self._normal(f"{name}.attention.output.LayerNorm", self._node("Add", [seen, hidden]))
        wide = self._node("Gelu", [self._dense(f"{name}.intermediate.dense", hidden)])
        narrow = self._dense(f"{name}.output.dense", wide)
        return self._normal(f"{name}.output.LayerNorm", self._node("Add", [narrow, hidden]))
