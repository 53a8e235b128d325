import type { Checkpoint } from '../../formats/index.ts';
import { adaptablePaths, loraNames, moduleShape, WRAPPERS, type ModelConfig } from '../../models/index.ts';
import { moduleRule } from './python-pattern.ts';

type PeftConfig = Readonly<Record<string, unknown>>;

const PATTERNS = ['alpha_pattern', 'rank_pattern'] as const;

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRank(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Above zero in float32 as well, in which it is multiplied: 1e-50 is zero there and 1e39 is infinite. */
function isAlpha(value: unknown): value is number {
  return typeof value === 'number' && Math.fround(value) > 0 && Math.fround(value) < Infinity;
}

const KINDS = {
  alpha: { holds: isAlpha, must: 'a number above 0' },
  rank: { holds: isRank, must: 'a whole number above 0' },
} as const;

/** What an adapter_config.json has in place of a rank, an alpha, a dropout, or a table of them by module. */
export function numberProblems(peft: PeftConfig): string[] {
  const problems: string[] = [];
  const check = (where: string, value: unknown, { holds, must }: (typeof KINDS)['alpha' | 'rank']): void => {
    if (!holds(value)) problems.push(`${where} must be ${must}, got ${JSON.stringify(value) ?? 'nothing'}`);
  };
  check('r', peft['r'], KINDS.rank);
  check('lora_alpha', peft['lora_alpha'], KINDS.alpha);
  const dropout = peft['lora_dropout'] ?? 0;
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
    problems.push(`lora_dropout must be a number from 0 to below 1, got ${JSON.stringify(dropout)}`);
  for (const field of PATTERNS) {
    const table = peft[field] ?? {};
    if (!isTable(table)) {
      problems.push(`${field} must be an object of numbers by module, got ${JSON.stringify(table)}`);
      continue;
    }
    for (const [pattern, value] of Object.entries(table)) {
      if (moduleRule(pattern) === undefined)
        problems.push(
          `${field} must have regular expressions that Python and JavaScript read alike, got ${JSON.stringify(pattern)}; write the paths out`,
        );
      check(`${field} of ${JSON.stringify(pattern)}`, value, field === 'rank_pattern' ? KINDS.rank : KINDS.alpha);
    }
  }
  return problems;
}

/** Where the text part's modules stood in models of more before Transformers 5. */
const EARLIER_TEXT_PATH = 'language_model.model';

/**
 * What rank_pattern or alpha_pattern has for a module; undefined where no key is its. PEFT's rule: the first key that matches the end of the path as a regular
 * expression. A module of a text part has the paths of the whole model as well.
 */
export function patternValue(patterns: unknown, path: string): number | undefined {
  if (!isTable(patterns)) return undefined;
  const wrapped = [...Object.values(WRAPPERS).map(({ textPath }) => textPath), EARLIER_TEXT_PATH];
  const paths = [path, ...wrapped.map((textPath) => path.replace(/^model\b/, textPath))];
  const found = Object.entries(patterns).find(([key]) => paths.some((one) => moduleRule(key)?.test(one) === true));
  return found?.[1] as number | undefined;
}

interface RankProblems {
  readonly problems: readonly string[];
  /** Tensors whose shape is not to be told again. */
  readonly told: ReadonlySet<string>;
}

/**
 * Ranks that do not agree: of A [rank, in] and B [out, rank] of a module, and of both with what the configuration says. The scale is alpha / rank, so that either number
 * would be a guess; PEFT refuses both. Modules that are wrong in the same way are told once. Tensors of another width are left to others.
 */
export function rankProblems(
  { entries }: Checkpoint,
  { peft, config, prefix }: { readonly peft: PeftConfig; readonly config: ModelConfig; readonly prefix: string },
): RankProblems {
  const told = new Set<string>();
  const modules = new Map<string, string[]>();
  const tell = (what: string, path: string): void => void modules.set(what, [...(modules.get(what) ?? []), path]);
  for (const path of adaptablePaths(config)) {
    const names = loraNames(path);
    const [out, into] = moduleShape(config, path);
    const [a, b] = [entries.get(`${prefix}${names.a}`)?.shape, entries.get(`${prefix}${names.b}`)?.shape];
    if (a?.length !== 2 || b?.length !== 2 || a[1] !== into || b[0] !== out) continue;
    const [rank, other] = [a[0]!, b[1]!];
    if (rank === 0 || other === 0) continue;
    if (rank !== other) {
      told.add(`${prefix}${names.b}`);
      tell(
        `lora_A and lora_B must have one rank, got A of rank ${rank} and B of rank ${other}; the file is damaged or mixed from two adapters: save the adapter again`,
        path,
      );
      continue;
    }
    const own = patternValue(peft['rank_pattern'], path);
    const said = own ?? peft['r'];
    if (isRank(said) && said !== rank)
      tell(
        `${own === undefined ? 'r' : 'rank_pattern'} must be the rank of the tensors, got ${said} and tensors of rank ${rank}; the scale of the adapter is not known: take the adapter_config.json that was saved with these tensors, or name the true ranks in r or rank_pattern`,
        path,
      );
  }
  const problems = [...modules].map(([what, [first, ...rest]]) => {
    const more = rest.length === 0 ? '' : ` and ${rest.length} more`;
    return `${first}${more}: ${what}`;
  });
  return { problems, told };
}
