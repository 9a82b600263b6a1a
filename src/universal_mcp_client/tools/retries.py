"""How often a model may get a tool wrong in one run."""

from collections import Counter
from weakref import WeakKeyDictionary

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.types.errors import Fatal
from universal_mcp_client.types.tools import ToolSpec

_failures: WeakKeyDictionary[object, Counter[str]] = WeakKeyDictionary()  # by the run's meter


def count_failure(spec: ToolSpec, context: CallContext, why: object) -> None:
    """Count a call of `spec` that the model has to make again.

    Raises Fatal once that has happened more than `spec.retries` times in the run of `context`.
    """
    if spec.retries is None or context.meter is None:
        return
    counted = _failures.setdefault(context.meter, Counter())
    counted[spec.original] += 1
    if counted[spec.original] > spec.retries:
        raise Fatal(
            f"The tool {spec.original!r} was called wrongly {counted[spec.original]} times, and has "
            f"{spec.retries} retries. The last time: {why}"
        )
