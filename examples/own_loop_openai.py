"""A loop of your own on Chat Completions, with MCP tools: python examples/own_loop_openai.py"""

import asyncio
import sys

from openai import AsyncOpenAI

from universal_mcp_client import Bridge

DESK = f"{sys.executable} examples/desk_server.py"


async def main() -> None:
    async with AsyncOpenAI() as llm, Bridge(DESK, wire="openai") as bridge:
        messages = [{"role": "user", "content": "What is 17 times 23?"}]
        while True:
            response = await llm.chat.completions.create(
                model="gpt-5", messages=messages, tools=await bridge.tools()
            )
            messages.append(response.choices[0].message)
            if not (results := await bridge.answer(response)):
                break
            messages += results
        print(response.choices[0].message.content)
        print(f"{len(messages)} messages, {len(await bridge.tools())} tools")


if __name__ == "__main__":
    asyncio.run(main())
