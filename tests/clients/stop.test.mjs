// A server that stops closes what is open, and does not wait for those who do not.

import assert from 'node:assert/strict';
import { once } from 'node:events';

import { WebSocket } from 'ws';

import { MESSAGE_ADDED, start, test } from './support.mjs';

const rapport = await start();
const { account, credentials, socketUrl, url } = rapport;
const payload = { query: MESSAGE_ADDED, variables: { account } };

test('open sockets and event streams do not keep the server from stopping', async (t) => {
  const socket = new WebSocket(socketUrl, 'graphql-transport-ws');
  t.after(() => socket.terminate());
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: credentials }));
  await once(socket, 'message');
  socket.send(JSON.stringify({ id: 'a', type: 'subscribe', payload }));

  const stream = await fetch(url, {
    method: 'POST',
    headers: {
      ...credentials,
      accept: 'text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify(payload),
  });
  assert.equal(stream.status, 200);

  const closed = once(socket, 'close');
  await rapport.stop();
  const [code] = await closed;
  assert.equal(code, 1001);
  // Ends well, not by a connection that breaks.
  await stream.text();
});
