import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** `npm run build` builds the page into dist/web; `npx vite web --config web/vite.config.ts` shows it while it is changed, before a server at 8000. */
export default defineConfig({
  root: here('.'),
  base: '/ui/',
  plugins: [react(), tailwindcss()],
  build: {
    outDir: here('../dist/web'),
    emptyOutDir: true,
    // The policy of the page's contents allows no code in attributes or URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/feedback', '/health', '/ready'].map((path) => [path, 'http://127.0.0.1:8000'])),
  },
});
