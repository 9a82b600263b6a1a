"""A server of a shop, for examples/tenants.py: it knows its customers by their tokens."""

import sys

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers

ORDERS = {"Bearer token-of-ada": ["a loom"], "Bearer token-of-bob": ["tea", "sugar"]}
server = FastMCP("shop")


@server.tool(annotations={"readOnlyHint": True})
def my_orders() -> list[str]:
    """What the customer who asks has ordered."""
    return ORDERS[get_http_headers(include_all=True).get("authorization", "")]


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    server.run(transport="http", host="127.0.0.1", port=port, show_banner=False)
