"""A real Toxiproxy of the user's own that carries the links of the user's own processes."""

from __future__ import annotations

from chaos.environments.local import own
from chaos.environments.local.proxy_api import Carrier
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed, Refused


class Toxiproxy:
    """The one an environment names. Where it names none, nothing is done."""

    def __init__(self, ref: EnvironmentRef | None) -> None:
        settings = own.settings_of(ref) if ref is not None else None
        self._url = settings.toxiproxy if settings is not None else ""
        self._carrier = Carrier(self._url, real=True)
        self._links = own.links_of(settings) if settings is not None and self._url else []

    def check(self) -> None:
        """Raises Refused when it does not answer."""
        if self._url:
            try:
                self._carrier.version()
            except ActionFailed as error:
                raise Refused(f"{error.message}; nothing was started", "start it: toxiproxy-server") from error

    def carry(self) -> None:
        """Have it carry the links; what it carries already it goes on with. Raises ActionFailed."""
        if not self._url:
            return
        proxies: list[dict[str, object]] = [
            {
                "name": self._carrier.name_of(link.name),
                "listen": f"{own.HOST}:{link.listen_port}",
                "upstream": f"{own.HOST}:{link.upstream_port}",
            }
            for link in self._links
        ]
        self._carrier.populate(proxies)

    def let_go(self) -> str:
        """Have it carry them no longer. Why it may still carry some, as a sentence; empty when it does not."""
        try:
            for link in self._links:
                self._carrier.remove(link.name)
        except ActionFailed as error:
            return f"  what the Toxiproxy carries was left there: {error.message}"
        return ""
