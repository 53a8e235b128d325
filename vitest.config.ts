import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 120_000,
    // The first test file that needs the package packs it, and others wait for that.
    hookTimeout: 300_000,
    pool: 'forks',
    // ONNX Runtime uses every core by itself; the files that do not are kept from waiting for those that do.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    // .ci/run counts the tests of the file.
    ...(process.env['CI'] ? { reporters: ['default', ['json', { outputFile: '.vitest/results.json' }]] } : {}),
    projects: [
      // Tests of a room change nothing outside themselves: one process takes many files, and loads what they share once.
      { extends: true, test: { name: 'rooms', include: ['src/**/*.test.ts'], isolate: false } },
      {
        extends: true,
        test: { name: 'whole', include: ['test/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts'] },
      },
    ],
  },
});
