"""Proposals of a test: kept, neither tried nor settled."""

from dataclasses import dataclass

from codemad_jupyter.protocol.edits import Edit


@dataclass
class Taken:
    """Keeps what is proposed."""

    edits: list[Edit]

    async def propose(self, edit: Edit) -> Edit:
        self.edits.append(edit)
        return edit

    def pending_insert(self, cell: str) -> Edit | None:
        return next((e for e in self.edits if e.target.type == "cell" and e.target.cell == cell), None)

    def withdraw(self, edit: Edit) -> None:
        self.edits.remove(edit)
