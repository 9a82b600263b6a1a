"""Where one provider fails, the next is asked; each is priced as itself."""

import asyncio

from universal_mcp_client import Agent, Fallback, Retrying, TextDelta


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


agent = Agent(Fallback("openai:gpt-5", "anthropic:claude-sonnet-5"), tools=[add])


async def main() -> None:
    async with agent, agent.stream("What is 17 plus 25?") as run:
        async for event in run:
            match event:
                case Retrying():
                    print(f"({event.error})")
                case TextDelta():
                    print(event.text, end="", flush=True)
    print(f"\n{run.result.usage.total_tokens} tokens, {run.result.cost} USD")


if __name__ == "__main__":
    asyncio.run(main())
