"""Whether a text can be the key of a provider: what is around it goes, what cannot be right is refused.

No message ever holds the text or a part of it.
"""

from codemad_jupyter.config.providers import FOREIGN, card
from codemad_jupyter.protocol.errors import UsageError

LONGEST = 20_000
"""Characters; tokens of some clouds are long."""
_AROUND = " \t\r\n\v\f\u00a0\u200b\ufeff"


def cleaned(text: str) -> tuple[str, str]:
    """The key without what copying brought along, and a word about it."""
    key = text.strip(_AROUND)
    if len(key) >= 2 and key[0] == key[-1] and key[0] in "'\"":
        key = key[1:-1].strip(_AROUND)
    return key, "" if key == text else "Spaces, line ends or quotes around the key were removed."


def usable_key(provider: str, text: str, *, any_owner: bool = False) -> tuple[str, str]:
    """The key and a word about what was removed around it. Raises `UsageError`; ``any_owner`` lets the key
    of another provider pass, which is right where the address is not the provider's own."""
    key, said = cleaned(text)
    title = card(provider).title
    if not key:
        raise UsageError(f"The key for {title} is empty.", hint="Copy it again from the provider's page.")
    fault = _fault(key)
    if fault:
        hint = "Copy it again from the provider's page, alone and whole."
        raise UsageError(f"This cannot be a key for {title}: {fault}.", hint=hint)
    owner = foreign_owner(provider, key)
    if owner and not any_owner:
        hint = f"Take a key that {title} gave you; this one was not sent anywhere."
        raise UsageError(f"This looks like a key of {owner}, not of {title}.", hint=hint)
    return key, said


def foreign_owner(provider: str, key: str) -> str:
    """Whose key it looks like, where that is surely another provider."""
    own = card(provider)
    if own.elsewhere:
        return ""
    owner = next((name for name, shape in FOREIGN.items() if shape.match(key)), "")
    return "" if owner.casefold() == own.title.split(" ")[0].casefold() else owner


def _fault(key: str) -> str:
    if len(key) > LONGEST:
        return f"it is longer than {LONGEST:,} characters"
    if any(char.isspace() for char in key):
        return "there is a space or a line end inside"
    if not key.isascii():
        return "it holds characters that no key has (often a quotation mark or dash changed by an editor)"
    if not key.isprintable():
        return "it holds control characters"
    return ""
