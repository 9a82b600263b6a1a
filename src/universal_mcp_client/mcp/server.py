"""An MCP server: its tools, resources, prompts and skills, and what becomes of its failures."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from fastmcp import Client
from mcp_types import (
    HEADER_MISMATCH,
    EmptyResult,
    PromptReference,
    ResourceTemplateReference,
    RootsListChangedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp import MCPError as WireError
from universal_mcp_client.mcp.callbacks import NOBODY, QUESTIONS, TOO_MANY
from universal_mcp_client.mcp.calls import Call, current
from universal_mcp_client.mcp.catalogue import Catalogue
from universal_mcp_client.mcp.changes import subscribes
from universal_mcp_client.mcp.connection import State
from universal_mcp_client.mcp.convert import (
    rendered_prompt,
    resource_contents,
    sendable,
    tool_result,
)
from universal_mcp_client.mcp.following import Following
from universal_mcp_client.mcp.skills import verified
from universal_mcp_client.mcp.tasks import call_as_task, runs_as_task
from universal_mcp_client.mcp.tenants import meta_for
from universal_mcp_client.tools.base import Progress, RunContext
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types.errors import ConfigError, MCPError, ServerError, ServerUnavailable
from universal_mcp_client.types.messages import Text, ToolCall, ToolResult, failure
from universal_mcp_client.types.resources import (
    RenderedPrompt,
    ResourceContents,
    Skill,
)
from universal_mcp_client.types.tasks import TaskHandle

__all__ = ["Server", "State"]

_SUGGESTIONS = 100  # the most that the specification allows (server/utilities/completion)

logger = logging.getLogger(__name__)


class Server(Catalogue, Wrappable):
    """An MCP server as a toolset: its tools under their own names.

    What it lists is fetched once, and again after it said that it changed; after a minute where it
    never says so. All requests raise ServerError: MCPError for what the server answers with,
    ServerUnavailable where it does not, AuthenticationError where it wants a login. Only
    `call_tool` makes results of them, and `list_tools` does with what it has.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host: Any = None  # the one that opens and closes it

    async def _prepare(self) -> None:
        for kind in ("tools", "prompts", "resources"):
            self._changed(kind)
        await self._tools()
        self._watched.all_changed()
        # The server has forgotten them with the old connection.
        await asyncio.gather(*map(self._subscribe, self._watched.uris))

    # Tools

    async def call_tool(self, call: ToolCall, context: RunContext[Any]) -> ToolResult:
        """Call a tool by its own name. Whatever fails becomes a result that says so."""
        try:
            result, notes = await self._called(call, context)
        except MCPError as error:
            return failure(call, f"{error} (JSON-RPC error {error.code} from server {self.name!r})")
        except ServerUnavailable as error:
            effect = "was not made" if error.unprocessed else "may or may not have taken effect"
            return failure(call, f"{error} The call {effect}.")
        except ServerError as error:
            return failure(call, str(error))
        return replace(result, content=(*result.content, *notes)) if notes else result

    async def request_tool(
        self, call: ToolCall, context: RunContext[Any] | None = None
    ) -> ToolResult:
        """Call a tool by its own name. The tool's own failure is a result with `is_error`; raises
        ServerError for all others."""
        return (await self._called(call, context or RunContext()))[0]

    async def _called(
        self, call: ToolCall, context: RunContext[Any]
    ) -> tuple[ToolResult, list[Text]]:
        """The result, and what the model should know of the questions that the server had."""

        async def request(client: "Client[Any]") -> tuple[Any, Call | Following]:
            made = current.get()
            assert made is not None
            made.tool = context.call or call
            tell = self._told_of(context.progress, made)
            meta = await meta_for(self.config, context)
            support = next((s.task_support for s in self._tools.items if s.name == call.name), None)
            given = call.name, sendable(call.arguments)
            if not self._lent and runs_as_task(client, support, self.config.tasks):
                result = await call_as_task(client, *given, meta, tell)
            else:
                result = await client.call_tool_mcp(*given, progress_handler=tell, meta=meta)
            if made.task is None:
                return result, made
            handle = TaskHandle(
                server=self.name,
                tool=call.name,
                task_id=made.task,
                call_id=call.id,
                protocol=client.protocol_version or "",
            )
            following = self._following(handle, context)
            following.count(made)
            return None, following

        try:
            result, by = await self._ask(request, context)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise
            self._tools.changed()  # the parameters that go into headers are others than were listed
            await self._tools()
            result, by = await self._ask(request, context)
        if isinstance(by, Following):
            result = await by.result()
        notes = {TOO_MANY: by.asked > QUESTIONS, NOBODY: by.unheard}
        return tool_result(result, call.id), [Text(text=text) for text in notes if notes[text]]

    async def resume_task(
        self, handle: TaskHandle, context: RunContext[Any] | None = None
    ) -> ToolResult:
        """Wait for the result of a call that goes on as a task here, as whoever made the call would:
        its statuses are progress, its questions are asked, and whoever is cancelled cancels it.
        Raises ServerError as `request_tool` does, MCPError where the server knows no such task."""
        following = self._following(handle, context or RunContext())
        return tool_result(await following.result(), handle.call_id)

    def _following(self, handle: TaskHandle, context: RunContext[Any]) -> Following:
        told = replace(context, progress=self._told_of(context.progress))
        return Following(handle, self._ask, self._tasks, told)

    def _told_of(self, tell: Progress, call: Call | None = None) -> Progress:
        """`tell`, and the host's own; and the clock of `call` where no transport of ours tells it."""
        own, call = self._callbacks.progress, call if self._lent else None
        if own is None and call is None:
            return tell

        async def told(progress: float, total: float | None, message: str | None) -> None:
            if call is not None:
                call.alive()
            await tell(progress, total, message)
            if own is not None:
                await own(progress, total, message)

        return told

    # Resources

    async def read_resource(self, uri: str) -> Sequence[ResourceContents]:
        """What is at `uri`; several parts where it is a folder, say. Raises ConfigError for what is
        no URI."""
        if not urlsplit(uri).scheme:
            raise ConfigError(f"{uri!r} is no URI of a resource, such as file:///etc/hosts.")
        result = await self._ask(lambda client: client.read_resource_mcp(uri))
        try:
            return [resource_contents(part) for part in result.contents]
        except ValueError:
            raise ServerUnavailable(
                f"Server {self.name!r} answered with what is not MCP: {uri} is not valid base64.",
                server=self.name,
            ) from None

    async def watch(self, uri: str) -> bool:
        """From now on know when what is at `uri` changes, for `revision` to tell; also after the
        connection was lost. False where the server does not tell."""
        client = await self._connected()
        unheard = self._lent and client.protocol_version not in MODERN_PROTOCOL_VERSIONS
        if unheard or not subscribes(client):
            return False
        if uri in self._watched:
            self._watched.used(uri)
            return True
        if (other := self._watched.add(uri)) is not None:
            await self._subscribe(other, end=True)
        await self._subscribe(uri)
        return uri in self._watched

    def revision(self, uri: str) -> int:
        """A number that is another one after what is at `uri` may have changed; 0 for what is not
        watched."""
        return self._watched.revision(uri)

    async def _subscribe(self, uri: str, *, end: bool = False) -> None:
        """Newer servers are listened to; see `listening`."""
        client = await self._connected()
        if client.protocol_version in MODERN_PROTOCOL_VERSIONS or not subscribes(client):
            return
        request = _unsubscribe(uri) if end else _subscribe(uri)
        try:
            await self._ask(lambda _: client.session.send_request(request, EmptyResult))
        except ServerError as error:
            logger.debug("Server %r does not tell of %s: %s", self.name, uri, error)
            self._watched.discard(uri)

    # Prompts

    async def get_prompt(
        self, name: str, arguments: Mapping[str, Any] | None = None
    ) -> RenderedPrompt:
        """A prompt, filled in. Arguments that are no strings are sent as JSON."""
        given = dict(arguments or {})
        return rendered_prompt(await self._ask(lambda client: client.get_prompt_mcp(name, given)))

    # Completion

    async def complete(
        self,
        argument: str,
        value: str,
        *,
        prompt: str | None = None,
        template: str | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Sequence[str]:
        """What the server suggests for an argument of a prompt, or for a variable of a resource
        template, of which `value` has been typed; `given` are the other ones. Nothing from a server
        that does not suggest."""
        capabilities = (await self._connected()).server_capabilities
        if capabilities is None or capabilities.completions is None:
            return ()
        about: PromptReference | ResourceTemplateReference = (
            ResourceTemplateReference(uri=template)
            if template is not None
            else PromptReference(name=prompt or "")
        )
        wanted = {"name": argument, "value": value}
        context = dict(given) if given else None
        result = await self._ask(lambda client: client.complete_mcp(about, wanted, context))
        return result.completion.values[:_SUGGESTIONS]

    # Skills (SEP-2640)

    async def read_skill(self, skill: Skill) -> str:
        """The text of a skill's SKILL.md, as the server has described it: raises IntegrityError
        where its digest, its size or its frontmatter is another."""
        contents = await self.read_skill_file(skill, skill.uri)
        return contents.text or ""

    async def read_skill_file(self, skill: Skill, uri: str) -> ResourceContents:
        """A file of a skill; checked in the same way."""
        return verified(skill, uri, await self.read_resource(uri), self.name)

    async def roots_changed(self) -> None:
        """Tell a server that asked for roots before that they are others now; newer ones ask each
        time."""
        client = self.client
        knows = self._asked.rooted and not self._lent
        if client is None or not knows or client.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return
        try:
            await client.session.send_notification(RootsListChangedNotification())
        except (WireError, RuntimeError, OSError) as error:
            logger.debug("Server %r was not told of the roots: %s", self.name, error)

    async def ping(self) -> None:
        """Ask for any answer. Raises ServerError where none comes."""
        client = await self._connected()
        if client.protocol_version in MODERN_PROTOCOL_VERSIONS:  # these have no `ping` any more
            await self._ask(lambda client: client.session.discover())
        else:
            await self._ask(lambda client: client.ping())


def _subscribe(uri: str) -> SubscribeRequest:
    return SubscribeRequest(params=SubscribeRequestParams(uri=uri))


def _unsubscribe(uri: str) -> UnsubscribeRequest:
    return UnsubscribeRequest(params=UnsubscribeRequestParams(uri=uri))
