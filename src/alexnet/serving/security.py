"""Who may ask, and what browsers are told: a bearer token, known hosts, and strict headers.

Sources: RFC 6750 (bearer tokens), CSP Level 3, the Fetch standard (Sec-Fetch-Site).
"""

import hmac
import secrets
import time
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import Scope

from alexnet.serving.limits import Refused

OPEN = frozenset(["/", "/style.css", "/page.js", "/ask.js", "/icon.svg", "/healthz", "/readyz"])
"""What is given without a token: the page, which holds nothing of the run; whether the server is there."""

LOCAL = frozenset(["127.0.0.1", "localhost", "[::1]"])

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)
ANSWER_POLICY = "default-src 'none'; frame-ancestors 'none'"

HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": ANSWER_POLICY,
    "cache-control": "no-store",
}


def require_allowed(scope: Scope, *, token: str | None, hosts: frozenset[str] | None) -> None:
    """Refuse a request without the token, of a host that is not ours, or sent by another site's page."""
    headers = Headers(scope=scope)
    if hosts is not None and _host(headers.get("host", "")) not in hosts:
        raise Refused(421, "this server answers to its own name only: open it as http://127.0.0.1")
    if headers.get("sec-fetch-site") == "cross-site" and scope["path"] != "/":
        raise Refused(403, "another site's page may not ask this server")
    if token is None or scope["path"] in OPEN or scope["path"].startswith("/report/"):
        return
    if not _bears(headers.get("authorization", ""), token):
        raise Refused(401, "this server wants its token: Authorization: Bearer TOKEN")


def _bears(authorization: str, token: str) -> bool:
    kind, _, given = authorization.partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    return same and kind.lower() == "bearer"


def _host(value: str) -> str:
    """The host without its port.

    >>> _host("localhost:8000"), _host("[::1]:8000"), _host("LOCALHOST")
    ('localhost', '[::1]', 'localhost')
    """
    host, _, port = value.lower().rpartition(":")
    return host if host and port.isdigit() else value.lower()


class Tickets:
    """Addresses that open the report once, for a minute: a frame cannot send a token."""

    def __init__(self, seconds: float = 60.0, most: int = 100) -> None:
        self._seconds, self._most = seconds, most
        self._until: dict[str, float] = {}

    def issue(self) -> str:
        """A new ticket."""
        now = time.monotonic()
        self._until = {ticket: until for ticket, until in self._until.items() if until > now}
        while len(self._until) >= self._most:
            self._until.pop(next(iter(self._until)))
        ticket = secrets.token_urlsafe(24)
        self._until[ticket] = now + self._seconds
        return ticket

    def take(self, ticket: str) -> bool:
        """Whether it is good; it is so once."""
        return self._until.pop(ticket, 0.0) > time.monotonic()
