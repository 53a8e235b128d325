export { TemplateProblem, type ProblemKind } from './problem.ts';
export { compileTemplate, type Template } from './template.ts';
