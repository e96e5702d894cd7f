"""Cursor pagination: stable under concurrent writes, constant cost at any depth."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Pages of 25 (`page_size` up to 100), newest first; a subclass may name another order."""

    page_size = 25
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")
