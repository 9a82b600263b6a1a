"""What servers ask of the host: data of a person, visits, answers of a model, folders."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio
import mcp_types

from mcp import MCPError as WireError
from mcp import UrlElicitationRequiredError
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.calls import Call, Calls, current
from universal_mcp_client.mcp.sampling import (
    REJECTED,
    Refused,
    answered,
    deeper,
    sample_request,
    sampled,
    sampling_spec,
)
from universal_mcp_client.models.base import Model
from universal_mcp_client.policy.roots import root_uris
from universal_mcp_client.policy.visits import visit
from universal_mcp_client.tools.base import Progress, RunContext
from universal_mcp_client.tools.forms import answer_of, filled
from universal_mcp_client.tools.program import awaited
from universal_mcp_client.types.errors import ConfigError, ServerUnavailable, UniversalMCPError
from universal_mcp_client.types.interaction import (
    Elicit,
    Elicited,
    Interaction,
    Question,
    Roots,
    Sample,
)
from universal_mcp_client.types.resources import LogHandler

QUESTIONS = 10
"""That a server may ask during one request, of a person and of models together."""

ROUNDS = 100
"""Requests of its own that a server may make during one of ours, whatever it is answered."""

TOO_MANY = f"(The server had more than {QUESTIONS} questions in this call; those beyond were declined unasked.)"
"""For the model, which else takes them for the user's own no."""

NOBODY = "(The server had a question to the user, declined unasked: nobody is there to answer.)"

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Callbacks:
    """Who answers for a host, made once for all of its servers.

    `elicit` goes before `interaction`, and both before the interaction of the run that a question is
    for. `sample` answers in a model's place; `model` is asked where nobody tells which run a sampling
    is for.
    """

    interaction: Interaction | None = None
    elicit: Elicit | None = None
    sample: Sample | Model | None = None
    roots: Roots | None = None
    log: LogHandler | None = None
    progress: Progress | None = None
    model: Callable[[], Model] | None = None

    def __post_init__(self) -> None:
        for name, given in (
            ("elicit", self.elicit),
            ("log", self.log),
            ("progress", self.progress),
        ):
            if given is not None and not callable(given):
                raise ConfigError(f"{name} takes a function, not {given!r}.")
        if self.sample is not None and not (
            callable(self.sample) or hasattr(self.sample, "stream")
        ):
            raise ConfigError(f"sample takes a function or a Model, not {self.sample!r}.")
        if self.roots is not None and not callable(self.roots):
            root_uris(self.roots)


