"""Owns how texts become vectors: by a model in a folder of this machine, or by a callable that is handed in.

Nothing is ever fetched. Where there is no model, search goes by words alone and says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from codemad_jupyter.protocol.errors import CodemadError, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

BATCH = 1
"""Texts at once: more are padded to the longest, which is slower and takes hundreds of megabytes."""
PREFERRED = ("model_int8.onnx", "model_quantized.onnx", "model.onnx")


class Embedder(Protocol):
    """Makes vectors of length 1. ``name`` tells models apart whose vectors must not be mixed."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def ready(self) -> bool:
        """Whether ``size`` is known without asking anybody."""
        ...

    @property
    def together(self) -> int:
        """Texts it is best given at once: what a kill may cost."""
        ...

    def takes(self, path: str) -> bool:
        """Whether it may have the text of this file."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors: ...

    def embed_query(self, query: str) -> Vectors:
        """The one vector of a query somebody waits for."""
        ...


class LocalModel:
    """An ONNX model in a folder, run by fastembed. ``made`` is where one is made of weights alone."""

    ready = True
    together = 32

    def __init__(self, folder: Path, *, made: Path, threads: int = 1) -> None:
        self._folder = folder
        self._made = made
        self._threads = threads

    @cached_property
    def _file(self) -> Path:
        found = _runnable(self._folder)
        if found is not None:
            return found
        if not (self._folder / "model.safetensors").is_file():
            raise ModelError(
                f"There is no model in {self._folder}: neither an .onnx file nor model.safetensors.",
                hint="Set embedding_model to the folder of a sentence model, or leave it out.",
            )
        from codemad_jupyter.context.model_import import RUNNABLE, import_model

        target = self._made / _digest(self._folder / "model.safetensors")
        if not (target / RUNNABLE).is_file():
            import_model(self._folder, target)
        return target / RUNNABLE

    @cached_property
    def name(self) -> str:
        """The model's own hash: the same model in another folder has the same vectors."""
        return _digest(self._file)

    @cached_property
    def size(self) -> int:
        """Numbers in a vector."""
        with self._usable():
            config = json.loads((self._home / "config.json").read_text(encoding="utf-8"))
            return int(config.get("hidden_size") or config.get("dim"))

    @property
    def _home(self) -> Path:
        folder = self._file.parent
        return folder if (folder / "config.json").is_file() else folder.parent

    @cached_property
    def _model(self) -> Any:
        try:
            from fastembed import TextEmbedding
            from fastembed.common.model_description import ModelSource, PoolingType
        except ImportError as error:
            raise ModelError(
                "fastembed is not installed, so the model for search cannot be run.",
                hint="Run: python -m pip install 'codemad-jupyter[embeddings]'",
            ) from error
        known = f"codemad/{self.name}"
        if not any(model["model"] == known for model in TextEmbedding.list_supported_models()):
            TextEmbedding.add_custom_model(
                model=known,
                pooling=PoolingType.CLS if _takes_first(self._home) else PoolingType.MEAN,
                normalization=True,
                sources=ModelSource(hf="none/none"),
                dim=self.size,
                model_file=self._file.relative_to(self._home).as_posix(),
            )
        with self._usable():
            return TextEmbedding(
                known,
                specific_model_path=str(self._home),
                threads=1,
                providers=["CPUExecutionProvider"],
                local_files_only=True,
                enable_cpu_mem_arena=False,  # it keeps what the longest text took, for good
            )

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        """What a damaged or foreign model makes others' code raise, as one error that names the model."""
        try:
            yield
        except CodemadError:
            raise
        except Exception as error:
            raise ModelError(
                f"The embedding model in {self._folder} cannot be used: {str(error)[:300]}",
                hint="Check its files, or unset embedding_model: search then goes by words.",
            ) from error

    def takes(self, path: str) -> bool:
        """It runs on this machine, and may have all."""
        return True

    def embed_query(self, query: str) -> Vectors:
        """The vector of a query."""
        vector: Vectors = self.embed([query])[0]
        return vector

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector for each text."""
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        model = self._model
        with self._usable():
            return self._embedded(model, texts)

    def _embedded(self, model: Any, texts: Sequence[str]) -> Vectors:
        import numpy as np

        if self._threads == 1 or len(texts) < self._threads:
            return np.array(list(model.embed(list(texts), batch_size=BATCH)), dtype=np.float32)
        parts = [list(texts[at :: self._threads]) for at in range(self._threads)]
        found = np.zeros((len(texts), self.size), dtype=np.float32)
        with ThreadPoolExecutor(self._threads) as pool:
            made = pool.map(lambda part: list(model.embed(part, batch_size=BATCH)), parts)
            for at, vectors in enumerate(made):
                found[at :: self._threads] = vectors
        return found


class Call(Protocol):
    """Asks a provider for one vector for each text."""

    def __call__(self, texts: list[str], *, waited_for: bool) -> list[list[float]]: ...


class CalledModel:
    """A provider's embeddings, asked through a callable that was handed in.

    How long its vectors are is asked once and ``kept`` in a folder; ``sent`` says which files' texts may
    go to the provider.
    """

    together = 256

    def __init__(
        self, model: str, call: Call, *, kept: Path, sent: Callable[[str], bool] = lambda path: True
    ) -> None:
        self.model = model
        self.name = hashlib.sha256(model.encode()).hexdigest()[:16]
        self.call = call
        self.takes = sent
        self._kept = kept / f"{self.name}.size"

    @property
    def ready(self) -> bool:
        """Whether it was ever asked for vectors."""
        return "size" in self.__dict__ or self._kept.is_file()

    @cached_property
    def size(self) -> int:
        """Numbers in a vector; the provider is asked where nobody ever was."""
        with contextlib.suppress(OSError, ValueError):
            if (found := int(self._kept.read_text(encoding="utf-8"))) > 0:
                return found
        size = len(self.call(["size"], waited_for=False)[0])
        with contextlib.suppress(OSError):  # it is asked again next time
            self._kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._kept.write_text(str(size), encoding="utf-8")
        return size

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector for each text, of length 1 whatever the provider gives."""
        return self._made(self.call(list(texts), waited_for=False), len(texts))

    def embed_query(self, query: str) -> Vectors:
        """The vector of a query."""
        vector: Vectors = self._made(self.call([query], waited_for=True), 1)[0]
        return vector

    def _made(self, vectors: list[list[float]], count: int) -> Vectors:
        import numpy as np

        sizes = {len(vector) for vector in vectors}
        if len(vectors) != count or sizes - {self.size}:
            raise ModelError(
                f"{self.model} gave {len(vectors)} vectors of {sorted(sizes)} numbers for {count} texts,"
                f" where it gave {self.size} numbers before.",
                hint=f"Check which model the endpoint serves. If it is another one now, delete {self._kept}.",
            )
        found = np.array(vectors, dtype=np.float32).reshape(count, self.size)
        length = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        made: Vectors = (found / length).astype(np.float32)
        return made


def _runnable(folder: Path) -> Path | None:
    for place in (folder, folder / "onnx"):
        for name in PREFERRED:
            if (place / name).is_file():
                return place / name
    return next(iter(sorted(folder.glob("*.onnx"))), None)


def _takes_first(folder: Path) -> bool:
    """Whether the model's vector is that of its first token, and not the mean of all."""
    try:
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(pooling.get("pooling_mode_cls_token"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:16]
