"""A library: an MCP server of both eras, sessions (2025-11-25) and stateless (2026-07-28), by the SDK's
lowlevel server, with all that a server can offer and ask for.

`python library_server.py stdio`, or `http PORT`. What outlives the process is in the file $LIBRARY.
"""

import base64
import json
import os
import sys
import time
import uuid
import warnings
from pathlib import Path
from typing import Any

import anyio
import mcp_types as t
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourceUpdated, ToolsListChanged
from mcp_types import methods
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp import MCPError, UrlElicitationRequiredError

TASKS = "io.modelcontextprotocol/tasks"
CARD = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "age": {"type": "integer", "minimum": 6},
        "genre": {"type": "string", "enum": ["crime", "poetry"]},
        "news": {"type": "boolean", "default": False},
    },
    "required": ["name"],
}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060f8"
    "0f0000010101005a4d6ff10000000049454e44ae426082"
)
AUTHORS = {"norway": ["hamsun", "undset"], "iceland": ["laxness"]}

seen: list[Any] = []  # what came, as [method, value]
sessions: list[Any] = []  # of 2025, which subscribed
books = {"book://hunger": "Hunger, by Knut Hamsun. It was during the time I wandered about."}
lent: list[t.Tool] = []
bus = InMemorySubscriptionBus()
listen = ListenHandler(bus)


def modern(ctx: Any) -> bool:
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


def text(value: Any) -> t.CallToolResult:
    shown = value if isinstance(value, str) else json.dumps(value)
    return t.CallToolResult(content=[t.TextContent(type="text", text=shown)])


def plain(model: Any) -> Any:
    return json.loads(model.model_dump_json(by_alias=True, exclude_none=True))


def tool(name: str, *parameters: str, **more: Any) -> t.Tool:
    properties = {each: {"type": "string"} for each in parameters}
    return t.Tool(
        name=name,
        description=f"To {name.replace('_', ' ')}.",
        input_schema={"type": "object", "properties": properties},
        **more,
    )


TOOLS = [
    tool("rewrite", "uri", "text"),  # a book, of which its readers are told
    tool("take_away", "tool"),  # a tool, of which all are told
    tool("find", "title"),  # answers with a link
    tool("join", "times"),  # asks for a card, by form
    tool("pay"),  # asks to visit a URL
    tool("pay_first"),  # fails until a URL was visited (-32042)
    tool("recommend", "about"),  # asks for a model's answer
    tool("look_around"),  # asks for the roots
    # a task, of which it `says` what it is told to, as JSON
    tool("bind", "seconds", "ask", "says", execution=t.ToolExecution(task_support="optional")),
    tool("restore", execution=t.ToolExecution(task_support="required")),  # a task, or nothing
    tool("count", "steps"),  # tells of its progress, and logs
    tool("seen"),
    tool("die"),
    tool("show_map", _meta={"ui": {"resourceUri": "ui://map", "visibility": ["app"]}}),
    t.Tool(
        name="branch",
        description="Which branch was asked.",
        input_schema={
            "type": "object",
            "properties": {"city": {"type": "string", "x-mcp-header": "City"}},
        },
    ),
]


async def on_list_tools(ctx: Any, _params: Any) -> t.ListToolsResult:
    return t.ListToolsResult(tools=[*(one for one in TOOLS if one not in lent)])


