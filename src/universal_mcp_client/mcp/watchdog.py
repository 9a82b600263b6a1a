"""Servers end with this process, however it ends: by SIGKILL, too, and by a signal nobody handles.

A server that waits for its next line ends when its input does. One that is busy, in a tool that
hangs, does not look. So a shell sits beside, reads which process groups are ours, and ends them when
its own input ends: nothing of us has to run for that. On Windows the SDK's job objects do the same.
"""

import os
import subprocess
import sys
import threading

_SCRIPT = """
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="${groups%% $group *} ${groups#* $group }" ;;
  esac
done
[ "$groups" = ' ' ] && exit
for group in $groups; do kill -s TERM -- "-$group"; done
sleep 2
for group in $groups; do kill -s KILL -- "-$group"; done
"""


class Watchdog:
    """Lives as long as there is a group to watch. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def watch(self, group: int) -> None:
        """End this process group when this process ends, unless it is released before."""
        if sys.platform == "win32":
            return
        with self._lock:
            if self._owner != os.getpid():  # after a fork these are the parent's
                self._owner, self._process, self._groups = os.getpid(), None, set()
            self._groups.add(group)
            if not self._tell(f"+ {group}\n"):
                self._begin()

    def release(self, group: int) -> None:
        if sys.platform == "win32":
            return
        with self._lock:
            if self._owner != os.getpid() or group not in self._groups:
                return
            self._groups.discard(group)
            self._tell(f"- {group}\n")
            if not self._groups:
                self._end()

    def _begin(self) -> None:
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # what ends us must not end it
                bufsize=0,
            )
        except OSError:  # no shell: then a killed program leaves its busy servers behind
            self._process = None
            return
        for group in self._groups:
            self._tell(f"+ {group}\n")

    def _tell(self, line: str) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(line.encode())
        except OSError:  # somebody has killed it
            self._end()
            return False
        return True

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.close()
            process.wait(1)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()


watchdog = Watchdog()
