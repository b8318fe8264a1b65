"""The log: whole lines, masked, with the run at work; put aside when it has grown, by many processes."""

import json
import logging
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codemad_jupyter.config.json_log import ACTIVITY, KEPT, ROOM, JsonLog, at_work, files, log_file, start_log
from codemad_jupyter.config.masked_log import mask_logs
from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.config.settings import Settings

SECRET = "correct-horse-battery-staple"
WRITER = """
import logging, sys
from pathlib import Path
from codemad_jupyter.config.json_log import JsonLog
handler = JsonLog(Path(sys.argv[1]), largest=20_000)
for number in range(300):
    handler.emit(logging.LogRecord("codemad_jupyter.x", 20, "", 0, f"{sys.argv[2]}-{number}", (), None))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    before = logging.getLogRecordFactory()
    found = Settings(data_dir=tmp_path, log_level="info")
    start_log(found)
    mask_logs(Redactor((SECRET,)))
    yield found
    start_log(found.model_copy(update={"log_level": "off"}))
    logging.setLogRecordFactory(before)


def lines(settings: Settings) -> list[dict[str, object]]:
    return [json.loads(line) for line in log_file(settings).read_text().splitlines()]


def test_a_line_names_the_run_and_holds_no_secret(settings: Settings) -> None:
    log = logging.getLogger(f"{ROOM}.somewhere")
    with at_work("session-1", "run-1"):
        log.warning("the key %s is wrong\nindeed", SECRET)
        try:
            raise ValueError(SECRET)
        except ValueError:
            log.exception("it failed")
    odd = logging.LogRecord(log.name, logging.WARNING, "", 0, "later \ud800", (), None)
    for handler in logging.getLogger(ROOM).handlers:
        if isinstance(handler, JsonLog):  # past the others: what reports tests cannot pass such a text on
            handler.handle(odd)
    first, second, third = lines(settings)
    assert (first["session"], first["run"], first["level"]) == ("session-1", "run-1", "warning")
    assert (first["logger"], third["run"]) == ("somewhere", "")
    assert "ValueError" in str(second["error"])
    assert SECRET not in log_file(settings).read_text()
    assert stat.S_IMODE(log_file(settings).stat().st_mode) == 0o600


def test_the_level_is_that_of_the_settings(settings: Settings) -> None:
    activity = logging.getLogger(ACTIVITY)
    activity.info("a step", extra={"codemad": {"run": "run-9", "tool": "grep"}})
    assert (lines(settings)[-1]["run"], lines(settings)[-1]["tool"]) == ("run-9", "grep")
    start_log(settings.model_copy(update={"log_level": "error"}))
    activity.info("another")
    logging.getLogger(ROOM).warning("not grave")
    assert len(lines(settings)) == 1
    start_log(settings.model_copy(update={"log_level": "off"}))
    logging.getLogger(ROOM).error("grave")
    assert len(lines(settings)) == 1


def test_several_processes_write_and_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    writers = [subprocess.Popen((sys.executable, "-c", WRITER, str(path), name)) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = [line for each in files(path) for line in each.read_text().splitlines()]
    said = [json.loads(line)["message"] for line in found]
    assert len(files(path)) == KEPT + 1
    assert all(each.stat().st_size <= 20_000 + 1_000 for each in files(path))
    assert len(said) == len(set(said))
    assert {"a-299", "b-299", "c-299"} & set(said)


def test_a_line_too_long_for_any_file_is_written_all_the_same(tmp_path: Path) -> None:
    handler = JsonLog(tmp_path / "log.jsonl", largest=10)
    for text in ("one", "two"):
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, text, (), None))
    said = [json.loads(each.read_text())["message"] for each in files(tmp_path / "log.jsonl")]
    assert said == ["one", "two"]


def test_a_log_that_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    handler = JsonLog(tmp_path / "gone" / "log.jsonl", largest=10_000)
    for _ in range(3):
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "said", (), None))
    assert len([each for each in caplog.records if "cannot be written" in each.getMessage()]) == 1
