// A server of the tests' own, and what every test needs to talk about it.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter, on, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test as bare } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const BINARY = process.env.RAPPORT_BINARY
  ?? fileURLToPath(new URL('../../target/debug/rapport', import.meta.url));
const TIMEOUT = 20_000;

/** A test that cannot hang. */
export const test = (name, body) => bare(name, { timeout: TIMEOUT }, body);

/** Starts a server with an account and an inbox, in a folder of its own. */
export async function start() {
  const signal = AbortSignal.timeout(TIMEOUT);
  const folder = mkdtempSync(join(tmpdir(), 'rapport-clients-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const place = {
    cwd: folder,
    // Nothing of the caller's environment, which may hold the settings of another server.
    env: {
      DATABASE_URL: `sqlite://${folder}/rapport.db?mode=rwc`,
      RAPPORT_LISTEN: '127.0.0.1:0',
      RAPPORT_LOG_FORMAT: 'json',
      RAPPORT_SECRET_KEY: randomBytes(32).toString('hex'),
    },
  };
  const printed = async (key, ...command) => {
    const { stdout } = await promisify(execFile)(BINARY, command, { ...place, signal });
    return stdout.match(new RegExp(`^${key}: (.+)$`, 'm'))[1];
  };
  const account = await printed('account', 'account', 'create',
    '--name', 'Clients', '--zone', 'Europe/Berlin', '--owner-email', 'owner@example.org');
  const token = await printed('token', 'token', 'create', '--account', account, '--role', 'ADMIN');

  const server = spawn(BINARY, ['serve'], { ...place, stdio: ['ignore', 'ignore', 'pipe'] });
  process.on('exit', () => server.kill('SIGKILL'));
  const rapport = new Rapport(await address(server, signal), account, token);
  while (!(await fetch(`${rapport.origin}/readyz`, { signal })).ok) await sleep(50);

  const created = await rapport.request(
    `mutation($input: InboxCreateInput!) {
      inboxCreate(input: $input) { inbox { id } userErrors { path message } }
    }`,
    { input: { accountId: account, name: 'Clients', platform: 'TELEGRAM' } },
  );
  assert.deepEqual(created.inboxCreate.userErrors, []);
  rapport.inbox = created.inboxCreate.inbox.id;

  rapport.stop = async () => {
    const exited = once(server, 'exit');
    server.kill('SIGTERM');
    const forced = setTimeout(() => server.kill('SIGKILL'), TIMEOUT);
    const [code] = await exited;
    clearTimeout(forced);
    assert.equal(code, 0, 'the server ends well at SIGTERM');
  };
  return rapport;
}

/** Reads the server's log up to the line that tells where it listens. */
async function address(server, signal) {
  let log = '';
  for await (const line of createInterface({ input: server.stderr, signal })) {
    if (line.includes('"listening"')) {
      // The rest is thrown away, lest the server waits for a reader. Neither log nor server
      // keeps the tests from ending.
      server.stderr.resume().unref();
      server.unref();
      return JSON.parse(line).address;
    }
    log += `${line}\n`;
  }
  throw new Error(`the server did not start:\n${log}`);
}

class Rapport {
  constructor(address, account, token) {
    this.origin = `http://${address}`;
    this.url = `${this.origin}/graphql`;
    this.socketUrl = `ws://${address}/graphql`;
    this.account = account;
    // Headers of HTTP and the payload of a socket's `connection_init` alike.
    this.credentials = { authorization: `Bearer ${token}` };
  }

  /** Runs an operation without any client and gives its data. */
  async request(query, variables) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { ...this.credentials, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    return data(await response.json());
  }

  /** An item of `messagesRecord`: a new message from a contact. */
  message(conversation = 'conversation 1', fields = {}) {
    return {
      message: {
        inboxId: this.inbox,
        externalId: randomUUID(),
        conversationExternalId: conversation,
        contact: { externalId: conversation },
        direction: 'INBOUND',
        content: 'Is my order on its way?',
        ...fields,
      },
    };
  }

  /** The variables of `RECORD`. */
  recording(...items) {
    return { input: { accountId: this.account, items } };
  }

  /** Records items and gives what became of each. */
  async record(...items) {
    return recorded(await this.request(RECORD, this.recording(...items)));
  }
}

export const RECORD = `mutation($input: MessagesRecordInput!) {
  messagesRecord(input: $input) {
    results { outcome message { id } conversation { id } userErrors { path message } }
    userErrors { path message }
  }
}`;

export const MESSAGE_ADDED = `subscription($account: ID!, $after: String) {
  messageAdded(accountId: $account, after: $after) { cursor message { id } }
}`;

export const REPORT_UPDATED = `subscription($account: ID!) {
  reportUpdated(accountId: $account, input: { metrics: [MESSAGES], period: { last: "P1D" } }) {
    report { totals { value } }
  }
}`;

/** What became of each item of a `RECORD` that is expected to succeed. */
export function recorded({ messagesRecord: { results, userErrors } }) {
  assert.deepEqual([...userErrors, ...results.flatMap((result) => result.userErrors)], []);
  for (const { outcome } of results) assert.equal(outcome, 'RECORDED');
  return results;
}

/** The data of a result without errors, which clients spell differently. */
export function data(result) {
  assert.ifError(result.error ?? result.errors);
  return result.data;
}

/** What a client fails with, which may be an event or a list of errors, as an error. */
export const failure = (cause) => (cause instanceof Error
  ? cause
  : new Error(cause.message ?? JSON.stringify(cause.code ?? cause), { cause }));

/** What a subscription brings, one after the other, until the test ends. */
export class Events {
  #results;

  /** `subscribe` takes an observer and gives what ends the subscription. */
  constructor(t, subscribe) {
    const emitter = new EventEmitter();
    this.#results = on(emitter, 'next', { close: ['complete'] });
    const unsubscribe = subscribe({
      next: (result) => emitter.emit('next', result),
      error: (error) => emitter.emit('error', failure(error)),
      complete: () => emitter.emit('complete'),
    });
    t.after(() => {
      unsubscribe();
      return this.#results.return();
    });
  }

  async next() {
    const { value, done } = await this.#results.next();
    assert(!done, 'the subscription goes on');
    return data(value[0]);
  }

  /** Skips events up to the first that is wanted. */
  async find(wanted) {
    for (;;) {
      const event = await this.next();
      if (wanted(event)) return event;
    }
  }

  /** Nothing tells that a subscription has begun but an event, so one is caused until it comes. */
  async begun(cause) {
    let begun = false;
    const first = this.next().finally(() => { begun = true; });
    const causing = async () => {
      for (let count = 0; !begun; count += 1) {
        await cause(count);
        await sleep(100);
      }
    };
    await Promise.all([first, causing()]);
  }
}
