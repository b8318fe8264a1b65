"""What a language server is told that we can do, and what it is granted when it asks."""

from codemad_jupyter.context.diagnostics.wire import Json

QUIET = """
client/registerCapability client/unregisterCapability window/workDoneProgress/create
window/showMessageRequest workspace/diagnostic/refresh workspace/semanticTokens/refresh
workspace/inlayHint/refresh workspace/codeLens/refresh
"""
GRANTED = frozenset(QUIET.split())
CAPABILITIES: Json = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {"configuration": True, "workspaceFolders": True, "diagnostics": {"refreshSupport": True}},
    "textDocument": {
        "synchronization": {"dynamicRegistration": False},
        "publishDiagnostics": {"versionSupport": True, "tagSupport": {"valueSet": [1, 2]}},
        "diagnostic": {"dynamicRegistration": False, "relatedDocumentSupport": False},
    },
    "notebookDocument": {"synchronization": {"dynamicRegistration": False}},
    "window": {"workDoneProgress": False},
}
