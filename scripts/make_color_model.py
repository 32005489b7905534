"""Write a tiny joint model: it sees the colours of a picture, and knows the words for them.

It is no CLIP: it knows nothing of things. But it has the files and the shape of one, two ONNX
towers with a tokenizer and the settings of a preprocessor, in the folders that fastembed expects:
so it shows, in a moment and without internet, how words find pictures. The picture tower gives the
colours that the middle of a picture has and its border has not; the text tower puts a word for a
colour in that colour's direction, and every other word in one that its letters make by chance.

    pip install onnx 'vitrina[clip]'
    python scripts/make_color_model.py DIR
    vitrina spaces add colors --provider fastembed --image-model colors-vision \\
        --text-model colors-text --model-path DIR

The same files are written each time.
"""

from __future__ import annotations

import argparse
import csv
import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[1]
COLORS = ROOT / "src" / "vitrina" / "data" / "colors.csv"
VISION, TEXT = "colors-vision", "colors-text"
DIMENSIONS = 64
SIDE = 32  # pixels of the square that it sees
BORDER = 3  # pixels that count as the ground of the picture
SHARPNESS = 120.0  # of the choice of a colour for a pixel, by the squared distance in RGB
ALIKE = 22.0  # CIELAB steps between colours whose words are half alike
LETTERS = 0.25  # length of what a letter adds, if the word for a colour has length 1
SPOKEN = {"navy": "navy blue", "grey": "gray", "violet": "purple"}


