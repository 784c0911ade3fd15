"""A server of bare sockets, for what no HTTP library would send."""

from __future__ import annotations

import contextlib
import socket
import threading

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'


class RawServer:
    """Accepts connections on loopback and hands each to a function, on a thread of its own."""

    def __init__(self, handle):
        self.handle = handle
        self.requests = []
        self.mine = threading.local()  # .head: the request that the handler on this thread answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/arcgis/rest/services/x/GPServer"
        self.open = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            worker = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            worker.start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.mine.head = head.decode("latin-1")
            self.requests.append(self.mine.head)
            self.handle(connection, self)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.thread.join(5)


def drip(piece, every_s=0.05):
    def handle(connection, server):
        while not server.over.wait(every_s):
            connection.sendall(piece)

    return handle


def answer(data):
    return lambda connection, server: connection.sendall(data)


def silent(connection, server):
    server.over.wait(30)
