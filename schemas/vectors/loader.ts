// `node loader.js FOLDER`: runs the channel, batch and frame-read vectors against a reading of JSON of its own; names what fails.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual as same } from "node:util";
const must = (holds: unknown): void => { if (!holds) throw new Error("refused"); };
const octets = (text: any): Buffer => typeof text === "string" ? Buffer.from(text) : Buffer.from(text.base64, "base64");
const isObject = (v: any): boolean => typeof v === "object" && v !== null && !Array.isArray(v);
const hasTexts = (o: any): boolean => Object.values(o).every((v) => v === undefined || typeof v === "string");
const only = (o: any, ...known: string[]): any => (must(isObject(o) && Object.keys(o).every((key) => known.includes(key))), o);
const keepLongIntegers = (text: string): string => text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (m) => m[0] === '"' ? m : `"\\u0000${m}"`);
const revive = (_: string, v: any): any => typeof v === "string" && /^\0-?\d+$/.test(v) ? BigInt(v.slice(1)) : v;
const parse = (data: Buffer): any => JSON.parse(keepLongIntegers(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data)), revive);
const write = (v: any): string => JSON.stringify(v, (_, x) => typeof x === "bigint" ? `\0${x}` : x).replace(/"\\u0000(-?\d+)"/g, "$1");
const NAMES: any = { "in-path": "[\\w-]+", everywhere: "[\\w.-]+" }, PATH = "(?<path>[\\w/=.-]+)$";
const channel = ({ channel: id, dots }: any): any =>
  ({ ...new RegExp(`^(?=[^]{0,160}$)(?<scope>${NAMES[dots]})/(?<namespace>${NAMES[dots]})/${PATH}`).exec(id)!.groups });
const isRequest = ([key, v]: any): boolean => key === "id" ? v === v >>> 0 : isObject(v) && hasTexts([v.channel, v.name]);
const command = (line: any): any => (must(isObject(line) && Object.entries<any>(line).every(isRequest)), line);
const batch = ({ message }: any): any =>
  ({ records: octets(message).toString("latin1").replace(/\n$/, "").split("\n").map((line) => command(parse(Buffer.from(line, "latin1")))) });
const KINDS: any = { string: "string", bool: "boolean", "time.Time": "time", "json.RawMessage": "other", enum: "enum" };
const ALIASES: any = { int: "int64", double: "float64", float: "float64", boolean: "bool", time: "time.Time", json: "json.RawMessage" };
function column({ name = "", type, typeInfo, labels = null, config = null, ...unknown }: any): any {
  const { frame, nullable = false } = only(typeInfo, "frame", "nullable"), bare = frame.replace(/^\*/, ""), item = ALIASES[frame] ?? bare;
  const kind = KINDS[item] ?? (/^(u?int(8|16|32|64)|float(32|64))$/.test(item) && "number");
  must(kind && (type ?? kind) === kind && same(unknown, {}) && isObject(labels ?? {}) && isObject(config ?? {}) && hasTexts({ name, ...labels }));
  return { name, type: item, nullable: nullable || frame !== bare, labels, config };
}
function cell({ type, nullable }: any, v: any, special: string | undefined, nanos: number): any {
  if (special) return must(v === null && type.startsWith("float")), { float: special.replace("Neg", "-").replace("Inf", "Infinity") };
  if (type === "json.RawMessage" || (v === null && nullable)) return v === null && nullable ? null : { json: write(v) };
  must(/^[sb]/.test(type) ? typeof v === KINDS[type] : typeof v === "bigint" || Number.isFinite(type === "float32" ? Math.fround(v) : v));
  if (/^[sbf]/.test(type)) return typeof v === "bigint" ? Number(v) : v;
  const n = BigInt(v), bits = type === "enum" ? 16 : Number(/\d+/.exec(type) ?? 64);
  must((/^[ue]/.test(type) ? BigInt.asUintN : BigInt.asIntN)(bits, n) === n && nanos >= 0 && nanos < 1e6);
  return type === "time.Time" ? String(n * 1000000n + BigInt(nanos)) : n >= -(2n ** 53n) && n <= 2n ** 53n ? Number(n) : String(n);
}
function frame({ message, schema: old }: any): any {
  const found = only(parse(octets(message)), "schema", "data"), [first = "data"] = Object.keys(found), data = found.data ?? { values: [] };
  const { name = "", refId = "", meta = null, fields } = only(old ? parse(octets(old)).schema : found.schema, "name", "refId", "meta", "fields");
  const none = fields.map(() => null), { values, entities = none, nanos = none } = only(data, "values", "entities", "nanos");
  must(first === (old ? "data" : "schema") && Object.keys(data)[0] === "values" && hasTexts([name]) && [values, fields].every(Array.isArray));
  must(values.length === 0 || [values, entities, nanos].every((list) => list.length === fields.length));
  return { frame: { name, ref_id: refId, meta, fields: fields.map(column).map((made: any, at: number) => {
    const cells: any[] = values[at] ?? [], rest: any[] | null = nanos[at] ?? null, special: string[] = [];
    for (const [key, rows] of Object.entries<any>(only(entities[at] ?? {}, "NaN", "Inf", "NegInf")))
      for (const row of rows) special[(must(cells[row] === null && !special[row]), row)] = key;
    must(cells.length === (values[0] ?? []).length && (!rest || (made.type === "time.Time" && rest.length === cells.length)));
    return { ...made, values: cells.map((v, row) => cell(made, v, special[row], rest?.[row] ?? 0)) };
  }) } };
}
const passed: any = { channel: 0, batch: 0, "frame-read": 0 }, attempt = (run: any, input: any): any => { try { return run(input); } catch { return undefined; } };
for (const [file, run] of Object.entries<any>({ channel, batch, "frame-read": frame }))
  for (const group of JSON.parse(readFileSync(`${process.argv[2]}/${file}.json`, "utf8")).groups) for (const test of group.tests) {
    if (file === "channel" && !("channel" in test.input)) continue; // an organisation's prefix
    const answer = attempt(run, test.input);
    const invalid = test.mistake ? !same(answer, test.mistake) : answer === undefined, free = test.result === "acceptable" && invalid;
    if (test.result === "invalid" ? invalid : free || same(answer, test.output)) passed[file] += 1;
    else console.log(`${file}/${group.id}/${test.id}: got ${write(answer)}`);
  }
console.log(JSON.stringify(passed));
