// A scripted centrifuge-js client: `node client.cjs URL CHANNEL`.
//
// Lets a test in any language drive the real SDK: one JSON command a line on stdin, one JSON event a line on stdout.
// ../centrifuge-python/client.py takes the same commands; README.md lists them. Reconnecting, resubscribing and
// answering pings are the SDK's own doing; nothing is judged here.

'use strict';

const readline = require('node:readline');
const { Centrifuge } = require('centrifuge');
const WebSocket = require('ws');

const LIFETIME_MS = 58_000;
const CLOSE_GRACE_MS = 1000;
const RAW = process.env.RAW === '1';
const [url, channel] = process.argv.slice(2);

function emit(event, fields) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n');
}

/** The SDK's socket, made visible. Listeners come before the SDK's, so a raw line precedes the events it causes. */
class VisibleWebSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.on('open', () => emit('transport', { state: 'open' }));
    this.on('error', ({ message }) => emit('transport', { state: 'failed', message }));
    this.on('close', (code, reason) => emit('transport', { state: 'closed', code, reason: String(reason) }));
    if (RAW) this.on('message', (data) => emit('raw', { dir: 'in', data: String(data) }));
  }

  send(data, ...rest) {
    if (RAW) emit('raw', { dir: 'out', data: String(data) });
    super.send(data, ...rest);
  }
}

const client = new Centrifuge(url, {
  websocket: VisibleWebSocket,
  minReconnectDelay: 100,
  maxReconnectDelay: 1000,
  maxServerPingDelay: 1000,
});
const subscription = client.newSubscription(channel, { minResubscribeDelay: 100, maxResubscribeDelay: 1000 });

for (const event of ['connecting', 'connected', 'disconnected']) {
  client.on(event, (context) => emit(event, context));
}
for (const event of ['subscribing', 'subscribed', 'unsubscribed', 'publication']) {
  subscription.on(event, (context) => emit(event, context));
}
for (const source of [client, subscription]) {
  source.on('error', ({ error, ...context }) => emit('error', { ...context, ...error }));
}

// The SDK throws out of the socket callback on undecodable input; a browser page would live on, Node does not.
process.on('uncaughtException', ({ message }) => {
  emit('error', { type: 'uncaught', code: null, message });
  process.exit(1);
});

const calls = {
  connect: () => client.connect(),
  disconnect: () => client.disconnect(),
  subscribe: () => subscription.subscribe(),
  unsubscribe: () => subscription.unsubscribe(),
  publish: ({ data = null }) => client.publish(channel, data),
  rpc: ({ method = '', data = null }) => client.rpc(method, data),
  quit: () => void setImmediate(() => input.close()),
};

async function obey(command) {
  const done = { do: command.do };
  try {
    if (!Object.hasOwn(calls, command.do)) throw new Error('unknown command');
    emit('done', { ...done, ok: true, ...(await calls[command.do](command)) });
  } catch ({ code = null, message }) {
    emit('done', { ...done, ok: false, error: { code, message } });
  }
}

const input = readline.createInterface({ input: process.stdin });
input.on('line', (line) => obey(JSON.parse(line)));
input.on('close', () => {
  client.disconnect();
  setTimeout(() => process.exit(0), CLOSE_GRACE_MS).unref();
});
setTimeout(() => {
  console.error(`ended after ${LIFETIME_MS} ms`);
  process.exit(1);
}, LIFETIME_MS).unref();
