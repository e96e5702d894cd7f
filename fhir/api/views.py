"""The interactions of FHIR R4 (section 3.1.0): read, search, create, update, and operations."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, QueryDict
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Why
from audit.services import note
from backend.api.errors import ApiError, Gone, PreconditionFailed, PreconditionRequired
from fhir.api.door import FhirView, answer, base_of, context_of
from fhir.bundles import device_of, patients_in, searchset, uuid_of
from fhir.capability import capability_statement, smart_configuration
from fhir.elements import Json
from fhir.everything import everything, first_of
from fhir.rendering import etag
from fhir.search.pages import Hit, find
from fhir.search.request import Asked, asked
from fhir.search.values import BadValue
from fhir.table import TYPES
from fhir.writing import write_patient
from patients.access import Level, patient_for, patients_for
from patients.models import Patient
from patients.selectors import ids_of_file


class PublicView(FhirView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]


class CapabilityView(PublicView):
    def get(self, request: Request) -> Response:
        root = request.build_absolute_uri("/").rstrip("/")
        return Response(capability_statement(base_of(request), root))


class SmartView(PublicView):
    def get(self, request: Request) -> Response:
        root = request.build_absolute_uri("/").rstrip("/")
        return Response(smart_configuration(root), content_type="application/json")


class NothingView(PublicView):
    """Whatever else is asked for under the base."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404


class OneView(FhirView):
    """What the views of one resource have in common."""

    def hit(self, resource_id: str) -> Hit:
        """Return the resource, if the caller may see it.

        Raises:
            Http404, Gone
        """
        hit = find(self.resource, self.user, resource_id)
        if hit is None:
            raise self.gone_or_missing(resource_id)
        return hit

    def note_hit(self, hit: Hit, verb: str) -> None:
        patient_id = hit.source.patient_of(hit.row)
        note(
            self.request,
            action=f"fhir.{self.resource.slug}.{verb}",
            patient_id=patient_id,
            why=why_of(self, patient_id),
            subject=(hit.source.kind, UUID(str(hit.row.pk))),
        )

    def gone_or_missing(self, resource_id: str) -> Exception:
        """Name the file that took another one up, to those who may see it."""
        row_id = uuid_of(resource_id)
        if self.resource is not TYPES["Patient"] or row_id is None:
            return Http404()
        kept = Patient.objects.filter(pk=row_id).values_list("merged_into", flat=True).first()
        while kept is not None:
            file = patients_for(self.user).filter(pk=kept).first()
            if file is not None and row_id in ids_of_file(file):
                note(
                    self.request,
                    action="fhir.patient.read",
                    patient_id=file.pk,
                    why=file.access_via,
                    subject=("patient", row_id),
                )
                return Gone("merged", f"This file was taken up by Patient/{file.pk}.")
            kept = Patient.objects.filter(pk=kept).values_list("merged_into", flat=True).first()
        return Http404()


class ResourceView(OneView):
    def get(self, request: Request, resource_type: str, resource_id: str) -> Response:
        self.require("read")
        if not self.resource.sources:
            found = device_of(resource_id)
            if found is None:
                raise Http404
            return answer(found)
        hit = self.hit(resource_id)
        self.note_hit(hit, "read")
        return answer(hit.built(context_of(request)))

    @transaction.atomic
    def put(self, request: Request, resource_type: str, resource_id: str) -> Response:
        """Change what FHIR can say of a patient; what it cannot say stays."""
        self.require_writable()
        self.require("update")
        row_id = uuid_of(resource_id)
        if row_id is None:
            raise Http404
        try:
            row = patient_for(self.user, row_id, level=Level.WRITER, lock=True)
        except Patient.DoesNotExist as missing:
            raise self.gone_or_missing(resource_id) from missing
        body = request.data
        if isinstance(body, dict) and body.get("id", resource_id) != resource_id:
            raise ApiError("invalid", "This is the id of another resource.", field="Patient.id")
        self.require_match(resource_id)
        _, dropped = write_patient(self.user, body, row)
        refuse_dropped(request, dropped)
        note(
            request,
            action="fhir.patient.edit",
            patient_id=row.pk,
            why=row.access_via,
            subject=("patient", row.pk),
            details={"not_kept": dropped} if dropped else None,
        )
        return answer(self.current(resource_id))

    def current(self, resource_id: str) -> Json:
        return self.hit(resource_id).built(context_of(self.request))

    def require_match(self, resource_id: str) -> None:
        wanted = parse_etags(self.request.headers.get("If-Match", ""))
        if not wanted:
            message = "Send If-Match with the ETag of the version that you changed."
            raise PreconditionRequired("if_match_required", message)
        now = etag(self.current(resource_id))
        if "*" not in wanted and now.removeprefix("W/") not in {
            each.removeprefix("W/") for each in wanted
        }:
            message = "This was changed since you read it: look at how it is now, and repeat."
            late = PreconditionFailed("version_conflict", message)
            late.headers["ETag"] = now
            raise late


