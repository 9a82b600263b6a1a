"""`umcp chat`: a conversation with an agent."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from universal_mcp_client.app import Agent
from universal_mcp_client.cli.compose import Composed, compose
from universal_mcp_client.cli.context_table import rows
from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, say, told_of_what_is_left_out
from universal_mcp_client.cli.gate import gate
from universal_mcp_client.cli.mentions import mentions
from universal_mcp_client.cli.options import add_agent, parser
from universal_mcp_client.cli.typed import (
    Suggest,
    listed_prompts,
    names,
    server_prompts,
    understood,
)
from universal_mcp_client.config.definitions import PromptDefinition
from universal_mcp_client.core.session import Session
from universal_mcp_client.models.registry import resolve
from universal_mcp_client.types.errors import ConfigError, UniversalMCPError
from universal_mcp_client.types.resources import PromptArgument
from universal_mcp_client.types.usage import Usage
from universal_mcp_client.ui.console import cell
from universal_mcp_client.ui.plain import PlainRenderer
from universal_mcp_client.ui.repl import Editor
from universal_mcp_client.ui.signals import on_signal
from universal_mcp_client.ui.terminal import TerminalInteraction

if TYPE_CHECKING:
    from universal_mcp_client.mcp.server import Server

EXAMPLES = """
umcp chat
umcp chat --server "uvx mcp-server-time" --model anthropic:claude-sonnet-5
umcp chat --agent files
"""

COMMANDS = {
    "help": "what can be typed here",
    "tools": "the tools that the agent has",
    "model": "the model; /model NAME changes it",
    "usage": "the tokens that this conversation took",
    "context": "what fills the model's window, in tokens",
    "clear": "forget the conversation",
    "exit": "leave (also Ctrl-D)",
}


def main(argv: Sequence[str]) -> int:
    to = parser("chat", "Talk to an agent.", EXAMPLES)
    add_agent(to)
    options = to.parse_args(argv)
    person = TerminalInteraction()
    composed = compose(options, person)
    known = gate().prompts()  # what is to be asked is asked now; later, nobody is
    return ending(Chat(composed, known, person).run())


class Chat:
    def __init__(
        self,
        composed: Composed,
        prompts: Mapping[str, PromptDefinition],
        person: TerminalInteraction,
    ) -> None:
        self._composed = composed
        self._person = person
        self._prompts = prompts
        self._agent: Agent = composed.agent
        self._model = composed.choice.name
        self._session = Session()
        self._usage = Usage()
        self._renderer = PlainRenderer(stream=True)
        self._begun = ""

    async def run(self) -> int:
        note = self._renderer.note
        note(f"Model: {self._model} ({self._composed.choice.why})")
        async with self._composed.agent as agent:
            host = self._composed.host
            for error in host.failures.values() if host else ():
                say(str(error))
            tools = await agent.list_tools()
            if host:
                told_of_what_is_left_out(host)
            note(f"{len(tools)} tools. /help shows what can be typed; Ctrl-D leaves.")
            known = {**await names(self._servers), **COMMANDS}
            self._editor = Editor(known, Path.cwd(), mentions(self._servers))
            while (line := await self._editor.line(self._begun)) is not None:
                self._begun = ""
                if line.strip() and not await self._take(line.strip()):
                    break
        return DONE

    @property
    def _servers(self) -> "Mapping[str, Server]":
        return self._composed.host.servers if self._composed.host else {}

    async def _take(self, text: str) -> bool:
        """Do what a line says; False to leave."""
        name, _, rest = text[1:].partition(" ")
        if text.startswith("/") and name in (*COMMANDS, "quit"):
            if name in ("exit", "quit"):
                return False
            try:
                await self._command(name, rest.strip())
            except UniversalMCPError as error:
                say(str(error))
            return True
        await self._interruptible(text)
        return True

    async def _interruptible(self, prompt: str) -> None:
        """Answer, until Ctrl-C. What failed before an answer began leaves no trace in the history."""
        start = len(self._session.messages)
        self._person.begin_prompt()
        task = asyncio.create_task(self._answer(prompt))
        try:
            with on_signal(signal.SIGINT, task.cancel):
                await task
        except asyncio.CancelledError:
            self._renderer.end_line()
            if not task.cancelled():
                raise
            self._renderer.note("interrupted; what was said so far is kept.")
        except UniversalMCPError as error:
            self._renderer.end_line()
            say(str(error))
        if all(message.role != "assistant" for message in self._session.messages[start:]):
            del self._session.messages[start:]
            self._begun = prompt  # to be edited, or sent again

    async def _argument(self, argument: PromptArgument, suggest: Suggest) -> str:
        about = f" ({argument.description})" if argument.description else ""
        value = await self._editor.value(f"{argument.title or argument.name}{about}", suggest)
        if value is None:
            raise ConfigError(
                f"The prompt needs {argument.name!r}{about}: write {argument.name}=…."
            )
        return value

    async def _answer(self, text: str) -> None:
        typed = await understood(text, self._servers, self._argument, what="command or prompt")
        typed = typed.with_files()
        resources = typed.resources(self._servers)
        prompt = typed.content(await self._composed.mentioned(resources, self._session))
        async with self._agent.stream(prompt, history=self._session) as run:
            async for event in run:
                self._renderer.show(event)
        self._usage += run.result.usage
        if run.result.limit is not None:
            say(self._agent.limits.describe(run.result.limit))

    async def _command(self, name: str, rest: str) -> None:
        note = self._renderer.note
        match name:
            case "tools":
                for tool in await self._agent.list_tools():
                    first = next(iter(tool.description.strip().splitlines()), "")
                    note(cell(f"{tool.name}  {first}"))
            case "model" if rest:
                self._agent = replace(self._agent, model=resolve(rest), servers=())
                self._model = rest
                if (host := self._composed.host) is not None:
                    host.callbacks.model = lambda: self._agent.resolved_model
                note(f"Model: {rest}")
            case "model":
                note(f"Model: {self._model}")
            case "usage":
                used = self._usage
                note(
                    f"{used.requests} requests, {used.input_tokens} tokens read "
                    f"({used.cache_read_tokens} from the cache), {used.output_tokens} written."
                )
            case "context":
                sections = await self._agent.context_report(self._session)
                for row in rows(sections, self._agent.resolved_model.name):
                    note(row)
            case "clear":
                self._session = Session()
                note("The conversation is forgotten.")
            case _:
                for command, about in COMMANDS.items():
                    note(f"/{command:<10} {about}")
                for line in await asyncio.to_thread(listed_prompts):
                    note(line)
                for line in await server_prompts(self._servers):
                    note(line)
                note(
                    "@PATH puts a file into the prompt, @SERVER:URI a resource. Alt-Enter begins a new "
                    "line. Ctrl-C interrupts."
                )
