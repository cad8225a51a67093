// The clients, each reduced to the same few functions: `query` and `mutate` give data,
// `subscribe` makes what `Events` takes.

import { createHash } from 'node:crypto';

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { createPersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { WebSocket } from 'ws';

import { data, failure } from './support.mjs';

// Apollo Client looks at it when a connection fails; Node has it since version 22.
globalThis.WebSocket ??= WebSocket;

/** A failure is to be seen at once, not after attempts to connect again. */
const retryAttempts = 0;

export const wsClient = ({ socketUrl, credentials }, options) => createWsClient({
  url: socketUrl,
  connectionParams: credentials,
  webSocketImpl: WebSocket,
  retryAttempts,
  ...options,
});

const sseClient = ({ url, credentials }) =>
  createSseClient({ url, headers: credentials, retryAttempts });

/** Every client, by its name. */
export const clients = (rapport) => ({
  'Apollo Client': apollo(rapport),
  'urql over graphql-ws': urql(rapport, { exchanges: subscribingBy(wsClient(rapport)) }),
  'urql over graphql-sse': urql(rapport, { exchanges: subscribingBy(sseClient(rapport)) }),
  'urql by itself': urql(rapport, { exchanges: [], fetchSubscriptions: true }),
  'graphql-ws': plain(wsClient(rapport)),
  'graphql-sse': plain(sseClient(rapport)),
});

function apollo({ url, credentials, ...rapport }) {
  const client = new ApolloClient({
    // Pages are looked at one by one; what the cache makes of them has a test of its own.
    defaultOptions: { query: { fetchPolicy: 'no-cache' } },
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === 'subscription',
      new GraphQLWsLink(wsClient({ ...rapport, credentials })),
      new HttpLink({ uri: url, headers: credentials }),
    ),
  });
  return {
    query: async (query, variables) => data(await client.query({ query: gql(query), variables })),
    mutate: async (mutation, variables) =>
      data(await client.mutate({ mutation: gql(mutation), variables })),
    subscribe: (query, variables) => (observer) => {
      const subscription = client.subscribe({ query: gql(query), variables }).subscribe(observer);
      return () => subscription.unsubscribe();
    },
  };
}

/** Apollo Client with a cache that joins the pages of conversations to one list. */
export const apolloPaging = ({ url, credentials }) => new ApolloClient({
  cache: new InMemoryCache({
    typePolicies: { Account: { fields: { conversations: relayStylePagination() } } },
  }),
  link: new HttpLink({ uri: url, headers: credentials }),
});

/** Apollo Client with persisted queries; `sent` gets the method and text of each request. */
export const apolloPersisting = ({ url, credentials }, useGETForHashedQueries, sent) =>
  new ApolloClient({
    defaultOptions: { query: { fetchPolicy: 'no-cache' } },
    cache: new InMemoryCache(),
    link: createPersistedQueryLink({
      sha256: (query) => createHash('sha256').update(query).digest('hex'),
      useGETForHashedQueries,
    }).concat(new HttpLink({
      uri: url,
      headers: credentials,
      fetch: (address, options) => {
        const { method, body } = options;
        sent.push({ method, text: body ?? new URL(address).search });
        return fetch(address, options);
      },
    })),
  });

const subscribingBy = (transport) => [
  subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: transport.subscribe({ query, variables }, sink) }),
    }),
  }),
];

function urql({ url, credentials }, { exchanges, ...options }) {
  const client = new Client({
    url,
    fetchOptions: { headers: credentials },
    exchanges: [cacheExchange, ...exchanges, fetchExchange],
    ...options,
  });
  return {
    query: async (query, variables) => data(await client.query(query, variables)),
    mutate: async (mutation, variables) => data(await client.mutation(mutation, variables)),
    subscribe: (query, variables) => ({ next }) =>
      client.subscription(query, variables).subscribe(next).unsubscribe,
  };
}

/** graphql-ws and graphql-sse, which run everything in the same way. */
function plain(client) {
  const run = (query, variables) => new Promise((resolve, reject) => {
    let last;
    client.subscribe({ query, variables }, {
      next: (result) => { last = result; },
      error: (error) => reject(failure(error)),
      complete: () => resolve(last),
    });
  }).then(data);
  return {
    query: run,
    mutate: run,
    subscribe: (query, variables) => (observer) => client.subscribe({ query, variables }, observer),
  };
}
