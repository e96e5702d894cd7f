"""What is read from a request's body."""

from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Parse JSON; what is nested deeper than Python goes is no request of ours."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as deep:
            raise ParseError("JSON parse error - nested too deeply") from deep
