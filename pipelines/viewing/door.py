"""Who may come in: whoever has the address with its token, from a browser on this machine, by our own name.

Other programs and other users of the machine reach its ports too, and so does any page that the browser has open.
"""

import secrets
from email.message import Message

HOST = "127.0.0.1"


class Door:
    """The secrets of one server: a token for the printed address, one to be used once, and the cookie they buy.

    port: that the server listens on. The address that a browser is started with stands in the list of processes, which
    everybody on the machine can read; so it carries a token of its own, which is worth nothing once used.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = secrets.token_urlsafe(32)
        self.token_once: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        # cookies know no ports: two servers must not take each other's
        self._cookie = f"synthehr_{port}"

    @property
    def origins(self) -> tuple[str, str]:
        """What a browser may call this server."""
        return f"http://{HOST}:{self.port}", f"http://localhost:{self.port}"

    @property
    def set_cookie(self) -> str:
        """The header that lets a browser in until it or the server ends."""
        return f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"

    def address(self, token: str) -> str:
        """Where to go with a token."""
        return f"{self.origins[0]}/?token={token}"

    def is_named(self, headers: Message) -> bool:
        """Whether the request was made to our name: a page of another name may resolve to this address (rebinding)."""
        hosts = headers.get_all("Host", [])
        return len(hosts) == 1 and f"http://{hosts[0].lower()}" in self.origins

    def takes(self, token: str) -> bool:
        """Whether a token opens the door; the one that is used once is gone then."""
        if self.token_once is not None and _same(token, self.token_once):
            self.token_once = None
            return True
        return _same(token, self.token)

    def is_inside(self, headers: Message) -> bool:
        """Whether the request has the cookie."""
        found = [_value(part, self._cookie) for line in headers.get_all("Cookie", []) for part in line.split(";")]
        return any(value is not None and _same(value, self._session) for value in found)

    def is_from_own_page(self, headers: Message) -> bool:
        """Whether a form of ours sent the request.

        Pages without referrers send the Origin `null`, so `Sec-Fetch-Site`, which no page can set, may stand for it.
        """
        origins, sites = headers.get_all("Origin", []), headers.get_all("Sec-Fetch-Site", [])
        foreign = [origin for origin in origins if origin not in (*self.origins, "null")]
        if foreign or any(site != "same-origin" for site in sites):
            return False
        return bool(sites) or any(origin != "null" for origin in origins)


def _value(part: str, name: str) -> str | None:
    key, equals, value = part.strip().partition("=")
    return value if equals and key == name else None


def _same(given: str, kept: str) -> bool:
    """In constant time; both are bytes, for of strings only ASCII can be compared."""
    return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), kept.encode())
