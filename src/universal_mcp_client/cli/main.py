"""`umcp`: finds the command, runs it, and is the only place that prints errors."""

import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "chat": "talk to an agent",
    "run": "answer one prompt, with tools",
    "tools": "list the servers' tools, or their specs for a provider",
    "call": "call one tool",
    "prompts": "list prompts, or fill one in",
    "resources": "list what servers have to read, or read it",
    "skills": "list skills, or show one",
    "servers": "list, add, remove, test or import MCP servers",
    "trust": "look at what this folder brings, and let it be used",
    "login": "log in to a server",
    "logout": "end a login",
    "tokens": "list the logins that are kept, or move them",
    "agents": "list, show or make agents",
    "models": "list models, or pull one to run on this machine",
    "doctor": "check this installation and its servers",
}

HELP = """\
usage: umcp COMMAND [options]

Connect language models to MCP servers.

commands:
{commands}

examples:
  umcp run "What time is it in Tokyo?" --server "uvx mcp-server-time"
  umcp tools --server https://example.com/mcp --format openai
  umcp call time get_current_time --arg timezone=Asia/Tokyo --server "uvx mcp-server-time"

`umcp COMMAND --help` explains a command and shows examples. Servers come from --server, else from
.mcp.json of the project, once you trust it, and ~/.universal_mcp/mcp.json. Exit codes: 0 done,
1 failed, 2 usage or configuration, 3 authentication needed, 4 a limit was reached, 130 interrupted,
129 and 143 told to end.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    from universal_mcp_client.ui.console import console

    if not arguments or arguments[0] in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS)) + 2
        lines = "\n".join(f"  {name:<{width}}{what}" for name, what in COMMANDS.items())
        console.answer(HELP.format(commands=lines), end="")
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        from universal_mcp_client.version import __version__

        console.answer(f"umcp {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"Did you mean `umcp {near[0]}`?" if near else "`umcp --help` lists the commands."
        console.tell(f"umcp: there is no command {name!r}. {hint}")
        return 2
    from universal_mcp_client.cli.errors import reported

    return reported(lambda: import_module(f"universal_mcp_client.cli.{name}").main(rest), rest)


def entry() -> None:
    """The `umcp` script."""
    sys.exit(main())
