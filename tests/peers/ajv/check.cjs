// Judges values by JSON Schemas with Ajv 2020 in strict mode.
//
//   node check.cjs SCHEMA.json... < cases.ndjson
//
// Every schema is compiled with each of its $defs. Each line of the input is {schema, def, value, valid}, where schema is
// an $id and def an entry of its $defs, or null for the whole schema. Disagreements and what does not compile are
// printed as one JSON line each; the last line is {compiled, cases, wrong}. Exit 1 when anything is wrong.
"use strict";

const { readFileSync } = require("node:fs");
const Ajv = require("ajv/dist/2020").default;

const ajv = new Ajv({ strict: true, allErrors: false });
ajv.addKeyword({ keyword: "x-requirements", schemaType: "array" });

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let compiled = 0;
let cases = 0;
let wrong = 0;

const validators = new Map();
const judge = (schema, def) => {
  const reference = def === null ? schema : `${schema}#/$defs/${def}`;
  if (!validators.has(reference)) {
    validators.set(reference, ajv.compile({ $ref: reference }));
    compiled += 1;
  }
  return validators.get(reference);
};

const schemas = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, "utf8")));
for (const schema of schemas) {
  try {
    ajv.addSchema(schema);
    for (const def of [null, ...Object.keys(schema.$defs ?? {})]) judge(schema.$id, def);
  } catch (error) {
    wrong += 1;
    say({ schema: schema.$id, error: String(error) });
  }
}

for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const { schema, def, value, valid } = JSON.parse(line);
  const validate = judge(schema, def);
  cases += 1;
  if (validate(value) !== valid) {
    wrong += 1;
    say({ schema, def, value, expected: valid, errors: validate.errors });
  }
}

say({ compiled, cases, wrong });
process.exitCode = wrong ? 1 : 0;
