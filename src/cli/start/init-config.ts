import { wrap, type JsonValue } from '../../core/index.ts';
import { helpOf, placeholderOf, typedText, type Option } from '../../options/index.ts';

const COLUMNS = 80;

export interface ConfigLayout {
  /** What stands at the top, a line each, without the mark of a comment. */
  readonly head: readonly string[];
  /** Options in the order of the file, each under its heading. */
  readonly options: readonly Option[];
  /** Values that the file gives, by the options' paths. All other options stand in it as comments. */
  readonly values: Readonly<Record<string, JsonValue>>;
}

/**
 * A configuration file with every option explained: what it does, its default and its choices in comments of at most 80 columns, then its line; as a
 * comment where the file gives no value. Keys are the options' dotted paths.
 */
export function commentedConfig({ head, options, values }: ConfigLayout): string {
  const lines = head.map((line) => (line === '' ? '#' : `# ${line}`));
  let heading: string | undefined;
  for (const option of options) {
    const group = option.meta.group ?? 'Options';
    if (group !== heading) lines.push('', `# ---- ${group} ----`);
    heading = group;
    lines.push('', ...wrap(helpOf(option), COLUMNS, { first: '# ', rest: '# ', keepsWords: true }));
    const given = values[option.path];
    lines.push(given === undefined ? `#${option.path}: ${usualText(option)}` : `${option.path}: ${yamlText(given)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The default, or what kind of value would stand there. */
function usualText({ default: usual, meta: { usuallyBy }, kind, meta }: Option): string {
  const constant = usual ?? Object.values(usuallyBy?.values ?? {})[0];
  if (constant !== undefined && constant !== null) return yamlText(constant);
  return kind.type === 'boolean' ? 'true' : placeholderOf(kind, meta);
}

/** Numbers as people write them, texts quoted where YAML would take them for something else, the rest as JSON, which YAML reads. */
function yamlText(value: JsonValue): string {
  if (typeof value === 'number') return typedText(value).replace(/^(\d+)e/, '$1.0e');
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[A-Za-z_./][\w./@+-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value);
}
