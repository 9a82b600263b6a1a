"""Questions to the person at the terminal; without a terminal, the careful answer."""

import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from universal_mcp_client.policy.sensitive import asks_for_secret
from universal_mcp_client.policy.text import printable
from universal_mcp_client.policy.visits import visit
from universal_mcp_client.tools.forms import FormField, fields_of
from universal_mcp_client.types.interaction import SAMPLING, Elicited, LoginRequest, Verdict
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import JSONSchema, ToolSpec
from universal_mcp_client.ui import questions
from universal_mcp_client.ui.console import cell, console

_SHOWN, _END = 4_000, 1_000  # characters of arguments that are shown, and of these from the end
_YES = ("y", "yes")
_NO = re.compile(r"\A(n\s+|no\s*[,:;.-]\s*)", re.IGNORECASE)  # before a reason


QUESTIONS = 100
"""That a person is asked for one prompt, whoever asks; each field of a form is one."""


class TerminalInteraction:
    """Asks on stderr and reads from stdin, where both are terminals. Without `browser`, logins open
    none."""

    def __init__(self, *, browser: bool = True) -> None:
        self._interactive = sys.stdin.isatty() and sys.stderr.isatty()
        self._browser = browser
        self._always: dict[tuple[str, str], ToolSpec] = {}
        self._left = QUESTIONS

    def begin_prompt(self) -> None:
        """What follows is for another prompt, with questions of its own."""
        self._left = QUESTIONS

    def _takes(self, asked: int) -> bool:
        if asked > self._left:
            return False
        self._left -= asked
        return True

    @property
    def can_log_in(self) -> bool:
        return self._interactive

    async def login(self, request: LoginRequest) -> str | None:
        from universal_mcp_client.ui.login import log_in

        async with questions.turn():
            return await log_in(request, browser=self._browser)

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        if self._allowed_always(spec):
            return Verdict(allowed=True)
        if not self._interactive:
            console.tell(
                f"umcp: {cell(spec.label)} was not called, as nobody is here to allow it: "
                f"{_allowing(spec)} or --yes does."
            )
            return Verdict(allowed=False, reason="nobody is there to allow it")
        async with questions.turn():
            if self._allowed_always(spec):  # said so meanwhile, to a call beside this one
                return Verdict(allowed=True)
            if not self._takes(1):
                console.tell(f"umcp: {cell(spec.label)} was not called: {_ENOUGH}.", "red")
                return Verdict(allowed=False, reason=f"nobody was asked, as {_ENOUGH}")
            text = await questions.answer(
                f"\n{_asked(spec)}\n{_shown(call.arguments)}\n"
                "[y]es / [a]lways this tool / [N]o, or say why not: "
            )
        match (text or "").lower():
            case "y" | "yes":
                return Verdict(allowed=True)
            case "a" | "always":
                self._always[_key(spec)] = spec
                console.tell(
                    f"umcp: {cell(spec.label)} is not asked for again in this session; "
                    f"{_allowing(spec)} says so beforehand.",
                    "dim",
                )
                return Verdict(allowed=True)
            case "" | "n" | "no":
                return Verdict(allowed=False)
            case _:
                return Verdict(allowed=False, reason=reason_of(text or ""))

    def _allowed_always(self, spec: ToolSpec) -> bool:
        """Said of this very tool: one that describes itself differently now is another."""
        said = self._always.get(_key(spec))
        return said is not None and (
            (said.description, said.input_schema, said.annotations)
            == (spec.description, spec.input_schema, spec.annotations)
        )

    async def elicit(
        self, server: str, message: str, schema: JSONSchema | None, url: str | None = None
    ) -> Elicited:
        if not self._interactive:
            console.tell(
                f"umcp: server {cell(server)!r} asked a question, and nobody is here to answer it."
            )
            return Elicited(action="cancel")
        async with questions.turn():
            try:
                fields = fields_of(schema or {})
            except ValueError as error:
                console.tell(
                    f"umcp: a question of server {cell(server)!r} was declined: its form is malformed: "
                    f"{cell(str(error))}."
                )
                return Elicited(action="decline")
            if not self._takes(len(fields) or 1):
                console.tell(
                    f"umcp: a question of server {cell(server)!r} was declined: {_ENOUGH}.", "red"
                )
                return Elicited(action="decline")
            if url is not None:
                return await self._visit(server, message, url)
            console.tell(f"\nServer {cell(server)!r} asks: {message}")
            if not fields:
                return await self._confirmed("[y]es / [N]o: ")
            properties: Mapping[str, Any] = (schema or {})["properties"]
            secret = [name for name, form in properties.items() if asks_for_secret(name, form)]
            if secret:
                console.tell(
                    f"umcp: warning: the server {cell(server)!r} asks for what looks like a secret: "
                    f"{cell(', '.join(secret))}. MCP forbids servers to ask for secrets this way; "
                    "it gets what you type.",
                    "red",
                )
                if (
                    await self._confirmed("Answer it all the same? [y]es / [N]o: ")
                ).action != "accept":
                    return Elicited(action="decline")
            return await self._form(fields)

    async def _visit(self, server: str, message: str, url: str) -> Elicited:
        try:
            found = visit(url)
        except ValueError as error:
            console.tell(f"umcp: server {cell(server)!r} wanted you to visit an address: {error}.")
            return Elicited(action="decline")
        console.tell(f"\nServer {cell(server)!r} asks: {message}")
        if found.warning:
            console.tell(f"umcp: warning: {found.warning}.", "red")
        return await self._confirmed(
            f"It wants you to visit, at the host {found.host}:\n  {cell(found.url)}\n[d]one / [N]o: ",
            ("d", "done"),
        )

    async def _confirmed(self, question: str, yes: tuple[str, ...] = _YES) -> Elicited:
        text = await questions.answer(question)
        return Elicited(action="accept" if (text or "").lower() in yes else "decline")

    async def _form(self, fields: Sequence[FormField]) -> Elicited:
        content: dict[str, Any] = {}
        for field in fields:
            value = await self._field(field)
            if value is _DECLINED:
                return Elicited(action="decline")
            if value is not None:
                content[field.name] = value
        return Elicited(action="accept", content=content)

    async def _field(self, field: FormField) -> Any:
        choices = ", several between commas" if field.kind == "choices" else ""
        extra = f" ({' / '.join(field.choices.values())}{choices})" if field.choices else ""
        default = "" if field.default is None else f" [{_said(field)}]"
        empty = "decline" if field.required else "skip"
        while True:
            text = await questions.answer(
                f"{field.about}{extra}{default} (empty line: {'that' if default else empty}): "
            )
            if text is None:
                return _DECLINED
            if not text:
                return _DECLINED if field.required and field.default is None else field.default
            try:
                return field.read(text)
            except ValueError as error:
                console.tell(f"  {error}")


