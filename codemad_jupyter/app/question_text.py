"""What an agent asks, as text where somebody types, and what was meant by the answer."""

from codemad_jupyter.app.plain_text import plain_text
from codemad_jupyter.protocol.events import QuestionAsked


def shown(event: QuestionAsked) -> str:
    """The question with its numbered options, as text."""
    options = [f"  {number}. {plain_text(each)}" for number, each in enumerate(event.options, 1)]
    return "\n".join([f"CodeMAD asks: {plain_text(event.text)}", *options])


def chosen(event: QuestionAsked, words: str) -> str | None:
    """What was meant: an option by its number, or the words themselves; None where there are none."""
    words = words.strip()
    if words.isdigit() and 1 <= int(words) <= len(event.options):
        return event.options[int(words) - 1]
    return words or None
