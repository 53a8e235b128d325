import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shellWord } from '../../core/index.ts';
import { COMMANDS } from '../commands.ts';
import { runWords } from '../testing/run-words.ts';

/** The scripts in the shells themselves: what is typed, and what they make of it. */
const TYPED: readonly (readonly [line: string, completed: string])[] = [
  ['preftune quicks', 'quickstart'],
  ['preftune data co', 'convert'],
  ['preftune dpo --held-out-f', '--held-out-fraction'],
  ['preftune compare --no-bo', '--no-both-orders'],
  ['preftune dpo --no-lo', '--no-load-best'],
  ['preftune dpo --device web', 'webgpu'],
  ['preftune dpo --data pai', 'pairs.jsonl'],
  ['preftune data convert --to openai', 'openai-dpo'],
  ['preftune completion z', 'zsh'],
  ['preftune help diag', 'diagnose'],
];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-completion-'));
  writeFileSync(join(folder, 'pairs.jsonl'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out, err } = await runWords(['completion', shell]);
    expect([code, err]).toEqual([0, '']);
    writeFileSync(join(folder, `.script-${shell}`), out);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Whether a shell is here; says so where it is not. */
function lacks(shell: string): boolean {
  try {
    execFileSync(shell, ['-c', 'exit 0'], { stdio: 'ignore' });
    return false;
  } catch {
    process.stdout.write(`skipped: ${shell} is not installed\n`);
    return true;
  }
}

function run(shell: string, words: readonly string[]): string {
  return execFileSync(shell, words, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder },
  });
}

test.skipIf(lacks('bash'))('bash completes commands, flags, choices and files', () => {
  const asks = TYPED.map(
    ([line]) => `COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _preftune; echo "$COMPREPLY"`,
  );
  const out = run('bash', ['--norc', '-c', ['source ./.script-bash', ...asks].join('\n')]);
  expect(out.trimEnd().split('\n')).toEqual(TYPED.map(([, completed]) => completed));
  // Readline takes --flag=value apart, and gives nothing after a number.
  const more = `cur() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _preftune; echo "\${COMPREPLY[*]}"; }
source ./.script-bash
cur preftune dpo --device = c
cur preftune dpo --epochs ''
cur preftune data ''
cur preftune nothing ''`;
  expect(run('bash', ['--norc', '-c', more]).split('\n').slice(0, 4)).toEqual([
    'cpu cuda',
    '',
    COMMANDS.filter(({ name }) => name.startsWith('data '))
      .map(({ name }) => name.slice(5))
      .join(' '),
    '',
  ]);
});

test.skipIf(lacks('zsh'))('zsh completes the same', { timeout: 30_000 }, () => {
  const script = `zmodload zsh/zpty
zpty z TERM=dumb zsh -f -i
zpty -w z 'PROMPT=; autoload -Uz compinit; compinit -u -D; source ./.script-zsh; show() { zle complete-word; print -r -- "<$BUFFER>"; BUFFER=; zle accept-line; }; zle -N show; bindkey "^I" show; print REA""DY'
zpty -r z out '*READY*'
${TYPED.map(([line]) => `zpty -w -n z '${line}'$'\\t'; zpty -r z out '*>*'; print -r -- "$out"`).join('\n')}
zpty -d z`;
  const completed = [...run('zsh', ['-f', '-c', script]).matchAll(/<(.*?)\s*>/g)].map(([, line]) => line);
  expect(completed).toEqual(TYPED.map(([line, word]) => [...line.split(' ').slice(0, -1), word].join(' ')));
});

test.skipIf(lacks('fish'))('fish completes the same, with what each is', { timeout: 30_000 }, () => {
  const asks = TYPED.map(([line]) => `complete -C '${line}' | head -1`);
  const out = run('fish', ['--no-config', '-c', ['source ./.script-fish', ...asks].join('\n')]);
  const found = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  expect(found.map(([word]) => word)).toEqual(TYPED.map(([, completed]) => completed));
  expect(found[2]![1]).toMatch(/^share of the prompts/);
});

test('another shell is refused, and every command has its place in every script', async () => {
  expect(await runWords(['completion', 'zhs'])).toEqual({
    code: 2,
    out: '',
    err: 'completion: shell must be one of bash, zsh, fish, got "zhs"; did you mean zsh?\n',
  });
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { out } = await runWords(['completion', shell]);
    for (const { name } of COMMANDS)
      expect(out).toContain(shell === 'fish' ? `__preftune_is ${name}'` : `${shellWord(name)})`);
  }
});
