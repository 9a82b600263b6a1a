"""From an error to a line on stderr and an exit code. Tracebacks only with `--debug`."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from universal_mcp_client.types.errors import (
    AuthenticationError,
    ConfigError,
    LimitExceeded,
    ModelAuthenticationError,
    UniversalMCPError,
)

DONE, FAILED, USAGE, AUTHENTICATION, LIMIT, INTERRUPTED = 0, 1, 2, 3, 4, 130


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
    print(f"umcp: {text}", file=sys.stderr)


def reported(command: Callable[[], int], arguments: Sequence[str]) -> int:
    """Run `command`; print what it raises."""
    debug = "--debug" in arguments
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if debug else logging.CRITICAL,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        return command()
    except UniversalMCPError as error:
        if debug:
            traceback.print_exception(error)
        say(str(error))
        return code_of(error)
    except KeyboardInterrupt:
        say("interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if debug:
            raise
        say(
            f"internal error, please report it: {type(error).__name__}: {error} "
            "(--debug shows where)."
        )
        return FAILED
