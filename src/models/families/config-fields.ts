import type { Problem } from '../../core/index.ts';

export type ConfigJson = Readonly<Record<string, unknown>>;

/**
 * Fields of a config.json, read one by one. A field that is read is known; every fault is collected, and reading goes on with a value that
 * fits. null counts as absent unless a method says otherwise.
 */
export class ConfigFields {
  readonly problems: Problem[] = [];
  /** `model_type`, for messages. */
  readonly family: string;
  private readonly config: ConfigJson;
  private readonly read = new Set<string>();

  constructor(config: ConfigJson, family: string) {
    this.config = config;
    this.family = family;
  }

  /** The whole file, for what reads several fields together; each must be read by a method too, to be known. */
  get all(): ConfigJson {
    return this.config;
  }

  fail(path: string, message: string): void {
    this.problems.push({ path, message: `config.json: ${message}` });
  }

  /** As it stands: null is null. */
  value(path: string): unknown {
    this.read.add(path);
    return this.config[path];
  }

  wasRead(path: string): boolean {
    return this.read.has(path);
  }

  /** A whole number above 0. */
  positive(path: string, fallback?: number): number {
    const value = this.value(path) ?? fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    this.fail(path, `${path} must be a whole number above 0, got ${JSON.stringify(value)}`);
    return 1;
  }

  /** A number above 0. */
  number(path: string, fallback: number): number {
    const value = this.value(path) ?? fallback;
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
    this.fail(path, `${path} must be a number above 0, got ${JSON.stringify(value)}`);
    return fallback;
  }

  /** A whole number from 0 on. */
  count(path: string, fallback: number): number {
    const value = this.value(path) ?? fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    this.fail(path, `${path} must be a whole number of at least 0, got ${JSON.stringify(value)}`);
    return fallback;
  }

  flag(path: string, fallback: boolean): boolean {
    const value = this.value(path) ?? fallback;
    if (typeof value === 'boolean') return value;
    this.fail(path, `${path} must be true or false, got ${JSON.stringify(value)}`);
    return fallback;
  }

  /** A flag that Transformers' class does not look at, so that true would mean another model. */
  neverTrue(path: string): void {
    if (this.flag(path, false))
      this.fail(path, `${path} must be false or absent for model_type ${this.family}, got true`);
  }

  /** A number that Transformers' class does not look at, so that another than 1 would mean another model. */
  onlyOne(path: string): void {
    const value = this.value(path) ?? 1;
    if (value !== 1) this.fail(path, mustBe(path, [1], value));
  }

  /** What one of the words stands for; the first word where the field is absent. null is no word. */
  word<T>(path: string, meanings: Readonly<Record<string, T>>): T {
    const words = Object.keys(meanings);
    const value = this.value(path);
    const word = value === undefined ? words[0] : words.find((one) => one === value);
    if (word !== undefined) return meanings[word]!;
    this.fail(path, mustBe(path, words, value));
    return meanings[words[0]!]!;
  }
}

/** The refusal of a value that makes another computation of the model. */
export function mustBe(path: string, allowed: readonly unknown[], value: unknown): string {
  const known = allowed.map((one) => JSON.stringify(one)).join(' or ');
  return `${path} must be ${known}, got ${JSON.stringify(value)}; preftune does not compute this variant`;
}
