import { badInput, shownValue, type Problem } from '../core/index.ts';
import { isLossName, PRESETS, unknownLoss, type LossName } from './registry.ts';

/** One term of an objective as it was written. */
export interface TermText {
  readonly name: LossName;
  readonly weight: number;
  /** Options in brackets, which hold for this term alone. */
  readonly options: Readonly<Record<string, number | string>>;
}

/** Longest text and most terms that are read. */
const MAX_LENGTH = 2000;
const MAX_TERMS = 16;

const TERM = /^([\w-]+)\s*(?:\(([^()]*)\))?\s*(?::\s*(\S+))?$/;
const OPTION = /^(\w+)\s*=\s*(\S+)$/;

/** Commas that stand outside brackets. */
function splitTerms(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function valueOf(text: string): number | string {
  const number = Number(text);
  return text !== '' && !Number.isNaN(number) ? number : text;
}

function parseTerm(part: string, problems: Problem[]): TermText | undefined {
  const refuse = (message: string): undefined =>
    void problems.push({ path: 'objective', message: `objective: ${message}` });
  const [, name, bracket, weightText] = TERM.exec(part) ?? [];
  if (name === undefined)
    return refuse(`a term must read name, name:weight or name(option=value):weight, got ${shownValue(part)}`);
  if (!isLossName(name)) return refuse(unknownLoss(name));
  const weight = weightText === undefined ? 1 : Number(weightText);
  if (!(weight > 0 && Number.isFinite(weight)))
    return refuse(`the weight of ${name} must be a number above 0, got ${weightText}; leave the term out to drop it`);
  const options: Record<string, number | string> = {};
  for (const item of bracket === undefined ? [] : bracket.split(',')) {
    const [, option, value] = OPTION.exec(item.trim()) ?? [];
    if (option === undefined || value === undefined)
      return refuse(`options of ${name} must read name=value, got ${shownValue(item.trim())}`);
    if (Object.hasOwn(options, option)) return refuse(`option ${option} of ${name} must be given once`);
    options[option] = valueOf(value);
  }
  return { name, weight, options };
}

/**
 * The terms of an objective: `name[(option=value, ...)][:weight]`, separated by commas, or a preset. The weight is 1 where there is none.
 * `sigmoid:0.8,bco_pair(beta=0.05):0.2,sft:1` is 0.8 sigmoid + 0.2 bco_pair + sft, as TRL's loss_type with loss_weights.
 * Throws bad-input with every problem: unknown names, weights that are not above 0, terms that stand twice.
 */
export function parseObjective(text: string): TermText[] {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH)
    throw badInput({
      path: 'objective',
      message: `objective: must have at most ${MAX_LENGTH} characters, got ${trimmed.length}`,
    });
  const problems: Problem[] = [];
  const parts = splitTerms(Object.hasOwn(PRESETS, trimmed) ? PRESETS[trimmed as keyof typeof PRESETS] : trimmed);
  if (parts.length > MAX_TERMS)
    throw badInput({
      path: 'objective',
      message: `objective: must have at most ${MAX_TERMS} terms, got ${parts.length}`,
    });
  const terms = parts.map((part) => parseTerm(part, problems)).filter((term) => term !== undefined);
  const names = terms.map(({ name }) => name);
  for (const name of new Set(names.filter((each, i) => names.indexOf(each) !== i)))
    problems.push({
      path: 'objective',
      message: `objective: each loss must stand once, got ${name} twice; add up the weights`,
    });
  if (problems.length > 0) throw badInput(problems);
  return terms;
}
