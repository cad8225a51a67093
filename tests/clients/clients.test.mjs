// What an application does with each of the clients.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { gql } from '@apollo/client';

import { apolloPaging, apolloPersisting, clients } from './clients.mjs';
import { Events, MESSAGE_ADDED, RECORD, recorded, start, test } from './support.mjs';

const VIEWER = 'query { viewer { accounts { id name } } }';

const CONVERSATIONS = `query($account: ID!, $after: String) {
  account(id: $account) {
    id
    conversations(first: 2, after: $after) {
      edges { cursor node { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;

const rapport = await start();
after(() => rapport.stop());

const { account } = rapport;
const names = Array.from({ length: 7 }, (_, index) => `conversation ${index + 1}`);
const results = await rapport.record(...names.map((name) => rapport.message(name)));
const conversations = results.map((result) => result.conversation.id).sort();

const ids = ({ edges }) => edges.map(({ node }) => node.id);

for (const [name, client] of Object.entries(clients(rapport))) {
  describe(name, () => {
    test('runs a query', async () => {
      const { viewer } = await client.query(VIEWER, {});
      assert.deepEqual(viewer.accounts.map(({ id }) => id), [account]);
    });

    test('runs a mutation', async () => {
      const [result] = recorded(await client.mutate(RECORD, rapport.recording(rapport.message())));
      assert(conversations.includes(result.conversation.id));
    });

    test('pages to the end and reads each conversation once', async () => {
      const pages = [];
      let after;
      do {
        const data = await client.query(CONVERSATIONS, { account, after });
        const { pageInfo } = data.account.conversations;
        pages.push(ids(data.account.conversations));
        after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
      } while (after);
      assert.deepEqual(pages.map((page) => page.length), [2, 2, 2, 1]);
      assert.deepEqual(pages.flat().sort(), conversations);
    });

    test('hears of a message that it records', async (t) => {
      const events = new Events(t, client.subscribe(MESSAGE_ADDED, { account }));
      await events.begun(() => rapport.record(rapport.message()));
      const [{ message }] = recorded(
        await client.mutate(RECORD, rapport.recording(rapport.message())),
      );
      await events.find(({ messageAdded }) => messageAdded.message.id === message.id);
    });
  });
}

test('the cache of Apollo Client joins pages to one list', async () => {
  const variables = { account };
  const query = apolloPaging(rapport).watchQuery({ query: gql(CONVERSATIONS), variables });
  const list = async (result) => (await result).data.account.conversations;
  for (let page = await list(query.reobserve()); page.pageInfo.hasNextPage;) {
    page = await list(query.fetchMore({ variables: { after: page.pageInfo.endCursor } }));
  }
  assert.deepEqual(ids(query.getCurrentResult().data.account.conversations).sort(), conversations);
});

for (const method of ['GET', 'POST']) {
  test(`a persisted query of Apollo Client is sent once, then named by ${method}`, async () => {
    const sent = [];
    const client = apolloPersisting(rapport, method === 'GET', sent);
    // The server keeps documents, so each of the two tests has one of its own.
    const query = gql(`query By${method} { viewer { accounts { id } } }`);
    for (const round of ['first', 'second']) {
      const { data } = await client.query({ query });
      assert.deepEqual(data.viewer.accounts.map(({ id }) => id), [account], round);
    }
    const [unknown, registering, known, ...more] = sent;
    assert.deepEqual(more, []);
    assert.deepEqual([unknown.method, known.method], [method, method]);
    assert.deepEqual([unknown, registering, known].map(({ text }) => text.includes('accounts')),
      [false, true, false]);
  });
}
