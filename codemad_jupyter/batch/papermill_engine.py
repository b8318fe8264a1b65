"""The engine ``codemad`` of papermill: `papermill --engine codemad IN OUT`.

papermill imports this when it is imported itself, so nothing is imported here: an environment whose other
parts are broken can still run its notebooks with papermill's own engine.
"""

from typing import Any


class CodemadEngine:
    """What papermill calls; see `papermill_run` for what is done."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        """Execute; the notebook. Raises what papermill's own engine raises."""
        from codemad_jupyter.batch.papermill_run import ManagedEngine

        return ManagedEngine.execute_notebook(nb, kernel_name, **options)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> Any:
        """The kernel the notebook asks for, where none is named."""
        from papermill.utils import nb_kernel_name

        return nb_kernel_name(nb, name)

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> Any:
        """The language of the notebook, where none is named."""
        from papermill.utils import nb_language

        return nb_language(nb, language)
