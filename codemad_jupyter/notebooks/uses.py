"""What a cell does with names, as values: `Use`, `CellUse`, `Deferred`; they are found in `bindings`."""

from dataclasses import dataclass, field
from typing import Literal

UseKind = Literal["read", "write", "mutate", "delete"]


@dataclass(frozen=True)
class Use:
    """One way in which a cell uses a name of the notebook.

    Not ``certain``: it may be so (a branch not taken, a method that changes its object only for
    some types). ``why`` says in a word or two what was seen, such as ``.append()``; ``deep`` that
    not the object itself is changed but perhaps one that it holds.
    """

    name: str
    kind: UseKind
    certain: bool = True
    why: str = ""
    line: int = 0
    deep: bool = False


@dataclass(frozen=True)
class Deferred:
    """What a function, lambda or class uses when it is called, not when it is defined.

    ``changes`` are the parameters it changes in place, with their position. ``keeps`` says that what a
    call returns may use these names still later: objects of a class, generators, inner functions.
    ``gives`` are parameters that a call may return or keep, ``shares`` names around it that it may return,
    ``alters`` the methods of a class that change their object.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    mutates: frozenset[str] = frozenset()
    changes: tuple[tuple[int, str], ...] = ()
    keeps: bool = False
    gives: tuple[tuple[int, str], ...] = ()
    shares: frozenset[str] = frozenset()
    alters: frozenset[str] = frozenset()

    def joined(self, other: "Deferred") -> "Deferred":
        """What either of the two uses."""
        return Deferred(
            reads=self.reads | other.reads,
            writes=self.writes | other.writes,
            mutates=self.mutates | other.mutates,
            changes=(*self.changes, *(each for each in other.changes if each not in self.changes)),
            keeps=self.keeps or other.keeps,
            gives=(*self.gives, *(each for each in other.gives if each not in self.gives)),
            shares=self.shares | other.shares,
            alters=self.alters | other.alters,
        )


@dataclass(frozen=True)
class Call:
    """A call of a named function with names as arguments; "" stands for any other argument.

    ``targets`` are the names that its result is bound to.
    """

    function: str
    arguments: tuple[str, ...]
    keywords: tuple[tuple[str, str], ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Carry:
    """An assignment from other names: what those use when called, ``target`` uses too.

    ``called`` are names whose call made the value; that matters where the result keeps them.
    """

    target: str
    plain: frozenset[str]
    called: frozenset[str]


@dataclass(frozen=True)
class CellUse:
    """All that a cell does with names.

    ``unknown`` says why the text could not be understood. ``opaque`` names what may define any name
    (a star import, ``%run``, ``exec``); unless it only ``defines``, it may use and change any as well.
    ``aliases`` are pairs of names for what may be one object, ``holds`` of a container and what is in it,
    ``streams`` names whose reading uses them up, such as generators, ``methods`` the methods called, with
    the name they are called on. ``ambient`` names what changes the whole process: a seed, the working
    folder, an extension that is loaded.
    """

    uses: tuple[Use, ...] = ()
    deferred: dict[str, Deferred] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    carries: tuple[Carry, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    holds: tuple[tuple[str, str], ...] = ()
    streams: frozenset[str] = frozenset()
    methods: frozenset[tuple[str, str]] = frozenset()
    imports: frozenset[tuple[str, str]] = frozenset()
    opaque: str = ""
    defines: bool = False
    ambient: str = ""
    unknown: str = ""

    def names(self, kind: UseKind, *, certain: bool | None = None) -> frozenset[str]:
        """The names used in that way."""
        return frozenset(use.name for use in self.uses if use.kind == kind and certain in (None, use.certain))

    @property
    def reads(self) -> frozenset[str]:
        """Names whose value from before the cell is used, or may be."""
        return self.names("read")

    @property
    def writes(self) -> frozenset[str]:
        """Names that are bound anew, or may be."""
        return self.names("write")

    @property
    def mutates(self) -> frozenset[str]:
        """Names whose object, made elsewhere, is changed in place, or may be."""
        return self.names("mutate")
