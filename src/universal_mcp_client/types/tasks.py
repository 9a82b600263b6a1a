"""Work that a server goes on with after it has answered a call: MCP's tasks."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from universal_mcp_client.types.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHandle:
    """A call that a server goes on with as a task, and all that is needed to take it up again, in
    another process too: see `Host.resume_task`.

    `server` is the server's name in the host, `tool` the tool's own name, `task_id` the server's
    name for the task, `call_id` the id of the ToolCall that its result will answer. `protocol` is
    MCP's revision in which it began ("2025-11-25", "2026-07-28").

    Source: MCP 2025-11-25, basic/utilities/tasks; SEP-2663 (`io.modelcontextprotocol/tasks`).
    """

    server: str
    tool: str
    task_id: str
    call_id: str = ""
    protocol: str = ""

    def to_json(self) -> str:
        """An object of strings, to be kept where nobody else reads."""
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    @classmethod
    def from_json(cls, text: str) -> "TaskHandle":
        """What `to_json` gave. Raises ConfigError for what is none."""
        try:
            found: Any = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        given: dict[Any, Any] = found if isinstance(found, dict) else {}
        known = {each.name for each in fields(cls)}
        strings = all(isinstance(value, str) for value in given.values())
        if not strings or not {"server", "tool", "task_id"} <= given.keys() <= known:
            raise ConfigError(
                f"{text[:200]!r} is no TaskHandle: an object of strings with server, tool and "
                "task_id, as `handle.to_json()` gives it."
            )
        return cls(**given)
