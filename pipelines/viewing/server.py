"""The server of `synthehr view`: this machine only, behind a token, no word of it logged."""

import errno
import os
import socketserver
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipelines.viewing.door import HOST, Door
from pipelines.viewing.site import LONGEST_QUERY, Response, Site, fields_of
from synthehr.errors import BadRequest

HEADERS = {
    # no script, no frame, no request elsewhere; reports carry their styles and pictures within
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FORM = "application/x-www-form-urlencoded"
STAY_OUT = (
    "This page is shown only to whoever has its address with the token, as `synthehr view` printed it. Open that "
    "address; one that a browser was started with works once."
)


class Server(ThreadingHTTPServer):
    """One folder, served to one person.

    port: 0 for any that is free.

    Raises:
        BadRequest: the port is taken or may not be had.
    """

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let another program take over the port

    def __init__(self, site: Site, port: int = 0) -> None:
        self.site = site
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise BadRequest(
                f"Port {port} cannot be had ({error.strerror}). Choose another, or leave --port out for a free one."
            ) from None
        self.door = Door(self.server_port)

    def server_bind(self) -> None:
        """Bind without asking the network for the machine's name, as the parent class does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error to print, and what fails within a request is told there."""


class Handler(BaseHTTPRequestHandler):
    """One connection: name, token or cookie, origin; then what the site answers."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "synthehr"
    sys_version = ""
    timeout = 60  # of a connection that says nothing

    def do_GET(self) -> None:
        """Pages and files."""
        self._reply(self._get)

    def do_HEAD(self) -> None:
        """As GET; `_send` leaves the body out."""
        self._reply(self._get)

    def do_POST(self) -> None:
        """A query."""
        self._reply(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: neither who looked at what nor what was asked."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the parent class refuses by itself (a bad request line, another method)."""
        self.close_connection = True
        self._send(
            self.server.site.refused(code, "Not possible", "This page is read with GET and asked with POST only.")
        )

    def _reply(self, answer: Callable[[], Response]) -> None:
        try:
            response = answer()
        except Exception as error:  # a page that fails must not take the server with it, nor show a traceback
            words = f"The page could not be made ({type(error).__name__}). Go back, or start the command again."
            response = self.server.site.refused(500, "Not possible", words)
        self._send(response)

    def _get(self) -> Response:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # its body is not read and must not pass for the next request
        path, _, query = self.path.partition("?")
        if not self.server.door.is_named(self.headers):
            return self._stay_out()
        token = fields_of(query).get("token") if path == "/" else None
        if token is not None and self.server.door.takes(token):
            return Response(303, b"", headers={"Location": "/", "Set-Cookie": self.server.door.set_cookie})
        if not self.server.door.is_inside(self.headers):
            return self._stay_out()
        if token is not None:  # a spent one, from a browser that is inside already
            return Response(303, b"", headers={"Location": "/"})
        return self.server.site.get(path, query)

    def _post(self) -> Response:
        door, refused = self.server.door, self.server.site.refused
        length = self._length()
        # read before anything is refused: a connection closed upon unread bytes may lose the answer
        form = self.rfile.read(length).decode("utf-8", errors="replace") if 0 <= length <= LONGEST_QUERY else None
        if not (door.is_named(self.headers) and door.is_inside(self.headers) and door.is_from_own_page(self.headers)):
            return self._stay_out()
        if form is None:
            self.close_connection = True
            return refused(
                413, "Too long", f"A query comes with its length, at most {LONGEST_QUERY:,} bytes. Shorten it."
            )
        if self.headers.get_content_type() != FORM:
            return refused(415, "Not possible", "A query comes from the form of the query page.")
        return self.server.site.ask(self.path.partition("?")[0], form)

    def _length(self) -> int:
        """Bytes of the body, -1 where that is not said once and plainly."""
        said = self.headers.get_all("Content-Length", [])
        plain = len(said) == 1 and said[0].isascii() and said[0].isdigit() and "Transfer-Encoding" not in self.headers
        return int(said[0]) if plain else -1

    def _stay_out(self) -> Response:
        self.close_connection = True
        return self.server.site.refused(403, "Not for you", STAY_OUT)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in {**HEADERS, **response.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
