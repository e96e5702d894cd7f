"""Whatever is done in whatever order, everyone may do exactly what the simple model below says."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from django.db import transaction
from django.urls import reverse
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from rest_framework.test import APIClient

from accounts.models import User
from patients.models import CareTeamMember, Patient
from patients.tasks import clear_ended_access
from scans.models import Scan, Series, Study
from scans.tasks import end_overdue_opinions
from tests.factories import UserFactory

NOBODY, READER, WRITER, OWNER = 0, 1, 2, 3
LEVELS = {"reader": READER, "writer": WRITER, "owner": OWNER}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

people = st.integers(0, 4)  # three doctors, a student, an admin
STUDENT, ADMIN = 3, 4
levels = st.sampled_from(sorted(LEVELS))
ends = st.sampled_from([None, HOUR, DAY, 30 * DAY])
NOT_SENT = "not sent"
NOTE = {"kind": "note", "data": {"text": "Seen."}}
# Enough to find what was broken on purpose; more with EXAMPLES=500, after changing the rules.
EXAMPLES = int(os.environ.get("EXAMPLES", "6"))


@dataclass
class Member:
    level: int
    end: datetime | None = None
    emergency: bool = False


@dataclass
class Question:
    id: str
    asker: int
    colleague: int
    end: datetime
    closed: bool = False


class Clock:
    """The time that everything here goes by; it stands still until somebody moves it."""

    now = datetime(2030, 1, 1, tzinfo=UTC)


class WhoSeesWhat(RuleBasedStateMachine):
    @initialize()
    def a_doctor_opens_a_file(self) -> None:
        self.kept_apart = transaction.atomic()
        self.kept_apart.__enter__()
        Clock.now = datetime(2030, 1, 1, tzinfo=UTC)
        roles = [User.Role.DOCTOR] * 3 + [User.Role.STUDENT, User.Role.ADMIN]
        self.users = [UserFactory.create(role=role, password="!") for role in roles]
        self.clients = []
        for user in self.users:
            client = APIClient()
            client.force_authenticate(user)
            self.clients.append(client)
        made = self.clients[0].post(reverse("patients"), {"family_name": "Haddad"})
        self.patient = Patient.objects.get(pk=made.json()["id"])
        series = Series.objects.create(study=Study.objects.create(patient=self.patient))
        self.scan = Scan.objects.create(
            patient=self.patient, series=series, size_bytes=1, width_px=1, height_px=1
        )
        self.members = {0: Member(OWNER)}
        self.questions: list[Question] = []
        self.emergency_id: str | None = None

    def teardown(self) -> None:
        if hasattr(self, "kept_apart"):
            transaction.set_rollback(True)
            self.kept_apart.__exit__(None, None, None)

    # --- The model: who may do what ---

    def level(self, who: int) -> int:
        if who == ADMIN:
            return OWNER
        member = self.members.get(who)
        ended = member is None or (member.end is not None and member.end <= Clock.now)
        return NOBODY if member is None or ended else member.level

    def is_member(self, who: int) -> bool:
        return who != ADMIN and self.level(who) > NOBODY

    def is_last_owner(self, who: int) -> bool:
        return [w for w, m in self.members.items() if m.level == OWNER] == [who]

    def is_open(self, question: Question) -> bool:
        return not question.closed and question.end > Clock.now

    def refusal(self, who: int, needed: int) -> int | None:
        """What somebody gets who may not do what needs this level."""
        if self.level(who) == NOBODY:
            return 404
        return 403 if self.level(who) < needed else None

    # --- What people do ---

    @rule(by=people, who=people, level=levels, end=ends)
    def add(self, by: int, who: int, level: str, end: timedelta | None) -> None:
        given = {"user": str(self.users[who].pk), "level": level, "expires_at": moment(end)}
        answer = self.clients[by].post(self.url("team"), given)
        expected = self.refusal(by, OWNER)
        if expected is None and (who in (STUDENT, ADMIN) or (level == "owner" and end)):
            expected = 400
        elif expected is None and self.is_member(who) and not self.members[who].emergency:
            expected = 409
        elif expected is None:
            expected = 201
            self.members[who] = Member(LEVELS[level], after(end))
        assert answer.status_code == expected

    @rule(by=people, who=people, level=st.none() | levels, end=ends | st.just(NOT_SENT))
    def change(self, by: int, who: int, level: str | None, end: timedelta | str | None) -> None:
        given: dict[str, Any] = {"level": level} if level else {}
        if not isinstance(end, str):
            given["expires_at"] = moment(end)
        answer = self.clients[by].patch(self.member_url(who), given)
        expected = self.refusal(by, OWNER) or (None if self.is_member(who) else 404)
        if expected is None:
            member = self.members[who]
            new = Member(LEVELS[level] if level else member.level, member.end, member.emergency)
            if not isinstance(end, str):
                new.end, new.emergency = after(end), False
            if new.level == OWNER and new.end:
                expected = 400
            elif new.level < OWNER and self.is_last_owner(who):
                expected = 409
            else:
                expected = 200
                self.members[who] = new
        assert answer.status_code == expected

    @rule(by=people, who=people)
    def remove(self, by: int, who: int) -> None:
        answer = self.clients[by].delete(self.member_url(who))
        expected = self.refusal(by, READER if by == who else OWNER)
        if expected is None and not self.is_member(who):
            expected = 404
        elif expected is None and self.is_last_owner(who):
            expected = 409
        elif expected is None:
            expected = 204
            del self.members[who]
        assert answer.status_code == expected

    @rule(who=people)
    def leave(self, who: int) -> None:
        self.remove(who, who)

    @rule(by=people, to=people, stay_as=st.sampled_from(["reader", "writer", None]))
    def hand_over(self, by: int, to: int, stay_as: str | None) -> None:
        given = {"to": str(self.users[to].pk), "stay_as": stay_as}
        answer = self.clients[by].post(self.url("hand-over"), given)
        expected = self.refusal(by, OWNER)
        if expected is None and (to == by or to in (STUDENT, ADMIN)):
            expected = 400
        elif expected is None:
            expected = 200
            self.members[to] = Member(OWNER)
            if by in self.members and stay_as:
                self.members[by] = Member(LEVELS[stay_as])
            else:
                self.members.pop(by, None)
        assert answer.status_code == expected

    @rule(by=people)
    def open_in_an_emergency(self, by: int) -> None:
        given = {"patient": str(self.patient.pk), "reason": "Unconscious, had a seizure."}
        answer = self.clients[by].post(reverse("emergency-access"), given)
        expected = 404 if by == STUDENT else 409 if self.level(by) else 201
        if expected == 201:
            self.members[by] = Member(WRITER, Clock.now + HOUR, emergency=True)
            self.emergency, self.emergency_id = by, answer.json()["id"]
        assert answer.status_code == expected

    @precondition(lambda self: self.emergency_id)
    @rule(by=people)
    def end_the_emergency(self, by: int) -> None:
        answer = self.clients[by].post(reverse("emergency-end", args=[self.emergency_id]))
        expected = self.refusal(by, READER if by == self.emergency else OWNER)
        if expected is None and not (
            self.is_member(self.emergency) and self.members[self.emergency].emergency
        ):
            expected = 409
        elif expected is None:
            expected = 200
            del self.members[self.emergency]
        assert answer.status_code == expected

    @rule(by=people, colleague=people, show_name=st.booleans())
    def ask(self, by: int, colleague: int, show_name: bool) -> None:
        given = {
            "colleague": str(self.users[colleague].pk),
            "question": "Would you operate?",
            "show_name": show_name,
        }
        answer = self.clients[by].post(reverse("opinion-ask", args=[self.scan.pk]), given)
        expected = self.refusal(by, WRITER)
        if expected is None and (colleague == by or colleague in (STUDENT, ADMIN)):
            expected = 400
        elif expected is None and self.asked(colleague):
            expected = 409
        elif expected is None:
            expected = 201
            end = Clock.now + 14 * DAY
            self.questions.append(Question(answer.json()["id"], by, colleague, end))
        assert answer.status_code == expected

    @precondition(lambda self: self.questions)
    @rule(by=people, data=st.data(), how=st.sampled_from(["answer", "decline"]))
    def answer(self, by: int, data: st.DataObject, how: str) -> None:
        question = data.draw(st.sampled_from(self.questions))
        text = {"comment": "Yes."} if how == "answer" else {"reason": "I am away."}
        answer = self.clients[by].post(reverse(f"opinion-{how}", args=[question.id]), text)
        assert answer.status_code == self.close(by, question, by == question.colleague)

    @precondition(lambda self: self.questions)
    @rule(by=people, data=st.data())
    def withdraw(self, by: int, data: st.DataObject) -> None:
        question = data.draw(st.sampled_from(self.questions))
        answer = self.clients[by].post(reverse("opinion-withdraw", args=[question.id]))
        may = self.level(by) == OWNER or (self.level(by) > NOBODY and by == question.asker)
        assert answer.status_code == self.close(by, question, may)

    @rule(time=st.sampled_from([HOUR / 2, HOUR, DAY, 14 * DAY]))
    def time_passes(self, time: timedelta) -> None:
        Clock.now += time

    @rule()
    def sweep(self) -> None:
        clear_ended_access()
        end_overdue_opinions()
        stored = CareTeamMember.objects.filter(patient=self.patient).count()
        assert stored == sum(self.is_member(who) for who in self.members)

    # --- What must hold after each of them ---

    @invariant()
    def everyone_sees_and_writes_what_the_model_says(self) -> None:
        for who, client in enumerate(self.clients):
            level = self.level(who)
            assert client.get(self.url("patient")).status_code == (200 if level else 404)
            written = client.post(self.url("patient-history"), NOTE)
            assert written.status_code == (self.refusal(who, WRITER) or 201)
            scan = client.get(reverse("scan", args=[self.scan.pk]))
            assert scan.status_code == (200 if level or self.asked(who) else 404)

    @invariant()
    def the_file_has_an_owner(self) -> None:
        owners = CareTeamMember.objects.filter(patient=self.patient, level=OWNER, expires_at=None)
        assert owners.exists()

    # --- Short words ---

    def close(self, by: int, question: Question, may: bool) -> int:
        """What closing a question comes to, for somebody who may or may not do it."""
        if self.level(by) == NOBODY and by != question.colleague:
            return 404
        if not may:
            return 403
        if not self.is_open(question):
            return 409
        question.closed = True
        return 200

    def asked(self, who: int) -> bool:
        return any(self.is_open(q) and q.colleague == who for q in self.questions)

    def url(self, route: str) -> str:
        return reverse(route, args=[self.patient.pk])

    def member_url(self, who: int) -> str:
        return reverse("team-member", args=[self.patient.pk, self.users[who].pk])


def after(time: timedelta | None) -> datetime | None:
    return Clock.now + time if time else None


def moment(time: timedelta | None) -> str | None:
    end = after(time)
    return end.isoformat() if end else None


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: Clock.now)


@pytest.mark.django_db
@pytest.mark.usefixtures("standing_clock")
def test_everyone_may_do_what_the_model_says(settings: Any) -> None:
    settings.EMERGENCY_ACCESS_PER_DAY = 10_000
    settings.RATE_PER_USER = ""
    run_state_machine_as_test(
        WhoSeesWhat,
        settings=hypothesis.settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
