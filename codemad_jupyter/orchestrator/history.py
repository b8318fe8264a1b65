"""Which changes stand: a pure walk over the checkpoints of a session, oldest first.

The record of an undo, a redo or a restore says which records it took back (``took_back``). Going back
in time, a change and its undoing need not be looked at; nor need an undo that was redone.
"""

from collections.abc import Sequence

from codemad_jupyter.store.checkpoints import CheckpointRecord


def standing(records: Sequence[CheckpointRecord]) -> list[CheckpointRecord]:
    """Those whose changes are in place, as far as these records tell, oldest first."""
    place = {record.id: at for at, record in enumerate(records)}
    live: set[str] = set()
    folded: dict[str, list[str]] = {}
    for record in records:
        gone = [id for id in record.touched.get("took_back", ())]
        if len(gone) == 1 and gone[0] in folded:  # it was undone, and this brought it back
            live |= set(folded.pop(gone[0]))
        elif gone and live.issuperset(gone):
            live -= set(gone)
            folded[record.id] = gone
        elif record.touched.get("files") or record.touched.get("cells"):
            live.add(record.id)
    return [records[at] for at in sorted(place[id] for id in live)]


def snapshots_of(record: CheckpointRecord) -> set[str]:
    """The names of the git snapshots that a record needs."""
    own = {str(record.files["name"])} if record.files else set()
    return own | set(record.touched.get("snapshots", {}))