def names() -> tuple[list[str], list[str], np.ndarray]:
    """The names of colours; of each known shade its name, and its RGB from 0 to 1."""
    with COLORS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    shades = np.array([[int(row["hex"][i : i + 2], 16) / 255 for i in (1, 3, 5)] for row in rows])
    of_shade = [row["name"] for row in rows]
    return list(dict.fromkeys(of_shade)), of_shade, shades


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB colours, with the white of D65."""
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ np.array(
        [[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]
    )
    xyz /= np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def directions() -> tuple[list[str], np.ndarray]:
    """The names of colours, and a direction for each: the more alike they are, the nearer."""
    known, of_shade, shades = names()
    seen = lab(shades)
    means = np.stack(
        [
            seen[[i for i, name in enumerate(of_shade) if name == each]].mean(axis=0)
            for each in known
        ]
    )
    apart = ((means[:, None] - means[None]) ** 2).sum(axis=2)
    alike = np.exp(-apart / (2 * ALIKE**2))
    values, vectors = np.linalg.eigh(alike)
    places = vectors * np.sqrt(np.clip(values, 0, None))
    turned, _ = np.linalg.qr(np.random.default_rng(11).standard_normal((DIMENSIONS, DIMENSIONS)))
    return known, places @ turned[: len(known)]


def vision() -> bytes:
    """The tower of pictures: 3 by 32 by 32 pixels from 0 to 1 in, 64 numbers out."""
    known, of_shade, shades = names()
    _, places = directions()
    middle = np.zeros((1, 1, SIDE, SIDE))
    middle[:, :, BORDER:-BORDER, BORDER:-BORDER] = 1
    parts = {
        "shades": 2 * SHARPNESS * shades[:, :, None, None],
        "offsets": -SHARPNESS * (shades**2).sum(axis=1),
        "middle": middle / middle.sum(),
        "border": (1 - middle / middle.max()) / (SIDE**2 - middle.sum()),
        "little": np.array(0.02),
        "names": np.array([[float(name == each) for each in known] for name in of_shade]),
        "places": places,
    }
    nodes = [
        helper.make_node(
            "Conv", ["pixel_values", "shades", "offsets"], ["logits"], kernel_shape=[1, 1]
        ),
        helper.make_node("Softmax", ["logits"], ["chosen"], axis=1),
        helper.make_node("Mul", ["chosen", "middle"], ["inside"]),
        helper.make_node("ReduceSum", ["inside", "sides"], ["object"], keepdims=0),
        helper.make_node("Mul", ["chosen", "border"], ["outside"]),
        helper.make_node("ReduceSum", ["outside", "sides"], ["ground"], keepdims=0),
        helper.make_node("Sub", ["object", "ground"], ["more"]),
        helper.make_node("Relu", ["more"], ["own"]),
        # a white shirt on white still is white, a little
        helper.make_node("Mul", ["object", "little"], ["rest"]),
        helper.make_node("Add", ["own", "rest"], ["shares"]),
        helper.make_node("MatMul", ["shares", "names"], ["named"]),
        helper.make_node("Sqrt", ["named"], ["strength"]),
        helper.make_node("MatMul", ["strength", "places"], ["image_embeds"]),
    ]
    return _file(
        "vision", nodes, parts, [("pixel_values", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        "image_embeds", {"sides": np.array([2, 3])},
    )  # fmt: skip


def vocabulary() -> dict[str, int]:
    """The pieces of words: the words for colours, and letters to make all others of."""
    known, *_ = names()
    words = [*(name for name in known if " " not in name), *SPOKEN]
    letters = string.ascii_lowercase + string.digits
    pieces = ["[PAD]", "[UNK]", *words, *letters, *(f"##{letter}" for letter in letters)]
    return {piece: place for place, piece in enumerate(pieces)}


def text() -> bytes:
    """The tower of texts: the ids of pieces and their mask in, 64 numbers out."""
    known, places = directions()
    draw = np.random.default_rng(5)
    table = []
    for piece in vocabulary():
        name = SPOKEN.get(piece, piece)
        if name in known:
            place = places[known.index(name)]
            table.append(place / np.linalg.norm(place))
        else:
            chance = draw.standard_normal(DIMENSIONS)
            table.append(LETTERS * chance / np.linalg.norm(chance))
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["pieces"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["masks"]),
        helper.make_node("Mul", ["pieces", "masks"], ["there"]),
        helper.make_node("ReduceSum", ["there", "middle"], ["text_embeds"], keepdims=0),
    ]
    inputs = [
        (name, TensorProto.INT64, ["n", "pieces"]) for name in ("input_ids", "attention_mask")
    ]
    counts = {"last": np.array([2]), "middle": np.array([1])}
    return _file("text", nodes, {"table": np.array(table)}, inputs, "text_embeds", counts)


def _file(
    name: str,
    nodes: Sequence[Any],
    parts: dict[str, np.ndarray],
    inputs: Sequence[tuple[str, int, list[int | str]]],
    output: str,
    counts: dict[str, np.ndarray],
) -> bytes:
    constants = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in parts.items()]
    constants += [numpy_helper.from_array(v.astype(np.int64), k) for k, v in counts.items()]
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", DIMENSIONS])], constants,
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="vitrina"
    )
    checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def tokenizer() -> dict[str, Any]:
    """The tokenizer, as the library of that name reads it."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
            "strip_accents": True, "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary(),
        },
    }  # fmt: skip


def write(folder: Path) -> None:
    """Write both towers below `folder`."""
    files: dict[str, bytes | dict[str, Any]] = {
        f"{VISION}/model.onnx": vision(),
        f"{VISION}/preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor", "do_resize": True, "resample": 3,
            "size": {"shortest_edge": SIDE}, "do_center_crop": True, "crop_size": SIDE,
            "do_rescale": True, "do_normalize": False,
        },
        f"{TEXT}/model.onnx": text(),
        f"{TEXT}/tokenizer.json": tokenizer(),
        f"{TEXT}/tokenizer_config.json": {"model_max_length": 77, "pad_token": "[PAD]"},
        f"{TEXT}/special_tokens_map.json": {"pad_token": "[PAD]", "unk_token": "[UNK]"},
        f"{TEXT}/config.json": {"pad_token_id": 0},
    }  # fmt: skip
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else json.dumps(body, indent=1).encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the folders of the two towers are made")
    folder = parser.parse_args().folder
    write(folder)
    print(f"{folder / VISION} and {folder / TEXT}: {DIMENSIONS} numbers")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
