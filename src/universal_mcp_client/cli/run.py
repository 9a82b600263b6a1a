"""`umcp run`: one prompt, to its end."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from universal_mcp_client.app import Agent
from universal_mcp_client.cli.compose import Composed, compose
from universal_mcp_client.cli.context_table import document, rows
from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, LIMIT, say, told_of_what_is_left_out
from universal_mcp_client.cli.gate import gate
from universal_mcp_client.cli.options import add_agent, parser, print_json
from universal_mcp_client.cli.typed import understood
from universal_mcp_client.core.session import Session
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import RunResult
from universal_mcp_client.types.messages import (
    Message,
    Part,
    RenderedPrompt,
    Text,
    UserContent,
    messages_of,
)
from universal_mcp_client.ui.console import console
from universal_mcp_client.ui.jsonl import event_document, result_document
from universal_mcp_client.ui.plain import PlainRenderer
from universal_mcp_client.ui.terminal import TerminalInteraction

EXAMPLES = """
umcp run "What time is it in Tokyo?" --server "uvx mcp-server-time"
umcp run "Summarize README.md" --agent files --model anthropic:claude-sonnet-5
git diff | umcp run "Review this diff:" --model openai:gpt-5
umcp run "List three rivers" --output-schema rivers.schema.json --json
umcp run "/summarize path=README.md" --agent files
umcp run "/everything:args-prompt city=Oslo"          # a prompt of the server "everything"
umcp run "What is in @docs:file:///plan.md?"          # a resource of the server "docs"
umcp run "Review src/" --agent reviewer --show-context   # what would fill the window
"""


def main(argv: Sequence[str]) -> int:
    to = parser("run", "Answer one prompt with an agent, its model and its tools.", EXAMPLES)
    to.add_argument("prompt", metavar="PROMPT", help="the prompt; - or a pipe adds standard input")
    add_agent(to)
    form = to.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the result as one JSON document")
    form.add_argument("--stream-json", action="store_true", help="print every event as a JSON line")
    to.add_argument("--output-schema", type=Path, metavar="F", help="a JSON Schema for the answer")
    to.add_argument(
        "--show-context", action="store_true", help="say what would fill the window; send nothing"
    )
    options = to.parse_args(argv)
    if options.prompt.startswith("/"):  # what is to be asked of its file is asked now
        gate().prompt(options.prompt[1:].partition(" ")[0])
    piped = _piped(options.prompt)
    schema = _schema(options.output_schema) if options.output_schema else None
    composed = compose(options, TerminalInteraction())
    return ending(_run(composed, piped, schema, options))


async def _run(
    composed: Composed, piped: str, schema: dict[str, Any] | None, options: argparse.Namespace
) -> int:
    quiet = options.json or options.stream_json
    renderer = PlainRenderer(stream=not quiet and console.answers_a_person)
    renderer.note(f"Model: {composed.choice.name} ({composed.choice.why})")
    async with composed.agent as agent:
        for error in composed.host.failures.values() if composed.host else ():
            say(str(error))
        if composed.host:
            await composed.host.list_tools()
            told_of_what_is_left_out(composed.host)
        session = Session()
        prompt = await _prompt(options.prompt, piped, composed, session)
        if options.show_context:
            session.messages = list(messages_of(prompt))
            return await _shown(agent, session, schema, options.json)
        async with agent.stream(prompt, output_type=schema, history=session) as run:
            async for event in run:
                renderer.show(event)
                if options.stream_json:
                    console.json(event_document(event), indent=None)
    return _finish(run.result, composed, options)


async def _shown(agent: Agent, session: Session, schema: Any, as_json: bool) -> int:
    """What would be sent, in tokens; nothing is."""
    asked = agent if schema is None else agent.replace(output_type=schema)
    sections, model = await asked.context_report(session), agent.resolved_model.name
    if as_json:
        print_json(document(sections, model))
    else:
        for row in rows(sections, model):
            console.row(row)
    return DONE


def _finish(result: RunResult[Any], composed: Composed, options: argparse.Namespace) -> int:
    if options.json:
        print_json(result_document(result))
    elif result.structured_output is not None:
        print_json(result.structured_output)
    elif not options.stream_json and not console.answers_a_person:
        console.answer(result.output)
    if result.limit is not None:
        say(composed.agent.limits.describe(result.limit))
        return LIMIT
    return DONE


async def _prompt(given: str, piped: str, composed: Composed, session: Session) -> UserContent:
    """What was typed, with what it stands for, and what came by a pipe, which stands for itself."""
    servers = composed.host.servers if composed.host else {}
    typed = await understood("" if given == "-" else given, servers)
    content = typed.content(await composed.mentioned(typed.resources(servers), session))
    if not piped.strip():
        return content
    if given == "-":
        return piped
    if isinstance(content, str):
        return f"{content}\n\n{piped}"
    if isinstance(content, RenderedPrompt):
        said = Message(role="user", parts=(Text(text=piped),))
        return replace(content, messages=(*content.messages, said))
    return [*cast(Sequence[Part], content), Text(text=piped)]


def _piped(prompt: str) -> str:
    """Standard input: all of it for -, else what waits on a pipe or in a file; an open but silent one
    is left alone."""
    import os
    import stat

    if prompt == "-":
        return sys.stdin.read()
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return sys.stdin.read() if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) else ""


def _schema(path: Path) -> dict[str, Any]:
    try:
        schema: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--output-schema: cannot read {path}: {error.strerror}.") from error
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"--output-schema: {path}, line {error.lineno}, column {error.colno}: {error.msg}."
        ) from error
    if not isinstance(schema, dict):
        raise ConfigError(f"--output-schema: {path} must hold a JSON object.")
    return schema
