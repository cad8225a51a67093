// What subscriptions bring, and when.

import assert from 'node:assert/strict';
import { after } from 'node:test';

import { clients, wsClient } from './clients.mjs';
import { Events, MESSAGE_ADDED, REPORT_UPDATED, start, test } from './support.mjs';

const rapport = await start();
after(() => rapport.stop());

const { account, credentials, inbox, url } = rapport;
const { subscribe } = clients(rapport)['graphql-ws'];

/** Records messages and gives their ids. */
const record = async (count) => {
  const results = await rapport.record(...Array.from({ length: count }, () => rapport.message()));
  return results.map(({ message }) => message.id);
};

test('a subscription goes on where it broke off', async (t) => {
  let socket;
  const client = wsClient(rapport, { on: { connected: (connected) => { socket = connected; } } });
  const listen = (after) => {
    const request = { query: MESSAGE_ADDED, variables: { account, after } };
    return new Events(t, (observer) => client.subscribe(request, observer));
  };
  const heard = async (events, count) => {
    const messages = [];
    while (messages.length < count) messages.push((await events.next()).messageAdded);
    return messages;
  };
  const ids = (messages) => messages.map(({ message }) => message.id);

  const first = listen();
  await first.begun(() => record(1));
  const recorded = await record(2);
  // What was recorded only to see the beginning comes before these two.
  await first.find(({ messageAdded }) => messageAdded.message.id === recorded[0]);
  const [last] = await heard(first, 1);
  assert.equal(last.message.id, recorded[1]);

  socket.terminate();
  const missed = await record(3);
  const second = listen(last.cursor);
  assert.deepEqual(ids(await heard(second, 3)), missed);
  const later = await record(2);
  assert.deepEqual(ids(await heard(second, 2)), later);
});

test('a filter lets through what fits it', async (t) => {
  const message = () => rapport.message('conversation of the filter');
  const [{ conversation }] = await rapport.record(message());
  const events = new Events(t, subscribe(
    `subscription($account: ID!, $conversations: [ID!]) {
      messageAdded(
        accountId: $account
        filter: { conversationIds: $conversations, direction: INBOUND }
      ) { message { id conversation { id } } }
    }`,
    { account, conversations: [conversation.id] },
  ));
  await events.begun(() => rapport.record(message()));
  await record(1);
  const [last] = await rapport.record(message());
  await events.find(({ messageAdded }) => {
    assert.equal(messageAdded.message.conversation.id, conversation.id);
    return messageAdded.message.id === last.message.id;
  });
});

test('the status of a message changes', async (t) => {
  const deliver = async () => {
    const sent = rapport.message(undefined, { direction: 'OUTBOUND', author: { kind: 'USER' } });
    const [{ message }] = await rapport.record(sent);
    const { externalId } = sent.message;
    await rapport.record({ status: { inboxId: inbox, externalId, kind: 'DELIVERED' } });
    return message.id;
  };
  const events = new Events(t, subscribe(
    `subscription($account: ID!) {
      messageStatusChanged(accountId: $account) { cursor message { id status } }
    }`,
    { account },
  ));
  await events.begun(deliver);
  const delivered = await deliver();
  await events.find(({ messageStatusChanged: { message } }) =>
    message.id === delivered && message.status === 'DELIVERED');
});

test('a conversation changes', async (t) => {
  const close = async (name) => {
    const [{ conversation }] = await rapport.record(rapport.message(name));
    await rapport.record({
      conversationEvent: { inboxId: inbox, conversationExternalId: name, kind: 'CLOSED' },
    });
    return conversation.id;
  };
  const events = new Events(t, subscribe(
    `subscription($account: ID!) {
      conversationChanged(accountId: $account) { cursor conversation { id status } }
    }`,
    { account },
  ));
  await events.begun((count) => close(`to close ${count}`));
  const closed = await close('to close at last');
  await events.find(({ conversationChanged: { conversation } }) =>
    conversation.id === closed && conversation.status === 'CLOSED');
});

const total = ({ reportUpdated }) => reportUpdated.report.totals[0].value;

test('a report comes as it is, and again when it changes', async (t) => {
  const events = new Events(t, subscribe(REPORT_UPDATED, { account }));
  const before = total(await events.next());
  await record(1);
  await events.find((event) => total(event) === before + 1);
});

const getEvents = (query) => fetch(
  `${url}?${new URLSearchParams({ query, variables: JSON.stringify({ account }) })}`,
  { headers: { ...credentials, accept: 'text/event-stream' }, signal: AbortSignal.timeout(5000) },
);

test('a subscription may be got as events', async () => {
  const response = await getEvents(REPORT_UPDATED);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/event-stream\b/);
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/^data:.*\n\n/m.test(text)) break;
  }
  const [, result] = text.match(/^event: ?next\ndata: ?(.+)$/m);
  assert.equal(typeof total(JSON.parse(result).data), 'number');
});

test('a mutation may not be got as events', async () => {
  const response = await getEvents('mutation { signOut { userErrors { message } } }');
  assert.equal(response.status, 405);
  await response.body.cancel();
});
