import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { badInput, messageOf, type Problem } from '../../core/index.ts';
import { openLanguageDetector } from '../../answers/index.ts';
import { openModel, parseModelName } from '../../policy/index.ts';
import type { Judge } from '../judge.ts';
import { needsLanguage, parseInstructions } from './rules-instructions.ts';
import { createRuleCheck, createRuleJudge, type Rule, type RuleCheck, type RuleOptions } from './rules.ts';
import { nameOf, type RuleSpecification } from '../specification.ts';

export interface OpenRuleOptions {
  /** Turns the name of a model into a local path; default: it is one. */
  readonly resolve?: ((name: string, kind: 'model') => Promise<string>) | undefined;
}

/** A rule as a judge, with what it needs opened: a tokenizer, a language detector, files of tests. Throws bad-input for what cannot be read. */
export async function openRuleJudge(specification: RuleSpecification, options: OpenRuleOptions = {}): Promise<Judge> {
  const { rule, needs } = await openRule(specification, options);
  return createRuleJudge(rule, nameOf(specification), needs);
}

/** A rule as a check of single answers, opened as openRuleJudge does. */
export async function openRuleCheck(
  specification: RuleSpecification,
  options: OpenRuleOptions = {},
): Promise<RuleCheck> {
  const { rule, needs } = await openRule(specification, options);
  return createRuleCheck(rule, { ...needs, name: nameOf(specification) });
}

async function openRule(
  specification: RuleSpecification,
  { resolve }: OpenRuleOptions,
): Promise<{ readonly rule: Rule; readonly needs: RuleOptions }> {
  const { name: _name, testsFile, ...rule } = specification;
  if (rule.kind === 'code' && testsFile !== undefined)
    return { rule: { ...rule, testsByPrompt: readTests(testsFile) }, needs: {} };
  if (rule.kind === 'length' && rule.tokenizer !== undefined)
    return { rule, needs: { countTokens: await openCounter(rule.tokenizer, resolve) } };
  if (rule.kind === 'instructions') {
    const parsed = parseInstructions(
      { instruction_id_list: rule.instructions.map(({ id }) => id), kwargs: [...rule.instructions] },
      `judge ${nameOf(specification)}`,
    );
    return { rule, needs: needsLanguage(parsed) ? { detectLanguage: await openLanguageDetector() } : {} };
  }
  return { rule, needs: {} };
}

async function openCounter(name: string, resolve: OpenRuleOptions['resolve']): Promise<(text: string) => number> {
  const { model } = parseModelName(name);
  const path = resolve === undefined ? model : await resolve(model, 'model');
  const { files, tokenizer } = await openModel(path, { withoutWeights: true });
  await files.close();
  return (text) => tokenizer.encode(text, { addSpecialTokens: false }).length;
}

const TESTS = z.object({ prompt: z.string(), tests: z.string().min(1) });

/** Tests by prompt of a JSONL file, with every bad line at once. */
function readTests(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw badInput(
      { file: path, message: `the tests must be a readable file, got ${messageOf(error)}` },
      { cause: error },
    );
  }
  const problems: Problem[] = [];
  const tests: [string, string][] = [];
  for (const [place, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const fail = (message: string): void => void problems.push({ file: path, line: place + 1, message });
    try {
      const row = TESTS.safeParse(JSON.parse(line));
      if (row.success) tests.push([row.data.prompt, row.data.tests]);
      else
        fail(
          `a line must be {"prompt": text, "tests": text}, got a wrong ${row.error.issues[0]!.path.join('.') || 'line'}`,
        );
    } catch (error) {
      fail(`a line must be JSON, got ${messageOf(error)}`);
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return Object.fromEntries(tests);
}
