"""An agent that asks another, and hands the conversation over to a third."""

import asyncio

from universal_mcp_client import Agent, HandedOff, Limits, Nested, ToolStarted

MODEL = "openai:gpt-5"


def inhabitants(city: str) -> int:
    """How many people live in a city."""
    return {"Oslo": 717_710}.get(city, 0)


geographer = Agent(
    MODEL, "Look it up.", name="geographer", description="Knows places.", tools=[inhabitants]
)
poet = Agent(MODEL, "Answer in verse.", name="poet", description="Writes poems.")
host = Agent(
    MODEL,
    "Ask the geographer for facts. Hand over to the poet who wants a poem.",
    tools=[geographer.as_tool("ask_geographer")],  # its answer comes back
    handoffs=[poet],  # goes on in place of the host, with the same history
    limits=Limits(turns=10, cost=0.5),  # for all of them together
)


async def main() -> None:
    async with host.stream("A poem of how many people live in Oslo, please.") as run:
        async for event in run:
            match event:
                case ToolStarted():
                    print(f"→ {event.call.name} {dict(event.call.arguments)}")
                case Nested(event=ToolStarted(call=call)):
                    print(f"  {event.agent} → {call.name} {dict(call.arguments)}")
                case HandedOff():
                    print(f"{event.agent} goes on")
    print(run.result.output, run.result.usage.requests, "requests")


if __name__ == "__main__":
    asyncio.run(main())
