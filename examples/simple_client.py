"""Lists what a server has, and calls a tool where it has `add`: python examples/simple_client.py [SERVER]"""

import asyncio
import sys
from pathlib import Path

from universal_mcp_client import Client, ServerError

DESK = str(Path.cwd() / "examples" / "desk_server.py")


async def main(source: str) -> None:
    auth = "oauth" if source.startswith("http") else None
    async with Client(source, auth=auth) as client:
        tools = await client.list_tools()
        print(f"Available tools: {[tool.name for tool in tools]}")
        if any(tool.name == "add" for tool in tools):
            result = await client.call_tool("add", {"a": 5, "b": 3})
            print(f"Result: {result.data}")
        resources = await client.list_resources()
        print(f"Resources: {[resource.uri for resource in resources]}")


try:
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else DESK))
except ServerError as error:
    sys.exit(str(error))
