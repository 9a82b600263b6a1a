"""The errors a caller can meet. What only the model should know is a `ToolResult`, not an error.

UniversalMCPError
├── ConfigError                a file, a flag or an argument is wrong
├── TokenStoreError            logins cannot be read or kept: a locked keyring, a full disk, …
├── ModelError                 the language model
│   ├── ModelAuthenticationError   the key is missing or refused
│   ├── ModelNotFound              no model of that name
│   ├── BadModelRequest            the provider refused the request as malformed
│   ├── ContextOverflow            the conversation is longer than the model's context
│   ├── QuotaExceeded              the account has no credit left
│   ├── RateLimited                too many requests; retryable
│   ├── ModelUnavailable           unreachable, overloaded, or broken; retryable
│   ├── StreamInterrupted          the answer broke off in the middle; has `.partial`
│   ├── ModelRefused               the model would not answer
│   └── ContentFiltered            the provider would not let it answer
├── ServerError                an MCP server; has `.server`
│   ├── ServerUnavailable          it does not start, answer, or speak MCP
│   ├── AuthenticationError        it wants a login; `.reason` says which kind of trouble
│   ├── MCPError                   it answered a request with a JSON-RPC error; has `.code`
│   ├── ToolError                  a tool failed, and says so itself; has `.result`
│   └── IntegrityError             what it gave is not what it had announced
└── RunError                   an agent run
    ├── LimitExceeded              a limit ended it
    ├── OutputInvalid              the answer does not fit the output type
    └── Fatal                      raised by a tool of the program, to end the run

An error that a run ended with has `.result`: everything that was done until then.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from universal_mcp_client.types.events import RunResult
from universal_mcp_client.types.messages import Message, ToolResult


class UniversalMCPError(Exception):
    """The root of all errors which this package raises on purpose.

    `result` is what a run had come to when it was ended by the error, None elsewhere. (A ToolError's
    is the tool's.)
    """

    result: Any = None

    def __reduce__(self) -> Any:  # by what it has, as constructors want more than the message
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[UniversalMCPError], args: tuple[object, ...]) -> UniversalMCPError:
    return kind.__new__(kind, *args)


class ConfigError(UniversalMCPError):
    """The configuration or the command line is wrong; the message says what, where and what to do."""


class TokenStoreError(UniversalMCPError):
    """The store of logins failed: locked, unreachable, full, or with a corrupt entry."""


class ModelError(UniversalMCPError):
    """A language model's provider failed.

    `retryable` says whether the same request may succeed later, `retry_after` (seconds) when the
    provider named a time, `status` is the HTTP status where there was one.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        partial: Message | None = None,
    ) -> None:
        super().__init__(message)
        self.model = model
        self.status = status
        self.retry_after = retry_after
        self.partial = partial


class ModelAuthenticationError(ModelError): ...


class ModelNotFound(ModelError): ...


class BadModelRequest(ModelError): ...


class ContextOverflow(ModelError): ...


class QuotaExceeded(ModelError): ...


class RateLimited(ModelError):
    retryable = True


class ModelUnavailable(ModelError):
    retryable = True


class StreamInterrupted(ModelError):
    """The stream broke after output had begun. `partial` is the message as far as it had come."""


class ModelRefused(ModelError): ...


class ContentFiltered(ModelError): ...


class ServerError(UniversalMCPError):
    """An MCP server failed; `server` is its name."""

    def __init__(self, message: str, *, server: str = "") -> None:
        super().__init__(message)
        self.server = server


class ServerUnavailable(ServerError):
    """The server does not start, does not answer, or does not speak MCP. `unprocessed` says that it
    surely has not seen the request; otherwise what was asked may or may not have been done."""

    def __init__(self, message: str, *, server: str = "", unprocessed: bool = False) -> None:
        super().__init__(message, server=server)
        self.unprocessed = unprocessed


AuthenticationReason: TypeAlias = Literal["needs_login", "expired", "refused", "misconfigured"]


class AuthenticationError(ServerError):
    """The server, or its authorization server, does not accept us. `reason` is

    - "needs_login": nobody has logged in yet, or more permissions are needed than were given;
    - "expired": there was a login, and it is over; somebody has to log in again;
    - "refused": the credentials, or the person, said no;
    - "misconfigured": what either side says of itself does not fit together, or is not safe.
    """

    def __init__(
        self, message: str, *, server: str = "", reason: AuthenticationReason = "refused"
    ) -> None:
        super().__init__(message, server=server)
        self.reason: AuthenticationReason = reason


class MCPError(ServerError):
    """The server answered a request with a JSON-RPC error."""

    def __init__(self, message: str, *, server: str = "", code: int = 0, data: Any = None) -> None:
        super().__init__(message, server=server)
        self.code = code
        self.data = data


class ToolError(ServerError):
    """A tool called by a program, not by a model, failed. `result` is all that it answered."""

    def __init__(self, message: str, *, result: ToolResult, server: str = "") -> None:
        super().__init__(message, server=server)
        self.result = result


class IntegrityError(ServerError):
    """What the server gave is not what it had announced: it may have been changed on the way, or
    since somebody looked at it. It must not be used."""


class RunError(UniversalMCPError):
    """An agent run could not be brought to its end."""


class LimitExceeded(RunError):
    """A limit of the agent ended the run. `result` keeps everything that was done until then.

    Of `Bridge.run`, which has no `result`, `response` is the provider's last one."""

    response: Any = None

    def __init__(self, message: str, *, result: RunResult[Any]) -> None:
        super().__init__(message)
        self.result = result


class OutputInvalid(RunError):
    """The model's answer does not fit the agent's output type, also after it was asked again."""

    def __init__(self, message: str, *, output: str, schema: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.output = output
        self.schema = schema


class Fatal(RunError):
    """Raise it in a tool, a validator or an interceptor to end the run; the caller gets it as it is."""


class Retry(Exception):
    """Raise it in a tool or a validator: its text goes to the model, which may try again."""
