"""The built-in assistant ``codemad/offline``: rules instead of a model, no key and no network."""

from codemad_jupyter.gateway.offline.provider import OfflineProvider

__all__ = ["OfflineProvider"]
