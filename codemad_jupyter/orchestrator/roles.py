"""The roles there are: ours, the person's own, and those of a project that is trusted as it stands. A file
that cannot be read does not hide the others: it is named with the line and the reason."""

import importlib.resources
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.config.trust import ROLES
from codemad_jupyter.hooks import Offered
from codemad_jupyter.orchestrator.role_files import Role, read_role
from codemad_jupyter.protocol.errors import CodemadError, NotFound, UsageError

OWN = "roles"
"""Where the person keeps theirs, beside their settings."""
MOST_ROLES = 100


@dataclass(frozen=True)
class Roles:
    """The roles by name, and what is wrong with the files that are none. ``waiting`` are files of the project
    that count only after the folder is trusted with them."""

    known: dict[str, Role]
    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    def get(self, name: str) -> Role:
        """A role by its name. Raises `NotFound`."""
        if name not in self.known:
            raise NotFound(f"There is no role {name}.", hint=f"Roles: {', '.join(sorted(self.known))}.")
        return self.known[name]


def read_roles(
    root: Path, *, own: Path | None, lends: Callable[[Path], bool], offered: Iterable[Offered] = ()
) -> Roles:
    """All of them. A project's role of a name takes the place of yours, and yours of ours; ``lends`` says
    whether the roles of a folder may count as they stand now. What packages have ``offered`` takes the place
    of none of ours."""
    known = {role.name: role for role in built_in()}
    problems: list[str] = []
    for package, path in offered:
        try:
            role = read_role(_text(Path(path)), file=str(path), origin=f"the package {package}")
            if role.name in known:
                said = f"The package {package} offers a role {role.name}, which there is already"
                raise UsageError(f"{said} ({known[role.name].origin}).", hint="It has to rename it.")
        except (CodemadError, TypeError) as error:
            problems.append(str(error))
        else:
            known[role.name] = role
    files = [(path, "yours") for path in _files(own / OWN if own else None)]
    project = _files(root / ROLES)
    lent = bool(project) and lends(root)
    files += [(path, "the project's") for path in project] if lent else []
    for path, origin in files:
        try:
            role = read_role(_text(path), file=str(path), origin=origin)
        except CodemadError as error:
            problems.append(str(error))
        else:
            known[role.name] = role
    waiting = () if lent else tuple(path.relative_to(root).as_posix() for path in project)
    return Roles(known, tuple(problems), waiting)


def built_in() -> tuple[Role, ...]:
    """Our own. They are read as all others are, so a mistake in one shows in the tests."""
    folder = importlib.resources.files(__package__).joinpath("roles")
    return tuple(
        read_role(file.read_text(encoding="utf-8"), file=file.name, origin="built in")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".md")
    )


def _files(folder: Path | None) -> list[Path]:
    """Regular files alone: a link could lead anywhere."""
    if folder is None or folder.is_symlink() or not folder.is_dir():
        return []
    found = (path for path in folder.glob("*.md") if path.is_file() and not path.is_symlink())
    return sorted(found)[:MOST_ROLES]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}).", hint="It is a text in UTF-8.") from error
