import { expect, test } from 'vitest';

import plugins from '../src/index';

test('every plugin belongs to this extension, has a name of its own and says what it does', () => {
  const ids = plugins.map(plugin => plugin.id);

  expect(ids).toContain('codemad-jupyter:plugin');
  expect(new Set(ids).size).toBe(ids.length);
  for (const plugin of plugins) {
    expect(plugin.id).toMatch(/^codemad-jupyter:[a-z-]+$/);
    expect(plugin.description).toBeTruthy();
  }
});
