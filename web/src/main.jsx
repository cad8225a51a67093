// GraphiQL for this server: talks to /graphql only, opens with the example queries, and keeps
// one access token for all tabs. A tab whose header editor names an Authorization uses its own.

import 'graphiql/setup-workers/vite';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './page.css';

import { GraphiQL } from 'graphiql';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { TOKEN, send } from './requests.js';

async function loadExamples() {
  try {
    const response = await fetch('/graphiql/examples.json');
    const examples = await response.json();
    return examples.length > 0 ? examples : undefined;
  } catch {
    return undefined;
  }
}

function TokenField() {
  const [token, setToken] = useState(localStorage.getItem(TOKEN) ?? '');
  function change(event) {
    const text = event.target.value.trim().replace(/^bearer\s+/i, '');
    setToken(text);
    localStorage.setItem(TOKEN, text);
  }
  return (
    <label>
      Access token
      <input
        type="password"
        name="token"
        autoComplete="off"
        spellCheck="false"
        placeholder="rpt_… (remembered in this browser)"
        value={token}
        onChange={change}
      />
    </label>
  );
}

function Page({ examples }) {
  // GraphiQL shows the queries of its default tabs, but not the variables of the first one.
  const fresh = localStorage.getItem('graphiql:tabState') === null;
  return (
    <>
      <header>
        <strong>Rapport</strong>
        <TokenField />
        <a href="/schema.graphql">schema.graphql</a>
      </header>
      <main>
        <GraphiQL
          fetcher={send}
          defaultTabs={examples}
          initialVariables={fresh ? examples?.[0].variables : undefined}
          shouldPersistHeaders
          inputValueDeprecation
          schemaDescription
        />
      </main>
    </>
  );
}

createRoot(document.getElementById('page')).render(<Page examples={await loadExamples()} />);
