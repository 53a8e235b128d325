import { isObject, type JsonValue } from '../core/index.ts';
import type { OptionKind } from './option-kind.ts';
import type { Option } from './option-list.ts';
import type { OptionMeta } from './option.ts';

/** Longest list of choices that stands beside a flag. */
const SHORT_CHOICES = 28;

/** What stands behind the flag for its value: `<integer>`, `<lora|full>`; nothing for a switch. */
export function placeholderOf(kind: OptionKind, meta?: OptionMeta): string {
  if (meta?.itemOfWord !== undefined) return '<names|json>';
  switch (kind.type) {
    case 'boolean':
      return '';
    case 'text':
    case 'texts':
      return '<text>';
    case 'choice':
      return areShort(kind) ? `<${kind.choices.join('|')}>` : '<choice>';
    case 'pairs':
      return '<name=text,...>';
    case 'number-or':
      return `<number|${kind.choices.join('|')}>`;
    case 'values':
      return placeholderOf(kind.of).replace('>', ',...>');
    default:
      return `<${kind.type}>`;
  }
}

function areShort({ choices }: { readonly choices: readonly string[] }): boolean {
  return choices.join('|').length <= SHORT_CHOICES;
}

/** The choices that do not stand beside the flag. */
function hiddenChoices(kind: OptionKind): readonly string[] {
  if (kind.type === 'values') return hiddenChoices(kind.of);
  if (kind.type === 'list') return kind.choices ?? [];
  return kind.type === 'choice' && !areShort(kind) ? kind.choices : [];
}

/** `; default 5e-5, with --method full 1e-6`, or nothing. */
export function defaultText(meta: OptionMeta): string {
  const text = usuallyText(meta);
  return text === undefined ? '' : `; default: ${text}`;
}

function usuallyText({ usually, usuallyBy }: OptionMeta): string | undefined {
  if (usuallyBy === undefined) return usually;
  return Object.entries(usuallyBy.values)
    .map(([value, text], at) => `${at === 0 ? '' : `with --${usuallyBy.option} ${value} `}${shownDefault(text)}`)
    .join(', ');
}

/** A default in help: as it would be typed, counts in full. */
export function shownDefault(value: JsonValue): string {
  return Number.isInteger(value) ? String(value) : typedText(value);
}

/** A value as it would be typed, texts by name as name=text, numbers in the fewest characters: 5e-5 for 0.00005. */
export function typedText(value: JsonValue): string {
  if (Array.isArray(value)) return value.map((item) => typedText(item as JsonValue)).join(',');
  if (isObject(value) && Object.values(value).every((text) => typeof text === 'string'))
    return Object.entries(value)
      .map(([name, text]) => `${name}=${String(text)}`)
      .join(',');
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  const [plain, power] = [String(value), value.toExponential().replace('e+', 'e')] as const;
  return power.length < plain.length ? power : plain;
}

/** What --help says of an option: what it does, and in brackets whether it is required, its default, and its choices. */
export function helpOf({ meta, kind, isRequired, default: value }: Option): string {
  const usually = value === undefined || kind.type === 'boolean' ? usuallyText(meta) : shownDefault(value);
  const choices = hiddenChoices(kind);
  const areNamed = choices.every((choice) => meta.help.includes(choice));
  const notes = [
    ...(isRequired ? ['required'] : []),
    ...(usually === undefined ? [] : [`default: ${usually}`]),
    ...(areNamed ? [] : [choices.join(', ')]),
  ];
  return notes.length === 0 ? meta.help : `${meta.help} (${notes.join('; ')})`;
}
