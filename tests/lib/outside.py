"""A small server on this machine that misbehaves on demand, and counts."""

import gzip
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {name.title(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers, body))
        name = self.path.split("?")[0].strip("/").split("/")[0]
        getattr(self, f"answer_{name}", self.answer_echo)()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def reply(self, status=200, body=b"ok", **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_echo(self):
        self.reply(body=f"{self.command} {self.path}".encode(), Content_Type="text/plain")

    def answer_to(self):
        self.reply(302, b"", Location=self.path.split("?", 1)[1])

    def answer_loop(self):
        self.reply(302, b"", Location="/loop")

    def answer_reset(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def answer_hang(self):
        self.server.released.wait(10)
        self.close_connection = True

    def answer_drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            if self.server.released.wait(0.05):
                break
            try:
                self.wfile.write(b"x")
                self.wfile.flush()
            except OSError:
                break
        self.close_connection = True

    def answer_cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def answer_huge(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(b"x" * 100_000)
        except OSError:
            pass
        self.close_connection = True

    def answer_bomb(self):
        self.reply(body=BOMB, Content_Encoding="gzip")

    def answer_zipped(self):
        self.reply(body=gzip.compress(b"hello " * 100), Content_Encoding="gzip")

    def answer_odd(self):
        self.reply(body=b"xx", Content_Encoding="br")

    def answer_once(self):
        """Answers, promises to keep the connection, and closes it."""
        self.reply()
        self.close_connection = True

    def answer_lines(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for word in (b"one", b"two"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(word), word))
            self.wfile.flush()
            time.sleep(0.02)
        self.wfile.write(b"0\r\n\r\n")


BOMB = gzip.compress(b"\0" * (200 * 1024 * 1024), 9)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.connections, self.released = [], 0, threading.Event()

    def verify_request(self, request, client_address):
        self.connections += 1
        return True

    @property
    def port(self):
        return self.server_address[1]

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def outside():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
