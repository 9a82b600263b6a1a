"""The bridge as a contestant: AsyncOpenAI's own call, with the tools and the loop of the client."""

import kit
from openai import AsyncOpenAI

from universal_mcp_client import Bridge

kit.imported()


def source(server):
    if server["transport"] == "http":
        return {"mcpServers": {server["name"]: {"url": server["url"]}}}
    return {"mcpServers": {server["name"]: {"command": server["command"], "args": server["args"]}}}


async def main():
    model = AsyncOpenAI(base_url=kit.LLM, api_key=kit.KEY, max_retries=0)
    async with Bridge(*(source(server) for server in kit.SERVERS), wire="openai") as bridge:

        async def one(prompt):
            response = await bridge.run(
                model.chat.completions.create,
                max_turns=kit.MAX_TURNS,
                model=kit.MODEL,
                messages=[{"role": "user", "content": prompt}],
            )
            return response.choices[0].message.content

        async def one_stream(prompt, on_text):
            chunks = await bridge.run(
                model.chat.completions.create,
                model=kit.MODEL,
                messages=[{"role": "user", "content": prompt}],
                stream=True,
            )
            written = []
            async for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    on_text(text)
                    written.append(text)
            return "".join(written)

        await kit.drive(one, one_stream)


kit.run(main)
