"""How often somebody may ask. The counts are in the cache: with Redis all processes share them."""

import hashlib
import logging
import math
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.clients import address_of, network_of
from accounts.models import User

logger = logging.getLogger(__name__)


class Window(SimpleRateThrottle):
    """Counts requests in windows of time, by one atomic increment each.

    DRF's own keeps the time of every request of the last minute, reads it and writes it back: two
    processes lose each other's, and a generous limit makes the list long.
    """

    scope: str

    def __init__(self) -> None:
        """Take the limit as settings have it now, e.g. `600/min`; an empty one means no limit."""
        rate: str = getattr(settings, f"RATE_{self.scope.upper()}")
        self.most, self.window_s = self.parse_rate(rate or None)
        self.ends_in_s = 0.0

    def identity(self, request: HttpRequest | Request) -> str | None:
        """Return whose requests are counted together, or None to let this one pass."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: object) -> bool:
        return self.allow(request)

    def allow(self, request: HttpRequest | Request) -> bool:
        count = self._asked(request, self._counted)
        return count is None or self.most is None or count <= self.most

    def is_over(self, request: HttpRequest | Request) -> bool:
        """Whether `allow` would let nothing more pass; counts nothing."""
        count = self._asked(request, lambda key: int(self.cache.get(key, 0)))
        return count is not None and self.most is not None and count >= self.most

    def _asked(self, request: HttpRequest | Request, count: Callable[[str], int]) -> int | None:
        """The requester's `count`; None where nothing is limited or the cache does not answer."""
        identity = self.identity(request)
        if identity is None or self.window_s is None:
            return None
        try:
            return count(self.counter(identity, self.window_s))
        except ValueError:  # thrown out of the cache between the two steps of counting
            return None
        except RedisError:  # uploads go on without Redis; so does everything that has a limit
            logger.warning("Requests are not limited: the cache does not answer")
            return None

    def _counted(self, key: str) -> int:
        self.cache.add(key, 0, timeout=self.window_s)
        return int(self.cache.incr(key))

    def counter(self, identity: str, window_s: int) -> str:
        now = self.timer()
        window = int(now // window_s)
        self.ends_in_s = (window + 1) * window_s - now
        return f"throttle:{self.scope}:{window}:{identity}"

    def wait(self) -> int:
        """Return the seconds until the next window, at least one."""
        return max(1, math.ceil(self.ends_in_s))


class PerUser(Window):
    scope = "per_user"

    def identity(self, request: HttpRequest | Request) -> str | None:
        return str(request.user.pk) if isinstance(request.user, User) else None


class PerAddress(Window):
    scope = "per_address"

    def identity(self, request: HttpRequest | Request) -> str | None:
        return network_of(address_of(request))


class PublicPerAddress(PerAddress):
    """For what changes things without signing in."""

    scope = "public_per_address"


class MailPerAddressee(Window):
    """For what makes Falx write to an address that a stranger names."""

    scope = "mail_per_addressee"

    def identity(self, request: HttpRequest | Request) -> str | None:
        data = getattr(request, "data", None)
        email = data.get("email") if isinstance(data, dict) else None
        if request.method != "POST" or not isinstance(email, str):
            return None
        return hashlib.sha256(email.strip().lower().encode(errors="replace")).hexdigest()
