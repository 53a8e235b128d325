import { jsonSchemaOf } from '../../options/index.ts';
import type { JsonObject } from '../../core/index.ts';
import type { CommandEntry } from './command.ts';

/**
 * The JSON schema of configuration files, for editors: a file must be that of one of the commands that take one. Each command's own schema stands
 * under `$defs`, called as the command with dashes.
 */
export async function configurationSchema(entries: readonly CommandEntry[]): Promise<JsonObject> {
  const commands = await Promise.all(entries.map((entry) => entry.load()));
  const definitions = commands
    .filter(({ takesConfig }) => takesConfig === true)
    .map(({ name, description, options }) => [
      name.replaceAll(' ', '-'),
      { title: `preftune ${name} --config`, description, ...jsonSchemaOf(options) },
    ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A configuration file of preftune',
    anyOf: definitions.map(([name]) => ({ $ref: `#/$defs/${String(name)}` })),
    $defs: Object.fromEntries(definitions) as JsonObject,
  };
}