def _key(spec: ToolSpec) -> tuple[str, str]:
    return spec.server, spec.original or spec.name


def _asked(spec: ToolSpec) -> str:
    if spec.name == SAMPLING:
        return f"Server {cell(spec.server)!r} asks your model, at your cost, and gets the answer. Allow it?"
    return f"Allow {cell(spec.label)}?"


def _shown(arguments: Mapping[str, Any]) -> str:
    """The arguments, as much as one reads: of long ones the beginning and the end."""
    text = printable(json.dumps(dict(arguments), ensure_ascii=False, indent=2))
    if len(text) <= _SHOWN:
        return text
    begin = _SHOWN - _END
    left_out = len(text) - _SHOWN
    return f"{text[:begin]}\n… {left_out:,} of {len(text):,} characters not shown …\n{text[-_END:]}"


def _allowing(spec: ToolSpec) -> str:
    """The option that allows this tool, as a shell takes it."""
    own = spec.original or spec.name
    named = "".join(f"[{c}]" if c in "*?[" else c for c in own)
    return f"--allow {shlex.quote(cell(f'{spec.server}:{named}' if spec.server else named))}"


_DECLINED = object()
_ENOUGH = f"more than {QUESTIONS} questions would have been asked for one prompt"


def _said(field: FormField) -> str:
    """A field's default, as it would be typed."""
    if field.kind == "choices":
        return ", ".join(field.choices.get(str(each), str(each)) for each in field.default)
    return field.choices.get(str(field.default), str(field.default))


def reason_of(answer: str) -> str:
    """Why not, as the model is told it: without the no itself."""
    return _NO.sub("", answer)
