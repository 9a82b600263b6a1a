"""A loop of your own on Responses, with MCP tools: python examples/own_loop_responses.py"""

import asyncio
import sys

from openai import AsyncOpenAI

from universal_mcp_client import Bridge

DESK = f"{sys.executable} examples/desk_server.py"


async def main() -> None:
    async with AsyncOpenAI() as llm, Bridge(DESK, wire="openai-responses") as bridge:
        items = [{"role": "user", "content": "What is 17 times 23?"}]
        while True:
            response = await llm.responses.create(
                model="gpt-5", input=items, tools=await bridge.tools()
            )
            items += response.output
            if not (results := await bridge.answer(response)):
                break
            items += results
        print(response.output_text)
        print(f"{len(items)} items, {len(await bridge.tools())} tools")


if __name__ == "__main__":
    asyncio.run(main())
