"""How well an embedded model chooses tools: 40 requests over the demo's two servers.

    python benchmarks/tool_choice.py [local:smollm2-135m]

Prints the share of requests for which the model called the right tool, and the share for which
every argument was right too. No request below, and no value in one, is used anywhere in the
package, its prompts or its examples.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from universal_mcp_client import Host
from universal_mcp_client.models.base import ModelRequest
from universal_mcp_client.models.registry import resolve
from universal_mcp_client.types.events import Completion
from universal_mcp_client.types.messages import user

DESK = str(Path(__file__).parent.parent / "examples" / "desk_server.py")
CLOCK = f"time={sys.executable} -m mcp_server_time --local-timezone=UTC"


def now(request: str, zone: str) -> tuple[str, str, dict[str, Any]]:
    return request, "get_current_time", {"timezone": zone}


def convert(request: str, source: str, at: str, target: str) -> tuple[str, str, dict[str, Any]]:
    zones = {"source_timezone": source, "time": at, "target_timezone": target}
    return request, "convert_time", zones


def sum_of(request: str, a: float, b: float) -> tuple[str, str, dict[str, Any]]:
    return request, "add", {"a": a, "b": b}


def product(request: str, a: float, b: float) -> tuple[str, str, dict[str, Any]]:
    return request, "multiply", {"a": a, "b": b}


def save(request: str, title: str, text: str) -> tuple[str, str, dict[str, Any]]:
    return request, "save_note", {"title": title, "text": text}


def read(request: str, title: str) -> tuple[str, str, dict[str, Any]]:
    return request, "read_note", {"title": title}


def count(request: str, text: str) -> tuple[str, str, dict[str, Any]]:
    return request, "count_words", {"text": text}


REQUESTS = (
    now("What time is it in Europe/Vienna?", "Europe/Vienna"),
    now("Give me the current time in Asia/Singapore.", "Asia/Singapore"),
    now("Do you know what time it is in Madrid?", "Europe/Madrid"),
    now("Current time for Africa/Cairo", "Africa/Cairo"),
    now("Which hour is it now in America/Denver?", "America/Denver"),
    now("Tell me the current time in Lisbon", "Europe/Lisbon"),
    convert(
        "Convert 18:20 from Europe/Athens to Asia/Tokyo", "Europe/Athens", "18:20", "Asia/Tokyo"
    ),
    convert(
        "It is 11:05 in America/Toronto. Convert that time to Europe/Oslo.",
        "America/Toronto",
        "11:05",
        "Europe/Oslo",
    ),
    convert(
        "Please convert 06:40 in Asia/Manila to Australia/Perth",
        "Asia/Manila",
        "06:40",
        "Australia/Perth",
    ),
    convert(
        "What is 21:15 in Europe/Dublin as a time in America/Bogota?",
        "Europe/Dublin",
        "21:15",
        "America/Bogota",
    ),
    convert(
        "Convert the time 03:55 from Africa/Lagos to Europe/Zurich",
        "Africa/Lagos",
        "03:55",
        "Europe/Zurich",
    ),
    sum_of("What is 58 plus 77?", 58, 77),
    sum_of("Add 310 and 95.", 310, 95),
    sum_of("Can you add the numbers 4021 and 17?", 4021, 17),
    sum_of("Sum of 6.5 and 2.25", 6.5, 2.25),
    sum_of("How much is 83 + 44?", 83, 44),
    sum_of("I have 26 apples and get 19 more. Add them.", 26, 19),
    product("What is 23 times 3?", 23, 3),
    product("Multiply 45 by 16", 45, 16),
    product("Please multiply 0.5 and 88", 0.5, 88),
    product("What do you get for 31 multiplied by 9?", 31, 9),
    product("Calculate 14 times 66.", 14, 66),
    product("The product of 120 and 12", 120, 12),
    save("Save a note with the title rent: due on the first", "rent", "due on the first"),
    save("Remember a note titled keys: under the mat", "keys", "under the mat"),
    save('Save the text "call the dentist" as a note titled "teeth"', "teeth", "call the dentist"),
    save("Save a note, title recipe, text flour and butter", "recipe", "flour and butter"),
    save("Please save this note. Title: train. Text: platform nine", "train", "platform nine"),
    save("Write a note called car: change the tyres", "car", "change the tyres"),
    read("Read the note recipe", "recipe"),
    read("What does the note titled keys say?", "keys"),
    read("Open and read the note with the title train.", "train"),
    read("Read me the note called rent", "rent"),
    read('Show the note "teeth"', "teeth"),
    read("Read my note about the holiday", "holiday"),
    count("How many words are in 'a stitch in time saves nine'?", "a stitch in time saves nine"),
    count('Count the words in "hello big world"', "hello big world"),
    count("Count the words of this text: she sells sea shells", "she sells sea shells"),
    count("How many words: every cloud has a silver lining", "every cloud has a silver lining"),
    count("How many words does 'practice makes perfect' have?", "practice makes perfect"),
)


async def main(name: str) -> None:
    model = resolve(name)
    async with Host(CLOCK, f"desk={DESK}") as host:
        tools = await host.list_tools()
    right_tool = right_arguments = 0
    began = time.perf_counter()
    for request, tool, arguments in REQUESTS:
        called: tuple[str, Any] = ("nothing", {})
        async for event in model.stream(ModelRequest(messages=(user(request),), tools=tools)):
            if isinstance(event, Completion) and (calls := event.message.tool_calls):
                called = (calls[0].name, calls[0].arguments)
        right_tool += called[0] == tool
        right_arguments += called == (tool, arguments)
        if called != (tool, arguments):
            print(f"  {request}\n    called {called[0]} {called[1]}")
    seconds = (time.perf_counter() - began) / len(REQUESTS)
    await model.aclose()
    total = len(REQUESTS)
    print(f"{name}: right tool {right_tool}/{total} ({right_tool / total:.0%}), ", end="")
    print(f"right arguments {right_arguments}/{total} ({right_arguments / total:.0%}), ", end="")
    print(f"{seconds:.2f} s a request")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "local:smollm2-135m"))
