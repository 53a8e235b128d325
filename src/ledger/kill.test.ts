import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { killOnce } from './testing/kill.ts';

test('nothing that was acknowledged is missing after kill -9, five times over', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'preftune-ledger-kill-'));
  try {
    for (const [round, afterLines] of [40, 333, 91, 500, 700].entries()) {
      const { lost, problems } = await killOnce(folder, `r${round}`, afterLines);
      expect({ round, lost, problems }).toEqual({ round, lost: [], problems: [] });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
