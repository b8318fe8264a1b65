"""A notebook that git could not merge, as choices for a person."""

from typing import Literal

from codemad_jupyter.protocol.base import Value

MergeChoice = Literal["ours", "theirs", "both", "base"]
MergePart = Literal["source", "outputs", "metadata", "cells", "notebook"]


class MergeConflict(Value):
    """A place where both sides changed the same. The texts are the sources (or outputs, or metadata as
    JSON) that choosing a side would leave there; empty where it leaves nothing. ``both`` says that both
    can be kept, ours first. ``cell`` is the id in the common ancestor."""

    number: int
    cell: str | None
    part: MergePart
    base: str
    ours: str
    theirs: str
    both: bool = False


class MergeView(Value):
    """``settled`` counts the changes that merge by themselves. ``digest`` is the SHA-256 (hex) of the
    file that was looked at; ``origin`` says whether the three versions come from git's index or from the
    markers in the file (then the ancestor is what both have in common). The names are what git calls the
    sides: a branch, a commit; empty where that is not known."""

    notebook: str
    digest: str
    origin: Literal["git", "markers"]
    conflicts: tuple[MergeConflict, ...] = ()
    settled: int = 0
    ours_name: str = ""
    theirs_name: str = ""
