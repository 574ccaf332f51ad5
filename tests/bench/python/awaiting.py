"""The contenders for the call of asyncio, as in `blocking`."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from asked import FIRM_ID, HEADERS, KEY_ID, KEY_SECRET, MODES, ROUTE, ca_file, raw_request, tls
from blocking import OURS, Contender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import Any

    Publish = Callable[[list[int]], Awaitable[Any]]


@asynccontextmanager
async def addepar_portal(url: str) -> AsyncIterator[Publish]:
    from addepar_portal import AsyncPortalClient

    async with AsyncPortalClient(
        base_url=url, firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET, ca_file=ca_file()
    ) as client:
        yield lambda file_ids: client.publish_files(file_ids, **MODES)


@asynccontextmanager
async def aiohttp_and_msgspec(url: str, *, kept: bool = False) -> AsyncIterator[Publish]:
    import aiohttp
    from shape_msgspec import body, rows

    # As many connections at once as there are calls.
    connector = aiohttp.TCPConnector(ssl=tls(), force_close=not kept, limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS, raise_for_status=True) as session:

        async def publish(file_ids: list[int]) -> Any:
            async with session.post(url + ROUTE, data=body(file_ids)) as response:
                return rows(await response.read())

        yield publish


@asynccontextmanager
async def httpx_and_pydantic(url: str) -> AsyncIterator[Publish]:
    import httpx
    from shape_pydantic import body, rows

    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, verify=tls(), limits=limits) as client:

        async def publish(file_ids: list[int]) -> Any:
            response = await client.post(ROUTE, content=body(file_ids))
            response.raise_for_status()
            return rows(response.content)

        yield publish


@asynccontextmanager
async def pyreqwest_and_msgspec(url: str) -> AsyncIterator[Publish]:
    from pathlib import Path

    from pyreqwest.client import ClientBuilder
    from shape_msgspec import body, rows

    builder = ClientBuilder().add_root_certificate_pem(Path(ca_file()).read_bytes()).pool_max_idle_per_host(0)
    async with builder.default_headers(HEADERS).error_for_status(True).build() as client:

        async def publish(file_ids: list[int]) -> Any:
            response = await client.post(url + ROUTE).body_bytes(body(file_ids)).build().send()
            return rows(await response.bytes())

        yield publish


@asynccontextmanager
async def streams(url: str) -> AsyncIterator[Publish]:
    """The floor: asyncio's own TLS, which cannot resume a session."""
    address = urlsplit(url)
    ready: dict[int, bytes] = {}

    async def publish(file_ids: list[int]) -> None:
        if len(file_ids) not in ready:
            ready[len(file_ids)] = raw_request(address.netloc, address.path, file_ids)
        reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=tls())
        writer.write(ready[len(file_ids)])
        await reader.read()
        writer.close()
        await writer.wait_closed()

    yield publish


CONTENDERS = {
    "asyncio streams": Contender(streams, "nothing"),
    OURS: Contender(addepar_portal, "report"),
    "aiohttp + msgspec": Contender(aiohttp_and_msgspec, "rows"),
    "aiohttp + msgspec, kept": Contender(partial(aiohttp_and_msgspec, kept=True), "rows"),
    "pyreqwest + msgspec": Contender(pyreqwest_and_msgspec, "rows"),
    "httpx + pydantic": Contender(httpx_and_pydantic, "rows"),
}
