"""The contenders for the call of asyncio, as in `blocking`."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from asked import CONTACT_NOTIFICATION, FIRM_ID, HEADERS, KEY_ID, KEY_SECRET, PORTAL_PUBLISHING, ROUTE
from blocking import FLOOR, OURS, Contender, raw_length, raw_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import Any

    Publish = Callable[[list[int]], Awaitable[Any]]


@asynccontextmanager
async def addepar_portal(url: str) -> AsyncIterator[Publish]:
    from addepar_portal import AsyncPortalClient

    async with AsyncPortalClient(base_url=url, firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET) as client:
        yield lambda file_ids: client.publish_files(
            file_ids, portal_publishing=PORTAL_PUBLISHING, contact_notification=CONTACT_NOTIFICATION
        )


@asynccontextmanager
async def aiohttp_and_msgspec(url: str) -> AsyncIterator[Publish]:
    import aiohttp
    from shape_msgspec import body, rows

    async with aiohttp.ClientSession(headers=HEADERS, raise_for_status=True) as session:

        async def publish(file_ids: list[int]) -> Any:
            async with session.post(url + ROUTE, data=body(file_ids)) as response:
                return rows(await response.read())

        yield publish


@asynccontextmanager
async def httpx_and_pydantic(url: str) -> AsyncIterator[Publish]:
    import httpx
    from shape_pydantic import body, rows

    async with httpx.AsyncClient(base_url=url, headers=HEADERS) as client:

        async def publish(file_ids: list[int]) -> Any:
            response = await client.post(ROUTE, content=body(file_ids))
            response.raise_for_status()
            return rows(response.content)

        yield publish


@asynccontextmanager
async def pyreqwest_and_msgspec(url: str) -> AsyncIterator[Publish]:
    from pyreqwest.client import ClientBuilder
    from shape_msgspec import body, rows

    async with ClientBuilder().default_headers(HEADERS).error_for_status(True).build() as client:

        async def publish(file_ids: list[int]) -> Any:
            response = await client.post(url + ROUTE).body_bytes(body(file_ids)).build().send()
            return rows(await response.bytes())

        yield publish


@asynccontextmanager
async def raw_socket(url: str) -> AsyncIterator[Publish]:
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    buffer = bytearray(1 << 20)
    ready: dict[tuple[int, int], tuple[bytes, int]] = {}

    async def exchange(request: bytes, length: int) -> int:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, request)
        while length > 0:
            length -= await loop.sock_recv_into(connection, buffer)
        return -length

    async def get_ready(file_ids: list[int]) -> tuple[bytes, int]:
        request = raw_request(url, file_ids)
        read = await exchange(request, 1) + 1
        length = raw_length(buffer[:read])
        await exchange(b"", length - read)
        return request, length

    async def publish(file_ids: list[int]) -> None:
        known = file_ids[0], len(file_ids)
        if known not in ready:
            ready[known] = await get_ready(file_ids)
        await exchange(*ready[known])

    with connection:
        yield publish


CONTENDERS = {
    FLOOR: Contender(raw_socket, "none"),
    OURS: Contender(addepar_portal, "report"),
    "aiohttp + msgspec": Contender(aiohttp_and_msgspec, "rows"),
    "pyreqwest + msgspec": Contender(pyreqwest_and_msgspec, "rows"),
    "httpx + pydantic": Contender(httpx_and_pydantic, "rows"),
}
