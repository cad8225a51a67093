// How the page talks to the server: queries and mutations by POST, subscriptions over a
// WebSocket, both to /graphql of the same host.

import { getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws/client';

/** Where the access token of all tabs lies in the browser's local storage. */
export const TOKEN = 'rapport:token';

const SOCKET = `${location.origin.replace(/^http/, 'ws')}/graphql`;

/** GraphiQL's fetcher. */
export async function send(params, options) {
  const headers = headersOf(options);
  if (isSubscription(params)) return events(params, headers.get('authorization'));
  headers.set('accept', 'application/json');
  headers.set('content-type', 'application/json');
  const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(params) });
  return response.json();
}

/** The remembered token, and over it what the tab's header editor says. */
function headersOf(options) {
  const token = localStorage.getItem(TOKEN);
  const headers = new Headers(token ? { authorization: `Bearer ${token}` } : {});
  for (const [name, value] of Object.entries(options?.headers ?? {})) {
    headers.set(name, value);
  }
  return headers;
}

// The document that GraphiQL passes along may be older than the text that is sent.
function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false; // The server says what is wrong with it.
  }
}

/**
 * The results of a subscription as the observable that GraphiQL knows. Each has a connection of
 * its own, since the token is told when a connection begins, and tabs may differ in it.
 */
function events(params, authorization) {
  const client = createClient({
    url: SOCKET,
    // Browsers let no page set headers of a WebSocket.
    connectionParams: authorization === null ? undefined : { authorization },
    // An end is shown, and Run tries again; silent tries would hide it for half a minute.
    retryAttempts: 0,
  });
  return {
    subscribe(sink) {
      // What comes after a stop would end the subscription that was begun next.
      let stopped = false;
      const stop = client.subscribe(params, {
        next: (result) => stopped || sink.next(result),
        error: (error) => stopped || sink.error(readable(error)),
        complete: () => stopped || sink.complete(),
      });
      return {
        unsubscribe() {
          stopped = true;
          stop();
        },
      };
    },
  };
}

/** GraphiQL shows errors as JSON, of which the browser's events keep nothing. */
function readable(error) {
  if (error instanceof CloseEvent) {
    return { message: `The WebSocket was closed: ${error.code} ${error.reason}`.trim() };
  }
  if (error instanceof Event) return { message: `No WebSocket connection to ${SOCKET}` };
  if (error instanceof Error) return { message: error.message };
  return error;
}
