"""Where the names of a declaration are in its syntax tree: in fields, patterns and declarators."""

from typing import TYPE_CHECKING

from codemad_jupyter.context.chunking.grammar import Grammar, words

if TYPE_CHECKING:
    from tree_sitter import Node

PATTERNS = (
    "pattern",
    "_list",
    "_declarator",
    "pattern_list",
    "as_pattern_target",
    "tuple",
    "typed_expression",
)
PATTERN_NAMES = words(
    "shorthand_property_identifier_pattern property_identifier private_property_identifier field_identifier"
)
NO_PATTERNS = words("parameter_list function_declarator argument_list type_parameter_list")


def bound_names(node: "Node", grammar: Grammar) -> "list[Node]":
    """The names in a pattern."""
    found, stack = [], [node]
    while stack:
        item = stack.pop()
        if item.type in grammar.names or item.type in PATTERN_NAMES:
            found.append(item)
        elif item.type.endswith(PATTERNS) and item.type not in NO_PATTERNS:
            stack += item.named_children
    return found


def name_of(node: "Node", grammar: Grammar, *, given: "Node | None" = None) -> "Node | None":
    """The node with the name that is defined: its own field, or deep in a declarator or head."""
    item = given or node.child_by_field_name("name") or node.child_by_field_name("declarator")
    if item is None and node.type in ("struct_specifier", "union_specifier", "enum_specifier"):
        return None
    item = item or (node.named_child(0) if node.named_child_count else None)
    for _ in range(20):
        if item is None or not item.named_child_count or item.type == "qualified_identifier":
            return item
        if item.type in ("destructor_name", "operator_name", "operator_cast"):
            return item
        last = grammar.members.get(item.type, ("", "name"))[1] == ""
        inner = item.named_child(item.named_child_count - 1 if last else 0)
        item = item.child_by_field_name("declarator") or inner
    return None


def inner_name(node: "Node", grammar: Grammar) -> "Node":
    """The name in a template or generic type."""
    while node.named_child_count and node.type not in grammar.names:
        node = node.named_child(0)
    return node


def is_prototype(node: "Node") -> bool:
    """Does this declarator declare a function?"""
    for _ in range(5):
        if node.type == "function_declarator":
            return True
        inner = node.child_by_field_name("declarator")
        if inner is None:
            return False
        node = inner
    return False


def outermost(node: "Node") -> "Node":
    """The definition with its decorators, ``export``, template head."""
    above = node.parent
    while above is not None and above.type in (
        "decorated_definition",
        "export_statement",
        "template_declaration",
        "lexical_declaration",
        "variable_declaration",
        "const_statement",
    ):
        node, above = above, above.parent
    return node


def last_row(node: "Node") -> int:
    """The row where a node ends, not the empty start of the next."""
    row, column = node.end_point
    return int(row) - 1 if column == 0 and row > node.start_point[0] else int(row)
