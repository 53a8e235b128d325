import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Loss } from './definition.ts';
import { betaTable, compatibilityTable, lossTable, optionTable, presetTable, rewardTable } from './describe.ts';
import { LOSSES, PRESETS } from './registry.ts';

const PATH = join(import.meta.dirname, '..', '..', 'docs', 'objectives.md');
const PAGE = readFileSync(PATH, 'utf8');

/** The tables of the page: each stands behind a comment with its name and ends at a blank line. */
const TABLES = {
  pair: lossTable('pair'),
  unpaired: lossTable('unpaired'),
  ranking: lossTable('ranking'),
  beta: betaTable(),
  rewards: rewardTable(),
  options: optionTable(),
  presets: presetTable(),
  compatibility: compatibilityTable(),
};

/** The page with every table as the registry has it. */
function withTables(page: string): string {
  return Object.entries(TABLES).reduce((text, [name, table]) => {
    const mark = `<!-- ${name} -->\n\n`;
    const start = text.indexOf(mark) + mark.length;
    expect(text, name).toContain(mark);
    return text.slice(0, start) + table + text.slice(text.indexOf('\n\n', start));
  }, page);
}

// After a change of the registry: npx vitest run src/objectives/docs.test.ts -u
test('the tables of docs/objectives.md are the registry', async () => {
  await expect(withTables(PAGE)).toMatchFileSnapshot(PATH);
});

test('every loss stands in a table with its own defaults, and is described', () => {
  // What the test above holds the page to, and writes into it with -u.
  const page = withTables(PAGE);
  for (const [name, { description, options }] of Object.entries(LOSSES) as [string, Loss][]) {
    const line = page.split('\n').find((each) => each.startsWith(`| \`${name}\` | ${description.title} |`));
    expect(line, name).toBeDefined();
    if (options['beta'] !== undefined) expect(line).toContain(`beta ${options['beta'].default}`);
    for (const text of [description.formula, description.beta, description.use, description.traps])
      expect(text).not.toBe('');
    for (const { year, where } of description.sources) expect([year > 2022, where.length > 5]).toEqual([true, true]);
  }
  for (const name of Object.keys(PRESETS)) expect(page).toContain(`| \`${name}\` |`);
});

test('the page names only losses and presets that there are where it gives advice', () => {
  const advice = PAGE.slice(PAGE.indexOf('## Which objective'), PAGE.indexOf('## Letters'));
  const known = new Set([...Object.keys(LOSSES), ...Object.keys(PRESETS), 'logps/chosen']);
  for (const { options } of Object.values(LOSSES)) for (const name of Object.keys(options)) known.add(name);
  const named = [...advice.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});
