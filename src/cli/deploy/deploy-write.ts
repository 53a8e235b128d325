import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../../core/index.ts';
import { deployFiles, DEPLOY_TARGETS, type DeployTarget } from '../../deploy/index.ts';
import { requireWritable, writeFileAtomic } from '../../files/index.ts';
import { option } from '../../options/index.ts';
import { defineCommand } from '../frame/command.ts';
import { ownVersion } from '../frame/own-version.ts';

const TARGETS = Object.keys(DEPLOY_TARGETS) as [DeployTarget, ...DeployTarget[]];

/** `preftune deploy write`: the files of a deployment, explained in themselves. */
export const DEPLOY_WRITE = defineCommand({
  name: 'deploy write',
  description: 'Writes what a deployment needs: Dockerfile, compose, systemd, settings of hf and azure',
  arguments: [{ name: 'folder', help: 'where to write; made where it does not exist', isRequired: true }],
  examples: [
    { does: 'a container and its store', words: 'server --to compose' },
    { does: 'settings for Azure ML, and its image', words: 'azure --to azure' },
  ],
  options: z.strictObject({
    to: option(z.enum(TARGETS), { help: 'what it is for' }),
  }),
  async run({ to }, { args, terminal }) {
    const [folder] = args as [string];
    const files = deployFiles(to, ownVersion());
    const taken = files.filter(({ name }) => existsSync(join(folder, name)));
    if (taken.length > 0)
      throw badInput(
        taken.map(({ name }) => ({
          file: join(folder, name),
          message:
            'deploy write: must not exist yet, got a file; nothing was written: name another folder, or move it away',
        })),
      );
    mkdirSync(folder, { recursive: true });
    requireWritable(folder);
    for (const { name, text, mode } of files) {
      writeFileAtomic(join(folder, name), text, { mode });
      chmodSync(join(folder, name), mode);
    }
    const width = Math.max(...files.map(({ name }) => name.length));
    terminal.result(
      { folder, files: files.map(({ name }) => name) },
      [
        ...files.map(({ name, purpose }) => `wrote ${join(folder, name.padEnd(width))}  ${purpose}`),
        '',
        `The beginning of ${join(folder, files.find(({ name }) => /^(?:compose|hf|azure)\.yaml$/.test(name))?.name ?? files[0]!.name)} says what to type; docs/deploying.md has the rest.`,
      ].join('\n'),
    );
  },
});
