// The protocol graphql-transport-ws, message by message.

import assert from 'node:assert/strict';
import { on, once } from 'node:events';
import { after } from 'node:test';

import { WebSocket } from 'ws';

import { REPORT_UPDATED, start, test } from './support.mjs';

const PROTOCOL = 'graphql-transport-ws';
const PLAIN = '{ __typename }';

const rapport = await start();
after(() => rapport.stop());

const { account, credentials } = rapport;

/** A socket that says nothing by itself. */
class Socket {
  #messages;

  static async open(t, { protocols = PROTOCOL, ...options } = {}) {
    const socket = new Socket(new WebSocket(rapport.socketUrl, protocols, options));
    t.after(() => socket.raw.terminate());
    await once(socket.raw, 'open');
    return socket;
  }

  constructor(raw) {
    this.raw = raw;
    this.received = [];
    this.closed = new Promise((resolve) => { raw.once('close', resolve); });
    this.#messages = on(raw, 'message', { close: ['close'] });
  }

  send(message) {
    this.raw.send(JSON.stringify(message));
  }

  /** The next message about the operation, or about none, which must be of one of the types. */
  async receive(types, id) {
    for (;;) {
      const { value, done } = await this.#messages.next();
      assert(!done, `closed before ${types}`);
      const message = JSON.parse(value[0]);
      this.received.push(message);
      if (message.id === id) {
        assert([types].flat().includes(message.type), JSON.stringify(message));
        return message;
      }
    }
  }

  async init(payload) {
    this.send({ type: 'connection_init', payload });
    await this.receive('connection_ack');
  }

  /** Has the server answer all that was sent before. */
  async ping() {
    this.send({ type: 'ping' });
    await this.receive('pong');
  }

  subscribe(id, query) {
    this.send({ id, type: 'subscribe', payload: { query, variables: { account } } });
  }
}

/** What ends a connection, by the code that the server closes it with. */
const endings = [
  ['without a subprotocol', 4406, { protocols: [] }],
  // As a header, since ws would refuse whatever the server makes of it.
  ['with another subprotocol', 4406, {
    protocols: [],
    headers: { 'sec-websocket-protocol': 'graphql-ws' },
  }],
  ['without connection_init in time', 4408],
  ['by an invalid token', 4403, {}, (socket) =>
    socket.send({ type: 'connection_init', payload: { authorization: 'Bearer rpt_nope' } })],
  ['by subscribe before connection_init', 4401, {}, (socket) => socket.subscribe('a', PLAIN)],
  ['by a second connection_init', 4429, {}, async (socket) => {
    await socket.init();
    socket.send({ type: 'connection_init' });
  }],
  ['by an id that is in use', 4409, {}, async (socket) => {
    await socket.init(credentials);
    socket.subscribe('a', REPORT_UPDATED);
    await socket.receive('next', 'a');
    socket.subscribe('a', REPORT_UPDATED);
  }],
  ['by what is no JSON', 4400, {}, (socket) => socket.raw.send('hello')],
  ['by a message of no known type', 4400, {}, (socket) => socket.send({ type: 'hello' })],
  ['by subscribe without an id', 4400, {}, async (socket) => {
    await socket.init();
    socket.subscribe(undefined, PLAIN);
  }],
];
for (const [name, code, options, act] of endings) {
  test(`a connection ends ${name}: ${code}`, async (t) => {
    const opened = Date.now();
    const socket = await Socket.open(t, options);
    await act?.(socket);
    assert.equal(await socket.closed, code);
    assert(Date.now() - opened < 12_000);
  });
}

test('the subprotocol is chosen among several', async (t) => {
  const socket = await Socket.open(t, { protocols: ['graphql-ws', PROTOCOL] });
  assert.equal(socket.raw.protocol, PROTOCOL);
});

test('an upgrade from a foreign page is refused', async (t) => {
  await assert.rejects(Socket.open(t, { origin: 'https://evil.example' }), /403/);
});

for (const [name, options] of [['without an', {}], ["with the server's", rapport]]) {
  test(`an upgrade ${name} origin is accepted`, async (t) => {
    const socket = await Socket.open(t, { origin: options.origin });
    await socket.init(credentials);
  });
}

test('a ping is answered at any time', async (t) => {
  const socket = await Socket.open(t);
  await socket.ping();
  await socket.init();
  await socket.ping();
});

test('a query brings its result and ends', async (t) => {
  const socket = await Socket.open(t);
  await socket.init();
  socket.subscribe('a', PLAIN);
  const { payload: { data, errors } } = await socket.receive('next', 'a');
  assert.deepEqual({ data, errors }, { data: { __typename: 'Query' }, errors: undefined });
  await socket.receive('complete', 'a');
});

test('a document that does not fit the schema brings errors', async (t) => {
  const socket = await Socket.open(t);
  await socket.init();
  socket.subscribe('a', '{ nothing }');
  const { payload: [error] } = await socket.receive('error', 'a');
  assert.equal(error.extensions.code, 'GRAPHQL_VALIDATION_FAILED');
});

test('who is anonymous may not subscribe to an account', async (t) => {
  const socket = await Socket.open(t);
  await socket.init();
  socket.subscribe('a', REPORT_UPDATED);
  // It may be refused before it begins, or as its only result.
  const { payload } = await socket.receive(['error', 'next'], 'a');
  const [error] = payload.errors ?? payload;
  assert.equal(error.extensions.code, 'UNAUTHENTICATED');
});

test('a subscription that the client completes ends, and its id is free again', async (t) => {
  const socket = await Socket.open(t);
  await socket.init(credentials);
  for (const id of ['a', 'b']) {
    socket.subscribe(id, REPORT_UPDATED);
    await socket.receive('next', id);
  }
  socket.send({ id: 'a', type: 'complete' });
  await socket.ping();
  const before = socket.received.length;
  await rapport.record(rapport.message());
  await socket.receive('next', 'b');
  await socket.ping();
  assert(socket.received.slice(before).every(({ id }) => id !== 'a'));
  socket.subscribe('a', REPORT_UPDATED);
  await socket.receive('next', 'a');
});
