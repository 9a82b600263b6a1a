"""Two questions in one conversation, with one connection to the server."""

import asyncio
import sys

from universal_mcp_client import Agent, Session


async def main() -> None:
    agent = Agent("openai:gpt-5", servers=[f"{sys.executable} examples/desk_server.py"])
    session = Session()
    async with agent:
        for question in ("What is 17 times 23?", "And twice that?"):
            result = await agent.run(question, history=session)
            print(f"{question}\n  {result.output}")
    print(f"{len(session.messages)} messages")


if __name__ == "__main__":
    asyncio.run(main())
