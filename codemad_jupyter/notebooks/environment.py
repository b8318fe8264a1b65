"""The variables that programs of unknown intent get of the environment: those on a list, no others."""

import re
from collections.abc import Mapping

PASSED_ON = re.compile(
    r"(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TERM|PYTHONPATH|PYTHONHASHSEED|PYTHONUTF8|VIRTUAL_ENV"
    r"|CONDA_PREFIX|CONDA_DEFAULT_ENV|LD_LIBRARY_PATH|DYLD_\w+|JUPYTER_PATH|JUPYTER_DATA_DIR|JUPYTER_PREFER_ENV_PATH"
    r"|XDG_DATA_HOME|XDG_CONFIG_HOME|XDG_CACHE_HOME|MPLBACKEND|MPLCONFIGDIR|\w+_NUM_THREADS|CUDA_VISIBLE_DEVICES"
    r"|R_HOME|R_LIBS\w*|JULIA_\w*(?:DEPOT|LOAD)\w*|JAVA_HOME|SPARK_HOME|SSL_CERT_FILE|SSL_CERT_DIR|(?:https?|no)_proxy"
    r"|(?:HTTPS?|NO)_PROXY|SYSTEMROOT|SYSTEMDRIVE|APPDATA|LOCALAPPDATA|USERPROFILE|WINDIR|COMSPEC|PATHEXT)$"
)


def allowed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables a throw-away kernel gets: no key, no token, nothing that is not on the list."""
    return {name: value for name, value in environ.items() if PASSED_ON.match(name)}
