"""A Unix socket in front of an engine's: passes everything on, is away, hangs, or cuts what is open."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self

ENGINE = "/var/run/docker.sock"
CHUNK = 65536


class SocketProxy:
    """While `passing` is cleared every answer is kept back.."""

    def __init__(self, path: Path, target: str = ENGINE) -> None:
        self.path = path
        self.target = target
        self.passing = threading.Event()
        self.passing.set()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def start(self) -> Self:
        """Listen; after `stop`, again."""
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Nobody listens any more, and what was open is closed."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.path.unlink(missing_ok=True)
        self.sever()

    def sever(self) -> None:
        """Close every connection that is open now."""
        with self._lock:
            found, self._open = self._open, set()
        for one in found:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.passing.set()
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            engine.connect(self.target)
            with self._lock:
                self._open |= {client, engine}
            for source, sink, waits in ((client, engine, False), (engine, client, True)):
                threading.Thread(target=self._pass_on, args=(source, sink, waits), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, waits: bool) -> None:
        try:
            while chunk := source.recv(CHUNK):
                if waits:
                    self.passing.wait()
                sink.sendall(chunk)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
