"""Vectors: a real model made of weights, kept by the hash of the text, found again, never mixed."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codemad_jupyter.context.embedding import EmbeddingRun
from codemad_jupyter.context.embeddings import CalledModel, LocalModel
from codemad_jupyter.context.indexing import Indexer
from codemad_jupyter.context.meaning import Meaning
from codemad_jupyter.context.reading import Index, Snapshot
from codemad_jupyter.context.search import Searcher
from codemad_jupyter.context.vectors import VectorStore
from codemad_jupyter.protocol.errors import ModelError

WIDTH = 32
VOCABULARY = "[PAD] [UNK] [CLS] [SEP] cat dog rain snow sum mean of the a def return"
WORDS = VOCABULARY.split()


def tensors() -> dict[str, NDArray[np.float32]]:
    """The weights of a BERT with one layer, drawn at random."""
    draw = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (64, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    layer = "encoder.layer.0"
    for name in ("self.query", "self.key", "self.value", "output.dense"):
        shapes[f"{layer}.attention.{name}.weight"] = (WIDTH, WIDTH)
        shapes[f"{layer}.attention.{name}.bias"] = (WIDTH,)
    shapes[f"{layer}.intermediate.dense.weight"] = (64, WIDTH)
    shapes[f"{layer}.intermediate.dense.bias"] = (64,)
    shapes[f"{layer}.output.dense.weight"] = (WIDTH, 64)
    shapes[f"{layer}.output.dense.bias"] = (WIDTH,)
    for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
        shapes[f"{layer}.{norm}.weight"] = (WIDTH,)
        shapes[f"{layer}.{norm}.bias"] = (WIDTH,)
    return {name: draw.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder as sentence models are published: weights, configuration, tokenizer."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    folder = tmp_path / "model"
    folder.mkdir()
    head: dict[str, object] = {}
    body = b""
    for name, values in tensors().items():
        raw = values.tobytes()
        place = [len(body), len(body) + len(raw)]
        head[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": place}
        body += raw
    written = json.dumps(head).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(written)) + written + body)
    config = {
        "model_type": "bert",
        "hidden_size": WIDTH,
        "num_attention_heads": 4,
        "num_hidden_layers": 1,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512, **marks}))
    (folder / "special_tokens_map.json").write_text(json.dumps(marks))
    tokenizer = Tokenizer(WordPiece({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    pair = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=pair)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def expected(ids: list[int]) -> NDArray[np.float32]:
    """The same encoder, written out with numpy."""
    from math import erf

    have = tensors()

    def norm(x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * have[f"{name}.weight"] + have[f"{name}.bias"]

    def dense(x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        return x @ have[f"{name}.weight"].T + have[f"{name}.bias"]

    e = "embeddings"
    x = have[f"{e}.word_embeddings.weight"][ids] + have[f"{e}.position_embeddings.weight"][: len(ids)]
    x = norm(x + have[f"{e}.token_type_embeddings.weight"][0], f"{e}.LayerNorm")
    own = "encoder.layer.0.attention.self"
    parts = (dense(x, f"{own}.{name}").reshape(-1, 4, 8) for name in ("query", "key", "value"))
    q, k, v = (part.transpose(1, 0, 2) for part in parts)
    fit = np.exp(q @ k.transpose(0, 2, 1) / np.sqrt(8))
    seen = ((fit / fit.sum(-1, keepdims=True)) @ v).transpose(1, 0, 2).reshape(-1, WIDTH)
    out = "encoder.layer.0.attention.output"
    x = norm(x + dense(seen, f"{out}.dense"), f"{out}.LayerNorm")
    wide = dense(x, "encoder.layer.0.intermediate.dense")
    wide = wide * (1 + np.vectorize(erf)(wide / np.sqrt(2))) / 2
    x = norm(x + dense(wide, "encoder.layer.0.output.dense"), "encoder.layer.0.output.LayerNorm")
    mean = x.mean(0)
    vector: NDArray[np.float32] = mean / np.linalg.norm(mean)
    return vector


def test_a_model_made_of_weights_computes_what_the_weights_say(weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastembed")
    pytest.importorskip("onnx")
    model = LocalModel(weights, made=tmp_path / "made")
    vectors = model.embed(["the cat", "a sum of the rain and more"])
    assert model.size == WIDTH
    assert vectors.shape == (2, WIDTH)
    assert float(vectors[0] @ expected([2, WORDS.index("the"), WORDS.index("cat"), 3])) > 0.98
    again = LocalModel(weights, made=tmp_path / "made")
    assert again.name == model.name
    assert np.allclose(again.embed(["the cat"])[0], vectors[0], atol=0.01)
    assert not list(weights.glob("*.onnx"))


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        _ = LocalModel(tmp_path, made=tmp_path).name


class Meanings:
    """Vectors by a table of what words mean: an embedder as an endpoint would be."""

    topics = (("rain", "precipitation", "wet"), ("sum", "total", "adding"), ("cat", "feline", "pet"))

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str], *, waited_for: bool) -> list[list[float]]:
        self.asked += texts
        return [[*(0.01 + sum(map(text.count, topic)) for topic in self.topics), 0.02] for text in texts]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.py").write_text("def rain(day):\n    return day\n")
    (folder / "b.py").write_text("def sum(values):\n    return values\n")
    (folder / "c.py").write_text("def cat(name):\n    return name\n")
    return folder


def built(root: Path, place: Path) -> tuple[Index, Snapshot]:
    Indexer(root, place).update()
    index = Index(place)
    snapshot = index.current()
    assert snapshot is not None
    return index, snapshot


def test_meaning_finds_what_words_do_not(root: Path, tmp_path: Path) -> None:
    index, snapshot = built(root, tmp_path / "index")
    call = Meanings()
    meaning = Meaning(index.folder, CalledModel("table", call, kept=tmp_path))
    assert meaning.lacking(snapshot) == 3
    assert Searcher(index, meaning=meaning).search("precipitation when wet") == []
    assert EmbeddingRun(root, meaning.embedder, meaning.store).run(snapshot) == 3
    assert meaning.lacking(snapshot) == 0
    hits = Searcher(index, meaning=meaning).search("precipitation when wet")
    assert hits[0].path == "a.py"
    assert EmbeddingRun(root, meaning.embedder, meaning.store).run(snapshot) == 0


def test_only_changed_text_is_embedded_again(root: Path, tmp_path: Path) -> None:
    index, snapshot = built(root, tmp_path / "index")
    call = Meanings()
    meaning = Meaning(index.folder, CalledModel("table", call, kept=tmp_path))
    EmbeddingRun(root, meaning.embedder, meaning.store).run(snapshot)
    (root / "b.py").write_text("def total(values):\n    return values\n")
    _, snapshot = built(root, tmp_path / "index")
    call.asked.clear()
    assert EmbeddingRun(root, meaning.embedder, meaning.store).run(snapshot) == 1
    assert "total" in call.asked[0]


def test_a_model_that_fails_leaves_search_by_words(root: Path, tmp_path: Path) -> None:
    index, snapshot = built(root, tmp_path / "index")
    meaning = Meaning(index.folder, CalledModel("table", Meanings(), kept=tmp_path))
    EmbeddingRun(root, meaning.embedder, meaning.store).run(snapshot)

    def longer(texts: list[str], *, waited_for: bool) -> list[list[float]]:
        return [[1.0] * 5 for _ in texts]

    broken = Meaning(index.folder, CalledModel("table", longer, kept=tmp_path))
    hits = Searcher(index, meaning=broken).search("rain day")
    assert hits[0].path == "a.py"
    assert "[5] numbers" in broken.fault


def stored(folder: Path, keys: Sequence[int], size: int = 4) -> VectorStore:
    store = VectorStore(folder, model="m", size=size)
    store.add(keys, np.eye(len(keys), size, dtype=np.float32))
    return store


@pytest.mark.parametrize("harm", ["keys", "vectors"])
def test_a_vector_half_written_is_made_again(tmp_path: Path, harm: str) -> None:
    store = stored(tmp_path, [11, 12, 13])
    file = store.folder / ("keys.u64" if harm == "keys" else "vectors.f16")
    file.write_bytes(file.read_bytes()[:-3])
    again = VectorStore(tmp_path, model="m", size=4)
    assert again.keys().tolist() == [11, 12]
    again.add([14], np.ones((1, 4), dtype=np.float32))
    assert again.keys().tolist() == [11, 12, 14]
    assert (store.folder / "vectors.f16").stat().st_size == 3 * 4 * 2


def test_models_are_never_mixed(tmp_path: Path) -> None:
    stored(tmp_path, [11])
    assert len(VectorStore(tmp_path, model="other", size=4).keys()) == 0
    assert len(VectorStore(tmp_path, model="m", size=8).keys()) == 0
