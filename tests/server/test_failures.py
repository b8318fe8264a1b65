"""What leaves the server when something fails: a status, a sentence, an id, and no secret."""

from __future__ import annotations

import logging

import pytest

from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.protocol import errors
from codemad_jupyter.server.failures import failure

SECRET = "canary-canary-canary"
LOG = logging.getLogger("tests.failures")


def failed(error: Exception) -> tuple[int, errors.ErrorValue]:
    try:
        raise error
    except Exception as raised:
        return failure(raised, log=LOG, redact=Redactor([SECRET]))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.UsageError, 400),
        (errors.Denied, 403),
        (errors.NotFound, 404),
        (errors.StaleEdit, 409),
        (errors.TooLarge, 413),
        (errors.NotebookError, 400),
        (errors.StoreError, 503),
        (errors.StoreHeld, 503),
        (errors.KernelError, 500),
        (errors.GitError, 500),
    ],
)
def test_each_kind_has_its_status(kind: type[errors.CodemadError], status: int) -> None:
    code, value = failed(kind("It failed.", hint="Do this."))
    assert code == status
    assert value.code == kind.code
    assert value.message == "It failed."
    assert value.hint.startswith("Do this.")
    assert type(errors.raised(value)) is kind


def test_the_unforeseen_has_an_id_and_its_details_stay_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    status, value = failed(ValueError(f"reading failed at key {SECRET}"))
    assert (status, value.code) == (500, "internal")
    assert "reading" not in value.message
    mark = value.message.partition("id ")[2][:8]
    assert mark in caplog.text
    assert "ValueError: reading failed" in caplog.text
    assert SECRET not in caplog.text


def test_secrets_are_masked_in_what_is_told(caplog: pytest.LogCaptureFixture) -> None:
    for kind in (errors.UsageError, errors.GitError):
        _, value = failed(kind(f"The key {SECRET} is wrong.", hint=f"Not {SECRET}"))
        assert SECRET not in value.model_dump_json() + caplog.text
