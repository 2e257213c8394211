"""A TCP proxy that can be cut: what goes through it is reset, refused, or kept waiting."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE = 65_536


class Proxy:
    """Passes on what comes to `port`, to a port of this machine or to a socket in a folder.

    `answered` is how many bytes came back from there, `cuts` how often it was cut or stalled.
    """

    def __init__(self, target: int | str) -> None:
        self.port = 0
        self.answered = 0
        self.cuts = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._up = True
        self._flowing = asyncio.Event()

    def cut(self) -> None:
        """Reset all connections, and every new one, until it is mended."""
        self.cuts += 1
        self._loop.call_soon_threadsafe(self._cut)

    def stall(self) -> None:
        """Let nothing through, and close nothing, until it is mended."""
        self.cuts += 1
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def mend(self) -> None:
        """Let everything through again."""
        self._loop.call_soon_threadsafe(self._mend)

    def _cut(self) -> None:
        self._up = False
        for writer in self._open:
            _reset(writer)

    def _mend(self) -> None:
        self._up = True
        self._flowing.set()

    def run(self, ready: threading.Event) -> None:
        """Serve until `close`."""
        asyncio.set_event_loop(self._loop)
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0)
        server = self._loop.run_until_complete(serving)
        self.port = server.sockets[0].getsockname()[1]
        self._flowing.set()
        ready.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    def close(self) -> None:
        """Serve no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if not self._up:
                _reset(writer)
                return
            await self._flowing.wait()
            behind, beyond = await self._dial()
            self._open.add(beyond)
            both = self._pump(reader, beyond), self._pump(behind, writer, is_answer=True)
            await asyncio.gather(*both)
            self._open.discard(beyond)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)

    def _dial(
        self,
    ) -> (
        asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        | asyncio.Task[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    ):
        if isinstance(self._target, str):
            return self._loop.create_task(asyncio.open_unix_connection(self._target))
        return self._loop.create_task(asyncio.open_connection("127.0.0.1", self._target))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_AT_ONCE):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
                self.answered += is_answer * len(data)
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a machine does that is gone: with RST, not with FIN."""
    found = writer.get_extra_info("socket")
    # Whose other end has gone may be closed already, a moment before anybody takes it off the list.
    if found.family != socket.AF_UNIX and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def proxy(target: int | str) -> Iterator[Proxy]:
    """Run a proxy."""
    made, ready = Proxy(target), threading.Event()
    thread = threading.Thread(target=made.run, args=(ready,), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield made
    finally:
        made.close()
        thread.join()
