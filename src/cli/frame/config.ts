import { existsSync, readFileSync, statSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document, type YAMLMap } from 'yaml';
import { badInput, didYouMean, messageOf, problemsOf, type Problem, type JsonValue } from '../../core/index.ts';
import { valueOfField, type Option } from '../../options/index.ts';

const MAX_CONFIG_BYTES = 2 ** 20;
const MAX_DEPTH = 16;

/** Where a value stands, 1-based. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The options of a configuration file by dotted path, where each stands, and what is wrong with its keys. */
export interface Config {
  readonly values: ReadonlyMap<string, JsonValue>;
  readonly places: ReadonlyMap<string, Place>;
  readonly problems: readonly Problem[];
}

/**
 * The options that a YAML (or JSON) file gives. Keys are the options' paths, nested or dotted, in camelCase or as the
 * flags spell them (`learning-rate`). Problems have line and column: unknown keys (with the nearest known one), keys given twice, too many aliases. Throws
 * bad-input for what is no YAML, or no file; what values must be, the schema says.
 */
export function readConfig(file: string, options: readonly Option[]): Config {
  const lines = new LineCounter();
  const document = parseYaml(file, lines);
  if (document === undefined) return { values: new Map(), places: new Map(), problems: [] };
  const values = new Map<string, JsonValue>();
  const places = new Map<string, Place>();
  const problems: Problem[] = [];
  const byName = new Map(options.flatMap((option) => namesOf(option).map((name) => [name, option] as const)));
  const names = [...byName.keys()];
  const visit = (map: YAMLMap, prefix: string, depth: number): void => {
    for (const { key, value } of map.items) {
      const name = prefix + String(isScalar(key) ? key.value : key);
      const offset = (key as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
      const { line, col } = lines.linePos(offset);
      const place = { file, line, column: col };
      const option = byName.get(name);
      if (option !== undefined) {
        const { path } = option;
        const plain = toJson(value, document);
        if (plain === undefined) problems.push({ ...place, path, message: `${name} ${TOO_MANY_ALIASES}` });
        else if (values.has(path))
          problems.push({ ...place, path, message: `${name} must be given once, got it twice` });
        else
          for (const problem of problemsOf(() => values.set(path, valueOfField(option, plain))))
            problems.push({ ...place, ...problem });
        places.set(path, place);
      } else if (isMap(value) && depth < MAX_DEPTH && names.some((known) => known.startsWith(`${name}.`))) {
        visit(value, `${name}.`, depth + 1);
      } else {
        const hint = didYouMean(name, names, 'see --help-all for the options');
        problems.push({ ...place, path: name, message: `${name} is not an option; ${hint}` });
      }
    }
  };
  visit(document.contents as YAMLMap, '', 0);
  return { values, places, problems };
}

/** The document, a map; undefined where the file is empty. */
function parseYaml(file: string, lineCounter: LineCounter): Document | undefined {
  const document = parseDocument(readText(file), { lineCounter, prettyErrors: false, uniqueKeys: true });
  const problems: Problem[] = document.errors.map((error) => {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    return { file, line, column: col, message: `must be YAML, got an error: ${error.message}` };
  });
  if (problems.length > 0) throw badInput(problems);
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return undefined;
  if (!isMap(contents)) throw badInput({ file, line: 1, message: 'must be options by name, such as beta: 0.1' });
  return document;
}

function namesOf({ path, flag }: Option): string[] {
  return [...new Set([path, flag.slice(2), flag.slice(2).replaceAll('-', '_')])];
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

const TOO_MANY_ALIASES = 'must repeat at most 100 aliases; write the values out';

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
