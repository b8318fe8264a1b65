"""Which changes stand: a pure walk over the checkpoints of a session, oldest first.

The record of an undo, a redo or a restore says which records it took back (``took_back``). Going back
in time, a change and its undoing need not be looked at; nor need an undo that was redone.
"""

from collections.abc import Collection, Sequence

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


def runs_taken_back(records: Sequence[CheckpointRecord], taken: Collection[str]) -> dict[str, int]:
    """By run, whether taking these records back takes its changes away (1) or brings them back (-1): what an
    undo did is the opposite of what it took back. All records of the session, oldest first."""
    effects: dict[str, dict[str, int]] = {}
    total: dict[str, int] = {}
    for record in records:
        effect = {record.run: 1} if record.run and record.reason == "run" else dict[str, int]()
        for name in record.touched.get("took_back", ()):
            for run, sign in effects.get(name, {}).items():
                effect[run] = effect.get(run, 0) - sign
        effects[record.id] = effect
        for run, sign in effect.items() if record.id in taken else ():
            total[run] = total.get(run, 0) + sign
    return total


def snapshots_of(record: CheckpointRecord) -> set[str]:
    """The names of the git snapshots that a record needs."""
    own = {str(record.files["name"])} if record.files else set()
    before = record.touched.get("begun", {}).get("before")
    return own | set(record.touched.get("snapshots", {})) | ({str(before["name"])} if before else set())
