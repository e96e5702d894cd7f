"""AuditEvent: one event of the audit."""

from audit.models import Event, Why
from fhir.codes import BREAK_THE_GLASS, OURS, REST
from fhir.elements import Json, instant, reference

ACTIONS = {"POST": "C", "GET": "R", "HEAD": "R", "PUT": "U", "PATCH": "U", "DELETE": "D"}
WORDS = {"create": "C", "read": "R", "list": "R", "search": "R", "edit": "U", "delete": "D"}


def audit_event(row: Event, *, whole: bool) -> Json:
    """Build an AuditEvent.

    Args:
        whole: With the address from where; those who keep a file do not see where colleagues work.
    """
    emergency = row.why == Why.EMERGENCY
    address = row.address if whole else ""
    return {
        "resourceType": "AuditEvent",
        "type": REST.coding,
        "subtype": [{"system": OURS, "code": row.action}],
        "action": WORDS.get(row.action.rpartition(".")[2]) or ACTIONS.get(row.method, "E"),
        "recorded": instant(row.at),
        "outcome": "4" if row.action == "refused" else "0",
        "purposeOfEvent": [BREAK_THE_GLASS.concept()] if emergency else None,
        "agent": [
            {
                "who": reference("Practitioner", row.user_id, row.user_label),
                "name": row.user_label or "Falx",
                "requestor": row.user_id is not None,
                "network": {"address": address, "type": "2"} if address else None,
            }
        ],
        "source": {"observer": {"display": "Falx"}},
        "entity": [
            {"what": reference("Patient", row.patient_id)} if row.patient_id else None,
            {"name": f"{row.subject_kind}/{row.subject_id}"} if row.subject_id else None,
        ],
    }
