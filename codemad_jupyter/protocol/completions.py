"""What is asked and answered while a person types: the text around the cursor, and its continuation."""

from codemad_jupyter.protocol.base import Value


class CompletionRequest(Value):
    """``prefix`` and ``suffix`` are the text of the cell or file before and after the cursor;
    ``earlier`` are sources of the cells above, in order."""

    prefix: str
    suffix: str = ""
    language: str = "python"
    earlier: tuple[str, ...] = ()


class Completion(Value):
    """``text`` goes in at the cursor and may be empty; ``off`` says that nobody chose a model for it."""

    text: str = ""
    model: str = ""
    off: bool = False