async def on_call_tool(ctx: Any, p: Any) -> Any:
    given: dict[str, Any] = p.arguments or {}
    seen.append(["call", p.name])
    match p.name:
        case "rewrite":
            uri = given["uri"]
            books[uri] = given["text"]
            await bus.publish(ResourceUpdated(uri=uri))
            for session in sessions:
                await session.send_resource_updated(uri)
            return text(f"{uri} is rewritten")
        case "take_away":
            lent.extend(one for one in TOOLS if one.name == given["tool"])
            await bus.publish(ToolsListChanged())
            if not modern(ctx):
                await ctx.session.send_tool_list_changed()
            return text(f"{given['tool']} is lent")
        case "find":
            link = t.ResourceLink(type="resource_link", uri="book://cellar", name="A hidden book")
            return t.CallToolResult(content=[link])
        case "join":
            return await ask(
                ctx,
                p,
                int(given.get("times") or 1),
                lambda i: t.ElicitRequest(
                    params=t.ElicitRequestFormParams(
                        message=f"Card {i + 1}, please", requested_schema=CARD
                    )
                ),
                lambda i: ctx.session.elicit_form(
                    f"Card {i + 1}, please", CARD, related_request_id=ctx.request_id
                ),
            )
        case "pay":
            url = "https://pay.example/fine"
            return await ask(
                ctx,
                p,
                1,
                lambda i: t.ElicitRequest(
                    params=t.ElicitRequestURLParams(message="A fine is open", url=url)
                ),
                lambda i: ctx.session.elicit_url(
                    "A fine is open", url, "fine-1", related_request_id=ctx.request_id
                ),
            )
        case "pay_first":
            if ["paid", True] not in seen:
                seen.append(["paid", True])
                raise UrlElicitationRequiredError(
                    [
                        t.ElicitRequestURLParams(
                            message="Pay first", url="https://pay.example/", elicitation_id="p1"
                        )
                    ]
                )
            return text("paid")
        case "recommend":
            said = t.SamplingMessage(
                role="user",
                content=t.TextContent(type="text", text=f"Name a book on {given['about']}."),
            )
            system = "You are a librarian."
            return await ask(
                ctx,
                p,
                1,
                lambda i: t.CreateMessageRequest(
                    params=t.CreateMessageRequestParams(
                        messages=[said], max_tokens=50, system_prompt=system
                    )
                ),
                lambda i: ctx.session.create_message(
                    [said],
                    max_tokens=50,
                    system_prompt=system,
                    related_request_id=ctx.request_id,
                ),
            )
        case "look_around":
            return await ask(
                ctx, p, 1, lambda i: t.ListRootsRequest(), lambda i: ctx.session.list_roots()
            )
        case "count":
            steps = int(given.get("steps") or 3)
            for step in range(steps):
                await ctx.session.report_progress(step + 1, steps, f"shelf {step + 1}")
                await ctx.session.send_log_message(
                    "info", f"shelf {step + 1}", "library", related_request_id=ctx.request_id
                )
            return text(f"{steps} shelves")
        case "bind":
            return await bind(ctx, p, given)
        case "restore":
            if not modern(ctx) and p.task is None:
                raise MCPError(t.METHOD_NOT_FOUND, "restore is a task")
            return await bind(ctx, p, given)
        case "branch":
            headers = dict(ctx.request.headers) if ctx.request is not None else {}
            return text({k: v for k, v in headers.items() if k.startswith("mcp-param")})
        case "seen":
            found = list(seen)
            seen.clear()
            return text(found)
        case "die":
            os._exit(3)
        case _:
            raise MCPError(t.INVALID_PARAMS, f"There is no tool {p.name}.")


async def ask(ctx: Any, p: Any, times: int, newer: Any, older: Any) -> Any:
    """Ask `times` times, in rounds of the call or by requests of the server's own."""
    answers = list[Any]()
    if not modern(ctx):
        for i in range(times):
            answers.append(plain(await older(i)))
            if answers[-1].get("action") in ("decline", "cancel"):
                break
        return text(answers)
    answers = json.loads(p.request_state) if p.request_state else []
    if p.input_responses:
        answers.append(plain(p.input_responses["q"]))
    if len(answers) >= times or (answers and answers[-1].get("action") in ("decline", "cancel")):
        return text(answers)
    return t.InputRequiredResult(
        input_requests={"q": newer(len(answers))}, request_state=json.dumps(answers)
    )


# Tasks are made of time and kept in a file, so that they outlive the process.

KEPT = Path(os.environ.get("LIBRARY", f"library-{os.getpid()}.json"))


def load() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return found


