"""Connections that come back again and again: nothing of the old ones stays."""

from collections.abc import Iterator
from typing import Any

from tests.support.hostile import run_hostile
from tests.support.raw_server import TOOLS, RawHTTP, tool


class Forgetful(RawHTTP):
    """Forgets its sessions when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.listing = {"tools": [*TOOLS, tool("forget")]}

    def call(self, request: Any, name: str, params: dict[str, Any]) -> Iterator[str]:
        if name == "forget":
            self.forget()
            yield self.text(request, "forgotten")
        else:
            yield from super().call(request, name, params)


def test_200_sessions_that_were_forgotten_leave_nothing_behind() -> None:
    raw = Forgetful()
    with raw.serving() as url:
        found = run_hostile(f"""
            import gc, psutil
            from mcp import ClientSession
            def kept():
                gc.collect()
                sessions = sum(isinstance(each, ClientSession) for each in gc.get_objects())
                return len(asyncio.all_tasks()), psutil.Process().num_fds(), sessions
            async with Host("raw={url}") as host:
                for number in range(220):
                    if number == 20:
                        print(*kept())
                    forget = ToolCall(id="1", name="forget")
                    await host.call_tool(forget)
                    result = await host.call_tool(ToolCall(id="1", name="effect"))
                    assert result.text == "done", result.text
                print(*kept())
        """)
    early, late = ([int(each) for each in line.split()] for line in found.out.splitlines())
    assert raw.initialized > 200
    assert all(after <= before + 2 for before, after in zip(early, late, strict=True)), found.out
