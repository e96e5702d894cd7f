"""Files that are written inside a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models.fields.files import FieldFile


@contextmanager
def written_files() -> Iterator[list[FieldFile]]:
    """Yield a list for the files that are written: they go again if what is around them fails.

    To be opened outside the transaction, which can fail as late as in its commit.
    """
    written: list[FieldFile] = []
    try:
        yield written
    except BaseException:
        for stored in written:
            stored.storage.delete(str(stored.name))
        raise
