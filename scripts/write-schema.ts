/**
 * Writes preftune.schema.json, the JSON schema of configuration files, from the options that the commands declare.
 *
 *     tsx scripts/write-schema.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../src/cli/commands.ts';
import { configurationSchema } from '../src/cli/frame/config-schema.ts';

const FILE = join(import.meta.dirname, '..', 'preftune.schema.json');

writeFileSync(FILE, `${JSON.stringify(await configurationSchema(COMMANDS), null, 1)}\n`);
