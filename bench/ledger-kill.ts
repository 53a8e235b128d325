/**
 * Kills a process that writes into a store, at random moments, and compares the store each time with what the process had acknowledged.
 *
 *     npx tsx bench/ledger-kill.ts [ROUNDS]
 *
 * Writes bench/results/ledger-kill.json.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killOnce } from '../src/ledger/testing/kill.ts';

const rounds = Number(process.argv[2] ?? 100);
const folder = mkdtempSync(join(tmpdir(), 'preftune-ledger-kill-'));
const totals = { rounds, acknowledged: 0, lost: 0, roundsWithProblems: 0 };
const details: unknown[] = [];
try {
  for (let round = 0; round < rounds; round++) {
    const afterLines = 1 + Math.floor(Math.random() * 1500);
    const { acknowledged, lost, problems } = await killOnce(folder, `r${round}`, afterLines);
    totals.acknowledged += acknowledged;
    totals.lost += lost.length;
    if (problems.length > 0) totals.roundsWithProblems++;
    if (lost.length + problems.length > 0) details.push({ round, afterLines, lost: lost.slice(0, 5), problems });
    process.stdout.write(
      `${round + 1} of ${rounds}: ${acknowledged} acknowledged, ${lost.length} lost, ${problems.length} problems\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const result = { ...totals, details, node: process.version, platform: `${process.platform} ${process.arch}` };
writeFileSync(join(import.meta.dirname, 'results', 'ledger-kill.json'), `${JSON.stringify(result, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(totals)}\n`);