class SearchView(FhirView):
    """What both ways of searching have in common."""

    def search(self, lists: list[tuple[str, list[str]]]) -> Response:
        if not self.resource.sources:
            raise MethodNotAllowed(str(self.request.method))
        self.require("search")
        pairs = [(name, value) for name, values in lists for value in values]
        try:
            understood = asked(self.resource, self.user, pairs)
            if understood.unknown and is_strict(self.request):
                names = ", ".join(understood.unknown)
                raise ApiError("not_supported", f"Not known here: {names}.")
            bundle, _ = searchset(self.resource, understood, context_of(self.request))
        except BadValue as bad:
            raise ApiError("invalid", str(bad)) from bad
        self.note_page(understood, [entry["resource"] for entry in bundle.get("entry", ())])
        return Response(bundle)

    def note_page(self, understood: Asked, shown: list[Json]) -> None:
        """One event for each page: in a patient's own trail where it is of one patient alone."""
        ids = patients_in(shown)
        asked_for = {
            value.rpartition("/")[2]
            for criterion in understood.search.criteria
            if criterion.name in ("patient", "subject")
            for value in criterion.values
        }
        alone = ids[0] if len(ids) == 1 and asked_for == set(ids) else None
        note(
            self.request,
            action=f"fhir.{self.resource.slug}.search",
            patient_id=UUID(alone) if alone else None,
            why=why_of(self, UUID(alone) if alone else None),
            details={"patients": ids, "search": [name for name, _ in understood.used]},
        )


class PostedSearchView(SearchView):
    parser_classes = [FormParser]
    http_method_names = ["post"]

    def post(self, request: Request, resource_type: str) -> Response:
        form: Any = request.data  # a plain dict where there is no body
        more = form.lists() if isinstance(form, QueryDict) else []
        return self.search([*request.query_params.lists(), *more])


class TypeView(SearchView):
    def get(self, request: Request, resource_type: str) -> Response:
        return self.search(list(request.query_params.lists()))

    @transaction.atomic
    def post(self, request: Request, resource_type: str) -> Response:
        """Open a file; with `If-None-Exist` only where there is none that fits."""
        self.require_writable()
        self.require("create")
        if condition := request.headers.get("If-None-Exist"):
            self.require("search")  # it answers with the patient who fits
            existing = self.existing(condition)
            if existing is not None:
                return answer(existing)
        patient, dropped = write_patient(self.user, request.data)
        refuse_dropped(request, dropped)
        hit = find(TYPES["Patient"], self.user, str(patient.pk))
        assert hit is not None  # noqa: S101 - whoever opens a file sees it
        note(
            request,
            action="fhir.patient.create",
            patient_id=patient.pk,
            why=why_of(self, patient.pk),
            subject=("patient", patient.pk),
            details={"not_kept": dropped} if dropped else None,
        )
        body = hit.built(context_of(request))
        made = answer(body, status.HTTP_201_CREATED)
        made["Location"] = f"{base_of(request)}/Patient/{patient.pk}"
        return made

    def existing(self, condition: str) -> Json | None:
        """Return the one patient that fits the condition, if there is one.

        Raises:
            ApiError: it is no search; PreconditionFailed: several fit.
        """
        pairs = [(n, v) for n, vs in QueryDict(condition.lstrip("?")).lists() for v in vs]
        try:
            understood = asked(TYPES["Patient"], self.user, pairs)
            if not understood.search.criteria or understood.unknown:
                raise BadValue("If-None-Exist must say by what a Patient is found.")
            page = understood.search.page(2)
        except BadValue as bad:
            raise ApiError("invalid", str(bad), field="If-None-Exist") from bad
        if len(page.hits) > 1:
            raise PreconditionFailed("several_match", "Several patients fit If-None-Exist.")
        if not page.hits:
            return None
        hit = page.hits[0]
        note(
            self.request,
            action="fhir.patient.read",
            patient_id=hit.row.pk,
            why=why_of(self, hit.row.pk),
            subject=("patient", hit.row.pk),
        )
        return hit.built(context_of(self.request))


class EverythingView(OneView):
    resource = TYPES["Patient"]

    def get(self, request: Request, resource_id: str) -> Response:
        self.require("read")
        self.note_hit(self.hit(resource_id), "everything")
        try:
            bundle, _ = everything(
                resource_id, first_of(request.query_params.dict()), context_of(request)
            )
        except BadValue as bad:
            raise ApiError("invalid", str(bad)) from bad
        return Response(bundle)


def why_of(view: FhirView, patient_id: UUID | None) -> str:
    """What opened the file to the caller."""
    if patient_id is None:
        return Why.ADMIN if view.user.is_admin else ""
    file = patients_for(view.user).filter(pk=patient_id).first()
    if file is not None:
        return file.access_via
    return Why.ADMIN if view.user.is_admin else ""


def is_strict(request: Request) -> bool:
    return "handling=strict" in request.headers.get("Prefer", "").replace(" ", "")


def refuse_dropped(request: Request, dropped: list[str]) -> None:
    """Whoever wants to be held to the word is told what would not be kept."""
    if dropped and is_strict(request):
        raise ApiError("not_supported", "This would not be kept.", field=dropped[0])
