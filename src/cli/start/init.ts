import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { badInput, commandLines, shellCommand, shellWord } from '../../core/index.ts';
import { requireWritable, writeFileAtomic } from '../../files/index.ts';
import { changed } from '../../options/index.ts';
import { MODEL } from '../common-options.ts';
import { defineCommand } from '../frame/command.ts';
import { DPO } from '../training/dpo.ts';
import { initFiles, initSteps } from './init-files.ts';
import { STARTER_MODEL } from './starter.ts';

/** `preftune init`: a folder with everything that a first run of one's own needs. */
export const INIT = defineCommand({
  name: 'init',
  description: 'Writes a folder to begin in: explained settings, ten sample pairs, and what to type',
  arguments: [{ name: 'folder', help: 'where to write; made where it does not exist (default: this folder)' }],
  examples: [
    { does: 'a new folder', words: 'my-model' },
    { does: 'in this folder, with a model of your own', words: '. --model model.gguf' },
  ],
  options: z.strictObject({
    model: changed(MODEL.default(STARTER_MODEL), { help: 'model to train: folder, .gguf file or hub id' }),
  }),
  async run({ model }, { args, terminal }) {
    const folder = args[0] ?? '.';
    const files = initFiles(fromWithin(folder, model), DPO);
    const names = Object.keys(files);
    requireFree(folder, names);
    requireWritable(folder);
    writeAll(folder, files);
    const go = folder === '.' ? [] : [`  cd ${shellWord(folder)}`];
    const steps = initSteps(fromWithin(folder, model)).slice(0, 3);
    const typed = steps.flatMap(({ words }) => commandLines(shellCommand(words), terminal.columns - 2));
    terminal.result(
      { folder, files: names },
      [
        ...names.map((name) => `wrote ${join(folder, name)}`),
        '',
        'Next:',
        ...go,
        ...typed.map((line) => `  ${line}`),
        '',
        `${join(folder, 'README.md')} has the rest.`,
      ].join('\n'),
    );
  },
});

/** A model as it is named from within the folder: a path that is relative to here becomes one from there. */
function fromWithin(folder: string, model: string): string {
  if (isAbsolute(model) || !existsSync(model)) return model;
  const path = relative(resolve(folder), resolve(model)).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** Throws bad-input with every file that is there already, or a file in the folder's place. */
function requireFree(folder: string, names: readonly string[]): void {
  let there: readonly string[] = [];
  try {
    there = readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR')
      throw badInput({ file: folder, message: 'init: must be a folder, got a file; name another', path: 'folder' });
    if (code !== 'ENOENT') throw error;
  }
  const taken = names.filter((name) => there.includes(name));
  if (taken.length === 0) return;
  throw badInput(
    taken.map((name) => ({
      file: join(folder, name),
      message:
        'init: must not exist yet, got a file; nothing was written: name a new folder, such as preftune init my-model',
    })),
  );
}

/** Writes all the files, or none. */
function writeAll(folder: string, files: Readonly<Record<string, string>>): void {
  const isNew = !existsSync(folder);
  mkdirSync(folder, { recursive: true });
  const written: string[] = [];
  try {
    for (const [name, content] of Object.entries(files)) {
      writeFileAtomic(join(folder, name), content);
      written.push(name);
    }
  } catch (error) {
    for (const name of written) rmSync(join(folder, name), { force: true });
    if (isNew) rmdirSync(folder);
    throw error;
  }
}
