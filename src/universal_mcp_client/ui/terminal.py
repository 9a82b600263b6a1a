"""Questions to the person at the terminal; without a terminal, the careful answer."""

import asyncio
import json
import shlex
import sys
from collections.abc import Mapping
from typing import Any

import anyio.to_thread

from universal_mcp_client.types.interaction import Elicited, LoginRequest, Verdict
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import JSONSchema, ToolSpec
from universal_mcp_client.ui.console import cell, console


class TerminalInteraction:
    """Asks on stderr and reads from stdin, where both are terminals. Without `browser`, logins open
    none."""

    def __init__(self, *, browser: bool = True) -> None:
        self._interactive = sys.stdin.isatty() and sys.stderr.isatty()
        self._browser = browser
        self._logging_in = asyncio.Lock()

    @property
    def can_log_in(self) -> bool:
        return self._interactive

    async def login(self, request: LoginRequest) -> str | None:
        from universal_mcp_client.ui.login import log_in

        async with self._logging_in:  # one question at a time
            return await log_in(request, browser=self._browser)

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        if not self._interactive:
            console.tell(
                f"umcp: {cell(spec.label)} was not called, as nobody is here to allow it: "
                f"{_allowing(spec)} or --yes does."
            )
            return Verdict(allowed=False, reason="nobody is there to allow it")
        arguments = json.dumps(dict(call.arguments), ensure_ascii=False, indent=2)
        answer = await self._ask(f"\nAllow {spec.label}?\n{arguments}\n[y]es / [N]o: ")
        return Verdict(allowed=answer.lower() in ("y", "yes"))

    async def elicit(
        self, server: str, message: str, schema: JSONSchema | None, url: str | None = None
    ) -> Elicited:
        if not self._interactive:
            return Elicited(action="cancel")
        console.tell(f"\nServer {server!r} asks: {message}")
        if url is not None:
            answer = await self._ask(f"It wants you to visit {url}\n[d]one / [N]o: ")
            return Elicited(action="accept" if answer.lower() in ("d", "done") else "decline")
        properties: Mapping[str, Any] = (schema or {}).get("properties") or {}
        if not properties:
            answer = await self._ask("[y]es / [N]o: ")
            return Elicited(action="accept" if answer.lower() in ("y", "yes") else "decline")
        content: dict[str, Any] = {}
        for name, form in properties.items():
            value = await self._field(name, form, name in ((schema or {}).get("required") or ()))
            if value is _DECLINED:
                return Elicited(action="decline")
            if value is not None:
                content[name] = value
        return Elicited(action="accept", content=content)

    async def _field(self, name: str, form: Mapping[str, Any], required: bool) -> Any:
        about = form.get("description") or form.get("title") or name
        choices = form.get("enum") or [o["const"] for o in form.get("oneOf") or ()]
        extra = f" ({' / '.join(map(str, choices))})" if choices else ""
        default = f" [{form['default']}]" if "default" in form else ""
        while True:
            text = await self._ask(
                f"{about}{extra}{default} (empty line: {'decline' if required else 'skip'}): "
            )
            if not text:
                return form.get("default", _DECLINED if required else None)
            try:
                return _typed(text, form, choices)
            except ValueError as error:
                console.tell(f"  {error}")

    async def _ask(self, question: str) -> str:
        with console.asking(question):
            line: str = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        return line.strip()


def _allowing(spec: ToolSpec) -> str:
    """The option that allows this tool, as a shell takes it."""
    own = spec.original or spec.name
    named = "".join(f"[{c}]" if c in "*?[" else c for c in own)
    return f"--allow {shlex.quote(cell(f'{spec.server}:{named}' if spec.server else named))}"


_DECLINED = object()


def _typed(text: str, form: Mapping[str, Any], choices: list[Any]) -> Any:
    """What was typed as the form wants it. Raises ValueError, in words for people."""
    if choices and text not in choices:
        raise ValueError(f"Choose one of: {', '.join(map(str, choices))}.")
    match form.get("type"):
        case "boolean":
            if text.lower() not in ("y", "yes", "true", "n", "no", "false"):
                raise ValueError("Answer yes or no.")
            return text.lower() in ("y", "yes", "true")
        case "integer":
            return int(text)
        case "number":
            return float(text)
        case "array":
            return [item.strip() for item in text.split(",")]
        case _:
            return text
