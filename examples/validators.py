"""An answer of a type, and a rule that no type can say. What breaks it goes back to the model."""

from pydantic import BaseModel, Field

from universal_mcp_client import Agent, OutputInvalid, Retry, RunContext

PRICE = 120  # of a night


class Stay(BaseModel):
    city: str
    nights: int = Field(ge=1)


class Nothing(BaseModel):
    """Where no stay is possible."""

    why: str


def affordable(ctx: RunContext[int], answer: Stay | Nothing) -> Stay | Nothing:
    if isinstance(answer, Stay) and answer.nights * PRICE > ctx.deps:
        raise Retry(
            f"{answer.nights} nights cost {answer.nights * PRICE}, and {ctx.deps} are left."
        )
    return answer


agent = Agent(
    "openai:gpt-5",
    "You book stays.",
    deps_type=int,
    output_type=Stay | Nothing,
    validate=affordable,
    output_retries=3,
)

try:
    match agent.run_sync("A week in Oslo, or as long as I can afford.", deps=500).output:
        case Stay(city=city, nights=nights):
            print(f"{nights} nights in {city}")
        case Nothing(why=why):
            print(f"No stay: {why}")
except OutputInvalid as error:
    print(f"No answer that fits: {error}")