class Asked:
    """What the server of one connection asks, in the shapes of FastMCP's handlers.

    A question stops the clocks of the calls that it can be for, and is withdrawn when none of them
    waits any more. Declined unasked are those beyond `QUESTIONS`, addresses that nobody should visit,
    and what nobody is there for. `samples` and `rooted` are whether it is told that it may ask so.
    """

    def __init__(self, config: ServerConfig, callbacks: Callbacks, calls: Calls) -> None:
        self.server = config.name
        self._callbacks, self._calls = callbacks, calls
        self.samples = config.sampling or callbacks.sample is not None
        self.rooted = callbacks.roots is not None
        self._visits = dict[str, anyio.Event]()

    # Elicitation

    async def elicit(
        self, message: str, _type: Any, params: Any, _context: Any
    ) -> mcp_types.ElicitResult:
        """Ask whoever is there. Content that does not fit the form is declined."""
        call, question = self._question(
            kind="url" if isinstance(params, mcp_types.ElicitRequestURLParams) else "form",
            message=message,
            schema=getattr(params, "requested_schema", None),
            url=getattr(params, "url", None),
        )
        put = self._whom(call, question)
        if put is None:
            for each in (call,) if call else self._calls.live:
                each.unheard = True
            return mcp_types.ElicitResult(action="decline")
        if not self._may_ask(call) or not self._visitable(question.url):
            return mcp_types.ElicitResult(action="decline")
        try:
            async with self._calls.asking(call):
                answer = await self._until_completed(put, getattr(params, "elicitation_id", None))
        except TimeoutError:  # whoever asked has left the call, and the question with it
            return mcp_types.ElicitResult(action="cancel")
        if answer.action != "accept" or question.kind == "url":
            return mcp_types.ElicitResult(action=answer.action)
        content, problems = await filled(answer.content, question.schema or {})
        if problems:
            logger.warning(
                "The answer to a question of server %r does not fit its form; declined: %s",
                self.server,
                "; ".join(problems),
            )
            return mcp_types.ElicitResult(action="decline")
        return mcp_types.ElicitResult(action="accept", content=content or None)

    def _whom(self, call: Call | None, question: Question) -> "Callable[[], Any] | None":
        """What puts the question, where somebody is there for it."""
        run = call.context.approval.interaction if call and call.context else None
        if (elicit := self._callbacks.elicit) is not None:
            return lambda: _by_program(elicit, question)
        if (who := self._callbacks.interaction or run) is None:
            return None
        told = question.server, question.message, question.schema
        return lambda: who.elicit(*told, question.url) if question.url else who.elicit(*told)

    def _visitable(self, url: str | None) -> bool:
        try:
            if url is not None:
                visit(url)
        except ValueError as error:
            logger.warning("Server %r wanted an address visited: %s; declined.", self.server, error)
            return False
        return True

    async def _until_completed(self, put: Callable[[], Any], name: str | None) -> Elicited:
        """The answer; that it was visited, where the server says so first (`elicitation/complete`)."""
        if name is None:
            return cast(Elicited, await put())
        done = self._visits.setdefault(name, anyio.Event())
        answer = Elicited(action="accept")

        async def wait() -> None:
            await done.wait()
            group.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                answer = await put()
                group.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._visits.pop(name, None)
        return answer

    def completed(self, name: str) -> None:
        """The server says that a visit is over. Of others than those it asked for, it says nothing."""
        if (done := self._visits.get(name)) is not None:
            done.set()

    async def visited(self, error: WireError) -> None:
        """Ask for the visits which a request needs (error -32042), one after the other. Raises the
        error again, with what came of it, where not all were made."""
        try:
            wanted = UrlElicitationRequiredError.from_error(error.error).elicitations
        except ValueError:
            raise error from None
        for params in wanted:
            answer = await self.elicit(params.message, None, params, None)
            if answer.action != "accept":
                unheard = (call := current.get()) is not None and call.unheard
                why = (
                    "nobody is there to visit it"
                    if unheard
                    else f"the user's answer: {answer.action}"
                )
                raise WireError(
                    error.code, f"{error.message} ({params.message}: {why})", error.data
                ) from error
        if not wanted:
            raise error

    # Sampling

    async def sampling(self, _messages: Any, params: Any, _context: Any) -> Any:
        """A model's answer, or an error that says why there is none."""
        try:
            request = sample_request(params, self.server)
            call, question = self._question(kind="sampling", sample=request)
            if not self._may_ask(call):
                raise Refused(f"More than {QUESTIONS} questions were asked in one request.")
            with deeper():
                async with self._calls.asking(call):
                    await self._allow(call, question)
                    return answered(await self._sampled(call, question), request)
        except TimeoutError:
            return mcp_types.ErrorData(
                code=REJECTED, message="Nobody waits for the answer any more."
            )
        except Refused as error:
            logger.info("A sampling of server %r was refused: %s", self.server, error)
            return mcp_types.ErrorData(code=error.code, message=str(error))
        except Exception as error:
            logger.warning(
                "A sampling of server %r failed: %s",
                self.server,
                error,
                exc_info=not isinstance(error, UniversalMCPError),
            )
            return mcp_types.ErrorData(
                code=mcp_types.INTERNAL_ERROR, message="The client's model gave no answer."
            )

    async def _allow(self, call: Call | None, question: Question) -> None:
        """Ask by the rules of the run, as for a call of a tool. Raises Refused."""
        spec, named = sampling_spec(question)
        waiting = [call] if call else list(self._calls.live)
        contexts = [each.context for each in waiting if each.context is not None]
        asks = [who for context in contexts for who in context.approval.asks(spec)]
        if call is None and (asks or not contexts):  # nobody tells whose it is: only the host's own
            asks = [self._callbacks.interaction]
            if self._callbacks.interaction is None and self._callbacks.sample is not None:
                asks = []
        for who in {id(each): each for each in asks}.values():
            if who is None:
                raise Refused("Nobody is there to allow it.")
            verdict = await who.approve(named, spec)
            if not verdict.allowed:
                raise Refused(
                    " ".join(filter(None, ("The user did not allow it.", verdict.reason)))
                )

    async def _sampled(self, call: Call | None, question: Question) -> Any:
        sample = self._callbacks.sample
        if sample is not None and not hasattr(sample, "stream"):
            said = await awaited(sample(question))
            if said is None:
                raise Refused("The user did not allow it.")
            return said
        context = call.context if call else None
        model = cast(Model | None, sample) or (context.model if context else None)
        if model is None and call is None and self._callbacks.model is not None:
            model = self._callbacks.model()
        if model is None:
            raise Refused("There is no model to ask.")
        return await sampled(model, question, context or self._only_run())

    def _only_run(self) -> RunContext[Any] | None:
        """Whose limits count a sampling of which nobody tells whose it is: there is but one run."""
        contexts = [each.context for each in self._calls.live if each.context is not None]
        runs = {context.run_id: context for context in contexts}
        return runs.popitem()[1] if len(runs) == 1 else None

    # Roots

    async def roots(self, _context: Any) -> list[str]:
        """The folders, as `file://` URIs. FastMCP makes an error of what is raised."""
        self._may_ask(self._tied(), counts=False)
        given = self._callbacks.roots
        folders = await awaited(given()) if callable(given) else given or ()
        return root_uris(cast(Sequence[Any], folders))

    # All of them

    def _tied(self) -> Call | None:
        """For whose call the server asks, where that is told: nobody guesses."""
        return call if (call := current.get()) in self._calls.live else None

    def _question(self, **asked: Any) -> tuple[Call | None, Question]:
        call = self._tied()
        told = [each.tool for each in ([call] if call else self._calls.live) if each.tool]
        return call, Question(
            server=self.server,
            run=call.context.run_id if call and call.context else "",
            call=call.tool if call else None,
            candidates=tuple(told),
            **asked,
        )

    def _may_ask(self, call: Call | None, *, counts: bool = True) -> bool:
        """Whether the server may put one more question."""
        if call is not None:
            call.rounds += 1
            if call.rounds > ROUNDS:
                call.fail(
                    ServerUnavailable(
                        f"Server {self.server!r} asked more than {ROUNDS} times during one request.",
                        server=self.server,
                    )
                )
                return False
        if not counts or (asked := self._calls.question(call)) <= QUESTIONS:
            return True
        if asked == QUESTIONS + 1:  # the others would only repeat it
            logger.warning(
                "Server %r asked more than %d questions in one request; those were declined.",
                self.server,
                QUESTIONS,
            )
        return False


async def _by_program(elicit: Elicit, question: Question) -> Elicited:
    """A function's answer; what it raises is its program's to read, and a decline."""
    try:
        return answer_of(await awaited(elicit(question)))
    except Exception:
        logger.exception("elicit= failed at a question of server %r; declined.", question.server)
        return Elicited(action="decline")
