"""Keeps secrets out of the process's log: whatever our loggers say is masked before any handler sees it."""

import copy
import logging
from collections.abc import Callable

_ROOM = "codemad_jupyter"


class MaskedLog(logging.Handler):
    """Takes the records of our loggers, masks them, and hands them to the handlers of the process."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self.redact = redact

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the record on without secrets."""
        clean = copy.copy(record)
        clean.msg, clean.args = self.redact(record.getMessage()), ()
        if record.exc_info and record.exc_info[0] is not None:
            shown = record.exc_text or _FORMAT.formatException(record.exc_info)
            clean.exc_info, clean.exc_text = None, self.redact(shown)
        if logging.getLogger().isEnabledFor(record.levelno) or record.levelno >= logging.WARNING:
            logging.getLogger().callHandlers(clean)


_FORMAT = logging.Formatter()


def mask_logs(redact: Callable[[str], str]) -> None:
    """From now on mask with this; an engine that is built later knows more secrets than one before."""
    ours = logging.getLogger(_ROOM)
    for handler in ours.handlers:
        if isinstance(handler, MaskedLog):
            handler.redact = redact
            return
    ours.addHandler(MaskedLog(redact))
    ours.propagate = False
