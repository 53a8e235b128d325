import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../src/cli/commands.ts';
import { configurationSchema } from '../src/cli/frame/config-schema.ts';
import { optionsOf } from '../src/options/index.ts';

/** preftune.schema.json, as the build writes it from the options of the commands. */
const ROOT = join(import.meta.dirname, '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'training.md'), 'utf8');

let schema: Awaited<ReturnType<typeof configurationSchema>>;
let validate: ValidateFunction;

beforeAll(async () => {
  schema = await configurationSchema(COMMANDS);
  validate = new Ajv2020({ allErrors: true }).compile(schema);
});

/** The schema of one command, as a file of that command alone is held to. */
function validatorOf(name: string): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true });
  return ajv.addSchema(schema, 'preftune').getSchema(`preftune#/$defs/${name}`)!;
}

it('takes the configuration files of docs/training.md', () => {
  const files = [...PAGE.matchAll(/^```yaml [^\n]+\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  expect(files.length).toBeGreaterThan(0);
  for (const text of files) {
    expect([text, validate(parse(text)), validate.errors]).toEqual([text, true, null]);
    expect(validatorOf('dpo')(parse(text))).toBe(true);
  }
});

it('refuses keys, types and ranges that the command refuses', () => {
  const dpo = validatorOf('dpo');
  const errors = (value: unknown): string[] => {
    dpo(value);
    return (dpo.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
  expect(errors({ model: 'm', bata: 0.1, lora: { rnak: 4 } })).toEqual([
    ' must NOT have additional properties',
    '/lora must NOT have additional properties',
  ]);
  expect(errors({ beta: 0, batchSize: 1.5, method: 'half', heldOutFraction: 0.9 })).toEqual([
    '/heldOutFraction must be <= 0.5',
    '/beta must be > 0',
    '/method must be equal to one of the allowed values',
    '/batchSize must be integer',
  ]);
  expect(validate({ model: 'm', bata: 0.1 })).toBe(false);
  expect(validatorOf('sweep')({ beta: [0.1, 0.3], objective: ['sigmoid', 'ipo'], seed: [1, 2] })).toBe(true);
});

it('has every option of every command that takes --config', async () => {
  const definitions = schema['$defs'] as Readonly<Record<string, Record<string, unknown>>>;
  const names: string[] = [];
  for (const entry of COMMANDS) {
    const { name, takesConfig, options } = await entry.load();
    if (takesConfig !== true) continue;
    names.push(name.replaceAll(' ', '-'));
    for (const { path, meta } of optionsOf(options)) {
      let at: unknown = definitions[names.at(-1)!];
      for (const step of path.split('.')) at = (at as { properties: Record<string, unknown> }).properties[step];
      expect([path, (at as { description?: string } | undefined)?.description]).toEqual([
        path,
        expect.stringContaining(meta.help),
      ]);
    }
  }
  expect(names).toEqual(Object.keys(definitions));
  expect(names).toEqual(expect.arrayContaining(['dpo', 'sft', 'sweep']));
});

it('is written by the build and stands in the package', () => {
  const { files, scripts, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    files: string[];
    scripts: Record<string, string>;
    exports: Record<string, unknown>;
  };
  expect(files).toContain('preftune.schema.json');
  expect(scripts['build']).toContain('scripts/write-schema.ts');
  expect(exports['./preftune.schema.json']).toBe('./preftune.schema.json');
  expect(PAGE).toContain('# yaml-language-server: $schema=./node_modules/preftune/preftune.schema.json');
});
