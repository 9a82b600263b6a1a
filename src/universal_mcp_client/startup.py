"""Start-up is a feature: how heavy libraries are imported."""

import gc
import os
from collections.abc import Generator
from contextlib import contextmanager

_BEARTYPE = "PY_KEY_VALUE_DISABLE_BEARTYPE"


@contextmanager
def importing() -> Generator[None]:
    """Import vendors' libraries inside this.

    They make tens of thousands of objects which all stay alive. The garbage collector would look
    through them again and again and find nothing: a fifth of the time. py-key-value would wrap all
    its functions in runtime type checks, unless its own variable says no.
    """
    collecting, checks = gc.isenabled(), os.environ.get(_BEARTYPE)
    gc.disable()
    os.environ.setdefault(_BEARTYPE, "true")
    try:
        yield
    finally:
        if checks is None:
            del os.environ[_BEARTYPE]
        if collecting:
            gc.enable()
