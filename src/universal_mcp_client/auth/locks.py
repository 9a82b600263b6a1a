"""One renewal at a time, over all processes and machines that share a store: a lock beside it."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from universal_mcp_client.config.state import private_folder
from universal_mcp_client.types.errors import ConfigError, TokenStoreError

WAIT = 60.0  # seconds; longer than any renewal may take
_LEASE = 90.0  # after which a dead machine's lock is void

Locks: TypeAlias = Callable[[str], AbstractAsyncContextManager[None]]
"""From a name to its lock, which is held inside `async with`."""


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _taken(seconds: float = WAIT) -> TokenStoreError:
    return TokenStoreError(
        f"Another process has been renewing this login for more than {seconds:g} s; try again."
    )


def memory_locks() -> Locks:
    """Locks within this process."""
    known: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def lock(name: str) -> AsyncGenerator[None]:
        async with known.setdefault(name, asyncio.Lock()):
            yield

    return lock


def file_locks(folder: Path, space: str) -> Locks:
    """Locks on this machine, as files in `folder`; `space` keeps stores apart. The system lets go
    of a dead process's locks by itself."""

    @asynccontextmanager
    async def lock(name: str) -> AsyncGenerator[None]:
        import filelock

        try:
            private_folder(folder)
            path = folder / f"{_digest(space + name)}.lock"
            held = filelock.AsyncFileLock(path, mode=0o600)
            await held.acquire(timeout=WAIT, poll_interval=0.02)
        except filelock.Timeout:
            raise _taken() from None
        except (OSError, ConfigError) as error:
            raise TokenStoreError(f"The lock in {folder} cannot be taken: {error}.") from error
        try:
            yield
        finally:
            await held.release()

    return lock


def redis_locks(client: Any) -> Locks:
    """Locks in Redis, with a lease."""

    @asynccontextmanager
    async def lock(name: str) -> AsyncGenerator[None]:
        from redis.exceptions import LockError

        held = client.lock(f"umcp-lock:{_digest(name)}", timeout=_LEASE, blocking_timeout=WAIT)
        if not await held.acquire():
            raise _taken()
        try:
            yield
        finally:
            try:
                await held.release()
            except LockError:  # the lease ran out before we were done
                pass

    return lock


def postgres_locks(connect: Callable[[], Any]) -> Locks:
    """PostgreSQL's advisory locks: held by a connection of their own, and gone with it."""

    @asynccontextmanager
    async def lock(name: str) -> AsyncGenerator[None]:
        number = int(_digest(name)[:15], 16)
        connection = await connect()
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", number, timeout=WAIT)
            yield
        except TimeoutError:
            raise _taken() from None
        finally:
            await connection.close()

    return lock


def dynamodb_locks(client: Callable[[], Any], table: str) -> Locks:
    """Locks as items of the store's own table, written on condition, with a lease."""

    @asynccontextmanager
    async def lock(name: str) -> AsyncGenerator[None]:
        owner, until = str(uuid.uuid4()), time.monotonic() + WAIT
        key = {"collection": {"S": "umcp-lock"}, "key": {"S": _digest(name)}}
        while not await _put_lock(client(), table, key, owner):
            if time.monotonic() >= until:
                raise _taken()
            await asyncio.sleep(0.1)
        try:
            yield
        finally:
            try:
                await client().delete_item(
                    TableName=table,
                    Key=key,
                    ConditionExpression="#owner = :owner",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={":owner": {"S": owner}},
                )
            except client().exceptions.ConditionalCheckFailedException:
                pass  # the lease ran out before we were done

    return lock


async def _put_lock(client: Any, table: str, key: dict[str, Any], owner: str) -> bool:
    now = int(time.time())
    try:
        await client.put_item(
            TableName=table,
            Item=key | {"owner": {"S": owner}, "ttl": {"N": str(now + int(_LEASE))}},
            ConditionExpression="attribute_not_exists(#key) OR #ttl < :now",
            ExpressionAttributeNames={"#key": "key", "#ttl": "ttl"},
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True
