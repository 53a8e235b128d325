/**
 * What is wrong with a template or its evaluation:
 *
 * - syntax: it is no template
 * - raised: the template called raise_exception; the message is its own
 * - failed: Python raises an error there too
 * - unsupported: Python has an answer that this interpreter does not give
 * - limit: it is too much of something
 */
export type ProblemKind = 'syntax' | 'raised' | 'failed' | 'unsupported' | 'limit';

export class TemplateProblem extends Error {
  readonly kind: ProblemKind;
  /** 1-based, in the template; undefined until somebody knows it. */
  line: number | undefined;

  constructor(kind: ProblemKind, message: string, line?: number) {
    super(message);
    this.name = 'TemplateProblem';
    this.kind = kind;
    this.line = line;
  }
}

export function syntaxProblem(message: string, line: number): TemplateProblem {
  return new TemplateProblem('syntax', message, line);
}

/** An error that Python raises too: TypeError, ValueError, UndefinedError and their like. */
export function failed(message: string): TemplateProblem {
  return new TemplateProblem('failed', message);
}

/** Something of Python or Jinja that is refused by name rather than guessed. */
export function unsupported(what: string): TemplateProblem {
  return new TemplateProblem('unsupported', `${what} is not supported`);
}

export function tooMuch(message: string): TemplateProblem {
  return new TemplateProblem('limit', message);
}
