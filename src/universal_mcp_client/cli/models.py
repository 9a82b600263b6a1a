"""`umcp models`: which there are, and pulling one to run on this machine."""

import argparse
import os
from collections.abc import Sequence

from universal_mcp_client.cli.errors import DONE, say
from universal_mcp_client.cli.options import Parser, parser, print_json
from universal_mcp_client.config.settings import load_settings
from universal_mcp_client.models.local import weights
from universal_mcp_client.models.registry import choose, endpoints
from universal_mcp_client.ui.console import console

EXAMPLES = """
umcp models
umcp models pull smollm2-135m
umcp models pull hf:bartowski/Qwen2.5-7B-Instruct-GGUF/Qwen2.5-7B-Instruct-Q4_K_M.gguf
umcp run "Hello" --model local:smollm2-135m
umcp run "Hello" --model local:./some-model.gguf
"""


def main(argv: Sequence[str]) -> int:
    to = parser("models", "List the providers of models, or pull a model's weights.", EXAMPLES)
    actions = to.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    lists = actions.add_parser("list", help="providers, and weights on this machine")
    lists.add_argument("--json", action="store_true")
    pulls = actions.add_parser("pull", help="fetch weights for local:NAME")
    pulls.add_argument("name", help=f"{', '.join(weights.KNOWN)}, or hf:OWNER/REPO/FILE.gguf")
    for action in (lists, pulls):
        action.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    options = to.parse_args(argv or ["list"])
    if options.action == "pull":
        path = weights.pull(options.name, _progress)
        say(f"{path} is ready: --model local:{weights.short_name(options.name)}")
        return DONE
    return _list(options)


def _progress(text: str) -> None:
    console.tell(text)


def _list(options: argparse.Namespace) -> int:
    rows = [(name, endpoint.key_variable) for name, endpoint in endpoints().items()]
    providers = [
        {"provider": name, "key": key or None, "ready": not key or bool(os.environ.get(key))}
        for name, key in rows
    ]
    local = [
        {"name": f"local:{name}", "path": str(path)} for name, path in weights.present().items()
    ]
    choice = choose(load_settings().model)
    if options.json:
        default = {"name": choice.name, "why": choice.why}
        print_json({"default": default, "providers": providers, "local": local})
        return DONE
    console.row(f"Without --model: {choice.name} ({choice.why})\n")
    console.row("Providers (--model PROVIDER:MODEL)")
    for row in providers:
        needs = (
            f"{row['key']} is {'set' if row['ready'] else 'not set'}"
            if row["key"]
            else "no key needed"
        )
        console.row(f"  {row['provider']:<17} {needs}")
    console.row("\nWeights on this machine (--model local:NAME)")
    for entry in local:
        console.row(f"  {entry['name']:<24} {entry['path']}")
    if not local:
        console.row("  none; `umcp models pull smollm2-135m` fetches a small one (98 MB)")
    return DONE
