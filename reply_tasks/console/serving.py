"""Serves the console on loopback: one socket, bounded requests, a deadline for every exchange."""

import asyncio
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

LOOPBACK = "127.0.0.1"
#: How long a request may take to arrive, and an answer to be taken.
REQUEST_SECONDS = 15.0
ANSWER_SECONDS = 300.0
_MOST_CONNECTIONS = 400


class _Deadlines(H11Protocol):
    """A connection that is closed when its client is too slow, at either end of the exchange."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(REQUEST_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            self._wait(REQUEST_SECONDS)
        super().data_received(data)

    def on_response_complete(self) -> None:
        self._wait(None)  # from here on it is idle, which has a timeout of its own
        super().on_response_complete()

    def _wait(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self._is_late, seconds)

    def _is_late(self, seconds: float) -> None:
        self._timer = None
        arrived = self.cycle is not None and not self.cycle.more_body
        if arrived and seconds < ANSWER_SECONDS:
            self._wait(ANSWER_SECONDS)
        else:
            self.transport.abort()


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; 0: on any free port.

    Raises:
        OSError: The port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


class Server(uvicorn.Server):
    """The server of one console; it says nothing of its own on the terminal."""

    def __init__(self, app: ASGIApp, **config: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(
            uvicorn.Config(
                app,
                http=_Deadlines,
                loop="asyncio",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=3,
                limit_concurrency=_MOST_CONNECTIONS,
                **config,
            )
        )
