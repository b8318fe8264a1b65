"""Facts that are found by what they mean: vectors of a small embedder, kept in the real store."""

import threading
from collections.abc import Sequence
from pathlib import Path

from codemad_jupyter.orchestrator.memories import Memories
from codemad_jupyter.protocol.commands import RememberFact
from codemad_jupyter.protocol.errors import ModelError
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.user_memory import UserMemory

MEANING = {"car": 0, "automobile": 0, "vehicle": 0, "oak": 1, "tree": 1}


class Meanings:
    """A vector with a side for each meaning it knows."""

    name = "meanings"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def embed(self, texts: Sequence[str], /) -> list[list[float]]:
        self.gate.wait(30)
        if "broken" in texts:
            raise ModelError("The embedder broke.", hint="None.")
        self.asked += texts
        return [
            [float(any(MEANING.get(w) == side for w in text.split())) for side in (0, 1)] for text in texts
        ]


async def test_what_means_the_same_is_found_and_nothing_waits_for_it(tmp_path: Path) -> None:
    store = await Store.open(None, workspace="/work")
    embedder = Meanings()
    user = UserMemory(tmp_path)
    hasty = Memories(store=store, user=user, redact=str, embedder=embedder, patience=0.05)
    kept = Memories(store=store, user=user, redact=str, embedder=embedder, patience=30)
    for text, scope in (("an automobile costs", "project"), ("an oak stands", "user")):
        await kept.do(RememberFact(session="s", text=text, scope=scope))  # type: ignore[arg-type]
    embedder.gate.clear()
    assert await hasty.recall("vehicle", "s", "schema") == ()  # by words alone: the embedder is busy
    assert await hasty.recall("vehicle", "s", "schema") == ()
    embedder.gate.set()
    await hasty.likeness.finished()
    assert [fact.text for fact in await kept.recall("vehicle", "s", "schema")] == ["an automobile costs"]
    assert [fact.text for fact in await kept.search("tree")] == ["an oak stands"]
    assert (await kept.for_prompt("tree", "s", "schema"))[0].text == "an oak stands"
    assert embedder.asked.count("an oak stands") == 1  # kept, not made again
    assert await kept.recall("broken", "s", "schema") == ()
    assert [fact.text for fact in await kept.recall("oak", "s", "schema")] == ["an oak stands"]
    await store.close()
