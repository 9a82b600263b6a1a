"""Start-up is a feature: how heavy libraries are imported."""

import gc
import os
from collections.abc import Generator
from contextlib import contextmanager

_DURING_IMPORT = {"PY_KEY_VALUE_DISABLE_BEARTYPE": "true", "FASTMCP_ENV_FILE": os.devnull}


@contextmanager
def importing() -> Generator[None]:
    """Import vendors' libraries inside this.

    They make tens of thousands of objects which all stay alive. The garbage collector would look
    through them again and again and find nothing: a fifth of the time. py-key-value would wrap all
    its functions in runtime type checks, unless its own variable says no. FastMCP would take
    settings from a `.env` of the current folder, which may be anybody's.
    """
    collecting = gc.isenabled()
    ours = _DURING_IMPORT.keys() - os.environ.keys()
    gc.disable()
    os.environ.update({name: _DURING_IMPORT[name] for name in ours})
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
        if collecting:
            gc.enable()
