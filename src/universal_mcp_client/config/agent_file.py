"""`agents/NAME.md`: an agent as a Markdown file. `AgentHead` is the one table of its keys: what a file
is held against, and what editors are told (docs/agent.schema.json)."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from universal_mcp_client.config.head import Head, Key, split
from universal_mcp_client.config.settings import LimitSettings
from universal_mcp_client.types.errors import ConfigError

_COMMA = re.compile(r",(?![^(]*\))")  # not one in Claude Code's `Bash(git add, git commit)`
_THEIRS = re.compile(
    r"Agent|AskUserQuestion|Bash|BashOutput|Edit|ExitPlanMode|Glob|Grep|Kill(Shell|Bash)|LSP?|MultiEdit"
    r"|Notebook(Edit|Read)|Read|Skill|SlashCommand|Task|Todo(Read|Write)|Web(Fetch|Search)|Write"
)
_HARMLESS = {"name", "description", "tools", "disallowedTools", "approve", "server_instructions"}
# Keys of Claude Code's files that say nothing here, and what is there instead.
FOREIGN: Mapping[str, str] = {
    "permissionMode": "what is asked before a call is in your settings, and in `approve`",
    "mcpServers": "`servers` names servers of the configuration",
    "hooks": "nothing is run at events",
    "memory": "nothing is kept between runs",
    "background": "a sub-agent is waited for",
    "isolation": "nothing is isolated",
    "color": "agents have no colours",
    "initialPrompt": "the prompt is what you type",
}


def _either(value: object) -> object:
    """`a, b` is what Claude Code writes for a list."""
    if isinstance(value, str):
        return [item.strip() for item in _COMMA.split(value) if item.strip()]
    return _several(value)


def _several(value: object) -> object:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(each, str) for each in items):
        raise ValueError("must be a list of strings")
    return items


def _form(value: object) -> object:
    if not isinstance(value, str | dict | None):
        raise ValueError("give a JSON Schema, or the name of a file with one")
    return value


_LIST = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
Names = Annotated[tuple[str, ...], BeforeValidator(_either), WithJsonSchema(_LIST)]
Items = Annotated[tuple[str, ...], BeforeValidator(_several), WithJsonSchema(_LIST)]


class AgentHead(BaseModel):
    """The head of an agent's file. The text below it is the agent's instructions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        "", coerce_numbers_to_str=True, description="Its name; the file's, where it is missing."
    )
    description: str = Field(
        "",
        coerce_numbers_to_str=True,
        description="What it is for, in a line; other agents read it.",
    )
    model: str | None = Field(
        None,
        description="provider:model; `inherit` is the caller's, `sonnet`, `opus` and `haiku` are the "
        "newest Claude of that name.",
    )
    servers: Items | None = Field(
        None,
        description="MCP servers: names from the configuration, URLs, command lines. All of the "
        "configuration where it is missing; [] is none.",
    )
    tools: Names | None = Field(
        None,
        description="Patterns over the servers' tools, `!` in front leaves out: read_*, files:*, "
        "!delete_*, mcp__files__read. All where it is missing; [] is none.",
    )
    disallowedTools: Names = Field((), description="As `tools` with `!` in front.")
    agents: Names = Field((), description="Agents that it may ask, as tools, by their names.")
    context: Items = Field(
        (),
        description="What it has before it: SERVER:URI of resources, and files, from this file's "
        "folder on.",
    )
    prompts: Items = Field(
        (),
        description="Prompts that it begins with, as they are typed after a slash: "
        "`summarize path=README.md`, `SERVER:PROMPT key=value`.",
    )
    skills: Names | None = Field(
        None, description="Skills that it may load, by name. All where it is missing; [] is none."
    )
    output: Annotated[str | dict[str, Any] | None, BeforeValidator(_form)] = Field(
        None, description="A JSON Schema of its answer, or a file with one."
    )
    approve: Literal["always", "writes", "destructive"] | None = Field(
        None,
        description="Ask before every call, before all but read-only tools, or before tools that may "
        "destroy; beside what the user's settings say.",
    )
    limits: LimitSettings | None = Field(None, description="Bounds on each run of it.")
    maxTurns: int | None = Field(None, gt=0, description="The same as `turns` of `limits`.")
    settings: dict[str, Any] = Field({}, description="Settings of its model: temperature, …")
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = Field(
        None, description="The same as `reasoning` of `settings`."
    )
    resources: bool = Field(
        False, description="Whether it may list and read the servers' resources itself."
    )
    server_instructions: bool = Field(
        True, description="Whether it is told what servers say of their own use."
    )


