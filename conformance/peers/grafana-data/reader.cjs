// What Grafana's own frontend reads: `node reader.cjs`, one JSON request a line on stdin, one JSON answer a line on
// stdout, until stdin ends. README.md lists the requests. Nothing is judged here.
//
// CommonJS, because @grafana/data 13.2.3 cannot be imported as an ES module in Node.

'use strict';

const readline = require('node:readline');
const {
  StreamingDataFrame,
  dataFrameFromJSON,
  isValidLiveChannelAddress,
  parseLiveChannelAddress,
  toLiveChannelId,
} = require('@grafana/data');

/** A value as JSON: what JSON has no word for is an object that says it. */
function shown(value) {
  if (value === undefined) return { undefined: true };
  if (Object.is(value, -0)) return { number: '-0' };
  return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value;
}

function column({ name, type, labels, config, nanos, values }) {
  return { name, type, labels, config, nanos, values: Array.from(values, shown) };
}

/** One message with a schema, read as a panel reads a query's frame. */
function frame({ message }) {
  const read = dataFrameFromJSON(message);
  return { name: read.name, refId: read.refId, meta: read.meta, length: read.length, fields: read.fields.map(column) };
}

/** The publications of a channel pushed one by one into a panel's window, and the window at the end. */
function stream({ messages, options }) {
  const window = StreamingDataFrame.empty(options);
  const packets = messages.map((message) => window.push(message));
  return { packets, length: window.length, labels: [...window.labels], fields: window.fields.map(column) };
}

function addr({ id }) {
  const address = parseLiveChannelAddress(id);
  const valid = isValidLiveChannelAddress(address);
  return { address: address ?? null, valid, id: address ? toLiveChannelId(address) : null };
}

const operations = { frame, stream, addr };

function answer(line) {
  try {
    const request = JSON.parse(line);
    if (!Object.hasOwn(operations, request.op)) throw new Error(`unknown op ${request.op}`);
    return { ok: operations[request.op](request) };
  } catch (error) {
    return { error: error.message };
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
});
