"""200 prompts, 20 at a time, over connections that are opened once. A server that is down costs its
own tools, a prompt that fails its own answer."""

import asyncio
import sys

from universal_mcp_client import Agent, Host, Limits, UniversalMCPError

PROMPTS = [f"What is {n} plus {n * n}?" for n in range(200)]
AT_ONCE = asyncio.Semaphore(20)

host = Host(
    f"desk={sys.executable} examples/desk_server.py",
    "weather=http://127.0.0.1:9/mcp",  # nothing listens there
)
agent = Agent("openai:gpt-5", tools=[host], limits=Limits(turns=5, seconds=60))


async def answer(prompt: str) -> str | UniversalMCPError:
    async with AT_ONCE:
        try:
            return (await agent.run(prompt)).output
        except UniversalMCPError as error:
            return error


async def main() -> None:
    async with agent:
        for error in host.failures.values():
            print(f"Without {error.server}: {error}")
        answers = await asyncio.gather(*map(answer, PROMPTS))
    failed = [each for each in answers if isinstance(each, UniversalMCPError)]
    print(f"{len(answers) - len(failed)} answers, {len(failed)} failures")


if __name__ == "__main__":
    asyncio.run(main())
