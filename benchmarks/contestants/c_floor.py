"""The floor: what a developer writes by hand with AsyncOpenAI and fastmcp.Client."""

import asyncio
import json
from contextlib import AsyncExitStack

import kit
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from openai import AsyncOpenAI

kit.imported()


def transport(server):
    if server["transport"] == "http":
        return StreamableHttpTransport(server["url"])
    return StdioTransport(server["command"], server["args"])


async def main():
    model = AsyncOpenAI(base_url=kit.LLM, api_key=kit.KEY, max_retries=0)
    async with AsyncExitStack() as stack:
        owner, specs = {}, []
        for server in kit.SERVERS:
            client = await stack.enter_async_context(Client(transport(server)))
            for tool in await client.list_tools():
                owner[tool.name] = client
                function = {
                    "name": tool.name,
                    "description": tool.description or "",
                    "parameters": tool.input_schema,
                }
                specs.append({"type": "function", "function": function})

        async def call(wanted):
            name, arguments = wanted.function.name, json.loads(wanted.function.arguments)
            result = await owner[name].call_tool_mcp(name, arguments)
            text = "".join(block.text for block in result.content)
            return {"role": "tool", "tool_call_id": wanted.id, "content": text}

        async def one(prompt):
            messages = [{"role": "user", "content": prompt}]
            while True:
                completion = await model.chat.completions.create(
                    model=kit.MODEL, messages=messages, tools=specs
                )
                answer = completion.choices[0].message
                if not answer.tool_calls:
                    return answer.content
                messages.append(answer.model_dump(exclude_none=True))
                messages += await asyncio.gather(*map(call, answer.tool_calls))

        async def one_stream(prompt, on_text):
            messages = [{"role": "user", "content": prompt}]
            chunks = await model.chat.completions.create(
                model=kit.MODEL, messages=messages, tools=specs, stream=True
            )
            written = []
            async for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    on_text(text)
                    written.append(text)
            return "".join(written)

        await kit.drive(one, one_stream)


kit.run(main)
