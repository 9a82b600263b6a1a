"""A loop of your own on Anthropic Messages, with MCP tools: python examples/own_loop_anthropic.py"""

import asyncio
import sys

from anthropic import AsyncAnthropic

from universal_mcp_client import Bridge

DESK = f"{sys.executable} examples/desk_server.py"


async def main() -> None:
    async with AsyncAnthropic() as llm, Bridge(DESK, wire="anthropic") as bridge:
        messages = [{"role": "user", "content": "What is 17 times 23?"}]
        while True:
            response = await llm.messages.create(
                model="claude-sonnet-5",
                max_tokens=1000,
                messages=messages,
                tools=await bridge.tools(),
            )
            messages.append({"role": "assistant", "content": response.content})
            if not (results := await bridge.answer(response)):
                break
            messages += results
        print(response.content[-1].text)
        print(f"{len(messages)} messages, {len(await bridge.tools())} tools")


if __name__ == "__main__":
    asyncio.run(main())
