"""Cursor pagination: stable under concurrent writes, constant cost at any depth."""

from datetime import UTC

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class NewestFirst(CursorPagination):
    """Pages of 25 (`page_size` up to 100), newest first; a subclass may name another order.

    The first field of the order is a moment.
    """

    page_size = 25
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Refuse a made-up cursor here: the database would fail on it.

        Raises:
            NotFound: unless its position is a moment that can be.
        """
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                moment = parse_datetime(str(cursor.position))
                if moment is None or moment.tzinfo is None:
                    raise ValueError("not a moment")
                moment.astimezone(UTC)
            except (ValueError, OverflowError) as made_up:
                raise NotFound(self.invalid_cursor_message) from made_up
        return cursor
