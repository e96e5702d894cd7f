"""Cursor pagination: stable under concurrent writes, constant cost at any depth."""

from datetime import UTC

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class Pages(CursorPagination):
    """Pages of 25 (`page_size` up to 100); a subclass says in which order."""

    page_size = 25
    max_page_size = 100
    page_size_query_param = "page_size"

    def check_position(self, position: str) -> None:
        """Look whether this can be a value of the order's first field.

        Raises:
            ValueError, OverflowError: it cannot.
        """
        raise NotImplementedError

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Refuse a made-up cursor here: the database would fail on it.

        Raises:
            NotFound: unless its position can be.
        """
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                self.check_position(str(cursor.position))
            except (ValueError, OverflowError) as made_up:
                raise NotFound(self.invalid_cursor_message) from made_up
        return cursor


class NewestFirst(Pages):
    """Newest first; a subclass may name another moment."""

    ordering = ("-created_at", "-id")

    def check_position(self, position: str) -> None:
        moment = parse_datetime(position)
        if moment is None or moment.tzinfo is None:
            raise ValueError("not a moment")
        moment.astimezone(UTC)
