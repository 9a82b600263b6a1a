"""One agent and one connection for many customers: the server is told who asks, the model is not.

python examples/orders_server.py & python examples/tenants.py
"""

import asyncio
import sys
from dataclasses import dataclass

from universal_mcp_client import Agent, RunContext, ServerConfig

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/mcp"


@dataclass(frozen=True)
class Customer:
    name: str
    token: str


def greeting(ctx: RunContext[Customer]) -> str:
    return f"You help {ctx.deps.name}. Look up what you are asked for."


shop = ServerConfig(
    name="shop",
    transport="http",
    url=URL,
    headers=lambda ctx: {"Authorization": f"Bearer {ctx.deps.token}"},
)
agent = Agent("openai:gpt-5", greeting, deps_type=Customer, servers=[shop])
CUSTOMERS = [Customer("Ada", "token-of-ada"), Customer("Bob", "token-of-bob")]


async def main() -> None:
    async with agent:
        runs = [agent.run("What have I ordered?", deps=customer) for customer in CUSTOMERS]
        for customer, result in zip(CUSTOMERS, await asyncio.gather(*runs), strict=True):
            print(f"{customer.name}: {result.output}")


if __name__ == "__main__":
    asyncio.run(main())
