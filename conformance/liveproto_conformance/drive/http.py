"""The HTTP side of a target: its version, and publishing routes that are no WebSocket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_HTTP_OK: Final = 200


@attrs.frozen
class Answer:
    """What an HTTP request came to: status 0 when it got no answer at all."""

    status: int
    body: str

    @property
    def ok(self) -> bool:
        """Whether it was answered 200."""
        return self.status == _HTTP_OK

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.body[:120]}" if self.status else self.body


class HttpClient:
    """Requests to one target, with its credentials."""

    def __init__(self, base: str, *, headers: Mapping[str, str], tls: ssl.SSLContext, timeout_s: float) -> None:
        # No proxies from the environment: the target is what the user named.
        self._client = httpx.Client(
            base_url=base, headers=dict(headers), verify=tls, timeout=timeout_s, trust_env=False
        )

    def get(self, path: str) -> Answer:
        """GET a path below the root of the target."""
        return self._send("GET", path, b"", {})

    def post(self, path: str, body: str, content_type: str) -> Answer:
        """POST a text to a path below the root of the target."""
        return self._send("POST", path, body.encode(), {"Content-Type": content_type})

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            response = self._client.request(method, path, content=body or None, headers=dict(headers))
        except httpx.HTTPError as error:
            return Answer(0, f"{type(error).__name__}: {error}")
        return Answer(response.status_code, response.text)


def grafana_version(client: HttpClient) -> str | None:
    """Ask a target which Grafana it is; None where it does not tell."""
    for path, keys in (("/api/health", ("version",)), ("/api/frontend/settings", ("buildInfo", "version"))):
        answer = client.get(path)
        if not answer.status:
            return None
        if not answer.ok:
            continue
        try:
            value: Any = json.loads(answer.body)
            for key in keys:
                value = value[key]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(value, str) and value:
            return value
    return None
