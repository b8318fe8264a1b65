"""The audit log and what was allowed for good: whole lines, rotated, masked, for their owner alone."""

import stat
from pathlib import Path

import pytest

from codemad_jupyter.config.allowed import FILE, AllowedActions
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.permissions import AuditLine
from codemad_jupyter.store.audit import KEPT, AuditLog


def line(number: int, **more: str) -> AuditLine:
    return AuditLine(at=float(number), tool="t", decision="allowed", **{"action": f"do {number}", **more})


def test_lines_are_read_back_in_order_over_files(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, redact=str, largest=1_000)
    for number in range(12):
        log.record(line(number))
    assert [each.at for each in log.lines()] == list(range(12))
    assert len(list(tmp_path.glob("audit*.jsonl"))) > 1
    for number in range(200):
        log.record(line(number))
    assert len(list(tmp_path.glob("audit*.jsonl"))) == KEPT + 1
    assert list(log.lines())[-1].at == 199
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600


def test_secrets_are_masked_and_cut_lines_left_out(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, redact=lambda text: text.replace("CANARY", "[masked]"))
    log.record(line(1, action="use CANARY", rule="CANARY", outcome="CANARY"))
    log.record(line(2, action="x" * 100_000))
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b'{"at": 3, "to')
    assert [each.at for each in log.lines()] == [1.0, 2.0]
    assert b"CANARY" not in (tmp_path / "audit.jsonl").read_bytes()
    assert (tmp_path / "audit.jsonl").stat().st_size < 5_000


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    AuditLog(tmp_path, redact=str).record(line(1))
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_allowed_for_good_is_exact_and_can_be_taken_back(tmp_path: Path) -> None:
    allowed = AllowedActions(tmp_path)
    allowed.keep("abcd1", tool="t", action="first")
    allowed.keep("abcd2", tool="t", action="second")
    allowed.keep("abcd1", tool="t", action="first")
    assert AllowedActions(tmp_path).digests() == {"abcd1", "abcd2"}
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    for start in ("abcd", "a", "", "zzzzz"):
        with pytest.raises(NotFound):
            allowed.revoke(start)
    assert allowed.revoke("abcd2").action == "second"
    assert allowed.digests() == {"abcd1"}
    (tmp_path / FILE).write_text("[{")
    assert allowed.digests() == frozenset()
