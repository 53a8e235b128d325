import { z } from 'zod';
import { option, optionsOf, type Option } from '../../options/index.ts';
import type { Command } from './command.ts';

const GROUP = 'General';

const COMMON = optionsOf(
  z.strictObject({
    config: option(z.string().optional(), {
      help: 'YAML or JSON file of these options; flags override it',
      group: GROUP,
    }),
    json: option(z.boolean().optional(), { help: 'print results and errors as JSON', group: GROUP }),
    help: option(z.boolean().optional(), { help: 'print this', alias: '-h', group: GROUP }),
    helpAll: option(z.boolean().optional(), { help: 'print all options', group: GROUP }),
  }),
);

/** A command with more options shows its common ones alone in --help. */
const MANY_OPTIONS = 16;

/** What every command understands besides its own options. */
export function commonFlags({ takesConfig = false }: Command): Option[] {
  return COMMON.filter(({ path }) => path !== 'config' || takesConfig);
}

/** The options that --help leaves to --help-all. */
export function rareOptions(command: Command): readonly Option[] {
  const options = optionsOf(command.options);
  if (options.length <= MANY_OPTIONS) return [];
  return options.filter(({ isRequired, meta }) => !isRequired && meta.isCommon !== true);
}
