import { existsSync, readFileSync, statSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document, type YAMLMap } from 'yaml';
import { badInput, messageOf, type Problem, type JsonValue } from '../../core/index.ts';
import { pathOf, type OptionEntry } from './command.ts';
import { checkValue, suggest } from './options.ts';

const MAX_CONFIG_BYTES = 2 ** 20;
const MAX_DEPTH = 16;

/**
 * The options that a YAML (or JSON) file gives, by dotted path. Keys are the options' paths, nested or dotted, in camelCase or as the
 * flags spell them (`learning-rate`). Throws bad-input with every problem at once, each with its line and column: what is not YAML, unknown keys (with the
 * nearest known one), values of a wrong type, keys given twice.
 */
export function readConfig(file: string, options: readonly OptionEntry[]): Map<string, JsonValue> {
  const text = readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems: Problem[] = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { file, line, column: col, message: `must be YAML, got an error: ${error.message}` };
  });
  const values = new Map<string, JsonValue>();
  if (problems.length > 0) throw badInput(problems);
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return values;
  if (!isMap(document.contents))
    throw badInput({ file, line: 1, message: 'must be options by name, such as beta: 0.1' });

  const byName = new Map(options.flatMap((option) => namesOf(option).map((name) => [name, option] as const)));
  const visit = (map: YAMLMap, prefix: string, depth: number): void => {
    for (const { key, value } of map.items) {
      const name = prefix + String(isScalar(key) ? key.value : key);
      const offset = (key as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
      const { line, col } = lines.linePos(offset);
      const place = { file, line, column: col };
      const option = byName.get(name);
      if (
        option === undefined &&
        isMap(value) &&
        depth < MAX_DEPTH &&
        [...byName.keys()].some((known) => known.startsWith(`${name}.`))
      ) {
        visit(value, `${name}.`, depth + 1);
        continue;
      }
      if (option === undefined) {
        const near = suggest(name, [...byName.keys()]);
        problems.push({
          ...place,
          path: name,
          message: `unknown option ${name}; ${near === undefined ? 'see --help for the options' : `did you mean ${near}?`}`,
        });
        continue;
      }
      const path = pathOf(option);
      const plain = toJson(value, document);
      const reading = plain === undefined ? TOO_MANY_ALIASES : checkValue(option.type, plain);
      if ('problem' in reading) problems.push({ ...place, path, message: `${name}: ${reading.problem}` });
      else if (values.has(path))
        problems.push({ ...place, path, message: `${name}: must be given once, got it twice` });
      else values.set(path, reading.value);
    }
  };
  visit(document.contents, '', 0);
  if (problems.length > 0) throw badInput(problems);
  return values;
}

function namesOf(option: OptionEntry): string[] {
  const names = [pathOf(option), option.flag.slice(2), option.flag.slice(2).replaceAll('-', '_')];
  return [...new Set(names)];
}

function readText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > MAX_CONFIG_BYTES)
      throw badInput({ file, message: `a configuration must be at most ${MAX_CONFIG_BYTES} bytes, got ${size}` });
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'problems' in error) throw error;
    const got = existsSync(file) ? messageOf(error) : 'none of this name; check the path';
    throw badInput({ file, message: `--config must be a readable file, got ${got}` }, { cause: error });
  }
}

const TOO_MANY_ALIASES = { problem: 'must repeat at most 100 aliases; write the values out' };

/** A node as JSON: dates and big numbers become texts. Undefined where aliases multiply it beyond the YAML library's limit of 100. */
function toJson(node: unknown, document: Document): JsonValue | undefined {
  if (!isNode(node)) return null;
  try {
    const value: unknown = node.toJS(document, { maxAliasCount: 100 });
    const text = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}
