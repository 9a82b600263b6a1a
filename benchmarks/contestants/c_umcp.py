"""The Universal MCP Client as a contestant."""

import kit

from universal_mcp_client import Agent, Limits, TextDelta, resolve

kit.imported()


def source(server):
    if server["transport"] == "http":
        return {"mcpServers": {server["name"]: {"url": server["url"]}}}
    return {"mcpServers": {server["name"]: {"command": server["command"], "args": server["args"]}}}


async def main():
    agent = Agent(
        resolve(f"openai:{kit.MODEL}"),
        servers=[source(server) for server in kit.SERVERS],
        limits=Limits(turns=kit.MAX_TURNS),
    )
    async with agent:

        async def one(prompt):
            return (await agent.run(prompt)).output

        async def one_stream(prompt, on_text):
            async with agent.stream(prompt) as run:
                async for event in run:
                    if isinstance(event, TextDelta):
                        on_text(event.text)
            return run.result.output

        await kit.drive(one, one_stream)


kit.run(main)
