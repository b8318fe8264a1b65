"""``%codemad record`` and ``%codemad replay`` in a real kernel: answers come back without a model."""

from __future__ import annotations

from pathlib import Path

from tests.magics.live_kernels import kernel
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn


def test_record_replay_and_off(work: Path, model_server: ModelServer) -> None:
    variables = {
        "CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url,
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
    }
    model_server.play(Turn(text="Recorded words."))
    with kernel(work, variables) as live:
        live.run("%load_ext codemad_jupyter")
        missing = live.run("%codemad replay none.jsonl", person=False)
        assert "There is no cassette" in missing.error
        said = live.run("%codemad record n.cassette.jsonl", person=False).text
        assert "Answers are recorded in n.cassette.jsonl" in said
        question = "%codemad what is here"
        first = live.run(question, person=False, history=False)
        assert first.text == "Recorded words."
        assert "Answers come from n.cassette.jsonl" in live.run(
            "%codemad replay n.cassette.jsonl", person=False, history=False
        ).text  # fmt: skip
        drifted = live.run("%codemad what is there", person=False, history=False)
        assert "message 1 of 1" in drifted.error
        off = live.run("%codemad replay off", person=False, history=False)
        assert "nothing is recorded or replayed" in off.text
        live.run("%codemad replay auto --or-ask", person=False, history=False)
        model_server.play(Turn(text="Asked."))
        asked = live.run("%codemad quite another question", person=False, history=False)
        assert "Asked." in asked.text
        assert "no answer is recorded" in asked.text
    assert len(model_server.asked) == 2
    assert "Recorded words." in (work / "n.cassette.jsonl").read_text()
