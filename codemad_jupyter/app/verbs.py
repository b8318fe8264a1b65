"""How the words after a command that has verbs are read, at the command line and in magics alike. Imports
argparse alone: a command line begins with it."""

import argparse
from collections.abc import Callable, Sequence

Parser = argparse.ArgumentParser


def verb_maker(parser: Parser, common: Sequence[Parser]) -> Callable[[str, str], Parser]:
    """What gives the parser a verb with its text; ``common`` are parents of each."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=type(parser))

    def verb(name: str, text: str) -> Parser:
        return verbs.add_parser(
            name, help=text, description=text, parents=list(common), add_help=bool(common)
        )

    return verb


def verbs_text(name: str, add: Callable[[Parser], None]) -> str:
    """The verbs that ``add`` gives to a command of this name, a line each with what they do."""
    parser = Parser(prog=name, add_help=False)
    add(parser)
    verbs = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
    return "\n".join(
        f"  {verb.format_usage().removeprefix('usage: ').strip()}\n      {verb.description}"
        for verb in verbs.values()
    )
