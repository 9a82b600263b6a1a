"""An agent's answers as server-sent events: uvicorn examples.sse_server:app

A browser that goes away ends its run: the model's stream, and the tool calls in flight.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent

from universal_mcp_client import Agent, Limits, Run, RunFinished, TextDelta, ToolStarted
from universal_mcp_client import UniversalMCPError as Failure

agent = Agent(
    "openai:gpt-5",
    servers=[f"{sys.executable} examples/desk_server.py"],
    limits=Limits(turns=10, seconds=120),
)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with agent:  # connects once, for all visitors
        yield


app = FastAPI(lifespan=lifespan)


async def answering(prompt: str) -> AsyncIterator[Run[str]]:
    async with agent.stream(prompt) as run:  # FastAPI leaves it when the visitor has gone
        yield run


@app.get("/ask", response_class=EventSourceResponse)
async def ask(run: Annotated[Run[str], Depends(answering)]) -> AsyncIterator[ServerSentEvent]:
    try:
        async for event in run:
            match event:
                case TextDelta():
                    yield ServerSentEvent(event="text", data=event.text)
                case ToolStarted():
                    yield ServerSentEvent(event="tool", data=event.call.name)
                case RunFinished():
                    yield ServerSentEvent(event="done", data=event.result.usage.total_tokens)
    except Failure as error:
        yield ServerSentEvent(event="error", data=str(error))
