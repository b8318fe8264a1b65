"""What a walk over a syntax tree must know of a grammar: names of nodes and fields, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from codemad_jupyter.context.chunking.values import DefinitionKind

Words = frozenset[str]


def words(text: str) -> Words:
    """The words of a text, as a set."""
    return frozenset(text.split())


def pairs(text: str) -> dict[str, str]:
    """``"call=function splat="`` as a mapping."""
    return dict(item.split("=") for item in text.split())


@dataclass(frozen=True)
class Grammar:
    """One language's grammar. A field named "" stands for the first named child."""

    package: str
    entry: str = "language"
    definitions: Mapping[str, DefinitionKind] = field(default_factory=dict)
    names: Words = frozenset()
    """Leaves that are names."""
    calls: Mapping[str, str] = field(default_factory=dict)
    """Node of a call, and the field with what is called."""
    members: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Node of ``owner.name``, and the fields with the owner and the name ("" is the last child)."""
    binds: Mapping[str, str] = field(default_factory=dict)
    """Node that binds names in its scope, and the field with them ("" is its direct names)."""
    variables: Words = frozenset()
    """Those of `binds` that make a variable of a file or a class."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Node with a field that looks like a name and is none, as of a keyword argument."""
    scopes: Mapping[str, str] = field(default_factory=dict)
    """Node that is no definition, but gives what is in it a qualified name: ``impl`` in Rust."""
    imports: Words = frozenset()
    comments: Words = frozenset({"comment"})
    prefixes: Words = frozenset({"comment"})
    """Nodes that belong to the node below them."""
    docs: Words = frozenset()
    """Strings that are documentation where they stand as a statement."""
    separator: str = "."
    """What stands between the parts of a qualified name in the language itself."""
