"""Second opinions. A colleague is shown a scan with its analyses, hence here."""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsClinician, user_of
from accounts.models import User
from audit.api.lists import NotedList
from audit.services import note
from backend.api.errors import Forbidden
from inference.api.opinion_serializers import (
    AnswerSerializer,
    AskSerializer,
    DeclineSerializer,
    OpinionSerializer,
    OpinionWithContentsSerializer,
    WhichOpinionsSerializer,
)
from inference.selectors import contents_of
from patients.access import OPINION, Level
from patients.team.selectors import colleague
from scans.api.views import get_scan
from scans.opinions import selectors, services
from scans.opinions.models import Opinion


class AskView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Ask a colleague about a scan",
        description=(
            "They see the question, this scan with its analyses, the patient's age and sex, and "
            "the chosen entries; name, file name, note and original only with `show_name`."
        ),
        tags=["opinions"],
        request=AskSerializer,
        responses={201: OpinionSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, scan_id: UUID) -> Response:
        scan = get_scan(request, scan_id, action="opinion.ask", level=Level.WRITER)
        given = AskSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        asked = colleague(user=fields.pop("colleague"), field="colleague")
        opinion = services.ask(scan=scan, by=user_of(request), colleague=asked, **fields)
        return Response(OpinionSerializer(opinion).data, status=status.HTTP_201_CREATED)


LISTS: dict[str, Callable[[User], QuerySet[Opinion]]] = {
    "": selectors.asked_of_or_by,
    "of_me": selectors.asked_of,
    "by_me": selectors.asked_by,
}


@extend_schema_view(
    get=extend_schema(
        summary="Opinions asked of me and by me",
        tags=["opinions"],
        parameters=[OpenApiParameter("asked", str, enum=["of_me", "by_me"])],
    )
)
class OpinionsView(NotedList):
    permission_classes = [IsClinician]
    noted_as = "opinions.list"
    serializer_class = OpinionSerializer

    def get_queryset(self) -> QuerySet[Opinion]:
        if getattr(self, "swagger_fake_view", False):
            return Opinion.objects.none()
        which = WhichOpinionsSerializer(data=self.request.query_params)
        which.is_valid(raise_exception=True)
        return LISTS[which.validated_data.get("asked", "")](user_of(self.request))


class OpinionView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="An opinion, with what it is about",
        tags=["opinions"],
        responses=OpinionWithContentsSerializer,
    )
    def get(self, request: Request, opinion_id: UUID) -> Response:
        opinion = get_opinion(request, opinion_id, action="opinion.read")
        contents = contents_of(opinion, user_of(request))
        return Response(OpinionWithContentsSerializer(opinion, context={"contents": contents}).data)


class AnswerView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Answer; the answer goes into the patient's history",
        tags=["opinions"],
        request=AnswerSerializer,
        responses=OpinionSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, opinion_id: UUID) -> Response:
        opinion = get_opinion(request, opinion_id, action="opinion.answer", asked=True)
        given = AnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        opinion = services.answer(opinion=opinion, **given.validated_data)
        return Response(OpinionSerializer(opinion).data)


class DeclineView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Decline, and say why",
        tags=["opinions"],
        request=DeclineSerializer,
        responses=OpinionSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, opinion_id: UUID) -> Response:
        opinion = get_opinion(request, opinion_id, action="opinion.decline", asked=True)
        given = DeclineSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        opinion = services.decline(opinion=opinion, **given.validated_data)
        return Response(OpinionSerializer(opinion).data)


class WithdrawView(APIView):
    permission_classes = [IsClinician]

    @extend_schema(
        summary="Take the question back; who asked, owners and admins",
        tags=["opinions"],
        request=None,
        responses=OpinionSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, opinion_id: UUID) -> Response:
        opinion = get_opinion(request, opinion_id, action="opinion.withdraw")
        user = user_of(request)
        level = opinion.file.access_level if opinion.file else 0
        if not level or (level < Level.OWNER and opinion.asked_by_id != user.pk):
            message = "Who asked, or an owner of the file, may take a question back."
            raise Forbidden("not_yours", message)
        return Response(OpinionSerializer(services.withdraw(opinion=opinion, by=user)).data)


def get_opinion(request: Request, opinion_id: UUID, *, action: str, asked: bool = False) -> Opinion:
    """Return the opinion that the caller may see, and write that down; or answer 404.

    Args:
        asked: Let only the colleague who is asked pass; 403 for others who may see it.
    """
    user = user_of(request)
    try:
        opinion = selectors.opinion_for(user, opinion_id)
    except Opinion.DoesNotExist as missing:
        raise Http404 from missing
    if asked and opinion.colleague_id != user.pk:
        raise Forbidden("not_asked", "Only the colleague who is asked may do this.")
    note(
        request,
        action=action,
        patient_id=opinion.scan.patient_id,
        why=opinion.file.access_via if opinion.file else OPINION,
        subject=("opinion", opinion.pk),
    )
    return opinion
