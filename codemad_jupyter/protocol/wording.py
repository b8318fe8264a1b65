"""Owns how numbers are put into words for a person."""


def counted(number: int, thing: str) -> str:
    """So many of a thing: ``1 file``, ``2,000 files``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
