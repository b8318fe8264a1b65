import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** JupyterLab's packages import icons as text. */
const svgAsText = {
  name: 'svg-as-text',
  enforce: 'pre' as const,
  load(id: string): string | undefined {
    const file = id.split('?')[0] ?? id;
    return file.endsWith('.svg') ? `export default ${JSON.stringify(readFileSync(file, 'utf8'))}` : undefined;
  }
};

export default defineConfig({
  plugins: [svgAsText],
  test: {
    include: ['labextension/tests/**/*.test.{ts,tsx}'],
    environment: 'jsdom',
    setupFiles: ['labextension/tests/setup.ts'],
    restoreMocks: true,
    testTimeout: 10_000,
    server: { deps: { inline: [/@jupyterlab/, /@jupyter\//, /@microsoft/, /@lumino/] } }
  }
});