class AgentDefinition(AgentHead):
    """`agents/NAME.md`: its body is the instructions.

    `servers` None means all of the config's, `tools` None all tools; `limits` has what is set there
    alone. `notes` say what of another program's keys has no effect, a line each.
    """

    path: Path
    instructions: str
    notes: tuple[str, ...] = ()
    head: Head

    def at(self, *keys: Key) -> str:
        """Where something is said: `FILE, line N`."""
        return self.head.at(*keys)

    @property
    def bounds(self) -> Mapping[str, Any]:
        """The limits that are set."""
        return self.limits.model_dump(exclude_unset=True) if self.limits else {}

    @property
    def says_more(self) -> bool:
        """Whether it does more than say words and take tools away."""
        return any(getattr(self, key) for key in AgentHead.model_fields if key not in _HARMLESS)


def parse_agent(text: str, name: str, path: Path) -> AgentDefinition:
    """The agent that a file's `text` describes. Raises ConfigError with a line for each mistake, which
    names the file and the line in it."""
    head, body = split(text, path)
    values = {key: value for key, value in head.values.items() if value is not None}
    foreign = {key: values.pop(key) for key in FOREIGN if key in values}
    try:
        read = AgentHead.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_mistakes(error, head))) from error
    if name in read.agents or (read.name and read.name in read.agents):
        raise ConfigError(f"{head.at('agents')}: {name!r} names itself among its agents.")
    given = {key: getattr(read, key) for key in read.model_fields_set if key != "name" or read.name}
    return AgentDefinition.model_validate(
        {
            "name": name,
            **given,
            **_joined(read),
            "path": path,
            "instructions": body.strip(),
            "notes": tuple(_notes(read, foreign, head)),
            "head": head,
        }
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of the head, for editors."""
    made = AgentHead.model_json_schema()
    for key, instead in FOREIGN.items():
        made["properties"][key] = {
            "description": f"Of Claude Code, without effect: {instead}.",
            "deprecated": True,
        }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _mistakes(error: ValidationError, head: Head) -> Iterator[str]:
    told = set[object]()
    for each in error.errors(include_url=False, include_input=False):
        at = each["loc"]
        if (key := at[0]) in told:
            continue
        told.add(key)
        where, what = head.at(*at), ".".join(str(step) for step in at if isinstance(step, str))
        if each["type"] != "extra_forbidden":
            yield f"{where}: {what!r}: {each['msg']}."
            continue
        known = [*LimitSettings.model_fields] if len(at) > 1 else _known()
        near = get_close_matches(str(at[-1]), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
        yield f"{where}: unknown key {what!r}. {hint}"


def _known() -> list[str]:
    return sorted(AgentHead.model_fields.keys() | FOREIGN.keys())


def _joined(read: AgentHead) -> dict[str, Any]:
    """What can be said in two ways, as one."""
    found = dict[str, Any]()
    if read.model in ("inherit", "default"):
        found["model"] = None
    if read.tools is not None:
        found["tools"] = tuple(map(_pattern, read.tools))
    if read.disallowedTools and found.get("tools") != ():
        denied = (f"!{_pattern(tool)}" for tool in read.disallowedTools)
        found["tools"] = (*found.get("tools", ()), *denied)
    if "ReadMcpResourceTool" in (read.tools or ()):
        found["resources"] = True
    if read.maxTurns is not None:
        limits = read.limits.model_dump(exclude_unset=True) if read.limits else {}
        found["limits"] = LimitSettings(**{"turns": read.maxTurns} | limits)
    if read.effort is not None and not read.settings.keys() & {"reasoning", "thinking"}:
        found["settings"] = {**read.settings, "reasoning": read.effort}
    return found


def _pattern(tool: str) -> str:
    """Claude Code's `mcp__SERVER__TOOL` as one of our patterns."""
    deny, name = ("!", tool[1:]) if tool.startswith("!") else ("", tool)
    if not name.startswith("mcp__"):
        return tool
    server, _, own = name.removeprefix("mcp__").partition("__")
    return f"{deny}{server}:{own or '*'}"


def _notes(read: AgentHead, foreign: Mapping[str, Any], head: Head) -> Iterator[str]:
    for key in foreign:
        yield f"{head.at(key)}: {key!r} is Claude Code's and has no effect: {FOREIGN[key]}."
    names = {re.sub(r"\(.*", "", tool): None for tool in read.tools or ()}
    if theirs := [name for name in names if _THEIRS.fullmatch(name)]:
        yield (
            f"{head.at('tools')}: {', '.join(theirs)}: tools of Claude Code itself, which are not here; "
            "name those of your servers that do the same."
        )
