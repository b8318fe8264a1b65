"""Keeps secrets out of the process's log: what our loggers say is masked as the record is made, before any
handler, whosever it is, sees it."""

import logging
from collections.abc import Callable
from typing import Any

_ROOM = "codemad_jupyter"
_FORMAT = logging.Formatter()


class MaskingFactory:
    """Makes log records as the factory before it did, ours without secrets."""

    def __init__(self, before: Callable[..., logging.LogRecord], redact: Callable[[str], str]) -> None:
        self._before = before
        self.redact = redact

    def __call__(self, *arguments: Any, **more: Any) -> logging.LogRecord:
        record = self._before(*arguments, **more)
        if record.name == _ROOM or record.name.startswith(f"{_ROOM}."):
            record.msg, record.args = self.redact(record.getMessage()), ()
            if record.exc_info and record.exc_info[0] is not None:
                record.exc_text = self.redact(_FORMAT.formatException(record.exc_info))
                record.exc_info = None
        return record


def mask_logs(redact: Callable[[str], str]) -> None:
    """From now on mask with this; an engine that is built later knows more secrets than one before."""
    present = logging.getLogRecordFactory()
    if isinstance(present, MaskingFactory):
        present.redact = redact
    else:
        logging.setLogRecordFactory(MaskingFactory(present, redact))
