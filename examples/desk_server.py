"""A small MCP server for demonstrations: sums, notes and words. Run it with any MCP host."""

from typing import Annotated

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from pydantic import Field

server = FastMCP(
    "desk", instructions="Sums, notes and words. Notes are kept while the server runs."
)
notes: dict[str, str] = {}

READ = {"readOnlyHint": True, "openWorldHint": False}
WRITE = {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True}


def whole(value: float) -> int | float:
    """5.0 as 5."""
    return int(value) if value.is_integer() else value


@server.tool(annotations=READ)
def add(
    a: Annotated[float, Field(description="The first number", examples=[17])],
    b: Annotated[float, Field(description="The second number", examples=[25])],
) -> int | float:
    """Add two numbers: a plus b."""
    return whole(a + b)


@server.tool(annotations=READ)
def multiply(
    a: Annotated[float, Field(description="The first number", examples=[6])],
    b: Annotated[float, Field(description="The second number", examples=[9])],
) -> int | float:
    """Multiply two numbers: a times b."""
    return whole(a * b)


@server.tool(annotations=WRITE)
def save_note(
    title: Annotated[str, Field(description="A name for the note", examples=["garden"])],
    text: Annotated[str, Field(description="What to remember", examples=["water the roses"])],
) -> str:
    """Save a note: remember a text under a title."""
    notes[title.lower()] = text
    return f"Saved the note {title!r}."


@server.tool(annotations=READ)
def read_note(
    title: Annotated[str, Field(description="The note's name", examples=["garden"])],
) -> str:
    """Read the note with a title."""
    if title.lower() not in notes:
        raise ToolError(f"There is no note {title!r}. The notes are: {', '.join(notes) or 'none'}.")
    return notes[title.lower()]


@server.tool(annotations=READ)
def count_words(
    text: Annotated[str, Field(description="The text", examples=["the cat sat down"])],
) -> int:
    """Count the words of a text: how many words there are."""
    return len(text.split())


@server.resource("desk://opening-hours", mime_type="text/plain")
def opening_hours() -> str:
    """When the desk is open."""
    return "The desk is open from 9 to 17 on weekdays. On Saturday it opens at 10 and closes at 14."


@server.prompt
def total(
    first: Annotated[str, Field(description="the first number")],
    second: Annotated[str, Field(description="the second number")],
) -> str:
    """Ask for the sum of two numbers."""
    return f"Add {first} and {second}"


if __name__ == "__main__":
    server.run(show_banner=False)