def save(tasks: dict[str, Any]) -> None:
    new = KEPT.with_suffix(".new")
    new.write_text(json.dumps(tasks), "utf-8")
    new.replace(KEPT)


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def status(task: dict[str, Any]) -> dict[str, Any]:
    """How it is by now, with the next of what it is to say in its place, the last again and again."""
    if not task["says"]:
        return progress(task)
    said: dict[str, Any] = task["says"][0] if len(task["says"]) == 1 else task["says"].pop(0)
    return progress(task) | said


def progress(task: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    told: dict[str, Any] = {
        "taskId": task["id"],
        "createdAt": stamp(task["began"]),
        "lastUpdatedAt": stamp(now),
    }
    told |= task["clock"]
    if task.get("cancelled"):
        return told | {"status": "cancelled"}
    if task["ask"] and "answer" not in task:
        request = t.ElicitRequest(
            params=t.ElicitRequestFormParams(message="Which colour?", requested_schema=CARD)
        )
        return told | {"status": "input_required", "inputRequests": {"k": plain(request)}}
    if now < task["began"] + task["seconds"]:
        return told | {"status": "working", "statusMessage": "the glue dries"}
    answer = task.get("answer", {}).get("k", {}).get("content")
    content = [{"type": "text", "text": f"bound{f' for {answer}' if answer else ''}"}]
    result = {"content": content, "isError": False, "resultType": "complete"}
    return told | {"status": "completed", "result": result}


async def bind(ctx: Any, p: Any, given: dict[str, Any]) -> Any:
    capabilities = ctx.session.client_capabilities
    knows = modern(ctx) and capabilities is not None and TASKS in (capabilities.extensions or {})
    if not knows and (modern(ctx) or p.task is None):
        return text("bound at once")
    tasks, name = load(), str(uuid.uuid4())
    seconds = float(given.get("seconds") or 0.3)
    tasks[name] = {
        "id": name,
        "began": time.time(),
        "seconds": seconds,
        "ask": bool(given.get("ask")),
        "says": json.loads(given.get("says") or "[]"),
        "clock": {"ttlMs": 60_000, "pollIntervalMs": 100},
    }
    if not modern(ctx):
        tasks[name]["clock"] = {"ttl": 60_000, "pollInterval": 100}
    save(tasks)
    seen.append(["task", name])
    made = status(tasks[name])
    if modern(ctx):
        return {"resultType": "task", **made}
    return {"task": {key: value for key, value in made.items() if key != "inputRequests"}}


class TaskParams(t.RequestParams):
    task_id: str
    input_responses: dict[str, Any] | None = None


def task_of(p: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    tasks = load()
    if p.task_id not in tasks:
        raise MCPError(t.INVALID_PARAMS, f"There is no task {p.task_id}.")
    return tasks, tasks[p.task_id]


async def tasks_get(ctx: Any, p: Any) -> Any:
    tasks, task = task_of(p)
    seen.append(["status", p.task_id])
    said = status(task)
    save(tasks)
    return {"resultType": "complete", **said}


async def tasks_result(ctx: Any, p: Any) -> Any:
    """2025: the questions of a task come on this request's stream, and then its result."""
    while True:
        tasks, task = task_of(p)
        match status(task):
            case {"status": "input_required"}:
                answer = await ctx.session.elicit_form(
                    "Which colour?", CARD, related_request_id=ctx.request_id
                )
                task["answer"] = {"k": plain(answer)}
                save(tasks)
            case {"status": "completed", "result": result}:
                return result
            case {"status": "failed", "error": error}:
                raise MCPError(error["code"], error["message"])
            case {"status": "cancelled"}:
                raise MCPError(t.INVALID_PARAMS, "The task was cancelled.")
            case _:
                await anyio.sleep(0.05)


async def tasks_update(ctx: Any, p: Any) -> Any:
    tasks, task = task_of(p)
    task["answer"] = p.input_responses
    save(tasks)
    return {"resultType": "complete"}


async def tasks_cancel(ctx: Any, p: Any) -> Any:
    tasks, task = task_of(p)
    task["cancelled"] = True
    save(tasks)
    seen.append(["cancelled", p.task_id])
    return {"resultType": "complete"}


# Resources, prompts, completion


async def on_list_resources(ctx: Any, _params: Any) -> t.ListResourcesResult:
    found = [
        t.Resource(
            uri=uri,
            name=uri.split("//")[1],
            title=uri.split("//")[1].title(),
            mime_type="text/plain",
            annotations=t.Annotations(audience=["assistant"], priority=0.9),
        )
        for uri in books
    ]
    cover = t.Resource(uri="cover://hunger", name="cover", mime_type="image/png", size=len(PNG))
    till = t.Resource(
        uri="till://today", name="till", annotations=t.Annotations(audience=["user"], priority=0.1)
    )
    return t.ListResourcesResult(resources=[*found, cover, till])


async def on_list_templates(ctx: Any, _params: Any) -> t.ListResourceTemplatesResult:
    template = t.ResourceTemplate(uri_template="author://{country}/{name}", name="author")
    return t.ListResourceTemplatesResult(resource_templates=[template])


async def on_read_resource(ctx: Any, p: Any) -> t.ReadResourceResult:
    uri = str(p.uri)
    seen.append(["read", uri])
    if uri in books or uri == "book://cellar":
        said = books.get(uri, "Found in the cellar.")
        return t.ReadResourceResult(
            contents=[t.TextResourceContents(uri=uri, mime_type="text/plain", text=said)]
        )
    if uri == "cover://hunger":
        blob = base64.b64encode(PNG).decode()
        return t.ReadResourceResult(
            contents=[t.BlobResourceContents(uri=uri, mime_type="image/png", blob=blob)]
        )
    if uri.startswith("author://"):
        said = f"{uri.rsplit('/', 1)[-1].title()} was an author."
        return t.ReadResourceResult(contents=[t.TextResourceContents(uri=uri, text=said)])
    if uri == "till://today":
        return t.ReadResourceResult(contents=[t.TextResourceContents(uri=uri, text="12 crowns")])
    raise MCPError(-32002, f"There is nothing at {uri}.")


async def on_list_prompts(ctx: Any, _params: Any) -> t.ListPromptsResult:
    author = [
        t.PromptArgument(name="country", description="where from", required=True),
        t.PromptArgument(name="name", description="who", required=True),
    ]
    return t.ListPromptsResult(
        prompts=[
            t.Prompt(name="introduce", description="Introduce an author.", arguments=author),
            t.Prompt(name="talk", description="A talk that has begun."),
        ]
    )


async def on_get_prompt(ctx: Any, p: Any) -> t.GetPromptResult:
    given: dict[str, str] = p.arguments or {}
    if p.name == "introduce":
        if missing := {"country", "name"} - given.keys():
            raise MCPError(t.INVALID_PARAMS, f"{sorted(missing)[0]} is missing.")
        said = f"Introduce {given['name']} of {given['country']}."
        said_by_user = t.TextContent(type="text", text=said)
        return t.GetPromptResult(messages=[t.PromptMessage(role="user", content=said_by_user)])
    if p.name != "talk":
        raise MCPError(t.INVALID_PARAMS, f"There is no prompt {p.name}.")
    book = t.TextResourceContents(uri="book://hunger", mime_type="text/plain", text="Hunger")
    cover = t.ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")
    return t.GetPromptResult(
        messages=[
            t.PromptMessage(
                role="user", content=t.EmbeddedResource(type="resource", resource=book)
            ),
            t.PromptMessage(
                role="assistant", content=t.TextContent(type="text", text="A hard book.")
            ),
            t.PromptMessage(role="user", content=cover),
        ]
    )


async def on_completion(ctx: Any, p: Any) -> t.CompleteResult:
    context = (p.context.arguments or {}) if p.context else {}
    seen.append(["complete", [p.argument.name, p.argument.value, context]])
    if p.argument.name == "country":
        known = list(AUTHORS)
    else:
        known = AUTHORS.get(context.get("country", ""), [])
    values = [each for each in known if each.startswith(p.argument.value)]
    return t.CompleteResult(completion=t.Completion(values=values, total=len(values)))


async def on_subscribe(ctx: Any, p: Any) -> t.EmptyResult:
    seen.append(["subscribe", str(p.uri)])
    if ctx.session not in sessions:
        sessions.append(ctx.session)
    return t.EmptyResult()


async def on_unsubscribe(ctx: Any, p: Any) -> t.EmptyResult:
    seen.append(["unsubscribe", str(p.uri)])
    return t.EmptyResult()


async def on_level(ctx: Any, p: Any) -> t.EmptyResult:
    seen.append(["level", p.level])
    return t.EmptyResult()


async def on_roots_changed(ctx: Any, _params: Any) -> None:
    seen.append(["roots changed", True])


async def on_listen(ctx: Any, p: Any) -> Any:
    seen.append(["listen", plain(p.notifications)])
    ids = (p.notifications.model_extra or {}).get("taskIds")
    return await listen_to_tasks(ctx, p, ids) if ids else await listen(ctx, p)


async def listen_to_tasks(ctx: Any, p: Any, ids: list[str]) -> Any:
    """As the SDK's handler, for the filter of the tasks extension."""
    meta = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
    honoured = t.SubscriptionsAcknowledgedNotificationParams(
        notifications=p.notifications, _meta=meta
    )
    await ctx.session.send_notification(
        t.SubscriptionsAcknowledgedNotification(params=honoured), related_request_id=ctx.request_id
    )
    told = dict[str, str]()
    while ids:
        tasks = load()
        for each in ids:
            if (now := status(tasks[each]))["status"] != told.get(each):
                told[each] = now["status"]
                tell = ctx.session._request_outbound.notify
                await tell("notifications/tasks", {**now, "_meta": meta})
        await anyio.sleep(0.05)


_serialized = methods.serialize_server_result


def serialized(method: str, version: str, data: Any, **more: Any) -> Any:
    """The SDK has no type for the task that a call of 2025-11-25 has asked for."""
    return dict(data) if "task" in data else _serialized(method, version, data, **more)


methods.serialize_server_result = serialized
warnings.simplefilter("ignore")
server = Server(
    "library",
    version="1",
    instructions="Ask for a shelf before you ask for a book.",
    on_list_tools=on_list_tools,
    on_call_tool=on_call_tool,
    on_list_resources=on_list_resources,
    on_list_resource_templates=on_list_templates,
    on_read_resource=on_read_resource,
    on_list_prompts=on_list_prompts,
    on_get_prompt=on_get_prompt,
    on_completion=on_completion,
    on_subscribe_resource=on_subscribe,
    on_unsubscribe_resource=on_unsubscribe,
    on_set_logging_level=on_level,
    on_roots_list_changed=on_roots_changed,
    on_subscriptions_listen=on_listen,
    cache_hints={"tools/list": CacheHint(ttl_ms=30_000, scope="private")},
)
server.extensions = {TASKS: {}}
for method, handler in {
    "tasks/get": tasks_get,
    "tasks/update": tasks_update,
    "tasks/cancel": tasks_cancel,
    "tasks/result": tasks_result,
}.items():
    server.add_request_handler(method, TaskParams, handler)
options = server.create_initialization_options(NotificationOptions(True, True, True))
options.capabilities.tasks = t.ServerTasksCapability(
    requests=t.ServerTasksRequestsCapability(
        tools=t.TasksToolsCapability(call=t.TasksCallCapability())
    )
)


async def over_stdio() -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, options)


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        anyio.run(over_stdio)
    else:
        import uvicorn

        server.create_initialization_options = lambda *_args, **_more: options  # type: ignore[method-assign]
        app = server.streamable_http_app()
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), timeout_graceful_shutdown=1)
