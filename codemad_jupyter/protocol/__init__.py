"""The values that cross every boundary: messages, edits, commands, events, errors.

Imports pydantic and the standard library only. Nothing here does I/O, apart from
``schema``, which writes the JSON Schema and the TypeScript types.
"""
