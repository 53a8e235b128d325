import { asError } from '../core/index.ts';
import { createGlobals } from './builtins/globals.ts';
import { enterFrame, type Frame, type Output, type Scope } from './compile/frame.ts';
import { compileBody } from './compile/statements.ts';
import { analyzeBody, createFunctionScope, createSymbols } from './compile/symbols.ts';
import { fromJavaScript } from './from-javascript.ts';
import { undeclaredNames } from './language/names.ts';
import { parseTemplate } from './language/parse-statement.ts';
import { createMachine } from './machine.ts';
import { TemplateProblem, tooMuch, unsupported } from './problem.ts';
import type { Value } from './python/values.ts';

/** A template that was read, which renders as often as one likes. */
export interface Template {
  /**
   * The text that Python's Jinja2 gives, in the environment of Transformers' chat templates. `now` is what strftime_now
   * tells, a local time in ISO 8601 (`2026-11-30T09:30`). Throws TemplateProblem, with the line, when the template raises, fails, asks for something that is not supported,
   * or passes a limit.
   */
  render(variables: Readonly<Record<string, unknown>>, now: string): string;
}

/**
 * Reads a template of Jinja 3.1 with trim_blocks, lstrip_blocks, break and continue, and the generation tag. Throws
 * TemplateProblem, with the line, when it is none.
 *
 * @example
 * ```ts run
 * import { compileTemplate } from 'preftune/jinja';
 *
 * const template = compileTemplate('{% for turn in messages %}{{ turn.role }}: {{ turn.content | trim }}{% endfor %}');
 * console.log(template.render({ messages: [{ role: 'user', content: ' Hello ' }] }, '2026-11-30')); // user: Hello
 * ```
 */
export function compileTemplate(source: string): Template {
  return withProblems(undefined, () => {
    const body = parseTemplate(source);
    if (undeclaredNames(body, ['self']).has('self')) throw unsupported('the variable self');
    const owner = createFunctionScope(undefined);
    const scope: Scope = { symbols: createSymbols(undefined, owner), owner, isSoft: false, isInLoop: false };
    analyzeBody(scope.symbols, body);
    const [run, enter] = [compileBody(body, scope), enterFrame(scope)];
    return {
      render(variables, now) {
        const machine = createMachine(now);
        return withProblems(machine, () => {
          const given = Object.entries(variables).filter(([, value]) => value !== undefined);
          const values = given.map(([name, value]): [string, Value] => [name, fromJavaScript(value)]);
          const frame: Frame = {
            machine,
            variables: new Map([...createGlobals(machine), ...values]),
            parent: undefined,
            slots: Array.from<Value | undefined>({ length: owner.size }),
          };
          enter(frame);
          const output: Output = { text: '' };
          run(frame, output);
          return output.text;
        });
      },
    };
  });
}

/** Gives problems of rendering their line, and makes one of an engine's own limit of calls or of a text's length. */
function withProblems<T>(machine: { readonly line: number } | undefined, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const problem =
      error instanceof RangeError ? tooMuch('expressions, lists and calls must nest less deep') : asError(error);
    if (problem instanceof TemplateProblem) problem.line ??= machine?.line;
    throw problem;
  }
}
