"""What this server can, said by itself: CapabilityStatement and SMART configuration."""

from fhir.elements import Json
from fhir.table import TYPES
from fhir.types import ResourceType

PUBLISHED = "2026-11-22"
NOT_SEARCHED = "Read only: it is what others refer to."


def capability_statement(base: str, root: str) -> Json:
    """Describe what `fhir.table` has; nothing else is answered."""
    return {
        "resourceType": "CapabilityStatement",
        "id": "falx",
        "status": "active",
        "date": PUBLISHED,
        "publisher": "Falx",
        "kind": "instance",
        "software": {"name": "Falx"},
        "implementation": {"description": "Falx: readings of brain MRI", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Neither transactions and batches nor histories of versions.",
                "security": security(root),
                "resource": [of_type(each) for each in TYPES.values()]
                + [
                    {
                        "type": "Binary",
                        "documentation": "Files of DocumentReferences, printed reports.",
                        "interaction": [{"code": "read"}],
                    }
                ],
            }
        ],
    }


def security(root: str) -> Json:
    service = "http://terminology.hl7.org/CodeSystem/restful-security-service"
    return {
        "extension": [
            {
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": [{"url": "token", "valueUri": f"{root}/oauth/token"}],
            }
        ],
        "cors": False,
        "service": [{"coding": [{"system": service, "code": "SMART-on-FHIR"}]}],
        "description": "Backend services by SMART; people by their session.",
    }


def of_type(each: ResourceType) -> Json:
    codes = ["read"]
    if each.sources:
        codes.append("search-type")
    if each.writable:
        codes += ["create", "update"]
    found: Json = {
        "type": each.name,
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned-update" if each.writable else "versioned",
        "readHistory": False,
        "updateCreate": False,
        "conditionalCreate": each.writable,
        "conditionalRead": "full-support",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
    }
    if not each.sources:
        return found | {"documentation": NOT_SEARCHED}
    if each.includes:
        found["searchInclude"] = [f"{each.name}:{name}" for name in each.includes]
    if referring := referring_to(each.name):
        found["searchRevInclude"] = referring
    found["searchParam"] = [
        {"name": name, "type": kind} for name, kind in sorted(each.searchable.items())
    ]
    if each.name == "Patient":
        definition = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
        found["operation"] = [{"name": "everything", "definition": definition}]
    return found


def referring_to(name: str) -> list[str]:
    return [
        f"{other.name}:{param}"
        for other in TYPES.values()
        for param in dict.fromkeys(
            key
            for source in other.sources
            for key, one in source.params.items()
            if getattr(one, "target", None) == name
        )
    ]


def smart_configuration(root: str) -> Json:
    """Say where systems get their tokens (SMART App Launch 2, section 4)."""
    return {
        "token_endpoint": f"{root}/oauth/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": [
            "system/*.rs",
            *(f"system/{name}.rs" for name in TYPES),
            "system/Patient.cu",
        ],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }
