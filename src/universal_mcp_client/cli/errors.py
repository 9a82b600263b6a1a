"""From an error to a line on stderr and an exit code. Tracebacks only with `--debug`."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence

from universal_mcp_client.cli.ending import ToldToEnd
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.policy.redact import redacted
from universal_mcp_client.tools.base import Toolset, left_out
from universal_mcp_client.types.errors import (
    AuthenticationError,
    ConfigError,
    LimitExceeded,
    ModelAuthenticationError,
    UniversalMCPError,
)
from universal_mcp_client.ui.console import console

_LONGEST = 20_000  # characters of a message

DONE, FAILED, USAGE, AUTHENTICATION, LIMIT, INTERRUPTED = 0, 1, 2, 3, 4, 130
SIGNALLED = 128  # and the number of the signal that told us to end, as shells have it


def code_of(error: BaseException) -> int:
    """The exit code for an error, as docs/cli.md promises."""
    match error:
        case ConfigError():
            return USAGE
        case AuthenticationError() | ModelAuthenticationError():
            return AUTHENTICATION
        case LimitExceeded():
            return LIMIT
        case KeyboardInterrupt():
            return INTERRUPTED
        case _:
            return FAILED


def say(text: str) -> None:
    """One message for people, on stderr."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"
    console.tell(f"umcp: {text}")


_in_use: list[ServerConfig] = []


def told_of_what_is_left_out(tools: Toolset) -> None:
    """One line for all that `tools` could not list."""
    if lost := left_out(tools):
        more = f" And {len(lost) - 1:,} more." if len(lost) > 1 else ""
        say(f"{lost[0]}{more}")


def in_use(configs: Iterable[ServerConfig]) -> None:
    """What these hold back stands in no log and no traceback of this command, whose libraries do
    not know what is secret."""
    _in_use.extend(configs)


def _without_secrets(text: str) -> str:
    return redacted(text, *_in_use)


class _Log(logging.Handler):
    """Log lines hold what servers and libraries say: they pass the console, without secrets."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            console.tell(_without_secrets(self.format(record)))
        except Exception:  # noqa: BLE001 - what logging asks of a handler
            self.handleError(record)


def _trace(error: BaseException) -> None:
    console.tell(_without_secrets("".join(traceback.format_exception(error)).rstrip()))


def reported(command: Callable[[], int], arguments: Sequence[str]) -> int:
    """Run `command`; print what it raises."""
    debug = "--debug" in arguments
    logging.basicConfig(
        handlers=[_Log()],
        level=logging.DEBUG if debug else logging.CRITICAL,
        format="%(levelname)s %(name)s: %(message)s" if debug else "umcp: %(message)s",
    )
    # What was answered in a person's name without asking them is theirs to know.
    logging.getLogger("universal_mcp_client.mcp.callbacks").setLevel(logging.WARNING)
    logging.raiseExceptions = False  # its own complaints would print what was to be logged
    logging.captureWarnings(True)
    try:
        return command()
    except UniversalMCPError as error:
        if debug:
            _trace(error)
        say(str(error))
        return code_of(error)
    except KeyboardInterrupt:
        say("interrupted.")
        return INTERRUPTED
    except ToldToEnd as told:
        return SIGNALLED + told.number
    except BrokenPipeError:  # the reader of our output (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - the outermost edge
        if debug:
            _trace(error)
        say(
            f"internal error, please report it: {type(error).__name__}: {redacted(str(error))} "
            "(--debug shows where)."
        )
        return FAILED
