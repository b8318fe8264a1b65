"""Diagnostics: what language servers say about files and notebook cells, as they are or as they would be."""
