"""What happens reaches a waiting phone by itself, from a real server, and only what it may see."""

import json
import threading
from typing import Any
from urllib.request import Request, urlopen

from tests.jobs.deployment import EMAIL, PASSWORD, Deployment, until
from tests.jobs.phone import API, Phone
from tests.samples import sample


class Listener:
    """Takes in a stream of events as they come."""

    def __init__(self, phone: Phone, path: str) -> None:
        headers = {"X-Session-Token": phone.token, "Accept": "text/event-stream"}
        request = Request(phone.address + API + path, headers=headers)  # noqa: S310
        self.stream = urlopen(request, timeout=60)  # noqa: S310
        self.events: list[dict[str, Any]] = []
        self.ended = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        event: dict[str, Any] = {}
        for line in self.stream:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data":
                event["data"] = json.loads(value)
            elif name in ("event", "id"):
                event[name] = value
            elif not name and "data" in event:
                self.events.append(event)
                event = {}
        self.ended.set()

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["event"] == name]


def test_an_analysis_is_followed_to_its_end(
    falx: Deployment, phone: Phone, patient: dict[str, Any]
) -> None:
    scan = phone.upload(patient, sample("glioma"))
    listener = Listener(phone, f"/analyses/{scan['analysis']['id']}/events")
    until(lambda: listener.named("analysis"))
    falx.worker()
    until(listener.ended.is_set)
    states = [state["status"] for state in listener.named("analysis")]
    assert states[0] == "queued"
    assert states[-1] == "done"
    assert listener.named("analysis")[-1]["label"] == "glioma"
    assert listener.named("end") == [{"code": "finished"}]


def test_changes_come_by_themselves_and_can_be_taken_up_again(
    falx: Deployment, phone: Phone, patient: dict[str, Any]
) -> None:
    listener = Listener(phone, "/events")
    phone.upload(patient, sample("pituitary"))
    until(lambda: len(listener.named("change")) >= 2)
    kinds = {change["kind"] for change in listener.named("change")}
    assert kinds == {"scan", "analysis"}
    assert {change["patient"] for change in listener.named("change")} == {patient["id"]}

    again = Listener(phone, f"/events?since={listener.events[0]['id']}")
    until(lambda: again.named("change"))
    assert again.named("change")[0] == listener.named("change")[1]


def test_who_is_signed_out_hears_no_more(falx: Deployment, phone: Phone) -> None:
    other = Phone(phone.address)
    other.sign_in(EMAIL, PASSWORD)
    listener = Listener(other, "/events")
    other.call("DELETE", "/_allauth/app/v1/auth/session", expect=401)
    phone.open_file()  # wakes the listener, who is the same doctor
    until(listener.ended.is_set)
    assert listener.named("end") == [{"code": "signed_out"}]
    assert listener.named("change") == []
