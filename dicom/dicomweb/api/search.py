"""QIDO-RS (PS3.18, 10.6)."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.api.permissions import user_of
from dicom.dicomweb import answers, matching, selectors
from dicom.dicomweb.accept import choose
from dicom.dicomweb.api.base import (
    JSON_OFFERS,
    DicomwebView,
    json_answer,
    note_list,
    ranges_of,
    root_of,
)
from dicom.dicomweb.attributes import Json
from dicom.dicomweb.matching import Level, Query
from scans.models import Study

NO_FUZZY = (
    '299 {host} "The fuzzymatching parameter is not supported. '
    'Only literal matching has been performed."'
)
MORE = '299 {host} "There are {remaining} additional results that can be requested"'


class SearchView(DicomwebView):
    level: Level

    def search(self, request: Request, **within: str) -> HttpResponse:
        """Answer with what matches the query, in the study or series of the address."""
        choose(ranges_of(request), JSON_OFFERS)
        query = matching.parse(_pairs(request, within), self.level)
        found, patients, remaining = self.find(request, query)
        note_list(request, f"{self.level.name.lower()}.search", patients)
        answer = json_answer(request, found)
        warnings = []
        if remaining:
            warnings.append(MORE.format(host=request.get_host(), remaining=remaining))
        if query.fuzzy:
            warnings.append(NO_FUZZY.format(host=request.get_host()))
        if warnings:
            answer["Warning"] = ", ".join(warnings)
        return answer

    def find(self, request: Request, query: Query) -> tuple[list[Json], list[str], int]:
        """Return data sets, the ids of their patients, and how many more there are."""
        raise NotImplementedError


class SearchSeries(SearchView):
    level = Level.SERIES

    def get(self, request: Request, study_uid: str = "") -> HttpResponse:
        return self.search(request, StudyInstanceUID=study_uid)

    def find(self, request: Request, query: Query) -> tuple[list[Json], list[str], int]:
        page = selectors.page(selectors.series(user_of(request), query), query)
        sizes = selectors.sizes(page.rows)
        root = root_of(request)
        found = [answers.of_series(row, sizes[row.pk], root) for row in page.rows]
        return found, [str(row.study.patient_id) for row in page.rows], page.remaining


class SearchInstances(SearchView):
    level = Level.INSTANCE

    def get(self, request: Request, study_uid: str = "", series_uid: str = "") -> HttpResponse:
        return self.search(request, StudyInstanceUID=study_uid, SeriesInstanceUID=series_uid)

    def find(self, request: Request, query: Query) -> tuple[list[Json], list[str], int]:
        page = selectors.page(selectors.instances(user_of(request), query), query)
        found = [answers.of_instance(row, root_of(request)) for row in page.rows]
        patients = [str(row.series.study.patient_id) for row in page.rows]
        return found, patients, page.remaining


def find_studies(request: Request, query: Query) -> tuple[list[Json], list[str], int]:
    page = selectors.page(selectors.studies(user_of(request), query), query)
    extents = selectors.extents(page.rows)
    root = root_of(request)
    rows: list[Study] = [row for row in page.rows if row.pk in extents]
    found = [answers.of_study(row, extents[row.pk], root) for row in rows]
    return found, [str(row.patient_id) for row in rows], page.remaining


def _pairs(request: Request, within: dict[str, str]) -> list[tuple[str, Any]]:
    asked = [(name, value) for name, values in request.query_params.lists() for value in values]
    return [*asked, *((name, uid) for name, uid in within.items() if uid)]
