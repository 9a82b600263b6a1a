"""Universal MCP Client: an LLM agent host that bridges MCP tools.

Names are imported when they are first used, so that `import universal_mcp_client` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from universal_mcp_client.version import __version__

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent as Agent
    from universal_mcp_client.app.ask import ask as ask
    from universal_mcp_client.auth.stores import TokenStore as TokenStore
    from universal_mcp_client.config.auth import ClientCredentials as ClientCredentials
    from universal_mcp_client.config.auth import EnterpriseIdentity as EnterpriseIdentity
    from universal_mcp_client.config.auth import OAuth as OAuth
    from universal_mcp_client.config.auth import WorkloadIdentity as WorkloadIdentity
    from universal_mcp_client.config.servers import ServerConfig as ServerConfig
    from universal_mcp_client.core.limits import Limits as Limits
    from universal_mcp_client.core.run import Run as Run
    from universal_mcp_client.core.session import Session as Session
    from universal_mcp_client.mcp.client import Client as Client
    from universal_mcp_client.mcp.host import Host as Host
    from universal_mcp_client.mcp.server import Server as Server
    from universal_mcp_client.models.base import Model as Model
    from universal_mcp_client.models.base import ModelRequest as ModelRequest
    from universal_mcp_client.models.base import ModelSettings as ModelSettings
    from universal_mcp_client.models.base import Profile as Profile
    from universal_mcp_client.models.dialects import function_specs as function_specs
    from universal_mcp_client.models.hosted import CodeExecution as CodeExecution
    from universal_mcp_client.models.hosted import FileSearch as FileSearch
    from universal_mcp_client.models.hosted import WebSearch as WebSearch
    from universal_mcp_client.models.registry import resolve as resolve
    from universal_mcp_client.tools.base import CallContext as CallContext
    from universal_mcp_client.tools.base import RunContext as RunContext
    from universal_mcp_client.tools.base import Toolset as Toolset
    from universal_mcp_client.tools.wrapping import wrap as wrap
    from universal_mcp_client.types.errors import AuthenticationError as AuthenticationError
    from universal_mcp_client.types.errors import ConfigError as ConfigError
    from universal_mcp_client.types.errors import Fatal as Fatal
    from universal_mcp_client.types.errors import IntegrityError as IntegrityError
    from universal_mcp_client.types.errors import LimitExceeded as LimitExceeded
    from universal_mcp_client.types.errors import MCPError as MCPError
    from universal_mcp_client.types.errors import ModelError as ModelError
    from universal_mcp_client.types.errors import Retry as Retry
    from universal_mcp_client.types.errors import RunError as RunError
    from universal_mcp_client.types.errors import ServerError as ServerError
    from universal_mcp_client.types.errors import ServerUnavailable as ServerUnavailable
    from universal_mcp_client.types.errors import TokenStoreError as TokenStoreError
    from universal_mcp_client.types.errors import ToolError as ToolError
    from universal_mcp_client.types.errors import UniversalMCPError as UniversalMCPError
    from universal_mcp_client.types.events import CallRecord as CallRecord
    from universal_mcp_client.types.events import Completion as Completion
    from universal_mcp_client.types.events import Event as Event
    from universal_mcp_client.types.events import HandedOff as HandedOff
    from universal_mcp_client.types.events import Nested as Nested
    from universal_mcp_client.types.events import PartialOutput as PartialOutput
    from universal_mcp_client.types.events import Retrying as Retrying
    from universal_mcp_client.types.events import RunFinished as RunFinished
    from universal_mcp_client.types.events import RunResult as RunResult
    from universal_mcp_client.types.events import TextDelta as TextDelta
    from universal_mcp_client.types.events import ThinkingDelta as ThinkingDelta
    from universal_mcp_client.types.events import ToolFinished as ToolFinished
    from universal_mcp_client.types.events import ToolProgress as ToolProgress
    from universal_mcp_client.types.events import ToolStarted as ToolStarted
    from universal_mcp_client.types.interaction import Elicited as Elicited
    from universal_mcp_client.types.interaction import Interaction as Interaction
    from universal_mcp_client.types.interaction import LoginRequest as LoginRequest
    from universal_mcp_client.types.interaction import Verdict as Verdict
    from universal_mcp_client.types.messages import Audio as Audio
    from universal_mcp_client.types.messages import File as File
    from universal_mcp_client.types.messages import Image as Image
    from universal_mcp_client.types.messages import Message as Message
    from universal_mcp_client.types.messages import Text as Text
    from universal_mcp_client.types.messages import ToolCall as ToolCall
    from universal_mcp_client.types.messages import ToolResult as ToolResult
    from universal_mcp_client.types.resources import LogMessage as LogMessage
    from universal_mcp_client.types.resources import Prompt as Prompt
    from universal_mcp_client.types.resources import PromptArgument as PromptArgument
    from universal_mcp_client.types.resources import RenderedPrompt as RenderedPrompt
    from universal_mcp_client.types.resources import Resource as Resource
    from universal_mcp_client.types.resources import ResourceContents as ResourceContents
    from universal_mcp_client.types.resources import ResourceTemplate as ResourceTemplate
    from universal_mcp_client.types.resources import Skill as Skill
    from universal_mcp_client.types.resources import SkillFile as SkillFile
    from universal_mcp_client.types.tools import ToolSpec as ToolSpec
    from universal_mcp_client.types.usage import Price as Price
    from universal_mcp_client.types.usage import Usage as Usage

_HOMES = {
    "app.agent": ("Agent",),
    "app.ask": ("ask",),
    "auth.stores": ("TokenStore",),
    "config.auth": ("ClientCredentials", "EnterpriseIdentity", "OAuth", "WorkloadIdentity"),
    "config.servers": ("ServerConfig",),
    "core.limits": ("Limits",),
    "core.run": ("Run",),
    "core.session": ("Session",),
    "mcp.client": ("Client",),
    "mcp.host": ("Host",),
    "mcp.server": ("Server",),
    "models.base": ("Model", "ModelRequest", "ModelSettings", "Profile"),
    "models.dialects": ("function_specs",),
    "models.hosted": ("CodeExecution", "FileSearch", "WebSearch"),
    "models.registry": ("resolve",),
    "tools.base": ("CallContext", "RunContext", "Toolset"),
    "tools.wrapping": ("wrap",),
    "types.errors": (
        "AuthenticationError", "ConfigError", "Fatal", "IntegrityError", "LimitExceeded", "MCPError",
        "ModelError", "Retry", "RunError", "ServerError", "ServerUnavailable", "TokenStoreError", "ToolError",
        "UniversalMCPError",
    ),
    "types.events": (
        "CallRecord", "Completion", "Event", "HandedOff", "Nested", "PartialOutput", "Retrying", "RunFinished", "RunResult", "TextDelta", "ThinkingDelta",
        "ToolFinished", "ToolProgress", "ToolStarted",
    ),
    "types.interaction": ("Elicited", "Interaction", "LoginRequest", "Verdict"),
    "types.messages": ("Audio", "File", "Image", "Message", "Text", "ToolCall", "ToolResult"),
    "types.resources": (
        "LogMessage", "Prompt", "PromptArgument", "RenderedPrompt", "Resource", "ResourceContents",
        "ResourceTemplate", "Skill", "SkillFile",
    ),
    "types.tools": ("ToolSpec",),
    "types.usage": ("Price", "Usage"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
