"""Edits as models write them: read from four formats, matched against files, planned, and written whole."""
