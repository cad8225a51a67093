import { defineConfig } from 'vite';

export default defineConfig({
  base: '/graphiql/',
  build: {
    outDir: 'dist/graphiql',
    emptyOutDir: true,
    sourcemap: false,
    license: { fileName: 'licenses.md' },
    target: 'es2022',
    // The editor alone has three megabytes.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      onwarn(warning, warn) {
        // "use client" marks have no meaning in a page that is never rendered on a server.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
  worker: { format: 'es' },
});
