"""Which program a command's name means."""

import errno
import os
import sys
from pathlib import Path

_EXTENSIONS = ".COM;.EXE;.BAT;.CMD"


def on_the_path(command: str) -> str:
    """The program that `command` names. On Windows, where systems and libraries look into the current
    folder first, a bare name is looked for on the PATH alone; elsewhere that is so by itself.

    Raises FileNotFoundError where nothing on the PATH has that name.
    """
    if sys.platform != "win32" or any(mark in command for mark in "/\\:"):
        return command
    extensions = os.environ.get("PATHEXT", _EXTENSIONS).split(";")
    with_one = any(command.lower().endswith(ending.lower()) for ending in extensions if ending)
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        folder = Path(entry.strip('"'))
        if folder.is_absolute():  # "." and "" mean the current folder
            for ending in ("",) if with_one else extensions:
                for name in dict.fromkeys((command + ending, command + ending.lower())):
                    if (folder / name).is_file():
                        return str(folder / name)
    raise FileNotFoundError(errno.ENOENT, "there is no such program on the PATH", command)
