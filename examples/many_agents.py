"""Many runs at once over one connection, each with a limit; a failure costs the others nothing."""

import asyncio
import sys

from universal_mcp_client import Agent, Limits, UniversalMCPError

QUESTIONS = [f"What is {n} plus {n * n}?" for n in range(10)]


async def main() -> None:
    agent = Agent(
        "openai:gpt-5",
        servers=[f"{sys.executable} examples/desk_server.py"],
        limits=Limits(turns=5, seconds=60),
    )
    async with agent:
        runs = (agent.run(question) for question in QUESTIONS)
        for question, result in zip(
            QUESTIONS, await asyncio.gather(*runs, return_exceptions=True), strict=True
        ):
            if isinstance(result, UniversalMCPError):
                print(f"{question}  failed: {result}")
            elif isinstance(result, BaseException):
                raise result
            else:
                print(f"{question}  {result.output}")


if __name__ == "__main__":
    asyncio.run(main())
