export { TemplateProblem, type ProblemKind } from './problem.ts';
export { strftime } from './builtins/strftime.ts';
export { compileTemplate, type Template } from './template.ts';
