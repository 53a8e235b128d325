import { COMPATIBILITY, COMPATIBILITY_MODES, type CompatibilityRow, type CompatibleValue } from './compatibility.ts';
import type { Loss, LossOption, LossOptionSpecs, Source } from './definition.ts';
import { divergenceOptions, ldOptions, offsetOption, weightingOptions } from './option-specs.ts';
import { LOSSES, PRESETS, type LossName } from './registry.ts';
import { rangeText } from './resolve-options.ts';
import { REWARD_FORMS } from './reward.ts';

/** The tables of docs/objectives.md and of help texts, in Markdown, made from the registry so that they cannot differ from it. */

/** Options that many losses take with the same meaning; they have a table of their own. */
const COMMON: LossOptionSpecs = { ...divergenceOptions, ...offsetOption, ...ldOptions, ...weightingOptions };

function isCommon(name: string, spec: LossOption): boolean {
  return COMMON[name]?.default === spec.default;
}

/** `Rafailov et al. 2023, eq. 7 (arXiv 2305.18290)` */
export function sourceText({ authors, year, where, equation }: Source): string {
  const place = equation === undefined ? '' : `, ${/^[\d, ]+$/.test(equation) ? `eq. ${equation}` : equation}`;
  return `${authors} ${year}${place} (${where})`;
}

/** `beta 0.01 (TRL 0.1)` */
function defaultText(name: string, spec: LossOption): string {
  return `${name} ${spec.default}${spec.trlDefault === undefined ? '' : ` (TRL ${spec.trlDefault})`}`;
}

/** A bar would end a cell of a table. */
function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

function lossRow(loss: Loss): string[] {
  const { description, options } = loss;
  const defaults = Object.entries(options).map(([, spec]) => spec.default);
  const own = Object.entries(options).filter(([name, spec]) => !isCommon(name, spec));
  const initial = Object.fromEntries(Object.entries(options).map(([name], i) => [name, defaults[i]!]));
  return [
    `\`${loss.name}\``,
    description.title,
    description.formula,
    description.sources.map(sourceText).join('; '),
    own.map(([name, spec]) => defaultText(name, spec)).join(', ') || 'none',
    [
      loss.needsReference ? 'reference' : 'no reference',
      ...(loss.coupling(initial) === 'batch' ? ['whole batch'] : []),
      ...(loss.takesMargins ? ['takes margins'] : []),
    ].join(', '),
    description.use,
    description.traps,
  ];
}

/** The losses of a kind: one row each. */
export function lossTable(kind: Loss['kind']): string {
  const head = ['name', 'known as', 'loss of a row', 'source', 'defaults', 'needs', 'when', 'traps'];
  return table(
    head,
    Object.values(LOSSES)
      .filter((loss) => loss.kind === kind)
      .map(lossRow),
  );
}

function optionRow([name, spec]: readonly [string, LossOption], takers: readonly string[]): string[] {
  return [
    `\`${name}\``,
    String(spec.default),
    rangeText(spec),
    spec.meaning,
    takers.map((taker) => `\`${taker}\``).join(', '),
  ];
}

/** The losses that have an option. */
function takersOf(option: string): Loss[] {
  return Object.values(LOSSES).filter((loss) => Object.hasOwn(loss.options, option));
}

/** Every option: default, range, meaning, and the losses that take it. Where defaults differ, that of the first loss stands. */
export function optionTable(): string {
  const specs = new Map<string, LossOption>();
  for (const loss of Object.values(LOSSES) as Loss[])
    for (const [name, spec] of Object.entries(loss.options))
      if (!specs.has(name)) specs.set(name, COMMON[name] ?? spec);
  return table(
    ['option', 'default', 'range', 'meaning', 'taken by'],
    [...specs].map((entry) =>
      optionRow(
        entry,
        takersOf(entry[0]).map(({ name }) => name),
      ),
    ),
  );
}

/** What beta means in each loss. */
export function betaTable(): string {
  const meanings = new Map<string, string[]>();
  for (const { name, description } of Object.values(LOSSES))
    meanings.set(description.beta, [...(meanings.get(description.beta) ?? []), `\`${name}\``]);
  return table(
    ['beta is', 'in'],
    [...meanings].map(([meaning, names]) => [meaning, names.join(', ')]),
  );
}

/** The implicit reward of each loss, which metrics and scores show. */
export function rewardTable(): string {
  const rewards = new Map<string, string[]>();
  for (const { name, reward, needsReference, options } of Object.values(LOSSES) as Loss[]) {
    const form = REWARD_FORMS[reward][needsReference ? 'reference' : 'free']!;
    const text = options['beta'] === undefined ? form.replace(/^beta /, '') : form;
    rewards.set(text, [...(rewards.get(text) ?? []), `\`${name}\``]);
  }
  return table(
    ['reward of an answer', 'in'],
    [...rewards].map(([text, names]) => [text, names.join(', ')]),
  );
}

function compatibleText(value: CompatibleValue): string {
  return typeof value === 'object' ? String(value.default) : value;
}

/** The default of an option without a compatibility mode. */
function ownDefault({ option, losses }: CompatibilityRow): string {
  const taker = takersOf(option).find(({ name }) => losses === undefined || losses.includes(name as LossName));
  return String((COMMON[option] ?? taker!.options[option]!).default);
}

/** The differences between versions of the same name. */
export function compatibilityTable(): string {
  return table(
    ['difference', 'option', 'preftune', ...COMPATIBILITY_MODES],
    COMPATIBILITY.map((each) => [
      each.topic,
      `\`${each.option}\``,
      ownDefault(each),
      ...COMPATIBILITY_MODES.map((mode) => compatibleText(each.modes[mode])),
    ]),
  );
}

/** Short names. */
export function presetTable(): string {
  return table(
    ['preset', 'stands for'],
    Object.entries(PRESETS).map(([name, text]) => [`\`${name}\``, `\`${text}\``]),
  );
}
