"""Searching as R4 does (FHIR R4, section 3.1.1): values, what they mean in SQL, and pages."""
