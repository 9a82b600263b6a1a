"""Universal MCP Client: an LLM agent host that bridges MCP tools.

Names are imported when they are first used, so that `import universal_mcp_client` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from universal_mcp_client.version import __version__

if TYPE_CHECKING:  # several to a line, as _HOMES has them
    # fmt: off
    # isort: off
    from universal_mcp_client.app.agent import Agent as Agent
    from universal_mcp_client.app.ask import ask as ask
    from universal_mcp_client.app.bridge import Bridge as Bridge
    from universal_mcp_client.app.context import Section as Section
    from universal_mcp_client.app.execution import Observer as Observer
    from universal_mcp_client.app.skills import Skills as Skills, SkillToolset as SkillToolset
    from universal_mcp_client.app.subagents import (
        AgentToolset as AgentToolset, HandoffToolset as HandoffToolset,
    )
    from universal_mcp_client.app.sync import SyncRun as SyncRun
    from universal_mcp_client.auth.records import (
        Login as Login, OAuthClient as OAuthClient, Tokens as Tokens,
    )
    from universal_mcp_client.auth.stores import TokenStore as TokenStore
    from universal_mcp_client.config.auth import (
        ClientCredentials as ClientCredentials, EnterpriseIdentity as EnterpriseIdentity,
        OAuth as OAuth, WorkloadIdentity as WorkloadIdentity,
    )
    from universal_mcp_client.config.servers import ServerConfig as ServerConfig
    from universal_mcp_client.config.sources import ServerSource as ServerSource
    from universal_mcp_client.core.limits import Limits as Limits, Meter as Meter
    from universal_mcp_client.core.run import Run as Run
    from universal_mcp_client.core.session import History as History, Session as Session
    from universal_mcp_client.mcp.client import Client as Client
    from universal_mcp_client.mcp.host import Host as Host
    from universal_mcp_client.mcp.resource_tools import ResourceToolset as ResourceToolset
    from universal_mcp_client.mcp.server import Server as Server
    from universal_mcp_client.models.base import (
        Model as Model, ModelRequest as ModelRequest, ModelSettings as ModelSettings,
        Profile as Profile,
    )
    from universal_mcp_client.models.dialects import function_specs as function_specs
    from universal_mcp_client.models.fallback import Fallback as Fallback
    from universal_mcp_client.models.hosted import (
        CodeExecution as CodeExecution, FileSearch as FileSearch, WebSearch as WebSearch,
    )
    from universal_mcp_client.models.intercepted import (
        InterceptedModel as InterceptedModel, ModelInterceptor as ModelInterceptor,
    )
    from universal_mcp_client.models.prices import Spending as Spending
    from universal_mcp_client.models.prices import context_window as context_window
    from universal_mcp_client.models.registry import resolve as resolve
    from universal_mcp_client.tools.approval import (
        ApprovalToolset as ApprovalToolset, ApprovedToolset as ApprovedToolset,
    )
    from universal_mcp_client.tools.base import (
        CallContext as CallContext, Progress as Progress, RunContext as RunContext,
        Toolset as Toolset,
    )
    from universal_mcp_client.tools.bound import BoundToolset as BoundToolset
    from universal_mcp_client.tools.budgeted import (
        BudgetedToolset as BudgetedToolset, KeptResults as KeptResults,
    )
    from universal_mcp_client.tools.checked import CheckedToolset as CheckedToolset
    from universal_mcp_client.tools.combined import CombinedToolset as CombinedToolset
    from universal_mcp_client.tools.derived import (
        FilteredToolset as FilteredToolset, RenamedToolset as RenamedToolset,
    )
    from universal_mcp_client.tools.functions import FunctionToolset as FunctionToolset
    from universal_mcp_client.tools.intercepted import InterceptedToolset as InterceptedToolset
    from universal_mcp_client.tools.prepared import PreparedToolset as PreparedToolset
    from universal_mcp_client.tools.readings import Readings as Readings
    from universal_mcp_client.tools.rules import (
        Approval as Approval, Needs as Needs, Rule as Rule, Strictest as Strictest,
    )
    from universal_mcp_client.tools.tool import Tool as Tool, tool as tool
    from universal_mcp_client.tools.wrapping import (
        Intercept as Intercept, Prepare as Prepare, Proceed as Proceed, Wrappable as Wrappable,
        WrapperToolset as WrapperToolset, wrap as wrap,
    )
    from universal_mcp_client.types.errors import (
        AuthenticationError as AuthenticationError, BadModelRequest as BadModelRequest,
        ConfigError as ConfigError, ContentFiltered as ContentFiltered,
        ContextOverflow as ContextOverflow, Fatal as Fatal, IntegrityError as IntegrityError,
        LimitExceeded as LimitExceeded, MCPError as MCPError,
        ModelAuthenticationError as ModelAuthenticationError, ModelError as ModelError,
        ModelNotFound as ModelNotFound, ModelRefused as ModelRefused,
        ModelUnavailable as ModelUnavailable, OutputInvalid as OutputInvalid,
        QuotaExceeded as QuotaExceeded, RateLimited as RateLimited, Retry as Retry,
        RunError as RunError, ServerError as ServerError, ServerUnavailable as ServerUnavailable,
        StreamInterrupted as StreamInterrupted, TokenStoreError as TokenStoreError,
        ToolError as ToolError, UniversalMCPError as UniversalMCPError,
    )
    from universal_mcp_client.types.events import (
        CallRecord as CallRecord, Completion as Completion, Event as Event,
        HandedOff as HandedOff, Limit as Limit, ModelEvent as ModelEvent, Nested as Nested,
        PartialOutput as PartialOutput, Retrying as Retrying, RunFinished as RunFinished,
        RunResult as RunResult, StopReason as StopReason, TextDelta as TextDelta,
        ThinkingDelta as ThinkingDelta, ToolFinished as ToolFinished,
        ToolProgress as ToolProgress, ToolStarted as ToolStarted,
    )
    from universal_mcp_client.types.interaction import (
        Elicit as Elicit, Elicited as Elicited, Interaction as Interaction,
        LoginRequest as LoginRequest, Question as Question, Roots as Roots, Sample as Sample,
        SampleRequest as SampleRequest,
        Verdict as Verdict,
    )
    from universal_mcp_client.types.messages import (
        Audio as Audio, File as File, Image as Image, Message as Message, Part as Part,
        ResourceLink as ResourceLink, ResultPart as ResultPart, Role as Role, Text as Text,
        Thinking as Thinking, ToolCall as ToolCall, ToolResult as ToolResult,
        UserContent as UserContent, assistant as assistant, failure as failure, user as user,
    )
    from universal_mcp_client.types.resources import (
        LogHandler as LogHandler, LogMessage as LogMessage, Prompt as Prompt,
        PromptArgument as PromptArgument, RenderedPrompt as RenderedPrompt, Resource as Resource,
        Icon as Icon, ResourceAnnotations as ResourceAnnotations,
        ResourceContents as ResourceContents, ResourceTemplate as ResourceTemplate,
        Skill as Skill, SkillFile as SkillFile,
    )
    from universal_mcp_client.types.tasks import TaskHandle as TaskHandle
    from universal_mcp_client.types.tools import (
        Annotations as Annotations, JSONSchema as JSONSchema, ToolSpec as ToolSpec,
    )
    from universal_mcp_client.types.usage import Price as Price, Usage as Usage
    # isort: on
    # fmt: on

_HOMES = {
    "app.agent": ("Agent",),
    "app.ask": ("ask",),
    "app.bridge": ("Bridge",),
    "app.context": ("Section",),
    "app.execution": ("Observer",),
    "app.skills": ("Skills", "SkillToolset"),
    "app.subagents": ("AgentToolset", "HandoffToolset"),
    "app.sync": ("SyncRun",),
    "auth.records": ("Login", "OAuthClient", "Tokens"),
    "auth.stores": ("TokenStore",),
    "config.auth": ("ClientCredentials", "EnterpriseIdentity", "OAuth", "WorkloadIdentity"),
    "config.servers": ("ServerConfig",),
    "config.sources": ("ServerSource",),
    "core.limits": ("Limits", "Meter"),
    "core.run": ("Run",),
    "core.session": ("History", "Session"),
    "mcp.client": ("Client",),
    "mcp.host": ("Host",),
    "mcp.resource_tools": ("ResourceToolset",),
    "mcp.server": ("Server",),
    "models.base": ("Model", "ModelRequest", "ModelSettings", "Profile"),
    "models.dialects": ("function_specs",),
    "models.fallback": ("Fallback",),
    "models.hosted": ("CodeExecution", "FileSearch", "WebSearch"),
    "models.intercepted": ("InterceptedModel", "ModelInterceptor"),
    "models.prices": ("Spending", "context_window"),
    "models.registry": ("resolve",),
    "tools.approval": ("ApprovalToolset", "ApprovedToolset"),
    "tools.base": ("CallContext", "Progress", "RunContext", "Toolset"),
    "tools.bound": ("BoundToolset",),
    "tools.budgeted": ("BudgetedToolset", "KeptResults"),
    "tools.checked": ("CheckedToolset",),
    "tools.combined": ("CombinedToolset",),
    "tools.derived": ("FilteredToolset", "RenamedToolset"),
    "tools.functions": ("FunctionToolset",),
    "tools.intercepted": ("InterceptedToolset",),
    "tools.prepared": ("PreparedToolset",),
    "tools.readings": ("Readings",),
    "tools.rules": ("Approval", "Needs", "Rule", "Strictest"),
    "tools.tool": ("Tool", "tool"),
    "tools.wrapping": ("Intercept", "Prepare", "Proceed", "Wrappable", "WrapperToolset", "wrap"),
    "types.errors": (
        "AuthenticationError", "BadModelRequest", "ConfigError", "ContentFiltered",
        "ContextOverflow", "Fatal", "IntegrityError", "LimitExceeded", "MCPError",
        "ModelAuthenticationError", "ModelError", "ModelNotFound", "ModelRefused",
        "ModelUnavailable", "OutputInvalid", "QuotaExceeded", "RateLimited", "Retry", "RunError",
        "ServerError", "ServerUnavailable", "StreamInterrupted", "TokenStoreError", "ToolError",
        "UniversalMCPError",
    ),
    "types.events": (
        "CallRecord", "Completion", "Event", "HandedOff", "Limit", "ModelEvent", "Nested",
        "PartialOutput", "Retrying", "RunFinished", "RunResult", "StopReason", "TextDelta",
        "ThinkingDelta", "ToolFinished", "ToolProgress", "ToolStarted",
    ),
    "types.interaction": (
        "Elicit", "Elicited", "Interaction", "LoginRequest", "Question", "Roots", "Sample",
        "SampleRequest", "Verdict",
    ),
    "types.messages": (
        "Audio", "File", "Image", "Message", "Part", "ResourceLink", "ResultPart", "Role", "Text",
        "Thinking", "ToolCall", "ToolResult", "UserContent", "assistant", "failure", "user",
    ),
    "types.resources": (
        "LogHandler", "LogMessage", "Prompt", "PromptArgument", "RenderedPrompt", "Resource",
        "Icon", "ResourceAnnotations", "ResourceContents", "ResourceTemplate", "Skill", "SkillFile",
    ),
    "types.tasks": ("TaskHandle",),
    "types.tools": ("Annotations", "JSONSchema", "ToolSpec"),
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
