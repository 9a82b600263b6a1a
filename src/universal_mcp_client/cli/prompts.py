"""`umcp prompts`: the prompts of files and servers, and one of a server filled in."""

import argparse
from collections.abc import Sequence
from typing import Any

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, FAILED, code_of, say
from universal_mcp_client.cli.gate import gate, named_or_all
from universal_mcp_client.cli.options import add_servers, parser, print_json
from universal_mcp_client.cli.typed import listed_prompts, usage
from universal_mcp_client.config.definitions import PromptDefinition
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.models.calls import describe
from universal_mcp_client.types.errors import ConfigError, ServerError
from universal_mcp_client.types.resources import Prompt, PromptArgument, RenderedPrompt
from universal_mcp_client.ui.console import cell, console

EXAMPLES = """
umcp prompts
umcp prompts everything --server "everything=npx -y @modelcontextprotocol/server-everything"
umcp prompts everything args-prompt city=Oslo
umcp run "/everything:args-prompt city=Oslo"
"""


def main(argv: Sequence[str]) -> int:
    to = parser("prompts", "List prompts, or fill one in.", EXAMPLES)
    to.add_argument("name", nargs="?", metavar="SERVER", help="only this server's prompts")
    to.add_argument("prompt", nargs="?", metavar="NAME", help="the prompt to fill in")
    to.add_argument("values", nargs="*", metavar="k=v", help="its arguments")
    add_servers(to)
    to.add_argument("--json", action="store_true", help="print JSON")
    options = to.parse_args(argv)
    servers = named_or_all(options.name, options.server, options.config)
    if options.prompt is not None:
        return ending(_filled(options, servers[0]))
    return ending(_list(options, servers))


async def _filled(options: argparse.Namespace, config: ServerConfig) -> int:
    from universal_mcp_client.mcp.server import Server

    values = dict(_pair(each) for each in options.values)
    server = Server(config)
    await server.open()
    try:
        known = {prompt.name: prompt for prompt in await server.list_prompts()}
        if options.prompt not in known:
            raise ConfigError(
                f"Server {server.name!r} has no prompt {options.prompt!r}; it has: "
                f"{', '.join(known) or 'none'}."
            )
        _check(known[options.prompt], values)
        rendered = await server.get_prompt(options.prompt, values)
    finally:
        await server.close()
    if options.json:
        print_json(_messages(rendered))
    else:
        for message in rendered.messages:
            said = "\n".join(describe(part) for part in message.parts)
            console.answer(f"{message.role}: {said}")
    return DONE


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r}: write arguments as name=value.")
    return name, value


def _check(prompt: Prompt, values: dict[str, str]) -> None:
    known = [argument.name for argument in prompt.arguments]
    for name in values.keys() - set(known):
        raise ConfigError(
            f"Prompt {prompt.name!r} has no argument {name!r}; it takes: {', '.join(known) or 'none'}."
        )
    for argument in prompt.arguments:
        if argument.required and argument.name not in values:
            about = f" ({argument.description})" if argument.description else ""
            raise ConfigError(
                f"Prompt {prompt.name!r} needs {argument.name!r}{about}: add {argument.name}=…."
            )


def _messages(rendered: RenderedPrompt) -> dict[str, Any]:
    from universal_mcp_client.mcp.convert import in_mcp_shape
    from universal_mcp_client.types.messages import ToolResult

    def blocks(parts: Any) -> Any:
        return in_mcp_shape(ToolResult(call_id="", content=tuple(parts)))["content"]

    return {
        "description": rendered.description,
        "messages": [
            {"role": message.role, "content": block}
            for message in rendered.messages
            for block in blocks(message.parts)
        ],
    }


async def _list(options: argparse.Namespace, configs: Sequence[ServerConfig]) -> int:
    from universal_mcp_client.mcp.host import Host

    ours = options.name is None
    async with Host(*configs) as host:
        found = list[Prompt]()
        failures = dict[str, ServerError](host.failures)
        for server in host:
            if server.name not in failures:
                try:
                    found += await server.list_prompts()
                except ServerError as error:
                    failures[server.name] = error
    for failed in failures.values():
        say(str(failed))
    if options.json:
        print_json([*(_file(n, p) for n, p in _files() if ours), *(_document(p) for p in found)])
    else:
        for line in listed_prompts() if ours else ():
            console.row(line)
        for prompt in found:
            name = cell(f"/{prompt.server}:{prompt.name} {usage(prompt.arguments)}")
            console.row(f"{name}  {cell(prompt.description or prompt.title or '')}")
        if not found and not ours:
            say("no prompts.")
    if configs and len(failures) == len(configs):
        return max(map(code_of, failures.values()), default=FAILED)
    return DONE


def _files() -> list[tuple[str, PromptDefinition]]:
    return list(gate().prompts().items())


def _file(name: str, prompt: PromptDefinition) -> dict[str, Any]:
    return {
        "server": None,
        "name": name,
        "description": prompt.description,
        "arguments": [_argument(argument) for argument in prompt.arguments],
        "path": str(prompt.path),
    }


def _document(prompt: Prompt) -> dict[str, Any]:
    return {
        "server": prompt.server,
        "name": prompt.name,
        "title": prompt.title,
        "description": prompt.description,
        "arguments": [_argument(argument) for argument in prompt.arguments],
    }


def _argument(argument: PromptArgument) -> dict[str, Any]:
    more = {"default": argument.default, "choices": list(argument.choices) or None}
    return {
        "name": argument.name,
        "description": argument.description,
        "required": argument.required,
        **{key: value for key, value in more.items() if value is not None},
    }
