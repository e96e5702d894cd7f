"""What our rows are in FHIR: one module for each resource, plain JSON out of plain rows."""
