"""Places for Landlock, which knows no exceptions: what may be read is all that is in no masked place."""

import os
from collections.abc import Iterable, Iterator, Sequence


def readable(masked: Sequence[str], shown: Sequence[str]) -> list[str]:
    """Folders and files that together hold everything but the masked places, and the shown ones."""
    hidden = {tuple(path.strip("/").split("/")) for path in masked}
    return [*_around("/", (), hidden), *shown]


def _around(folder: str, parts: tuple[str, ...], hidden: Iterable[tuple[str, ...]]) -> Iterator[str]:
    depth = len(parts)
    beneath = [each for each in hidden if each[:depth] == parts]
    if any(len(each) == depth for each in beneath):
        return
    if not beneath:
        yield folder
        return
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths, are compared
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)  # noqa: PTH118 - the launcher imports no pathlib
        if not os.path.islink(path):  # noqa: PTH114 - what a link leads to counts where it lies
            yield from _around(path, (*parts, name), beneath)
