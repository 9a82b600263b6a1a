"""A login at a terminal: in the browser, by a pasted address, or by a code for another device."""

import sys

from universal_mcp_client.auth.browser import can_open, open_browser
from universal_mcp_client.types.interaction import LoginRequest
from universal_mcp_client.ui.console import cell, console


async def log_in(request: LoginRequest, *, browser: bool = True) -> str | None:
    """See `Interaction.login`. Without `browser`, none is opened."""
    _say(f"\nServer {request.server!r} wants a login.")
    if request.code:
        _say(
            f"On any device, visit  {cell(request.url)}\nand enter the code   {cell(request.code)}\n"
        )
        _say("Waiting until that is done … (Ctrl-C gives up)")
        return None
    if browser and can_open() and await open_browser(request.url):
        _say(f"The browser has opened. If it has not, visit:\n\n{cell(request.url)}\n")
        _say("Waiting until you have logged in … (Ctrl-C gives up)")
        return None
    _say(
        f"In a browser on any machine, visit:\n\n{cell(request.url)}\n\n"
        "After the login the browser goes to an address that begins with http://127.0.0.1 or\n"
        "http://localhost. If it cannot show that page, copy the whole address from its address\n"
        "bar and paste it here."
    )
    return await _pasted()


async def _pasted() -> str:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.output import create_output

    session: PromptSession[str] = PromptSession(output=create_output(stdout=sys.stderr))
    while True:
        text = (await session.prompt_async("Address: ")).strip()
        if "code=" in text or "error=" in text:
            return text
        _say("That is not the address: it has code=… in it. Copy all of it.")


def _say(text: str) -> None:
    console.tell(text)
