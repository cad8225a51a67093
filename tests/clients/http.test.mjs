// GraphQL over HTTP: the audits of graphql-http, and the schema as tools read it.

import assert from 'node:assert/strict';
import { after } from 'node:test';

import {
  buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema,
} from 'graphql';
import { serverAudits } from 'graphql-http';

import { start, test } from './support.mjs';

const AUDITS = 61;

const rapport = await start();
after(() => rapport.stop());

const audits = serverAudits({ url: rapport.url, fetchFn: fetch });
let fine = 0;

for (const { id, name, fn } of audits) {
  test(`${id} ${name}`, async () => {
    const { status, reason } = await fn();
    assert.equal(status, 'ok', reason);
    fine += 1;
  });
}

test('all audits are fine', (t) => {
  t.diagnostic(`${fine} of ${audits.length} audits are fine`);
  assert.deepEqual([fine, audits.length], [AUDITS, AUDITS]);
});

test('the schema is the same by its text and by introspection', async () => {
  const text = await (await fetch(`${rapport.origin}/schema.graphql`)).text();
  const introspected = await rapport.request(getIntrospectionQuery({
    specifiedByUrl: true, inputValueDeprecation: true, oneOf: true,
  }));
  const print = (schema) => printSchema(lexicographicSortSchema(schema));
  assert.equal(print(buildSchema(text)), print(buildClientSchema(introspected)));
});
