"""Which files a person means when they look for one: those git tracks or would track."""

from pathlib import Path

from codemad_jupyter.git.repo import Deadline, Git
from codemad_jupyter.protocol.errors import GitError

SECONDS = 5.0


def listed_files(root: Path, *, limit: int) -> list[str] | None:
    """POSIX paths below the root without ignored ones; None where there is no repository or git fails."""
    git_dir = root / ".git"
    if not git_dir.is_dir():
        return None
    git = Git(git_dir, root)
    try:
        output = git.run(
            "ls-files", "-z", "--cached", "--others", "--exclude-standard", deadline=Deadline(SECONDS)
        )
    except GitError:
        return None
    names = output.decode("utf-8", "replace").split("\0")
    return sorted(dict.fromkeys(name for name in names if name))[:limit]
